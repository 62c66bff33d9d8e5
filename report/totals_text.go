package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/runs"
)

// maxParts is how many parts of a total a person is shown without asking.
const maxParts = 10

// Text writes the totals for a person, in 80 columns: the sum, its parts, the runs that
// matter, and what it rests on.
func (t Totals) Text(w io.Writer) error {
	p := layout.Page{Screen: t.Screen}
	total := t.Groups.Total
	p.Headline(t.headline())
	if total.Runs > 0 {
		t.facts(&p)
		for _, s := range t.parts() {
			p.Title(format.Lower(s.Title))
			p.Table(s.Table)
			for _, n := range s.Notes {
				p.Note(n)
			}
		}
		p.Line("")
		p.Lead("more: ", "carbonctl report show RUN, --by project,month, --last 20, --format html")
	}
	_, err := p.WriteTo(w)
	return err
}

// A NoMatchError reports that a filter matches no run.
type NoMatchError struct{ Filter runs.Filter }

// Error names the filter.
func (e NoMatchError) Error() string { return "no runs match: " + facts.FilterWords(e.Filter) }

// headline is the answer in a sentence: "565 g CO2e from 10.7 kWh in 26 runs, …".
func (t Totals) headline() string {
	total := t.Groups.Total
	if total.Runs == 0 {
		if facts.FilterWords(t.Filter) != "" {
			return NoMatchError{t.Filter}.Error()
		}
		if total.Nested > 0 {
			return "nothing to add up: " + format.RunCount(total.Nested) + " inside others, whose records are not here"
		}
		return "no runs recorded"
	}
	if total.Uncounted == total.Runs {
		text := "energy of " + format.RunCount(total.Runs) + " " + facts.WithoutEnergy(total.Summary)
		if !total.First.IsZero() {
			text += ", " + days(total.Summary)
		}
		return text
	}
	text := ""
	for i, e := range total.Scopes {
		if i > 0 {
			text += " and "
		}
		text += format.MassWithin(e.Grams, e.Low, facts.HighOf(e)) + " CO2e"
		if len(total.Scopes) > 1 {
			text += fmt.Sprintf(" %s (%d %s)", facts.ScopeWord(e.Scope), e.Runs, format.Plural(e.Runs, "run", "runs"))
		}
	}
	text += fmt.Sprintf(" from %s in %s", format.EnergyWithin(total.Energy, total.Low, facts.Upper(total.Summary, &total.High)), format.RunCount(total.Runs))
	if !total.First.IsZero() {
		text += ", " + days(total.Summary)
	}
	words := facts.MeasuredWords(&total.Group)
	if share, ok := total.MeasuredShare(); ok && total.Unknown == 0 && share > 0 && share < 0.9995 {
		words = format.Percent(share) + " measured" // the rest is modelled
	}
	return text + ", " + words
}

// days are the days of the first start and the last end.
func days(s runs.Summary) string {
	const day = "2006-01-02"
	first, last := s.First.UTC().Format(day), s.Last.UTC().Format(day)
	if s.Last.IsZero() || first == last {
		return first
	}
	return first + " to " + last
}

// facts are what belongs to the headline.
func (t Totals) facts(p *layout.Page) {
	total := t.Groups.Total
	if f := facts.FilterWords(t.Filter); f != "" {
		p.Row("only", "%s", f)
	}
	if total.Uncounted < total.Runs {
		interval, some := strings.CutSuffix(facts.EnergyRange(total.Summary), facts.SomeUnbounded)
		for _, e := range total.Scopes {
			if text := strings.TrimSuffix(facts.EmittedRange(total.Summary, e), facts.SomeUnbounded); text != interval {
				interval += "; " + text + " CO2e"
			}
		}
		if some {
			interval += facts.SomeUnbounded
		}
		p.Row("interval", "%s", interval)
		if text := facts.WithoutEnergy(total.Summary); text != "" {
			p.Row("", "%s", text)
		}
	}
	if text := t.latestMonth(); text != "" {
		p.Row("month", "%s", text)
	}
	for _, c := range t.Car.Compare(total.Headline().Grams, total.Headline().Low) {
		p.Row("", "%s", c)
	}
	for _, f := range facts.TotalFigures(total, t.Car.Compare) {
		if label := format.Lower(f.Label); label != "energy" && !strings.HasPrefix(label, "emissions") {
			p.Row(label, "%s", strings.Join(append([]string{f.Value}, f.Details...), " "))
		}
	}
	what := "work"
	for _, d := range total.Units() {
		p.Row(what, "%s", facts.DoneText(d))
		what = ""
	}
	label := "charged"
	for _, d := range facts.ChargeWords(total) {
		p.Row(label, "%s", d)
		label = ""
	}
	if total.Nested > 0 {
		p.Row("nested", "%s inside others, not counted again", format.RunCount(total.Nested))
	}
}

// latestMonth compares the newest month that has runs with the one before it, "" where
// that has none, or where there is no common sum. The newest may go on: its last day says.
func (t Totals) latestMonth() string {
	total, months := t.Groups.Total, t.Groups.Months()
	if len(total.Scopes) != 1 || len(months) < 2 || total.Last.IsZero() {
		return ""
	}
	last, before := months[len(months)-1], months[len(months)-2]
	at, err := time.Parse(format.MonthLayout, last.Name[0])
	if err != nil || at.AddDate(0, -1, 0).Format(format.MonthLayout) != before.Name[0] {
		return ""
	}
	now, _ := last.Of(total.Scopes[0].Scope)
	then, _ := before.Of(total.Scopes[0].Scope)
	if then.Grams <= 0 {
		return ""
	}
	until := ""
	if day := total.Last.UTC(); day.Format(format.MonthLayout) == last.Name[0] && day.AddDate(0, 0, 1).Month() == day.Month() {
		until = " (until " + day.Format("2 January") + ")"
	}
	return fmt.Sprintf("%s CO2e in %s%s, %s %s", format.MassWithin(now.Grams, now.Low, facts.HighOf(now)), last.Name[0], until,
		facts.Against(facts.Change(then.Grams, now.Grams)), before.Name[0])
}

// parts are the tables below the headline.
func (t Totals) parts() (all []layout.Section) {
	total := t.Groups.Total
	list, months := t.Groups.List(), t.Groups.Months()
	byMonth := len(t.Groups.By) == 1 && t.Groups.By[0] == runs.ByMonth
	switch {
	case t.Budget != (runs.Allowance{}):
		all = append(all, facts.Months(t.Groups, t.Budget, months))
	case len(months) > 1 && !byMonth:
		all = append(all, t.partsOf("month", months, true))
	}
	switch {
	case len(t.Groups.By) == 0:
	case !t.Overview:
		all = append(all, facts.Groups(t.Groups, list))
	case len(list) > 1:
		all = append(all, t.partsOf(facts.By(t.Groups.By), list, false))
	}
	if t.Spread {
		if s := facts.Means(t.Groups, list); len(s.Table.Rows) > 0 {
			all = append(all, s)
		}
	}
	if t.Largest != nil && t.Largest.Len() > 0 {
		all = append(all, t.largestSection())
	}
	if t.Latest != nil && t.Latest.Len() > 0 {
		all = append(all, facts.Latest(t.Latest, total.Runs))
	}
	if len(total.Foresights) > 0 {
		all = append(all, facts.Foresights(total.Foresights))
	}
	all = append(all, facts.Grids(total))
	if len(total.Warnings) > 0 {
		all = append(all, facts.WarningCounts(total))
	}
	return all
}

// partsOf shows what each group has of the total, at most maxParts of them: the last
// where they are in the order of time, else the first; the others are one row. Emissions
// of one scope add up to the headline as they are shown.
func (t Totals) partsOf(what string, list []*runs.Group, latest bool) layout.Section {
	total := t.Groups.Total.Summary
	s := layout.Section{Title: "By " + what}
	rest := 0 // how many are one row
	if len(list) > maxParts+1 {
		rest = len(list) - maxParts
	}
	shown := list[:len(list)-rest]
	if latest {
		shown = list[rest:]
	}
	labels, sums := []string{}, []runs.Summary{}
	for _, g := range shown {
		labels, sums = append(labels, facts.Called(g)), append(sums, g.Summary)
	}
	if rest > 0 {
		label, others := fmt.Sprintf("%s more", format.Thousands(rest)), list[len(list)-rest:]
		if latest {
			label, others = fmt.Sprintf("%s earlier", format.Thousands(rest)), list[:rest]
		}
		var sum runs.Summary
		for _, g := range others {
			sum = facts.Added(sum, g.Summary)
		}
		if latest {
			labels, sums = slices.Insert(labels, 0, label), slices.Insert(sums, 0, sum)
		} else {
			labels, sums = append(labels, label), append(sums, sum)
		}
	}
	s.Table.Columns = []layout.Column{layout.Name(what)}
	columns := [][]string{labels}
	for _, e := range total.Scopes {
		parts := make([]float64, len(sums))
		for i, sum := range sums {
			if of, ok := sum.Of(e.Scope); ok {
				parts[i] = float64(of.Grams)
			}
		}
		scale := format.MassScale(e.Grams, e.Low, facts.HighOf(e))
		cells := scale.Parts(parts)
		for i := range cells {
			cells[i] = strings.TrimSuffix(cells[i], " "+scale.Unit.Name)
			if _, ok := sums[i].Of(e.Scope); !ok {
				cells[i] = ""
			} else if !sums[i].Known() {
				cells[i] = "unknown"
			}
		}
		head := scale.Unit.Name + " " + facts.MassHead(total, e)
		s.Table.Columns, columns = append(s.Table.Columns, layout.Amount(head)), append(columns, cells)
		if len(total.Scopes) == 1 {
			s.Table.Columns, columns = append(s.Table.Columns, layout.Amount("share")), append(columns, facts.KnownCells(sums, energy.Shares(parts)))
			if bars := t.Screen.Blocks(facts.Shares(parts), barWidth); bars != nil {
				s.Table.Columns, columns = append(s.Table.Columns, layout.Text("")), append(columns, bars)
			}
		}
	}
	counts := make([]string, len(sums))
	for i, sum := range sums {
		counts[i] = format.Thousands(sum.Runs)
	}
	s.Table.Columns, columns = append(s.Table.Columns, layout.Amount("runs")), append(columns, counts)
	for i := range labels {
		row := make([]string, len(columns))
		for j := range columns {
			row[j] = columns[j][i]
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	return s
}

// largestSection lists the runs that matter, with what opens them.
func (t Totals) largestSection() layout.Section {
	s := layout.Section{Title: "Largest runs"}
	if t.Largest.Len() == t.Groups.Total.Runs {
		s.Title = "Runs"
	}
	if total := t.Groups.Total.Summary; len(total.Scopes) > 1 {
		s.Title += ", " + facts.ScopeWord(total.Headline().Scope)
	}
	s.Table = facts.RunTable(t.Largest)
	return s
}

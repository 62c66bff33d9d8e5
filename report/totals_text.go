package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

const (
	// maxParts is how many parts of a total a person is shown without asking.
	maxParts = 10
	// shortID is how much of a run's ID is shown: a UUIDv7 begins with its time, of which
	// these are about 250 ns; other UUIDs are random from the start.
	shortID = 18
)

// Text writes the totals for a person, in 80 columns: the sum, its parts, the runs that
// matter, and what it rests on.
func (t Totals) Text(w io.Writer) error {
	p := Page{Screen: t.Screen}
	total := t.Groups.Total
	p.Headline(t.headline())
	if total.Runs > 0 {
		t.facts(&p)
		for _, s := range t.parts() {
			p.Title(lower(s.title))
			p.table(s.table)
			for _, n := range s.notes {
				p.Note(n)
			}
		}
		p.line("")
		p.Lead("more: ", "carbonctl report show RUN, --by project,month, --last 20, --format html")
	}
	_, err := p.WriteTo(w)
	return err
}

// A NoMatchError says that a filter leaves no run.
type NoMatchError struct{ Filter runs.Filter }

func (e NoMatchError) Error() string { return "no runs match: " + filterWords(e.Filter) }

// headline is the answer in a sentence: "565 g CO2e from 10.7 kWh in 26 runs, …".
func (t Totals) headline() string {
	total := t.Groups.Total
	if total.Runs == 0 {
		if filterWords(t.Filter) != "" {
			return NoMatchError{t.Filter}.Error()
		}
		if total.Nested > 0 {
			return "nothing to add up: " + runCount(total.Nested) + " inside others, whose records are not here"
		}
		return "no runs recorded"
	}
	if total.Uncounted == total.Runs {
		text := "energy of " + runCount(total.Runs) + " " + withoutEnergy(total.Summary)
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
		text += MassWithin(e.Grams, e.Low, highOf(e)) + " CO2e"
		if len(total.Scopes) > 1 {
			text += fmt.Sprintf(" %s (%d %s)", scopeWord(e.Scope), e.Runs, plural(e.Runs, "run", "runs"))
		}
	}
	text += fmt.Sprintf(" from %s in %s", EnergyWithin(total.Energy, total.Low, upper(total.Summary, &total.High)), runCount(total.Runs))
	if !total.First.IsZero() {
		text += ", " + days(total.Summary)
	}
	words := measuredWords(&total.Group)
	if share, ok := total.MeasuredShare(); ok && total.Unknown == 0 && share > 0 && share < 0.9995 {
		words = Percent(share) + " measured" // the rest is modelled
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

func runCount(n int) string { return thousands(n) + plural(n, " run", " runs") }

// thousands shows a number of things: "5,000".
func thousands(n int) string { return energy.Fixed(float64(n), 0) }

// facts are what belongs to the headline.
func (t Totals) facts(p *Page) {
	total := t.Groups.Total
	if f := filterWords(t.Filter); f != "" {
		p.Row("only", "%s", f)
	}
	if total.Uncounted < total.Runs {
		interval, some := strings.CutSuffix(energyRange(total.Summary), someUnbounded)
		for _, e := range total.Scopes {
			if text := strings.TrimSuffix(emittedRange(total.Summary, e), someUnbounded); text != interval {
				interval += "; " + text + " CO2e"
			}
		}
		if some {
			interval += someUnbounded
		}
		p.Row("interval", "%s", interval)
		if text := withoutEnergy(total.Summary); text != "" {
			p.Row("", "%s", text)
		}
	}
	if text := t.latestMonth(); text != "" {
		p.Row("month", "%s", text)
	}
	for _, c := range t.Car.Compare(total.Headline().Grams, total.Headline().Low) {
		p.Row("", "%s", c)
	}
	for _, f := range totalFigures(total, t.Car) {
		if label := lower(f.label); label != "energy" && !strings.HasPrefix(label, "emissions") {
			p.Row(label, "%s", strings.Join(append([]string{f.value}, f.details...), " "))
		}
	}
	what := "work"
	for _, d := range total.Units() {
		p.Row(what, "%s", doneText(d))
		what = ""
	}
	label := "charged"
	for _, d := range chargeWords(total) {
		p.Row(label, "%s", d)
		label = ""
	}
	if total.Nested > 0 {
		p.Row("nested", "%s inside others, not counted again", runCount(total.Nested))
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
	at, err := time.Parse(monthLayout, last.Name[0])
	if err != nil || at.AddDate(0, -1, 0).Format(monthLayout) != before.Name[0] {
		return ""
	}
	now, _ := last.Of(total.Scopes[0].Scope)
	then, _ := before.Of(total.Scopes[0].Scope)
	if then.Grams <= 0 {
		return ""
	}
	until := ""
	if day := total.Last.UTC(); day.Format(monthLayout) == last.Name[0] && day.AddDate(0, 0, 1).Month() == day.Month() {
		until = " (until " + day.Format("2 January") + ")"
	}
	return fmt.Sprintf("%s CO2e in %s%s, %s %s", MassWithin(now.Grams, now.Low, highOf(now)), last.Name[0], until,
		against(change(then.Grams, now.Grams)), before.Name[0])
}

const monthLayout = "2006-01"

// parts are the tables below the headline.
func (t Totals) parts() (all []section) {
	total := t.Groups.Total
	list, months := t.Groups.List(), t.Groups.Months()
	byMonth := len(t.Groups.By) == 1 && t.Groups.By[0] == runs.ByMonth
	switch {
	case t.Budget != (runs.Allowance{}):
		all = append(all, t.monthSection(months))
	case len(months) > 1 && !byMonth:
		all = append(all, t.partsOf("month", months, true))
	}
	switch {
	case len(t.Groups.By) == 0:
	case !t.Overview:
		all = append(all, t.groupSection(list))
	case len(list) > 1:
		all = append(all, t.partsOf(by(t.Groups.By), list, false))
	}
	if t.Spread {
		if s := t.meanSection(list); len(s.table.rows) > 0 {
			all = append(all, s)
		}
	}
	if t.Largest != nil && t.Largest.Len() > 0 {
		all = append(all, t.largestSection())
	}
	if t.Latest != nil && t.Latest.Len() > 0 {
		all = append(all, latestSection(t.Latest, total.Runs))
	}
	if len(total.Foresights) > 0 {
		all = append(all, foresightSection(total.Foresights))
	}
	all = append(all, gridsSection(total))
	if len(total.Warnings) > 0 {
		all = append(all, countedSection(total))
	}
	return all
}

// partsOf shows what each group has of the total, at most maxParts of them: the last
// where they are in the order of time, else the first; the others are one row. Emissions
// of one scope add up to the headline as they are shown.
func (t Totals) partsOf(what string, list []*runs.Group, latest bool) section {
	total := t.Groups.Total.Summary
	s := section{title: "By " + what}
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
		labels, sums = append(labels, called(g)), append(sums, g.Summary)
	}
	if rest > 0 {
		label, others := fmt.Sprintf("%s more", thousands(rest)), list[len(list)-rest:]
		if latest {
			label, others = fmt.Sprintf("%s earlier", thousands(rest)), list[:rest]
		}
		var sum runs.Summary
		for _, g := range others {
			sum = added(sum, g.Summary)
		}
		if latest {
			labels, sums = slices.Insert(labels, 0, label), slices.Insert(sums, 0, sum)
		} else {
			labels, sums = append(labels, label), append(sums, sum)
		}
	}
	s.table.columns = []column{{what, name}}
	columns := [][]string{labels}
	for _, e := range total.Scopes {
		parts := make([]float64, len(sums))
		for i, sum := range sums {
			if of, ok := sum.Of(e.Scope); ok {
				parts[i] = float64(of.Grams)
			}
		}
		scale := MassScale(e.Grams, e.Low, highOf(e))
		cells := scale.Parts(parts)
		for i := range cells {
			cells[i] = strings.TrimSuffix(cells[i], " "+scale.Unit.Name)
			if _, ok := sums[i].Of(e.Scope); !ok {
				cells[i] = ""
			} else if !sums[i].Known() {
				cells[i] = "unknown"
			}
		}
		head := scale.Unit.Name + " " + massHead(total, e)
		s.table.columns, columns = append(s.table.columns, column{head, amount}), append(columns, cells)
		if len(total.Scopes) == 1 {
			s.table.columns, columns = append(s.table.columns, column{"share", amount}), append(columns, knownCells(sums, energy.Shares(parts)))
			if bars := t.Screen.blocks(shares(parts), barWidth); bars != nil {
				s.table.columns, columns = append(s.table.columns, column{"", text}), append(columns, bars)
			}
		}
	}
	counts := make([]string, len(sums))
	for i, sum := range sums {
		counts[i] = thousands(sum.Runs)
	}
	s.table.columns, columns = append(s.table.columns, column{"runs", amount}), append(columns, counts)
	for i := range labels {
		row := make([]string, len(columns))
		for j := range columns {
			row[j] = columns[j][i]
		}
		s.table.rows = append(s.table.rows, row)
	}
	return s
}

// largestSection lists the runs that matter, with what opens them.
func (t Totals) largestSection() section {
	s := section{title: "Largest runs"}
	if t.Largest.Len() == t.Groups.Total.Runs {
		s.title = "Runs"
	}
	if total := t.Groups.Total.Summary; len(total.Scopes) > 1 {
		s.title += ", " + scopeWord(total.Headline().Scope)
	}
	s.table = runTable(t.Largest)
	return s
}

// runTable lists runs, their emissions in the unit of the largest.
func runTable(list runs.List) table {
	var most regions.Grams
	for i := range list.Len() {
		most = max(most, regions.Grams(list.At(i).Emissions))
	}
	scale := MassScale(most, most, &most)
	t := table{columns: []column{{"run", name}, {scale.Unit.Name + " CO2e", amount}, {"started", text}, {"time", amount}, {"status", text}, {"zone", name}, {"scope", text}, {"project", name}}}
	mixed := false // where all runs have one scope, that is not said of each
	for i := range list.Len() {
		mixed = mixed || list.At(i).IntensityScope != list.At(0).IntensityScope
	}
	ids := shortIDs(list.Len(), func(i int) string { return list.At(i).RunID })
	for i := range list.Len() {
		r := list.At(i)
		status := string(r.Status)
		if status == "completed" {
			status = ""
		}
		scope := ""
		if mixed {
			scope = scopeWord(regions.Scope(r.IntensityScope))
		}
		started := minute(r.StartedAt.Time)
		if day, _, ok := strings.Cut(started, " "); ok && !r.StartedAt.IsZero() {
			started = day
		}
		t.rows = append(t.rows, []string{ids[i], runScale(r).In(scale.Unit).Number(float64(r.Emissions)), started,
			Duration(seconds(float64(r.DurationS))), status, r.Zone, scope, r.Project})
	}
	return t
}

// runScale is the scale of a run's emissions; without bounds, all that they were
// recorded with.
func runScale(r runs.Row) energy.Scale {
	g := regions.Grams(r.Emissions)
	if r.EmissionsLow == nil || r.EmissionsHigh == nil {
		return MassScale(g, g, &g)
	}
	return MassScale(g, regions.Grams(*r.EmissionsLow), (*regions.Grams)(r.EmissionsHigh))
}

// shortIDs are as much of the IDs of runs as opens them; where two of them begin alike,
// the whole.
func shortIDs(n int, id func(i int) string) []string {
	ids, seen := make([]string, n), map[string]int{}
	for i := range ids {
		ids[i] = ShortID(id(i))
		seen[ids[i]]++
	}
	for i := range ids {
		if seen[ids[i]] > 1 {
			ids[i] = id(i)
		}
	}
	return ids
}

// ShortID is as much of a run's ID as people are shown, and as opens it.
func ShortID(id string) string {
	if len(id) == 36 && strings.Count(id, "-") == 4 {
		return id[:shortID]
	}
	return id
}

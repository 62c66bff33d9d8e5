package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// Totals are the sums over many runs, to be shown in one of the forms below. Its
// fields are only read.
type Totals struct {
	// Groups holds the sums; it must not be nil.
	Groups *runs.Groups
	// Filter is what the rows were taken by; every form says it.
	Filter runs.Filter
	// Budget is what a month may use, none if zero.
	Budget runs.Allowance
	// Car is what emissions are compared with.
	Car Car
	// Largest are the runs that matter most, Latest those to list one by one; nil for
	// none.
	Largest, Latest runs.List
	// Overview says that the groups were chosen by no user: a person is shown what they
	// have of the total, and nothing where there is but one.
	Overview bool
	// Screen is what text is shown on.
	Screen Screen
	// Spread asks what one run takes: the means of groups, and how sure they are.
	Spread bool
}

// Markdown writes the totals for a pull request, a job summary or a README.
func (t Totals) Markdown(w io.Writer) error { return t.sheet().markdown(w) }

// HTML writes the totals as one page that needs nothing else: that of a [Team], as far as
// the sums alone tell.
func (t Totals) HTML(w io.Writer) error { return Team{Totals: t}.HTML(w) }

// LaTeX writes the totals as tables for a paper.
func (t Totals) LaTeX(w io.Writer) error { return t.sheet().latex(w) }

func (t Totals) sheet() sheet {
	total := t.Groups.Total
	s := sheet{
		title:    fmt.Sprintf("Footprint of %d %s", total.Runs, plural(total.Runs, "run", "runs")),
		subtitle: t.subtitle(),
	}
	if total.Runs == 0 {
		return s
	}
	s.figures = totalFigures(total, t.Car)
	s.foot = versions(strings.Join(slices.Sorted(maps.Keys(total.Tools)), ", "), strings.Join(slices.Sorted(maps.Keys(total.Tables)), ", "))
	list, months := t.Groups.List(), t.Groups.Months()
	if len(t.Groups.By) > 0 && (!t.Overview || len(list) > 1) {
		s.sections = append(s.sections, t.groupSection(list))
	}
	if t.Spread {
		if p := t.meanSection(list); len(p.table.rows) > 0 {
			s.sections = append(s.sections, p)
		}
	}
	byMonth := len(t.Groups.By) == 1 && t.Groups.By[0] == runs.ByMonth
	if t.Budget != (runs.Allowance{}) || len(months) > 1 && !byMonth {
		s.sections = append(s.sections, t.monthSection(months))
	}
	if len(total.Work) > 0 {
		s.sections = append(s.sections, doneSection(&total.Group))
	}
	s.sections = append(s.sections, gridsSection(total))
	if len(total.Foresights) > 0 {
		s.sections = append(s.sections, foresightSection(total.Foresights))
	}
	if len(total.Warnings) > 0 {
		s.sections = append(s.sections, countedSection(total))
	}
	if t.Largest != nil && t.Largest.Len() > 0 {
		s.sections = append(s.sections, t.largestSection())
	}
	if t.Latest != nil && t.Latest.Len() > 0 {
		s.sections = append(s.sections, latestSection(t.Latest, total.Runs))
	}
	return s
}

// subtitle says which runs these are.
func (t Totals) subtitle() string {
	total := t.Groups.Total
	var all []string
	switch {
	case total.Runs == 0:
		all = append(all, "none recorded")
	case total.First.IsZero():
		all = append(all, "start unknown")
	default:
		all = append(all, minute(total.First)+" to "+minute(total.Last)+" UTC")
	}
	if total.Nested > 0 {
		all = append(all, fmt.Sprintf("%d more %s inside them", total.Nested, plural(total.Nested, "is", "are")))
	}
	if f := filterWords(t.Filter); f != "" {
		all = append(all, "only "+f)
	}
	return strings.Join(all, "; ")
}

// filterWords says a filter in words, "" if it takes all.
func filterWords(f runs.Filter) string {
	var all []string
	add := func(what string, values []string) {
		if len(values) > 0 {
			for i, v := range values {
				values[i] = nameText(plain(v))
			}
			all = append(all, what+" "+strings.Join(values, " or "))
		}
	}
	if !f.From.IsZero() {
		all = append(all, "from "+minute(f.From))
	}
	if !f.To.IsZero() {
		all = append(all, "before "+minute(f.To))
	}
	add("project", slices.Clone(f.Projects))
	for _, k := range slices.Sorted(maps.Keys(f.Labels)) {
		add("label "+plain(k), []string{f.Labels[k]})
	}
	add("host", slices.Clone(f.Hosts))
	add("user", slices.Clone(f.Users))
	add("region", slices.Clone(f.Zones))
	var statuses []string
	for _, s := range f.Statuses {
		statuses = append(statuses, string(s))
	}
	add("status", statuses)
	return strings.Join(all, ", ")
}

func totalFigures(t runs.Total, car Car) []figure {
	used := figure{"Energy", Energy(t.Energy), []string{"(" + energyRange(t.Summary) + ")", measuredWords(&t.Group)}}
	if t.Energy == energy.MaxEnergy {
		used.details = append(used.details, "at least: more than can be added up")
	}
	emitted := emissionFigures(t.Summary, car)
	switch text := withoutEnergy(t.Summary); {
	case text != "" && t.Uncounted == t.Runs:
		used.value, used.details = text, nil
		emitted = []figure{{"Emissions", "unknown", nil}}
	case text != "":
		used.details = append(used.details, text)
	}
	used.details = append(used.details, chargeWords(t)...)
	all := append(emitted, used, figure{"Time", Duration(t.Duration), nil})
	if t.MarketRuns > 0 {
		all = append(all, figure{"Contracts", Mass(t.Market) + " CO2e", []string{fmt.Sprintf("(market-based, %d of %d runs)", t.MarketRuns, t.Runs)}})
	}
	if t.EmbodiedRuns > 0 {
		all = append(all, figure{"Manufacture", Mass(t.Embodied) + " CO2e", []string{fmt.Sprintf("(%d of %d runs, not in the emissions above)", t.EmbodiedRuns, t.Runs)}})
	}
	return all
}

// withoutEnergy says of how many runs the energy is unknown, "" if of none.
func withoutEnergy(s runs.Summary) string {
	switch {
	case s.Uncounted == 0:
		return ""
	case s.Uncounted < s.Runs:
		return "the energy of " + runCount(s.Uncounted) + " is unknown and not in the sum"
	case s.High > 0 && s.Open == 0:
		return "unknown, at most " + Energy(s.High)
	}
	return "unknown"
}

// chargeWords say what part of their machines the runs are charged.
func chargeWords(t runs.Total) (all []string) {
	if n := t.Charges[footprint.ChargeProcess]; n > 0 && n < t.Runs {
		all = append(all, fmt.Sprintf("the whole machine, but for %s only the command's share", runCount(n)))
	}
	return append(all, Shared(t.Summary)...)
}

// Shared says what was left out of a sum since it is counted already, a line each; none
// where no runs shared a machine.
func Shared(s runs.Summary) (all []string) {
	if s.Shared == 0 {
		return nil
	}
	all = append(all, fmt.Sprintf("%d runs shared a machine; overlap of %s counted once", s.Shared, overlapText(s)))
	if s.Coarse > 0 {
		all = append(all, fmt.Sprintf("%d of them record no machine or components: wide bounds", s.Coarse))
	}
	if s.Contradicting > 0 {
		all = append(all, fmt.Sprintf("warning: %d of them contradict each other; the bounds hold both", s.Contradicting))
	}
	return all
}

// overlapText shows the overlap in the unit of the sum that it was left out of.
func overlapText(s runs.Summary) string {
	if s.Energy <= 0 {
		return Energy(s.Overlap)
	}
	return EnergyScale(s.Overlap, s.Overlap, &s.Overlap).In(EnergyScale(s.Energy, s.Energy, &s.Energy).Unit).Text(s.Overlap.Joules())
}

func measuredWords(g *runs.Group) string {
	share, ok := g.MeasuredShare()
	switch {
	case g.Energy == 0:
		return "nothing measured"
	case !ok:
		return "basis not recorded"
	case g.Unknown > 0:
		unknown := float64(g.Unknown) / float64(g.Energy)
		if share+unknown >= 0.9995 { // none is modelled
			return Percent(share) + " measured, the rest not recorded"
		}
		return fmt.Sprintf("%s measured, %s not recorded, the rest modelled", Percent(share), Percent(unknown))
	case share >= 0.9995:
		return "all measured"
	case share == 0:
		return "all modelled"
	}
	return Percent(share) + " measured, the rest modelled"
}

// by names what rows are grouped by: "month / model".
func by(keys []runs.Key) string {
	var all []string
	for _, k := range keys {
		all = append(all, strings.TrimPrefix(string(k), "label:"))
	}
	return strings.Join(all, " / ")
}

// called is the name of a group on one line.
func called(g *runs.Group) string {
	var all []string
	for _, n := range g.Name {
		all = append(all, nameText(n))
	}
	return strings.Join(all, " / ")
}

func measuredCell(g *runs.Group) string {
	share, ok := g.MeasuredShare()
	switch {
	case g.Energy == 0:
		return ""
	case !ok:
		return "unknown"
	}
	return Percent(share)
}

// energyCell shows the energy of a group in the unit of a column.
func energyCell(g *runs.Group, in energy.Scale) string {
	if !g.Known() {
		return "unknown"
	}
	return EnergyScale(g.Energy, g.Low, upper(g.Summary, &g.High)).In(in.Unit).Number(g.Energy.Joules())
}

func (t Totals) groupSection(list []*runs.Group) section {
	keys := by(t.Groups.By)
	total := t.Groups.Total.Summary
	p := section{title: "By " + keys, paper: true}
	p.table.columns = []column{{keys, name}, {"runs", amount}, {"energy", amount}}
	used := EnergyScale(total.Energy, total.Low, upper(total, &total.High))
	p.table.columns[2].head = used.Unit.Name
	scales := make([]energy.Scale, len(total.Scopes))
	for i, e := range total.Scopes {
		scales[i] = MassScale(e.Grams, e.Low, highOf(e))
		p.table.columns = append(p.table.columns, column{scales[i].Unit.Name + " " + massHead(total, e), amount}, column{"interval", amount})
	}
	unit := mainUnit(&t.Groups.Total.Group)
	if unit != "" {
		p.table.columns = append(p.table.columns, column{"per " + unitText(unit, 1), amount})
	}
	p.table.columns = append(p.table.columns, column{"measured", amount})
	for _, g := range list {
		row := []string{called(g), thousands(g.Runs), energyCell(g, used)}
		for i, of := range total.Scopes {
			if e, ok := g.Of(of.Scope); ok && !g.Known() {
				row = append(row, "unknown", "")
			} else if ok {
				scale := MassScale(e.Grams, e.Low, highOf(e)).In(scales[i].Unit)
				row = append(row, scale.Number(float64(e.Grams)), unbounded(g.Summary, strings.TrimSuffix(emittedSpan(scale, e), " "+scale.Unit.Name)))
			} else {
				row = append(row, "", "")
			}
		}
		if unit != "" {
			row = append(row, eachCell(g, unit))
		}
		p.table.rows = append(p.table.rows, append(row, measuredCell(g)))
	}
	return p
}

// meanSection says what one run takes: the mean of a group and how sure it is,
// and the difference from the first group that has one.
func (t Totals) meanSection(list []*runs.Group) section {
	if len(list) == 0 {
		all := t.Groups.Total.Group
		all.Name = []string{"all"}
		list = []*runs.Group{&all}
	}
	p := section{title: "One run"}
	total := t.Groups.Total.Summary
	head := total.Headline()
	run := func(g *runs.Group) runs.Spread { e, _ := g.Of(head.Scope); return e.Run }
	first := slices.IndexFunc(list, func(g *runs.Group) bool { return g.Runs > 1 })
	if first < 0 {
		return p
	}
	p.notes = []string{"Means, ± their standard error. " + deviationWords(list[first], run(list[first]))}
	versus := ""
	if slices.ContainsFunc(list[first+1:], func(g *runs.Group) bool { return g.Runs > 1 }) {
		versus = "against " + clip(plain(called(list[first])), 16)
		p.notes = append(p.notes, "A difference below two standard errors can be chance: it is in brackets.")
	}
	p.table.columns = []column{{cmp.Or(by(t.Groups.By), "runs"), name}, {"runs", amount}, {"energy", amount}, {massHead(total, head), amount}, {"time", amount}, {versus, amount}}
	for i, g := range list {
		if g.Runs < 2 {
			continue
		}
		row := []string{called(g), fmt.Sprint(g.Runs),
			mean(g.RunEnergy, func(j float64) string { return Energy(energy.Joules(j)) }),
			mean(run(g), func(x float64) string { return Mass(regions.Grams(x)) }),
			Duration(seconds(g.RunTime.Mean)), ""}
		if i > first && versus != "" {
			row[5] = difference(run(g), run(list[first]))
		}
		p.table.rows = append(p.table.rows, row)
	}
	return p
}

func deviationWords(g *runs.Group, run runs.Spread) string {
	d, ok := run.Deviation()
	if !ok || run.Mean <= 0 {
		return ""
	}
	return fmt.Sprintf("A single run of %s is off its mean by %s (standard deviation).", clip(plain(called(g)), 24), Percent(d/run.Mean))
}

// mean shows a mean and its standard error in one unit.
func mean(s runs.Spread, show func(float64) string) string {
	e, ok := s.StdError()
	if !ok || s.Mean <= 0 {
		return show(s.Mean)
	}
	return show(s.Mean) + " ± " + Percent(e/s.Mean)
}

// difference shows how much the mean of s is above that of o, as a part of o's.
func difference(s, o runs.Spread) string {
	d, e, ok := s.Minus(o)
	if !ok || o.Mean <= 0 {
		return ""
	}
	sign := "+"
	if d < 0 {
		sign = "−"
	}
	text := fmt.Sprintf("%s%s ± %s", sign, Percent(max(d, -d)/o.Mean), Percent(e/o.Mean))
	if max(d, -d) < 2*e {
		return "(" + text + ")"
	}
	return text
}

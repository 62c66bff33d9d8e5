package facts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// FilterWords says a filter in words, "" if it takes all.
func FilterWords(f runs.Filter) string {
	var all []string
	add := func(what string, values []string) {
		if len(values) > 0 {
			for i, v := range values {
				values[i] = format.NameText(escape.Plain(v))
			}
			all = append(all, what+" "+strings.Join(values, " or "))
		}
	}
	if !f.From.IsZero() {
		all = append(all, "from "+format.Minute(f.From))
	}
	if !f.To.IsZero() {
		all = append(all, "before "+format.Minute(f.To))
	}
	add("project", slices.Clone(f.Projects))
	for _, k := range slices.Sorted(maps.Keys(f.Labels)) {
		add("label "+escape.Plain(k), []string{f.Labels[k]})
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

// TotalFigures is the headline of a sum; like compares emissions with what people know.
func TotalFigures(t runs.Total, like func(g, low regions.Grams) []string) []layout.Figure {
	used := layout.Figure{Label: "Energy", Value: format.Energy(t.Energy), Details: []string{"(" + EnergyRange(t.Summary) + ")", MeasuredWords(&t.Group)}}
	if t.Energy == energy.MaxEnergy {
		used.Details = append(used.Details, "at least: more than can be added up")
	}
	emitted := emissionFigures(t.Summary, like)
	switch text := WithoutEnergy(t.Summary); {
	case text != "" && t.Uncounted == t.Runs:
		used.Value, used.Details = text, nil
		emitted = []layout.Figure{{Label: "Emissions", Value: "unknown", Details: nil}}
	case text != "":
		used.Details = append(used.Details, text)
	}
	used.Details = append(used.Details, ChargeWords(t)...)
	all := append(emitted, used, layout.Figure{Label: "Time", Value: format.Duration(t.Duration), Details: nil})
	if t.MarketRuns > 0 {
		all = append(all, layout.Figure{Label: "Contracts", Value: format.Mass(t.Market) + " CO2e", Details: []string{fmt.Sprintf("(market-based, %d of %d runs)", t.MarketRuns, t.Runs)}})
	}
	if t.EmbodiedRuns > 0 {
		all = append(all, layout.Figure{Label: "Embodied", Value: format.Mass(t.Embodied) + " CO2e", Details: []string{fmt.Sprintf("(%d of %d runs, not in the emissions above)", t.EmbodiedRuns, t.Runs)}})
	}
	return all
}

// WithoutEnergy says of how many runs the energy is unknown, "" if of none.
func WithoutEnergy(s runs.Summary) string {
	switch {
	case s.Uncounted == 0:
		return ""
	case s.Uncounted < s.Runs:
		return "the energy of " + format.RunCount(s.Uncounted) + " is unknown and not in the sum"
	case s.High > 0 && s.Open == 0:
		return "unknown, at most " + format.Energy(s.High)
	}
	return "unknown"
}

// ChargeWords say what part of their machines the runs are charged.
func ChargeWords(t runs.Total) (all []string) {
	if n := t.Charges[footprint.ChargeProcess]; n > 0 && n < t.Runs {
		all = append(all, fmt.Sprintf("whole machine; only the command's share in %s", format.RunCount(n)))
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
		return format.Energy(s.Overlap)
	}
	return format.EnergyScale(s.Overlap, s.Overlap, &s.Overlap).In(format.EnergyScale(s.Energy, s.Energy, &s.Energy).Unit).Text(s.Overlap.Joules())
}

// MeasuredWords say how much of the energy of a group was measured.
func MeasuredWords(g *runs.Group) string {
	share, ok := g.MeasuredShare()
	switch {
	case g.Energy == 0:
		return "nothing measured"
	case !ok:
		return "basis not recorded"
	case g.Unknown > 0:
		unknown := float64(g.Unknown) / float64(g.Energy)
		if share+unknown >= 0.9995 { // none is modelled
			return format.Percent(share) + " measured, the rest not recorded"
		}
		return fmt.Sprintf("%s measured, %s not recorded, the rest modelled", format.Percent(share), format.Percent(unknown))
	case share >= 0.9995:
		return "all measured"
	case share == 0:
		return "all modelled"
	}
	return format.Percent(share) + " measured, the rest modelled"
}

// By names what rows are grouped by: "month / model".
func By(keys []runs.Key) string {
	var all []string
	for _, k := range keys {
		all = append(all, strings.TrimPrefix(string(k), "label:"))
	}
	return strings.Join(all, " / ")
}

// Called is the name of a group on one line.
func Called(g *runs.Group) string {
	var all []string
	for _, n := range g.Name {
		all = append(all, format.NameText(n))
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
	return format.Percent(share)
}

// energyCell shows the energy of a group in the unit of a column.
func energyCell(g *runs.Group, in energy.Scale) string {
	if !g.Known() {
		return "unknown"
	}
	return format.EnergyScale(g.Energy, g.Low, Upper(g.Summary, &g.High)).In(in.Unit).Number(g.Energy.Joules())
}

// Groups are the sums of groups, with their bounds.
func Groups(t *runs.Groups, list []*runs.Group) layout.Section {
	keys := By(t.By)
	total := t.Total.Summary
	p := layout.Section{Title: "By " + keys, Paper: true}
	p.Table.Columns = []layout.Column{layout.Name(keys), layout.Amount("runs"), layout.Amount("energy")}
	used := format.EnergyScale(total.Energy, total.Low, Upper(total, &total.High))
	p.Table.Columns[2].Head = used.Unit.Name
	scales := make([]energy.Scale, len(total.Scopes))
	for i, e := range total.Scopes {
		scales[i] = format.MassScale(e.Grams, e.Low, HighOf(e))
		p.Table.Columns = append(p.Table.Columns, layout.Amount(scales[i].Unit.Name+" "+MassHead(total, e)), layout.Amount("interval"))
	}
	unit := mainUnit(&t.Total.Group)
	if unit != "" {
		p.Table.Columns = append(p.Table.Columns, layout.Amount("per "+UnitText(unit, 1)))
	}
	p.Table.Columns = append(p.Table.Columns, layout.Amount("measured"))
	for _, g := range list {
		row := []string{Called(g), format.Thousands(g.Runs), energyCell(g, used)}
		for i, of := range total.Scopes {
			if e, ok := g.Of(of.Scope); ok && !g.Known() {
				row = append(row, "unknown", "")
			} else if ok {
				scale := format.MassScale(e.Grams, e.Low, HighOf(e)).In(scales[i].Unit)
				row = append(row, scale.Number(float64(e.Grams)), Unbounded(g.Summary, strings.TrimSuffix(EmittedSpan(scale, e), " "+scale.Unit.Name)))
			} else {
				row = append(row, "", "")
			}
		}
		if unit != "" {
			row = append(row, eachCell(g, unit))
		}
		p.Table.Rows = append(p.Table.Rows, append(row, measuredCell(g)))
	}
	return p
}

// Means says what one run takes: the mean of a group and how sure it is,
// and the difference from the first group that has one.
func Means(t *runs.Groups, list []*runs.Group) layout.Section {
	if len(list) == 0 {
		all := t.Total.Group
		all.Name = []string{"all"}
		list = []*runs.Group{&all}
	}
	p := layout.Section{Title: "Per run"}
	total := t.Total.Summary
	head := total.Headline()
	run := func(g *runs.Group) runs.Spread { e, _ := g.Of(head.Scope); return e.Run }
	first := slices.IndexFunc(list, func(g *runs.Group) bool { return g.Runs > 1 })
	if first < 0 {
		return p
	}
	p.Notes = []string{"Mean ± standard error. " + deviationWords(list[first], run(list[first]))}
	versus := ""
	if slices.ContainsFunc(list[first+1:], func(g *runs.Group) bool { return g.Runs > 1 }) {
		versus = "against " + format.Clip(escape.Plain(Called(list[first])), 16)
		p.Notes = append(p.Notes, "Differences below two standard errors are in brackets: they can be chance.")
	}
	p.Table.Columns = []layout.Column{layout.Name(cmp.Or(By(t.By), "runs")), layout.Amount("runs"), layout.Amount("energy"), layout.Amount(MassHead(total, head)), layout.Amount("time"), layout.Amount(versus)}
	for i, g := range list {
		if g.Runs < 2 {
			continue
		}
		row := []string{Called(g), fmt.Sprint(g.Runs),
			mean(g.RunEnergy, func(j float64) string { return format.Energy(energy.Joules(j)) }),
			mean(run(g), func(x float64) string { return format.Mass(regions.Grams(x)) }),
			format.Duration(format.Seconds(g.RunTime.Mean)), ""}
		if i > first && versus != "" {
			row[5] = difference(run(g), run(list[first]))
		}
		p.Table.Rows = append(p.Table.Rows, row)
	}
	return p
}

func deviationWords(g *runs.Group, run runs.Spread) string {
	d, ok := run.Deviation()
	if !ok || run.Mean <= 0 {
		return ""
	}
	return fmt.Sprintf("Standard deviation of single runs of %s: %s.", format.Clip(escape.Plain(Called(g)), 24), format.Percent(d/run.Mean))
}

// mean shows a mean and its standard error in one unit.
func mean(s runs.Spread, show func(float64) string) string {
	e, ok := s.StdError()
	if !ok || s.Mean <= 0 {
		return show(s.Mean)
	}
	return show(s.Mean) + " ± " + format.Percent(e/s.Mean)
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
	text := fmt.Sprintf("%s%s ± %s", sign, format.Percent(max(d, -d)/o.Mean), format.Percent(e/o.Mean))
	if max(d, -d) < 2*e {
		return "(" + text + ")"
	}
	return text
}

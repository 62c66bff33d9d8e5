package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

func (t Totals) monthSection(months []*runs.Group) section {
	p := section{title: "By month", chart: &chart{title: "Emissions by month", upright: true}}
	p.table.columns = []column{{"month", name}, {"runs", amount}, {"energy", amount}}
	total := t.Groups.Total.Summary
	head := total.Headline().Scope
	for _, e := range total.Scopes {
		p.table.columns = append(p.table.columns, column{massHead(total, e), amount})
	}
	p.table.columns = append(p.table.columns, column{"used", amount}, column{"left", amount})
	b := t.Budget
	if b.Emissions > 0 {
		p.chart.limit, p.chart.limitName, p.chart.limitValue = float64(b.Emissions), "budget", Mass(b.Emissions)
	}
	if b != (runs.Allowance{}) {
		p.title = "By month, against a budget of " + allowance(b)
	}
	for _, g := range months {
		row := []string{called(g), fmt.Sprint(g.Runs), Energy(g.Energy)}
		for _, e := range total.Scopes {
			row = append(row, massCell(g.Summary, e.Scope))
		}
		used, rest := "", ""
		if b != (runs.Allowance{}) {
			used, rest = Percent(b.Used(g.Summary)), left(b, g.Summary)
		}
		p.table.rows = append(p.table.rows, append(row, used, rest))
		p.chart.bars = append(p.chart.bars, massBar(g, head))
	}
	return p
}

func allowance(a runs.Allowance) string {
	var all []string
	if a.Emissions > 0 {
		all = append(all, Mass(a.Emissions)+" CO2e")
	}
	if a.Energy > 0 {
		all = append(all, Energy(a.Energy))
	}
	return strings.Join(all, " and ")
}

// left shows what remains of a month's allowance, or by how much it is passed.
func left(a runs.Allowance, s runs.Summary) string {
	var all []string
	most := regions.Grams(0) // of several scopes the greatest
	for _, e := range s.Scopes {
		most = max(most, e.Grams)
	}
	if d := a.Emissions - most; a.Emissions > 0 && d >= 0 {
		all = append(all, Mass(d))
	} else if a.Emissions > 0 {
		all = append(all, Mass(-d)+" over")
	}
	if d := a.Energy - s.Energy; a.Energy > 0 && d >= 0 {
		all = append(all, Energy(d))
	} else if a.Energy > 0 {
		all = append(all, Energy(-d)+" over")
	}
	return strings.Join(all, ", ")
}

// grids gives the factors, those with the most energy first.
func grids(t runs.Total) []runs.Grid {
	return slices.SortedFunc(maps.Keys(t.Grids), func(a, b runs.Grid) int {
		return cmp.Or(cmp.Compare(t.Grids[b].Energy, t.Grids[a].Energy), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Source, b.Source),
			cmp.Compare(b.Year, a.Year), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Scope, b.Scope))
	})
}

func gridsSection(t runs.Total) section {
	p := section{title: "Factors"}
	p.table.columns = []column{{"region", name}, {"runs", amount}, {"energy", amount}, {"g/kWh", amount}, {"PUE", amount}, {"kind", text}, {"year", amount}, {"counts", text}}
	for i, g := range grids(t) {
		c := t.Grids[g]
		row := []string{g.Zone, fmt.Sprint(c.Runs), Energy(c.Energy), digits(float64(c.PerKWh())), "", g.Kind, "", g.Scope}
		if pue := c.PUE(); pue != 0 && (pue < 0.9995 || pue > 1.0005) {
			row[4] = fmt.Sprintf("%.3g", pue)
		}
		if g.Year != 0 {
			row[6] = fmt.Sprint(g.Year)
		}
		p.table.rows = append(p.table.rows, row)
		if note := nameText(g.Zone) + ": " + cmp.Or(g.Source, "source not known"); i < 8 && !slices.Contains(p.notes, note) {
			p.notes = append(p.notes, note)
		}
	}
	return p
}

func countedSection(t runs.Total) section {
	p := section{title: "Warnings"}
	p.table.columns = []column{{"code", name}, {"runs", amount}, {"of all", amount}}
	for _, code := range codes(t.Warnings) {
		n := t.Warnings[code]
		p.table.rows = append(p.table.rows, []string{code, fmt.Sprint(n), Percent(float64(n) / float64(t.Runs))})
	}
	return p
}

// foresightSection says how good the first predictions of runs were, now that
// the truth is known.
func foresightSection(all []runs.Foresight) section {
	p := section{title: "Predictions"}
	p.table.columns = []column{{"after the first epochs", name}, {"runs", amount}, {"predicted", amount}, {"taken", amount}, {"off on average", amount}, {"least", amount}, {"most", amount}}
	for _, f := range all {
		name, show := foreseen(f)
		p.table.rows = append(p.table.rows, []string{name, fmt.Sprint(f.Off.N), show(f.Predicted), show(f.Taken), signed(f.Off.Mean), signed(f.Off.Least), signed(f.Off.Most)})
	}
	return p
}

// foreseen names what was predicted, and shows amounts of it.
func foreseen(f runs.Foresight) (name string, show func(float64) string) {
	switch f.Of {
	case runs.ForeseenEmissions:
		return strings.TrimSpace("CO2e " + string(f.Scope)), func(x float64) string { return Mass(regions.Grams(x)) }
	case runs.ForeseenDuration:
		return "time", func(x float64) string { return Duration(seconds(x)) }
	case runs.ForeseenCar:
		return "by car", func(x float64) string { return fmt.Sprintf("%.3g km", x) }
	}
	return "energy", func(x float64) string { return Energy(energy.Joules(x)) }
}

// signed shows a part of 1 with its sign, where that can be seen: "+3.2 %".
func signed(x float64) string {
	if math.Abs(x) < 0.0005 {
		return Percent(math.Abs(x))
	}
	if x < 0 {
		return "−" + Percent(-x)
	}
	return "+" + Percent(x)
}

// codes gives the codes of warnings, the most frequent first.
func codes(warnings map[string]int) []string {
	return slices.SortedFunc(maps.Keys(warnings), func(a, b string) int {
		return cmp.Or(cmp.Compare(warnings[b], warnings[a]), cmp.Compare(a, b))
	})
}

func latestSection(list runs.List, all int) section {
	p := section{title: "Runs"}
	if list.Len() < all {
		p.title = fmt.Sprintf("The latest %d", list.Len())
	}
	p.table.columns = []column{{"project", name}, {"started (UTC)", text}, {"time", amount}, {"status", text}, {"energy", amount}, {"CO2e", amount}, {"zone", name}}
	for i := range list.Len() {
		r := list.At(i)
		p.table.rows = append(p.table.rows, []string{r.Project, minute(r.StartedAt.Time), Duration(seconds(float64(r.DurationS))),
			string(r.Status), Energy(r.Energy), Mass(regions.Grams(r.Emissions)), r.Zone})
	}
	return p
}

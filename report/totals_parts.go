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
	p := section{title: "By month", paper: true}
	total := t.Groups.Total.Summary
	used := EnergyScale(total.Energy, total.Low, upper(total, &total.High))
	p.table.columns = []column{{"month", name}, {"runs", amount}, {used.Unit.Name, amount}}
	scales := make([]energy.Scale, len(total.Scopes))
	for i, e := range total.Scopes {
		scales[i] = MassScale(e.Grams, e.Low, highOf(e))
		p.table.columns = append(p.table.columns, column{scales[i].Unit.Name + " " + massHead(total, e), amount})
	}
	p.table.columns = append(p.table.columns, column{"used", amount}, column{"left", amount})
	b := t.Budget
	if b != (runs.Allowance{}) {
		p.title = "By month, against a budget of " + allowance(b)
	}
	for _, g := range months {
		row := []string{called(g), thousands(g.Runs), energyCell(g, used)}
		for i, scope := range total.Scopes {
			if e, ok := g.Of(scope.Scope); ok && !g.Known() {
				row = append(row, "unknown")
			} else if ok {
				row = append(row, MassScale(e.Grams, e.Low, highOf(e)).In(scales[i].Unit).Number(float64(e.Grams)))
			} else {
				row = append(row, "")
			}
		}
		spent, rest := "", ""
		if b != (runs.Allowance{}) {
			spent, rest = Percent(b.Used(g.Summary)), left(b, g.Summary)
		}
		p.table.rows = append(p.table.rows, append(row, spent, rest))
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

// maxSources is for how many factors the source is named: JSON has all.
const maxSources = 8

// kindText is a kind of intensity in words.
func kindText(kind string) string {
	switch regions.Kind(kind) {
	case regions.WorldDefault:
		return "world mean"
	case regions.Profile:
		return "typical hours"
	case regions.Own:
		return "own figure"
	}
	return strings.ReplaceAll(kind, "-", " ")
}

func gridsSection(t runs.Total) section {
	p := section{title: "Factors"}
	p.table.columns = []column{{"region", name}, {"runs", amount}, {"energy", amount}, {"g/kWh", amount}, {"PUE", amount}, {"kind", text}, {"year", amount}, {"scope", text}}
	var sources []string
	var zones [][]string // of each source
	for i, g := range grids(t) {
		c := t.Grids[g]
		row := []string{g.Zone, thousands(c.Runs), Energy(c.Energy), digits(float64(c.PerKWh())), "", kindText(g.Kind), "", g.Scope}
		if pue := c.PUE(); pue != 0 && (pue < 0.9995 || pue > 1.0005) {
			row[4] = fmt.Sprintf("%.3g", pue)
		}
		if g.Year != 0 {
			row[6] = fmt.Sprint(g.Year)
		}
		p.table.rows = append(p.table.rows, row)
		if i < maxSources {
			source := cmp.Or(g.Source, "source unknown")
			of := slices.Index(sources, source)
			if of < 0 {
				of, sources, zones = len(sources), append(sources, source), append(zones, nil)
			}
			if zone := nameText(g.Zone); !slices.Contains(zones[of], zone) {
				zones[of] = append(zones[of], zone)
			}
		}
	}
	for i, source := range sources {
		p.notes = append(p.notes, strings.Join(zones[i], ", ")+": "+source)
	}
	return p
}

func countedSection(t runs.Total) section {
	p := section{title: "Warnings"}
	p.table.columns = []column{{"warning", name}, {"runs", amount}, {"of all", amount}}
	for _, code := range codes(t.Warnings) {
		n := t.Warnings[code]
		p.table.rows = append(p.table.rows, []string{codeText(code), thousands(n), Percent(float64(n) / float64(t.Runs))})
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
		p.title = "Latest " + runCount(list.Len())
	}
	p.table = runTable(list)
	return p
}

// knownCells empties the cells of sums of which nothing is known.
func knownCells(sums []runs.Summary, cells []string) []string {
	for i := range cells {
		if !sums[i].Known() {
			cells[i] = ""
		}
	}
	return cells
}

// shares are the parts of their sum.
func shares(parts []float64) []float64 {
	sum := 0.0
	for _, x := range parts {
		sum += x
	}
	all := make([]float64, len(parts))
	for i, x := range parts {
		if sum > 0 {
			all[i] = x / sum
		}
	}
	return all
}

// added is the sum of the runs and emissions of two.
func added(a, b runs.Summary) runs.Summary {
	a.Runs, a.Uncounted = a.Runs+b.Runs, a.Uncounted+b.Uncounted
	a.Scopes = slices.Clone(a.Scopes)
	for _, e := range b.Scopes {
		if i := slices.IndexFunc(a.Scopes, func(have runs.Emitted) bool { return have.Scope == e.Scope }); i >= 0 {
			a.Scopes[i].Grams += e.Grams
		} else {
			a.Scopes = append(a.Scopes, e)
		}
	}
	return a
}

package facts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// Months compares each month with the budget, where there is one.
func Months(t *runs.Groups, b runs.Allowance, months []*runs.Group) layout.Section {
	p := layout.Section{Title: "By month", Paper: true}
	total := t.Total.Summary
	used := format.EnergyScale(total.Energy, total.Low, Upper(total, &total.High))
	p.Table.Columns = []layout.Column{layout.Name("month"), layout.Amount("runs"), layout.Amount(used.Unit.Name)}
	scales := make([]energy.Scale, len(total.Scopes))
	for i, e := range total.Scopes {
		scales[i] = format.MassScale(e.Grams, e.Low, HighOf(e))
		p.Table.Columns = append(p.Table.Columns, layout.Amount(scales[i].Unit.Name+" "+MassHead(total, e)))
	}
	p.Table.Columns = append(p.Table.Columns, layout.Amount("used"), layout.Amount("left"))
	if b != (runs.Allowance{}) {
		p.Title = "By month, against a budget of " + allowance(b)
	}
	for _, g := range months {
		row := []string{Called(g), format.Thousands(g.Runs), energyCell(g, used)}
		for i, scope := range total.Scopes {
			if e, ok := g.Of(scope.Scope); ok && !g.Known() {
				row = append(row, "unknown")
			} else if ok {
				row = append(row, format.MassScale(e.Grams, e.Low, HighOf(e)).In(scales[i].Unit).Number(float64(e.Grams)))
			} else {
				row = append(row, "")
			}
		}
		spent, rest := "", ""
		if b != (runs.Allowance{}) {
			spent, rest = format.Percent(b.Used(g.Summary)), left(b, g.Summary)
		}
		p.Table.Rows = append(p.Table.Rows, append(row, spent, rest))
	}
	return p
}

func allowance(a runs.Allowance) string {
	var all []string
	if a.Emissions > 0 {
		all = append(all, format.Mass(a.Emissions)+" CO2e")
	}
	if a.Energy > 0 {
		all = append(all, format.Energy(a.Energy))
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
		all = append(all, format.Mass(d))
	} else if a.Emissions > 0 {
		all = append(all, format.Mass(-d)+" over")
	}
	if d := a.Energy - s.Energy; a.Energy > 0 && d >= 0 {
		all = append(all, format.Energy(d))
	} else if a.Energy > 0 {
		all = append(all, format.Energy(-d)+" over")
	}
	return strings.Join(all, ", ")
}

// ByEnergy gives the factors, those with the most energy first.
func ByEnergy(t runs.Total) []runs.Grid {
	return slices.SortedFunc(maps.Keys(t.Grids), func(a, b runs.Grid) int {
		return cmp.Or(cmp.Compare(t.Grids[b].Energy, t.Grids[a].Energy), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Source, b.Source),
			cmp.Compare(b.Year, a.Year), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Scope, b.Scope))
	})
}

// maxSources is for how many factors the source is named: JSON has all.
const maxSources = 8

// KindText is a kind of intensity in words.
func KindText(kind string) string {
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

// Grids are the factors of a total with their sources.
func Grids(t runs.Total) layout.Section {
	p := layout.Section{Title: "Factors"}
	p.Table.Columns = []layout.Column{layout.Name("region"), layout.Amount("runs"), layout.Amount("energy"), layout.Amount("g/kWh"), layout.Amount("PUE"), layout.Text("kind"), layout.Amount("year"), layout.Text("scope")}
	var sources []string
	var zones [][]string // of each source
	for i, g := range ByEnergy(t) {
		c := t.Grids[g]
		row := []string{g.Zone, format.Thousands(c.Runs), format.Energy(c.Energy), format.Digits(float64(c.PerKWh())), "", KindText(g.Kind), "", g.Scope}
		if pue := c.PUE(); pue != 0 && (pue < 0.9995 || pue > 1.0005) {
			row[4] = fmt.Sprintf("%.3g", pue)
		}
		if g.Year != 0 {
			row[6] = fmt.Sprint(g.Year)
		}
		p.Table.Rows = append(p.Table.Rows, row)
		if i < maxSources {
			source := cmp.Or(g.Source, "source unknown")
			of := slices.Index(sources, source)
			if of < 0 {
				of, sources, zones = len(sources), append(sources, source), append(zones, nil)
			}
			if zone := format.NameText(g.Zone); !slices.Contains(zones[of], zone) {
				zones[of] = append(zones[of], zone)
			}
		}
	}
	for i, source := range sources {
		p.Notes = append(p.Notes, strings.Join(zones[i], ", ")+": "+source)
	}
	return p
}

// WarningCounts says how many runs had each warning.
func WarningCounts(t runs.Total) layout.Section {
	p := layout.Section{Title: "Warnings"}
	p.Table.Columns = []layout.Column{layout.Name("warning"), layout.Amount("runs"), layout.Amount("of all")}
	for _, code := range Codes(t.Warnings) {
		n := t.Warnings[code]
		p.Table.Rows = append(p.Table.Rows, []string{CodeText(code), format.Thousands(n), format.Percent(float64(n) / float64(t.Runs))})
	}
	return p
}

// Foresights says how good the first predictions of runs were, now that
// the truth is known.
func Foresights(all []runs.Foresight) layout.Section {
	p := layout.Section{Title: "Predictions"}
	p.Table.Columns = []layout.Column{layout.Name("after the first epochs"), layout.Amount("runs"), layout.Amount("predicted"), layout.Amount("actual"), layout.Amount("mean error"), layout.Amount("lowest"), layout.Amount("highest")}
	for _, f := range all {
		name, show := foreseen(f)
		p.Table.Rows = append(p.Table.Rows, []string{name, fmt.Sprint(f.Off.N), show(f.Predicted), show(f.Taken), format.Signed(f.Off.Mean), format.Signed(f.Off.Least), format.Signed(f.Off.Most)})
	}
	return p
}

// foreseen names what was predicted, and shows amounts of it.
func foreseen(f runs.Foresight) (name string, show func(float64) string) {
	switch f.Of {
	case runs.ForeseenEmissions:
		return strings.TrimSpace("CO2e " + string(f.Scope)), func(x float64) string { return format.Mass(regions.Grams(x)) }
	case runs.ForeseenDuration:
		return "time", func(x float64) string { return format.Duration(format.Seconds(x)) }
	case runs.ForeseenCar:
		return "by car", func(x float64) string { return fmt.Sprintf("%.3g km", x) }
	}
	return "energy", func(x float64) string { return format.Energy(energy.Joules(x)) }
}

// Codes gives the codes of warnings, the most frequent first.
func Codes(warnings map[string]int) []string {
	return slices.SortedFunc(maps.Keys(warnings), func(a, b string) int {
		return cmp.Or(cmp.Compare(warnings[b], warnings[a]), cmp.Compare(a, b))
	})
}

// KnownCells empties the cells of sums of which nothing is known.
func KnownCells(sums []runs.Summary, cells []string) []string {
	for i := range cells {
		if !sums[i].Known() {
			cells[i] = ""
		}
	}
	return cells
}

// Shares are the parts of their sum.
func Shares(parts []float64) []float64 {
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

// Added is the sum of the runs and emissions of two.
func Added(a, b runs.Summary) runs.Summary {
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

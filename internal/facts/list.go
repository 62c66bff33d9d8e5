package facts

import (
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// Latest lists runs, which are the newest of all.
func Latest(list runs.List, all int) layout.Section {
	p := layout.Section{Title: "Runs"}
	if list.Len() < all {
		p.Title = "Latest " + format.RunCount(list.Len())
	}
	p.Table = RunTable(list)
	return p
}

// RunTable lists runs, their emissions in the unit of the largest.
func RunTable(list runs.List) layout.Table {
	var most regions.Grams
	for i := range list.Len() {
		most = max(most, regions.Grams(list.At(i).Emissions))
	}
	scale := format.MassScale(most, most, &most)
	t := layout.Table{Columns: []layout.Column{layout.Name("run"), layout.Amount(scale.Unit.Name + " CO2e"), layout.Text("started"), layout.Amount("time"), layout.Text("status"), layout.Name("zone"), layout.Text("scope"), layout.Name("project")}}
	mixed := false // where all runs have one scope, that is not said of each
	for i := range list.Len() {
		mixed = mixed || list.At(i).IntensityScope != list.At(0).IntensityScope
	}
	ids := format.ShortIDs(list.Len(), func(i int) string { return list.At(i).RunID })
	for i := range list.Len() {
		r := list.At(i)
		status := string(r.Status)
		if status == "completed" {
			status = ""
		}
		scope := ""
		if mixed {
			scope = ScopeWord(regions.Scope(r.IntensityScope))
		}
		started := format.Minute(r.StartedAt.Time)
		if day, _, ok := strings.Cut(started, " "); ok && !r.StartedAt.IsZero() {
			started = day
		}
		t.Rows = append(t.Rows, []string{ids[i], RunScale(r).In(scale.Unit).Number(float64(r.Emissions)), started,
			format.Duration(format.Seconds(float64(r.DurationS))), status, r.Zone, scope, r.Project})
	}
	return t
}

// RunScale is the scale of a run's emissions; without bounds, all that they were
// recorded with.
func RunScale(r runs.Row) energy.Scale {
	g := regions.Grams(r.Emissions)
	if r.EmissionsLow == nil || r.EmissionsHigh == nil {
		return format.MassScale(g, g, &g)
	}
	return format.MassScale(g, regions.Grams(*r.EmissionsLow), (*regions.Grams)(r.EmissionsHigh))
}

package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/runs"
)

// doneJSON is how much of one unit the runs of a group have done, and what each took: sums
// over the runs that counted it.
type doneJSON struct {
	Unit      string          `json:"unit"`
	Count     float64         `json:"count"`
	Runs      int             `json:"runs"`
	LowerRuns int             `json:"lower_runs"` // of which more may have been done
	Energy    float64         `json:"energy_joules"`
	Each      *float64        `json:"energy_joules_per_unit"` // null where nothing was done
	EachLow   *float64        `json:"energy_low_joules_per_unit"`
	EachHigh  *float64        `json:"energy_high_joules_per_unit"`
	ByScope   []doneScopeJSON `json:"scopes"`
}

type doneScopeJSON struct {
	Scope     string   `json:"scope"`
	Count     float64  `json:"count"`
	Emissions float64  `json:"emissions_g"`
	Each      *float64 `json:"emissions_g_per_unit"`
}

func donesOf(g *runs.Group) []doneJSON {
	all := []doneJSON{}
	for _, d := range g.Units() {
		v := doneJSON{Unit: d.Unit, Count: d.Count, Runs: d.Runs, LowerRuns: d.Lower, Energy: d.Energy.Joules(), ByScope: []doneScopeJSON{}}
		if each, low, high, ok := facts.EachOf(d); ok {
			v.Each, v.EachLow, v.EachHigh = &each, low, high
		}
		for _, e := range d.Scopes {
			s := doneScopeJSON{Scope: string(e.Scope), Count: d.ByScope[e.Scope], Emissions: float64(e.Grams)}
			if grams, ok := d.EachEmitted(e.Scope); ok && v.Each != nil {
				s.Each = &grams
			}
			v.ByScope = append(v.ByScope, s)
		}
		all = append(all, v)
	}
	return all
}

// workCells are two cells of a line of CSV: "output_token:510000 request:1550", and what
// each took in joules.
func workCells(g *runs.Group) (counts, joules string) {
	var all, of []string
	for _, d := range g.Units() {
		all = append(all, d.Unit+":"+strconv.FormatFloat(d.Count, 'f', -1, 64))
		if x, _, _, ok := facts.EachOf(d); ok {
			of = append(of, fmt.Sprintf("%s:%s", d.Unit, strconv.FormatFloat(x, 'g', 6, 64)))
		}
	}
	return escape.Cell(strings.Join(all, " ")), escape.Cell(strings.Join(of, " "))
}

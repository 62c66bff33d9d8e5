package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
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
		if each, low, high, ok := eachOf(d); ok {
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

// eachOf is what each of a unit took; cached tokens take next to nothing.
func eachOf(d *runs.Done) (joules float64, low, high *float64, ok bool) {
	if d.Unit == footprint.UnitCachedToken {
		return 0, nil, nil, false
	}
	return d.Each()
}

// doneText says what the runs of a total have done of one unit: "510,000 output tokens in 3
// runs, 17.3 mJ and 0.19 µg CO2e each".
func doneText(d *runs.Done) string {
	text := countNumber(d.Count) + " " + unitText(d.Unit, d.Count)
	switch {
	case d.Lower > 0 && d.Count == 0:
		text = "an unknown number of " + unitText(d.Unit, 0)
	case d.Lower > 0:
		text = "at least " + text
	}
	text += " in " + runCount(d.Runs)
	joules, low, high, ok := eachOf(d)
	if !ok {
		return text
	}
	all := []string{each(joules, low, high, energyEach)}
	for _, e := range d.Scopes {
		grams, ok := d.EachEmitted(e.Scope)
		if !ok {
			continue
		}
		emitted := each(grams, low, high, massEach)
		if low != nil && high != nil { // emissions are as sure as the energy
			emitted = each(grams, new(grams**low/joules), new(grams**high/joules), massEach)
		}
		if emitted += " CO2e"; len(d.Scopes) > 1 {
			emitted += " " + scopeWord(e.Scope)
		}
		all = append(all, emitted)
	}
	most := ""
	if d.Lower > 0 {
		most = "at most "
	}
	return text + ", " + most + strings.Join(all, " and ") + " each"
}

// eachCell is what each of a unit took in a group, "" where it has done none.
func eachCell(g *runs.Group, unit string) string {
	d := g.Work[unit]
	if d == nil {
		return ""
	}
	joules, low, high, ok := eachOf(d)
	switch {
	case !ok && (d.Lower > 0 || d.Count > 0):
		return "unknown"
	case !ok:
		return "no work"
	}
	text := each(joules, low, high, energyEach)
	if d.Lower > 0 {
		text = "≤ " + text
	}
	return text
}

// mainUnit is the unit of which a table of groups says what each took, "" if the runs have
// counted none.
func mainUnit(g *runs.Group) string {
	for _, d := range g.Units() {
		if d.Unit != footprint.UnitCachedToken {
			return d.Unit
		}
	}
	return ""
}

// doneSection is the work of a total, one row a unit.
func doneSection(g *runs.Group) section {
	p := section{title: "Work"}
	for _, d := range g.Units() {
		p.notes = append(p.notes, doneText(d)+".")
	}
	return p
}

// workCells are two cells of a line of CSV: "output_token:510000 request:1550", and what
// each took in joules.
func workCells(g *runs.Group) (counts, joules string) {
	var all, of []string
	for _, d := range g.Units() {
		all = append(all, d.Unit+":"+strconv.FormatFloat(d.Count, 'f', -1, 64))
		if x, _, _, ok := eachOf(d); ok {
			of = append(of, fmt.Sprintf("%s:%s", d.Unit, strconv.FormatFloat(x, 'g', 6, 64)))
		}
	}
	return cell(strings.Join(all, " ")), cell(strings.Join(of, " "))
}

package facts

import (
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/runs"
)

// EachOf is what each of a unit took; cached tokens take next to nothing.
func EachOf(d *runs.Done) (joules float64, low, high *float64, ok bool) {
	if d.Unit == footprint.UnitCachedToken {
		return 0, nil, nil, false
	}
	return d.Each()
}

// DoneText says what the runs of a total have done of one unit: "510,000 output tokens in 3
// runs, 17.3 mJ and 0.19 µg CO2e each".
func DoneText(d *runs.Done) string {
	text := format.CountNumber(d.Count) + " " + UnitText(d.Unit, d.Count)
	switch {
	case d.Lower > 0 && d.Count == 0:
		text = "an unknown number of " + UnitText(d.Unit, 0)
	case d.Lower > 0:
		text = "at least " + text
	}
	text += " in " + format.RunCount(d.Runs)
	joules, low, high, ok := EachOf(d)
	if !ok {
		return text
	}
	all := []string{format.Each(joules, low, high, format.EnergyEach)}
	for _, e := range d.Scopes {
		grams, ok := d.EachEmitted(e.Scope)
		if !ok {
			continue
		}
		emitted := format.Each(grams, low, high, format.MassEach)
		if low != nil && high != nil { // emissions are as sure as the energy
			emitted = format.Each(grams, new(grams**low/joules), new(grams**high/joules), format.MassEach)
		}
		if emitted += " CO2e"; len(d.Scopes) > 1 {
			emitted += " " + ScopeWord(e.Scope)
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
	joules, low, high, ok := EachOf(d)
	switch {
	case !ok && (d.Lower > 0 || d.Count > 0):
		return "unknown"
	case !ok:
		return "no work"
	}
	text := format.Each(joules, low, high, format.EnergyEach)
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

// Done is the work of a total, one row a unit.
func Done(g *runs.Group) layout.Section {
	p := layout.Section{Title: "Work"}
	for _, d := range g.Units() {
		p.Notes = append(p.Notes, DoneText(d)+".")
	}
	return p
}

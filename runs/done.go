package runs

import (
	"maps"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// maxUnits bounds the units of a group: as many as one run has.
const maxUnits = 32

// Done is how much of one unit some runs have done, and what these runs took: what each
// of it took is the one over the other, and never a mean of the runs' own figures.
type Done struct {
	Unit  string
	Count float64
	// Known is the part of Count of the runs whose energy is known.
	Known float64
	// Lower is how many of the runs may have done more than they have counted.
	Lower int
	// Summary is of the runs that counted the unit alone.
	Summary
	// ByScope is Known by the scope of the runs' emissions, which are never mixed.
	ByScope map[regions.Scope]float64
}

// Each gives what each took in joules, and its bounds: nil where there is none. Of runs
// whose energy is not known neither the energy nor the count is in it. ok is false where
// nothing else was done.
func (d *Done) Each() (joules float64, low, high *float64, ok bool) {
	if d.Known <= 0 {
		return 0, nil, nil, false
	}
	if d.Lower == 0 {
		low = new(d.Low.Joules() / d.Known)
	}
	if !d.Unbounded() {
		high = new(d.High.Joules() / d.Known)
	}
	return d.Energy.Joules() / d.Known, low, high, true
}

// EachEmitted gives the grams of each in one scope; ok is false where there are none.
func (d *Done) EachEmitted(scope regions.Scope) (grams float64, ok bool) {
	e, ok := d.Of(scope)
	if n := d.ByScope[scope]; ok && n > 0 {
		return float64(e.Grams) / n, true
	}
	return 0, false
}

// worked is what a row counts.
type worked struct {
	counts map[string]float64
	lower  []string
	units  string // sorted, with a blank between
}

func (r *Row) worked() (w worked) {
	counts, err := r.Counted()
	if err != nil || len(counts) == 0 {
		return w // what is no count is in no sum
	}
	w.counts = counts
	w.units = strings.Join(slices.Sorted(maps.Keys(counts)), " ")
	if strings.Contains(r.Details, WorkLower) {
		w.lower = r.lowerUnits()
	}
	return w
}

// work adds what a row counts.
func (g *Group) work(r *Row, w worked) {
	for unit, n := range w.counts {
		d := g.Work[unit]
		if d == nil {
			if len(g.Work) >= maxUnits {
				continue
			}
			if g.Work == nil {
				g.Work = map[string]*Done{}
			}
			unit = strings.Clone(unit)
			d = &Done{Unit: unit, ByScope: map[regions.Scope]float64{}}
			g.Work[unit] = d
		}
		d.Count += n
		if !r.uncounted() {
			d.Known += n
			scope := regions.Scope(r.IntensityScope)
			if _, ok := d.ByScope[scope]; !ok {
				scope = regions.Scope(strings.Clone(string(scope)))
			}
			d.ByScope[scope] += n
		}
		if slices.Contains(w.lower, unit) {
			d.Lower++
		}
		d.Summary.add(r)
	}
}

// settleWork takes what a row counts for off the units that it has counted.
func (g *Group) settleWork(units string, e *entry, scope regions.Scope, ok bool) {
	for unit := range strings.FieldsSeq(units) {
		if d := g.Work[unit]; d != nil {
			d.settle(e, scope, ok)
		}
	}
}

// Units gives the work of the group, in the order in which reports have the units.
func (g *Group) Units() []*Done {
	return slices.SortedFunc(maps.Values(g.Work), func(a, b *Done) int { return footprint.CompareUnits(a.Unit, b.Unit) })
}

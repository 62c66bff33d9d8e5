package runs

import (
	"cmp"
	"maps"
	"slices"

	"github.com/carbonctl/carbonctl/regions"
)

// Recomputed adds rows up as they are recorded, and by other factors. It grows with
// the factors and, as Groups does, with the rows until Settle. The zero value is empty;
// it is not safe for concurrent use.
type Recomputed struct {
	// Summary is that of the rows as they are recorded.
	Summary

	changes  []*Change
	factors  map[[2]Factor]*Refactored
	overlaps overlaps
	buckets  []recomputedIn
	byBucket map[recomputedIn]uint32
}

// A Change is what runs emitted by factors of one scope as recorded, and by those
// of one scope as recomputed. Both hold the same runs and energy.
type Change struct{ Recorded, Again Emitted }

// A Factor is what made emissions of energy.
type Factor struct {
	Grid
	PUE float64 // 0: not known
	// PerKWh in g is a mean by energy where the runs had several.
	PerKWh regions.Grams
}

// Refactored is a Change of one pair of factors.
type Refactored struct {
	From, To Factor
	Change
	severalFrom, severalTo bool // figures
}

// recomputedIn is where a row was added; nil for one that is in no sum.
type recomputedIn struct {
	change  *Change
	factors *Refactored
}

// Add takes a row as recorded and as recomputed, of the same run. One that another row
// already includes is only counted.
func (a *Recomputed) Add(r, again Row) {
	a.add(&r)
	if r.CountedBy != "" {
		return
	}
	in := recomputedIn{a.change(regions.Scope(r.IntensityScope), regions.Scope(again.IntensityScope)), a.refactored(&r, &again)}
	for _, c := range []*Change{in.change, &in.factors.Change} {
		c.Recorded.add(&r)
		c.Again.add(&again)
	}
	a.overlaps.add(&r, again.perJoule(), func() uint32 { return a.intern(in) })
}

// Beside takes a row that is in no sum, since there is no figure for it: it shared its
// machine with others all the same.
func (a *Recomputed) Beside(r Row) {
	if r.CountedBy == "" {
		a.overlaps.add(&r, 0, func() uint32 { return a.intern(recomputedIn{}) })
	}
}

// Settle counts once what rows share that ran on one machine at the same time, as
// Groups does. It belongs after the last row.
func (a *Recomputed) Settle() {
	a.overlaps.settle(func(cluster []entry, ok bool) {
		for i := range cluster {
			e := &cluster[i]
			in := a.buckets[e.bucket]
			if in.change == nil {
				continue
			}
			a.settle(e, in.change.Recorded.Scope, ok)
			for _, c := range []*Change{in.change, &in.factors.Change} {
				c.Recorded.settle(e, e.perJoule)
				c.Again.settle(e, e.again)
			}
		}
	})
	a.buckets, a.byBucket = nil, nil
	for _, f := range a.factors {
		f.From.settle(f.Recorded, f.severalFrom)
		f.To.settle(f.Again, f.severalTo)
	}
}

// Changes are the sums of each pair of scopes: lifecycle before direct.
func (a *Recomputed) Changes() []*Change {
	return slices.SortedFunc(slices.Values(a.changes), func(x, y *Change) int {
		return cmp.Or(cmp.Compare(scopeRank(x.Recorded.Scope), scopeRank(y.Recorded.Scope)), cmp.Compare(scopeRank(x.Again.Scope), scopeRank(y.Again.Scope)),
			cmp.Compare(x.Recorded.Scope, y.Recorded.Scope), cmp.Compare(x.Again.Scope, y.Again.Scope))
	})
}

// Factors are the sums of each pair of factors, those of most energy first.
func (a *Recomputed) Factors() []*Refactored {
	return slices.SortedFunc(maps.Values(a.factors), func(x, y *Refactored) int {
		return cmp.Or(cmp.Compare(y.Recorded.Energy, x.Recorded.Energy), x.From.compare(y.From), x.To.compare(y.To))
	})
}

func (f Factor) compare(o Factor) int {
	return cmp.Or(cmp.Compare(f.Zone, o.Zone), cmp.Compare(f.PerKWh, o.PerKWh), cmp.Compare(f.Source, o.Source), cmp.Compare(f.Scope, o.Scope),
		cmp.Compare(f.Kind, o.Kind), cmp.Compare(f.Year, o.Year), cmp.Compare(f.PUE, o.PUE))
}

func (a *Recomputed) change(from, to regions.Scope) *Change {
	for _, c := range a.changes {
		if c.Recorded.Scope == from && c.Again.Scope == to {
			return c
		}
	}
	c := &Change{Emitted{Scope: clone(from)}, Emitted{Scope: clone(to)}}
	a.changes = append(a.changes, c)
	return c
}

// refactored finds the sum of two factors, and makes it where it is new. The figure
// is no part of what they are found by: live ones differ in each row.
func (a *Recomputed) refactored(r, again *Row) *Refactored {
	key := [2]Factor{factorOf(r), factorOf(again)}
	f := a.factors[key]
	if f == nil {
		for i := range key {
			key[i].Grid = key[i].clone()
		}
		f = &Refactored{From: key[0], To: key[1]}
		f.Recorded.Scope, f.Again.Scope = regions.Scope(f.From.Scope), regions.Scope(f.To.Scope)
		f.From.PerKWh, f.To.PerKWh = regions.Grams(r.PerKWh), regions.Grams(again.PerKWh)
		if a.factors == nil {
			a.factors = map[[2]Factor]*Refactored{}
		}
		a.factors[key] = f
	}
	f.severalFrom = f.severalFrom || f.From.PerKWh != regions.Grams(r.PerKWh)
	f.severalTo = f.severalTo || f.To.PerKWh != regions.Grams(again.PerKWh)
	return f
}

func factorOf(r *Row) Factor { return Factor{Grid: gridOf(r), PUE: float64(or(r.PUE, 0))} }

// settle gives the figure of a factor, where runs had several: the mean by energy.
func (f *Factor) settle(e Emitted, several bool) {
	if several && e.Energy > 0 {
		f.PerKWh = e.Grams / regions.Grams(e.Energy.KilowattHours()*cmp.Or(f.PUE, 1))
	}
}

func (a *Recomputed) intern(in recomputedIn) uint32 {
	n, ok := a.byBucket[in]
	if !ok {
		if a.byBucket == nil {
			a.byBucket = map[recomputedIn]uint32{}
		}
		n = uint32(len(a.buckets))
		a.buckets = append(a.buckets, in)
		a.byBucket[in] = n
	}
	return n
}

package runs

import (
	"math"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// A Summary adds rows up. The zero Summary is empty; it does not grow with the
// rows.
type Summary struct {
	// Runs that are in the totals, and Nested those that are not, because
	// another row already includes them.
	Runs, Nested int
	// First start and last end of the runs.
	First, Last time.Time
	// Duration is the sum over the runs, at most 292 years.
	Duration time.Duration

	Energy, Low, High energy.Energy
	// Scopes hold the emissions, a sum for each scope that a factor had: lifecycle
	// first, then direct, then what was charged by a factor of which it is not known.
	// They are different quantities, and never added up.
	Scopes []Emitted
	// Open is how many runs have no upper bound: where it is not 0 there is none, and
	// the energy is at least Low.
	Open int
	// Uncounted is how many runs have an unknown energy, since nothing was counted or
	// modelled: they add 0 to Energy, and to High what bounds theirs.
	Uncounted int
	// Shared is how many runs were on a machine at the same time as others, Overlap
	// the energy that is left out for that: once is enough. Of Coarse of them it is
	// not recorded which parts of which machine they saw, so that the bounds are wide;
	// the figures of Contradicting of them can't all be true: the bounds hold both.
	Shared, Coarse, Contradicting int
	Overlap                       energy.Energy
	// Measured is the part of Energy that comes from counters, Unknown the part of
	// which the rows don't tell, as those of other tools: neither that nor bounds.
	Measured, Unknown energy.Energy
}

// Add takes one row. One that is counted by another row is only counted.
func (s *Summary) Add(r Row) { s.add(&r) }

func (s *Summary) add(r *Row) {
	if r.CountedBy != "" {
		s.Nested++
		return
	}
	s.Runs++
	if !r.StartedAt.IsZero() && (s.First.IsZero() || r.StartedAt.Before(s.First)) {
		s.First = r.StartedAt.Time
	}
	if r.EndedAt.After(s.Last) {
		s.Last = r.EndedAt.Time
	}
	s.Duration = plus(s.Duration, lasting(float64(r.DurationS)))
	low, high, open := r.Bounds()
	s.Energy, s.Low, s.High = s.Energy.Plus(r.Energy), s.Low.Plus(low), s.High.Plus(high)
	if open {
		s.Open++
	}
	s.scope(regions.Scope(r.IntensityScope)).add(r)
	if r.MeasuredShare != nil {
		s.Measured = s.Measured.Plus(r.measured())
	} else {
		s.Unknown = s.Unknown.Plus(r.Energy)
		if r.uncounted() {
			s.Uncounted++
		}
	}
}

// uncounted reports whether the row's energy is not known.
func (r *Row) uncounted() bool { return r.MeasuredShare == nil && r.Energy == 0 }

// Bounds gives those of the row's energy. Where another tool has recorded none
// they are the energy itself; open says that nothing bounds it from above, and
// high is then no more than what was seen.
func (r *Row) Bounds() (low, high energy.Energy, open bool) {
	return or(r.EnergyLow, r.Energy), or(r.EnergyHigh, r.Energy), r.EnergyHigh == nil && r.EnergyLow != nil
}

// GramBounds gives those of the row's emissions, as Bounds does.
func (r *Row) GramBounds() (low, high regions.Grams) {
	return regions.Grams(or(r.EmissionsLow, r.Emissions)), regions.Grams(or(r.EmissionsHigh, r.Emissions))
}

func or[T any](p *T, v T) T {
	if p == nil {
		return v
	}
	return *p
}

// measured is the part of the row's energy that comes from counters, 0 where that
// is not known.
func (r *Row) measured() energy.Energy {
	return r.Energy.Scale(float64(or(r.MeasuredShare, 0)))
}

// Unbounded reports whether the sum has no upper bound: a run has none, or they are
// more than an Energy holds.
func (s *Summary) Unbounded() bool { return s.Open > 0 || s.High == energy.MaxEnergy }

// shift changes a sum, but not one that is more than an Energy holds: how much more is
// not known.
func shift(sum, by energy.Energy) energy.Energy {
	if sum == energy.MaxEnergy {
		return sum
	}
	return sum.Plus(by)
}

// settle takes what a row counts for in place of what it is, since others shared
// its machine.
func (s *Summary) settle(e *entry, scope regions.Scope, ok bool) {
	s.Shared++
	if e.whole {
		s.Coarse++
	}
	if !ok {
		s.Contradicting++
	}
	s.Overlap += e.energy - e.counted
	s.Energy = shift(s.Energy, e.counted-e.energy)
	s.Low, s.High = shift(s.Low, e.countedLow-e.low), shift(s.High, e.countedHigh-e.high)
	if e.wasOpen && !e.open {
		s.Open--
	}
	s.scope(scope).settle(e, e.perJoule)
	if e.unknown {
		s.Unknown += e.counted - e.energy
	} else {
		s.Measured += e.countedMeasured - e.measured
	}
}

// longest is the longest duration that there is. Rows that come from elsewhere
// may say more, and those of a fleet may add up to it.
const longest = time.Duration(math.MaxInt64)

// lasting is a duration of s seconds, 0 if s is negative or no number.
func lasting(s float64) time.Duration {
	switch ns := s * float64(time.Second); {
	case !(ns > 0):
		return 0
	case ns >= float64(longest):
		return longest
	default:
		return time.Duration(ns)
	}
}

func plus(a, b time.Duration) time.Duration {
	if b > longest-a {
		return longest
	}
	return a + b
}

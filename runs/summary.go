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

	Energy, Low, High              energy.Energy
	Emissions, GramsLow, GramsHigh regions.Grams
	// Open is how many runs have no upper bound: the sums of energy and emissions are
	// then at least what they say, and High and GramsHigh no bounds.
	Open int
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
	s.Energy, s.Low = s.Energy.Plus(r.Energy), s.Low.Plus(r.EnergyLow)
	if r.EnergyHigh != nil && r.EmissionsHigh != nil {
		s.High = s.High.Plus(*r.EnergyHigh)
		s.GramsHigh += regions.Grams(*r.EmissionsHigh)
	} else {
		s.Open++
	}
	s.Emissions += regions.Grams(r.Emissions)
	s.GramsLow += regions.Grams(r.EmissionsLow)
	if r.MeasuredShare != nil {
		s.Measured = s.Measured.Plus(r.Energy.Scale(float64(*r.MeasuredShare)))
	} else {
		s.Unknown = s.Unknown.Plus(r.Energy)
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

package footprint

import (
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
	// Duration is the sum over the runs.
	Duration time.Duration

	Energy, Low, High              energy.Energy
	Emissions, GramsLow, GramsHigh regions.Grams
	// Measured is the part of Energy that comes from counters.
	Measured energy.Energy
}

// Add takes one row. One that is counted by another row is only counted.
func (s *Summary) Add(r Row) {
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
	s.Duration += time.Duration(float64(r.DurationS) * float64(time.Second))
	s.Energy, s.Low, s.High = s.Energy.Plus(r.Energy), s.Low.Plus(r.EnergyLow), s.High.Plus(r.EnergyHigh)
	s.Emissions += regions.Grams(r.Emissions)
	s.GramsLow += regions.Grams(r.EmissionsLow)
	s.GramsHigh += regions.Grams(r.EmissionsHigh)
	if r.MeasuredShare != nil {
		s.Measured = s.Measured.Plus(r.Energy.Scale(float64(*r.MeasuredShare)))
	}
}

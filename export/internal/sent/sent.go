// Package sent remembers what a service has taken of a run, so that a sink that follows it
// sends the rest.
package sent

import (
	"math"

	"github.com/carbonctl/carbonctl/footprint"
)

// Epochs are those that were taken. The zero value is none.
type Epochs struct{ taken map[key]footprint.Stretch }

// key tells epochs apart: those that overlap may have one number.
type key struct {
	index int
	start int64
}

func keyOf(e footprint.Epoch) key { return key{e.Index, e.StartedAt.UnixNano()} }

// Take notes that an epoch was taken.
func (s *Epochs) Take(e footprint.Epoch) {
	if s.taken == nil {
		s.taken = map[key]footprint.Stretch{}
	}
	s.taken[keyOf(e)] = e.Stretch
}

// Lacks reports whether an epoch is still to be sent: it is over, and was not taken, or not as
// it is now. A factor that comes late changes it. While the run goes on the last digits of
// its emissions, which sums of fractions leave open, do not.
func (s *Epochs) Lacks(e footprint.Epoch, running bool) bool {
	was, ok := s.taken[keyOf(e)]
	switch {
	case running && !e.Ended:
		return false
	case !ok || was.Energy != e.Energy:
		return true
	case running:
		return math.Abs(float64(was.Emissions-e.Emissions)) > 1e-9*math.Abs(float64(e.Emissions))
	}
	return was.Emissions != e.Emissions
}

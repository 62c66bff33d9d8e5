package footprint

import (
	"math"
	"slices"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// A Stall is a time in the midst of a run in which its GPUs were hardly used: below a
// quarter of what they draw when they work, between two times in which they worked.
type Stall struct {
	FromS, ToS float64      // from the run's start
	GPU        energy.Power // of all GPUs, on average
	// Energy is what all counted components of the machine used meanwhile, Emissions what
	// that emitted, with the PUE and the mean intensity of the run.
	Energy    energy.Energy
	Emissions regions.Grams
}

const (
	// Below stalled of the power at work a GPU is idle: the idle power of data centre GPUs
	// is 10 to 20 % of their limit, and what they draw at work is below that.
	stalled = 0.25
	// working is what part of the steps may draw more than the power at work: its 9th
	// decile is not that of a short peak.
	working = 0.9
	// A shorter time is that of loading data, of a checkpoint or an evaluation.
	leastStallS    = 60.0
	leastStallPart = 0.01
	leastStallStep = 2
)

// Stalls finds the times in which measured GPUs waited, the greatest energy first. It finds
// none where the machine is not charged whole, since others may have used it then.
func (r Report) Stalls() []Stall {
	c := r.Curves(maxSteps)
	i := slices.IndexFunc(c.Bands, func(b Curve) bool { return b.Kind == energy.GPU && b.Basis == energy.Measured })
	if i < 0 || r.Charge == ChargeProcess {
		return nil
	}
	gpu := c.Bands[i].Watts
	ordered := slices.Sorted(slices.Values(gpu))
	idle := stalled * ordered[int(working*float64(len(ordered)-1))]
	if !(idle > 0) {
		return nil
	}
	busy := func(w float64) bool { return w >= idle }
	first := slices.IndexFunc(gpu, busy)
	last := len(gpu) - 1
	for last > first && !busy(gpu[last]) {
		last--
	}
	var all []Stall
	for n := first; n <= last; n++ {
		from := n
		for n <= last && gpu[n] < idle {
			n++
		}
		length := float64(n-from) * c.StepS
		if n-from < leastStallStep || length < leastStallS || length < leastStallPart*r.DurationS || r.unseen(c, from, n) {
			continue
		}
		all = append(all, r.stall(c, gpu, from, n))
	}
	slices.SortStableFunc(all, func(a, b Stall) int { return int(min(1, max(-1, b.Energy-a.Energy))) })
	return all
}

// unseen reports whether a GPU was not read between two steps: nothing is known then.
func (r Report) unseen(c Curves, from, to int) bool {
	return slices.ContainsFunc(c.Gaps, func(g Gap) bool {
		return g.Kind == energy.GPU && g.FromS < float64(to)*c.StepS && g.ToS > float64(from)*c.StepS
	})
}

func (r Report) stall(c Curves, gpu []float64, from, to int) Stall {
	s := Stall{FromS: float64(from) * c.StepS, ToS: float64(to) * c.StepS}
	watts := 0.0
	for _, b := range c.Bands {
		for _, w := range b.Watts[from:to] {
			watts += w
		}
	}
	mean := 0.0
	for _, w := range gpu[from:to] {
		mean += w
	}
	s.GPU = energy.Watts(mean / float64(to-from))
	s.Energy = energy.Joules(watts * c.StepS)
	s.Emissions = r.GramsOf(s.Energy)
	return s
}

// Building is what the building adds to the energy that the headline charges, by the PUE; 0
// where that is not known.
func (r Report) Building() energy.Energy {
	if !(r.PUE.Value > 1) || r.PUE.Source == "not given" {
		return 0
	}
	return r.Energy.Scale(r.PUE.Value - 1)
}

// GramsOf is what a part of the run's energy emitted, at the run's own emissions per
// joule: with its PUE and its mean intensity; 0 where those are not known.
func (r Report) GramsOf(e energy.Energy) regions.Grams {
	if r.Energy <= 0 {
		return 0
	}
	g := float64(r.Emissions) / r.Energy.Joules() * e.Joules()
	if math.IsNaN(g) || math.IsInf(g, 0) {
		return 0
	}
	return regions.Grams(g)
}

package energy

import (
	"math"
	"time"
)

// Gauge makes a total that never falls from a sensor that only shows power. It
// takes the power between two readings as the mean of both; what it did between
// them is for the caller to bound. It is for one goroutine at a time.
type Gauge struct {
	// MaxGap is the longest time between two readings that is filled in; longer
	// ones are a gap. 0: no limit.
	MaxGap time.Duration
	// MaxPower is the largest plausible reading; one above 1.5 × that, or below
	// 0, is refused. 0 if not known.
	MaxPower Power

	// Missed and Gaps are as in Reading.
	Missed Energy
	Gaps   uint32

	started    bool
	total      Energy
	rest       float64 // below a microjoule, carried on
	power      Power
	before, at time.Time
}

// Add takes the power as read at some instant between before and at, the times
// just before and just after the call that read it (a zero before is at), and
// returns the total up to the second. ok is false if the reading was refused.
func (g *Gauge) Add(p Power, before, at time.Time) (total Energy, ok bool) {
	if p < 0 || g.MaxPower > 0 && p > g.MaxPower+g.MaxPower/2 {
		g.Gaps++
		return g.total, false
	}
	if before.IsZero() || before.After(at) {
		before = at
	}
	d := at.Sub(g.at)
	switch {
	case !g.started:
		g.started = true
	case d <= 0:
		return g.total, true
	case g.MaxGap > 0 && before.Sub(g.at) > g.MaxGap:
		g.Gaps++
		g.Missed = g.Missed.Plus(g.MaxPower.Over(at.Sub(g.before)))
	default:
		x := (float64(g.power)+float64(p))/2*d.Seconds() + g.rest
		whole := math.Floor(x)
		g.rest = x - whole
		g.total = g.total.Plus(Energy(1).Scale(whole)) // MaxEnergy if it does not fit
	}
	g.power, g.before, g.at = p, before, at
	return g.total, true
}

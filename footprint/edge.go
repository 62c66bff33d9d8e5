package footprint

import (
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// An edge is the run so far, at a mark. All amounts only grow, so that the
// difference of two edges is what flowed between them.
type edge struct {
	time    time.Time // of the mark, by the clock of samples
	wall    time.Time
	sampled time.Time // of its reading
	energy  energy.Energy
	// low and high are the bounds so far but for the resolution at the edge
	// itself, which is slack.
	low, high, slack energy.Energy
	grams            regions.Grams
	covered          time.Duration // the sum over the counted components
	counted          int           // how many they are
}

// amount is time, energy and emissions of some part of a run.
type amount struct {
	duration time.Duration
	energy   energy.Energy
	grams    regions.Grams
}

func (p *amount) add(from, to edge) {
	p.duration += to.time.Sub(from.time)
	p.energy = p.energy.Plus(to.energy - from.energy)
	p.grams += to.grams - from.grams
}

// edge gives the run so far.
func (a *Account) edge(s Sample) edge {
	e := edge{time: s.Time, wall: s.Wall, sampled: s.Time}
	for _, t := range a.tracks {
		if !t.component.Counted() {
			continue
		}
		charged, share := a.charged(t)
		e.energy = e.energy.Plus(charged)
		c := t.component
		open := t.good.Edge
		low, high := charged, charged
		if c.Basis == energy.Modelled {
			low, high = charged.Scale(c.BandLow), charged.Scale(c.BandHigh)
			e.covered += t.covered + t.held
		} else {
			high = high.Plus((t.reading.Missed - t.origin.Missed).Scale(share))
			if !a.modelled(t) {
				high = high.Plus(t.reading.MaxPower.Over(t.blind).Scale(share))
			}
			open = open.Plus(t.reading.MaxPower.Over(t.pending)) // it will be counted later
			e.covered += t.covered
		}
		e.low, e.high = e.low.Plus(low), e.high.Plus(high)
		if t.started && (c.Basis == energy.Measured || a.twins(t) == unread) {
			e.slack = e.slack.Plus(open.Scale(share))
		}
		if c.Basis == energy.Measured || !a.hasTwin(t) {
			e.counted++
		}
	}
	e.grams = a.emitted(e.energy)
	last := &a.marks.latest
	last.energy, last.low = max(last.energy, e.energy), max(last.low, e.low)
	last.high, last.grams = max(last.high, e.high), max(last.grams, e.grams)
	e.energy, e.low, e.high, e.grams = last.energy, last.low, last.high, last.grams
	return e
}

// charged gives what the headline takes of a component by now, and the share
// that this is. What is not decided yet is left to a later edge: an amount that
// was charged is never taken back.
func (a *Account) charged(t *track) (energy.Energy, float64) {
	switch {
	case a.Run.Charge != ChargeProcess || !t.known && !t.based:
		return t.energy, 1
	case !t.known:
		return 0, 1
	}
	share := t.share()
	return t.process.Plus((t.energy - t.settled).Scale(share)), share
}

// share is the work's part of what is settled.
func (t *track) share() float64 {
	if t.settled == 0 {
		return 0
	}
	return float64(t.process) / float64(t.settled)
}

// modelled reports whether a model stands in for m.
func (a *Account) modelled(m *track) bool {
	for _, t := range a.tracks {
		if t.component.Basis == energy.Modelled && standsFor(t, m) {
			return true
		}
	}
	return false
}

// most is the greatest energy that the charged components can have used in d.
func (a *Account) most(d time.Duration) (sum energy.Energy) {
	for _, t := range a.tracks {
		if !t.component.Counted() || t.component.Basis == energy.Modelled && a.hasTwin(t) {
			continue
		}
		_, share := a.charged(t)
		sum = sum.Plus(t.reading.MaxPower.Over(d).Scale(share))
	}
	return sum
}

// emitted applies to the first part of the run's energy the intensities that
// were in force: what no part holds yet belongs to the last.
func (a *Account) emitted(total energy.Energy) (g regions.Grams) {
	pue := regions.Grams(max(a.PUE, 1))
	for i, p := range a.parts {
		e := p.machine
		if a.Run.Charge == ChargeProcess {
			e = p.process
		}
		if e = min(e, total); i == len(a.parts)-1 {
			e = total
		}
		total -= e
		g += regions.Grams(e.KilowattHours()) * p.intensity.PerKWh * pue
	}
	return g
}

// peek gives the edge of now without keeping it.
func (a *Account) peek() edge {
	kept := a.marks.latest
	e := a.edge(Sample{Time: a.last.time, Wall: a.last.wall})
	a.marks.latest = kept
	return e
}

package footprint

import (
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// A reach is how far the truth may be from what a track has counted so far: below
// and above it for good, and by the resolution of the readings at both ends. All
// bounds, of lines, totals and stretches, are made of it.
type reach struct {
	below, above energy.Energy
	open         energy.Energy // above it too, unless a later reading covers it
	start, end   energy.Energy
	endless      time.Duration // time that was not seen, and that nothing bounds
}

// machine is the reach of what the component used.
func (a *Account) machine(t *track) reach {
	r := reach{start: t.origin.Edge.Plus(t.atMost(t.lead)), end: (t.good.Edge - t.good.Common).Plus(t.atMost(t.lag))}
	if t.component.Basis == energy.Modelled {
		e, low, high := t.book.all.energy, t.stand.low, t.stand.high
		if t.replaces() {
			high = max(t.greatest().Over(t.covered), e)
		}
		r.below, r.above = max(e-low, 0), max(high-e, 0)
		if t.covered == 0 {
			r.start, r.end = 0, 0
		}
		if len(t.counters) == 0 {
			r.unseen(t)
		}
		return r
	}
	// What is not known of the first reading is in the run's amount, and in no stretch's.
	r.below, r.above = t.good.Common, t.good.Common
	if t.started { // what was refused may still prove to be energy
		r.open = max(t.reading.Missed-t.good.Missed, 0)
	}
	r.unseen(t)
	// Without a limit nothing was missed for sure either.
	if t.reading.MaxPower <= 0 && t.reading.Resets > t.origin.Resets {
		r.endless += t.covered
	}
	return r
}

// unseen adds what the component can have used in the time that was not read.
func (r *reach) unseen(t *track) {
	decided, undecided := t.unseen()
	r.above = r.above.Plus(t.missed)
	if p := t.reading.MaxPower; p > 0 {
		r.above = r.above.Plus(p.Over(decided))
		r.open = r.open.Plus(p.Over(undecided))
	} else {
		r.endless = decided + undecided
	}
}

// atMost is what the component can have used in a short time, such as that between
// the beginning of a sample and its reading, before or after it.
func (t *track) atMost(d time.Duration) energy.Energy {
	return t.mostPower().Over(d.Abs())
}

// mostPower is the most that the component draws, or on average where no limit is known.
func (t *track) mostPower() energy.Power {
	if p := t.reading.MaxPower; p > 0 {
		return p
	}
	return t.book.all.energy.Per(t.covered)
}

// reach is that of what the headline takes of the component.
func (a *Account) reach(t *track) reach {
	r := a.machine(t)
	if a.Run.Charge != ChargeProcess || !t.known && !t.waits {
		return r
	}
	return a.mine(t, r)
}

// mine is the reach of the work's part. Of the band of a model, and of the edges of
// a counter, it takes its share; who used what a counter did not see is not known,
// and may be the work. What is not settled yet may prove to be all or nothing.
func (a *Account) mine(t *track, r reach) reach {
	share, more := a.shareOf(t), t.doubt.more()
	if t.component.Basis == energy.Modelled {
		if all := t.book.all.energy; all > 0 { // what the work may have used more has the band too
			more = more.Plus(r.above.Scale(float64(more) / float64(all)))
		}
		r.below, r.above = r.below.Scale(share), r.above.Scale(share)
	} else { // these are in the doubt
		r.below, r.above = max(r.below-t.good.Common, 0), max(r.above-t.good.Common, 0)
	}
	sum, edge := t.doubt.soFar()
	first, last := t.origin.Edge.Plus(t.good.Common), t.good.Edge-t.good.Common
	r.below, r.above = r.below.Plus(sum), r.above.Plus(sum).Plus(more)
	r.start, r.end = max(r.start-t.origin.Edge, 0), max(r.end-last, 0).Plus(edge)
	if owing := t.book.all.energy - t.book.settled.energy; owing > 0 {
		r.end = r.end.Plus(owing.Scale(max(share, 1-share))).Plus(t.doubt.from(first)).Plus(last)
	}
	return r
}

// bounds applies a reach to an amount. high is nil where there is none.
func (r reach) bounds(e energy.Energy) (low energy.Energy, high *energy.Energy) {
	ends := r.start.Plus(r.end)
	low = max(e-r.below.Plus(ends), 0)
	if r.endless > 0 {
		return low, nil
	}
	return low, new(e.Plus(r.above).Plus(r.open).Plus(ends))
}

// BoundsOf adds up the bounds of the components of a line: those of its kind, basis and
// source, of the whole machine, or of the work's share where that is charged. Both are nil
// where one of them has none, high alone where one has no upper bound.
func (r Report) BoundsOf(of Line) (low, high *energy.Energy) {
	var least, most energy.Energy
	open := false
	for _, l := range r.Components {
		if l.Within != nil || l.Energy == nil || l.Kind != of.Kind || l.Basis != of.Basis || l.Source != of.Source {
			continue
		}
		from, to := l.Low, l.High
		if r.Charge == ChargeProcess {
			from, to = l.ProcessLow, l.ProcessHigh
		}
		if from == nil {
			return nil, nil
		}
		if least = least.Plus(*from); to == nil {
			open = true
		} else {
			most = most.Plus(*to)
		}
	}
	if open {
		return &least, nil
	}
	return &least, &most
}

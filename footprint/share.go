package footprint

import (
	"math"

	"github.com/carbonctl/carbonctl/energy"
)

// settle gives the work its part of all energy whose user is known by now.
func (a *Account) settle(use []energy.Use) {
	for _, t := range a.tracks {
		if t.outcome == open {
			continue
		}
		for i := range use {
			u := &use[i]
			if u.Known && u.Kind == t.component.Kind && (u.ID == "" || u.ID == t.component.ID) {
				a.pay(t, u)
				break
			}
		}
	}
}

func (a *Account) pay(t *track, u *energy.Use) {
	before := t.use
	span := Span{
		Component: t.component, Energy: t.book.all.energy - t.book.settled.energy,
		Mine: u.Mine - t.use.Mine, All: u.All - t.use.All, Capacity: u.Capacity - t.use.Capacity,
	}
	t.use = *u
	if !t.based {
		t.based = true
		return
	}
	t.known = true
	policy := a.Policy
	if policy == nil {
		policy = BusyShare
	}
	share := clamp(policy(span))
	for ; t.from < len(t.parts); t.from++ {
		b := &t.parts[t.from]
		owing := b.all.minus(b.settled)
		mine := owing.scale(share)
		b.settled = b.all
		b.mine.add(mine)
		t.book.settled.add(owing)
		t.book.mine.add(mine)
	}
	t.from = max(len(t.parts)-1, 0)
	mineEdge, allEdge := max(u.MineEdge, before.MineEdge), max(u.AllEdge, before.AllEdge)
	if a.Policy == nil {
		t.doubt.add(span, mineEdge, allEdge)
	} else {
		t.doubt.try(span, a.Policy, mineEdge, allEdge)
	}
}

// charge is what the headline takes of a booking of t. This is the one rule, for a
// run and for each of its stretches and intensities: all of it, or the work's part,
// by which energy whose user is not known yet goes as what is known; where no user
// was ever known, all.
func (a *Account) charge(t *track, b booking) flow {
	if a.Run.Charge != ChargeProcess || !t.known {
		return b.all
	}
	return t.work(b)
}

// work is the work's part of a booking.
func (t *track) work(b booking) flow {
	f := b.mine
	f.add(b.all.minus(b.settled).scale(t.share()))
	return f
}

// share is the work's part of what is settled.
func (t *track) share() float64 {
	if t.book.settled.energy == 0 {
		return 0
	}
	return float64(t.book.mine.energy) / float64(t.book.settled.energy)
}

func clamp(x float64) float64 {
	if math.IsNaN(x) || x < 0 {
		return 0
	}
	return min(x, 1)
}

// doubt bounds by how much the work's part may be off for the resolution of the
// clocks behind it. The reading of a clock that is off by ε moves time from one
// span to the next, so that only the difference of what a unit of time is worth in
// the two counts, and its whole worth at the first and the last edge: the bound of a
// long run does not add up over its spans. Second-order terms are added where they
// belong.
type doubt struct {
	sum  float64 // µJ, without the last edge
	last float64 // of the last edge
	mine float64 // what a unit of the work's time was worth in the latest span, in µJ,
	all  float64 // and one of everybody's
}

// add takes a span that BusyShare has divided.
func (d *doubt) add(s Span, mineEdge, allEdge float64) {
	e, mine := float64(s.Energy), max(s.Mine, 0)
	all := max(mine, s.All)
	if mineEdge <= 0 && allEdge <= 0 {
		d.sum += d.last
		*d = doubt{sum: d.sum}
		return
	}
	least := all - 2*allEdge
	second := math.Inf(1)
	if least > 0 {
		second = e / (least * least) * (4*mineEdge*allEdge + (mine+2*mineEdge)/least*4*allEdge*allEdge)
	}
	if second >= e { // the clocks show nothing of so short a span: it may be all or nothing
		d.sum += d.last + e
		*d = doubt{sum: d.sum}
		return
	}
	worth, everybody := e/all, e*mine/(all*all)
	d.sum += math.Abs(worth-d.mine)*mineEdge + math.Abs(everybody-d.all)*allEdge + second
	d.mine, d.all = worth, everybody
	d.last = worth*mineEdge + everybody*allEdge
}

// try takes a span that a caller's own policy has divided: what it says where the
// clocks are off both ways bounds the span by itself.
func (d *doubt) try(s Span, policy Policy, mineEdge, allEdge float64) {
	if mineEdge <= 0 && allEdge <= 0 {
		return
	}
	share, off := clamp(policy(s)), 0.0
	for _, sign := range []float64{-2, 2} {
		moved := s
		moved.Mine, moved.All = max(s.Mine+sign*mineEdge, 0), max(s.All-sign*allEdge, 0)
		off = max(off, math.Abs(clamp(policy(moved))-share))
	}
	d.sum += off * float64(s.Energy)
}

// soFar is the bound of what was settled, edge the part of it that is the latest
// edge's own.
func (d *doubt) soFar() (sum, edge energy.Energy) {
	return energy.Microjoule.Scale(math.Ceil(d.sum)), energy.Microjoule.Scale(math.Ceil(d.last))
}

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
	sampled time.Time // of its readings
	point
	covered time.Duration // the sum over the counted components
	counted int           // how many they are
	parts   []point       // by track; kept of stretches that are open
}

// A point is what was charged up to an edge, and how far that may be off.
type point struct {
	energy       energy.Energy
	grams        regions.Grams
	below, above energy.Energy // but for what is the edge's own:
	less, more   energy.Energy
	owed         energy.Energy // what flowed before the edge and may be counted after it
	// still is what of more counters that stand still may have missed since they moved, and
	// rate the most that their components draw.
	still   energy.Energy
	rate    energy.Power
	endless time.Duration
}

func (p *point) add(o point) {
	p.energy = p.energy.Plus(o.energy)
	p.grams += o.grams
	p.below, p.above = p.below.Plus(o.below), p.above.Plus(o.above)
	p.less, p.more = p.less.Plus(o.less), p.more.Plus(o.more)
	p.owed = p.owed.Plus(o.owed)
	p.still, p.rate = p.still.Plus(o.still), p.rate+o.rate
	p.endless += o.endless
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

// edge gives the run up to late before the latest sample. Each component stands
// where it was at that instant: between its readings before and after it by time,
// and that error in the edge's own bounds. With parts it says so of each component too.
func (a *Account) edge(late time.Duration, parts bool) edge {
	e := edge{time: a.last.time.Add(-late), wall: a.last.wall.Add(-late), sampled: a.last.time}
	if parts {
		e.parts = make([]point, len(a.tracks))
	}
	for i, t := range a.tracks {
		if !a.counts(t) {
			continue
		}
		p := a.point(t, e.time)
		e.add(p)
		if parts {
			e.parts[i] = p
		}
		if t.component.Basis == energy.Modelled {
			e.covered += t.covered + t.stand.held
		} else if e.covered += t.covered; t.unmoved {
			e.covered += t.pending
		}
		if t.component.Basis == energy.Measured || len(t.counters) == 0 {
			e.counted++
		}
	}
	last := &a.marks.latest
	// What edges hold does not fall, also where a component proves to be within another:
	// the truth is then that much below.
	e.less = e.less.Plus(max(last.energy-e.energy, 0))
	last.energy, last.grams = max(last.energy, e.energy), max(last.grams, e.grams)
	e.energy, e.grams = last.energy, last.grams
	return e
}

// point gives one component at an instant.
func (a *Account) point(t *track, at time.Time) point {
	if a.Run.Charge == ChargeProcess && t.based && !t.known && !t.waits {
		// Whose it was is not decided yet: it is left to a later edge, and may be the work's.
		r := a.machine(t)
		most := t.book.all.energy.Plus(r.above).Plus(r.open).Plus(r.start).Plus(r.end)
		if late := at.Sub(t.good.Time); t.started && late > 0 {
			most = most.Plus(t.atMost(late))
		}
		return point{more: most, endless: r.endless}
	}
	pue := a.pue()
	now, was := a.charge(t, t.book), a.charge(t, t.was)
	r := a.reach(t)
	p := point{
		energy: now.energy, grams: regions.Grams(now.grams * pue),
		below: r.below.Plus(r.start), above: r.above.Plus(r.start), less: r.end, more: r.end, endless: r.endless,
	}
	if !t.started {
		p.less, p.more = 0, 0
		return p
	}
	if t.component.Basis == energy.Modelled && t.covered == 0 {
		return p
	}
	if t.unmoved { // it may prove to stand still since then
		p.still, p.rate = t.atMost(t.pending), t.mostPower()
		p.more = p.more.Plus(p.still)
	}
	back := t.good.Time.Sub(at)
	if back > 0 || at.Before(a.last.time) { // what was missed since the sample before may belong after it
		p.less = p.less.Plus(max(r.above-t.then.above, 0))
	}
	if back < 0 { // read before it: what flowed since counts later
		if t.component.Basis == energy.Measured {
			// What a reading showed and was refused for may be more than the limit allows.
			refused := max(t.reading.Missed-t.good.Missed, 0)
			p.more = p.more.Plus(max(t.atMost(min(-back, t.pending)), refused))
			if t.lost && (t.model == nil || t.model.covered == t.modelThen) { // it may come back with all of it
				p.owed = t.atMost(-back)
			}
		}
		return p
	}
	if t.wasAt.IsZero() || back == 0 {
		return p
	}
	length := t.good.Time.Sub(t.wasAt)
	if back > length { // before the reading before, too
		p.less = p.less.Plus(t.atMost(back - max(length, 0)))
	}
	if length <= 0 {
		return p
	}
	// What flowed after the edge is in the reading: between nothing and all, and no
	// more than the component can use in that time.
	flowed := now.minus(was)
	part := min(float64(back)/float64(length), 1)
	most := flowed.energy
	if t.reading.MaxPower > 0 {
		most = min(most, t.reading.MaxPower.Over(back))
	}
	after := flowed.scale(part)
	if after.energy > most {
		after = flowed.scale(float64(most) / float64(flowed.energy))
	}
	p.energy, p.grams = p.energy-after.energy, p.grams-regions.Grams(after.grams*pue)
	p.more, p.less = p.more.Plus(after.energy), p.less.Plus(most-after.energy)
	return p
}

// peek gives the edge of now without keeping it.
func (a *Account) peek() edge {
	kept := a.marks.latest
	e := a.edge(0, false)
	a.marks.latest = kept
	return e
}

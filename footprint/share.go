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

// resolved is how much more time than the clocks may be off has to pass for a share
// to be taken: what a run settles is then known to some parts in a hundred, and what
// is left of it at the end goes by what there is.
const resolved = 25

// pay takes how much a component was used. Shares are taken over so much time that
// the clocks can tell.
func (a *Account) pay(t *track, u *energy.Use) {
	if !t.based {
		t.based, t.use, t.doubt.base = true, *u, u.AllEdge
		return
	}
	open := u.Open || t.waits && t.next.Open
	t.next, t.waits = *u, true
	t.next.Open = open
	used := max(u.Mine-t.use.Mine, u.All-t.use.All)
	if a.Policy == nil && used < resolved*max(u.MineEdge, t.use.MineEdge, t.doubt.base) {
		return
	}
	a.share(t)
}

// owing is the span whose user is not settled.
func (t *track) owing() Span {
	return Span{
		Component: t.component, Energy: t.book.all.energy - t.book.settled.energy,
		Mine: t.next.Mine - t.use.Mine, All: t.next.All - t.use.All, Capacity: t.next.Capacity - t.use.Capacity,
	}
}

// share settles what was used up to the latest Use.
func (a *Account) share(t *track) {
	span := t.owing()
	share := a.part(span)
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
	if t.next.Open {
		t.doubt.unseen += float64(span.Energy) * (1 - share)
	}
	var off float64
	if a.Policy == nil {
		off = t.doubt.add(span, t.use, t.next)
	} else {
		off = t.doubt.try(span, t.use, t.next, a.Policy)
	}
	t.doubt.counter(share, off, t.origin.Edge.Plus(t.good.Common), t.good.Edge-t.good.Common)
	t.use, t.known, t.waits = t.next, true, false
}

// part is the work's part of a span, by the policy.
func (a *Account) part(s Span) float64 {
	if a.Policy != nil {
		return clamp(a.Policy(s))
	}
	return clamp(BusyShare(s))
}

// charge is what the headline takes of a booking of t. This is the one rule, for a
// run and for each of its stretches and intensities: all of it, or the work's part,
// by which energy whose user is not settled yet goes as what is; where no user was
// ever known, all.
func (a *Account) charge(t *track, b booking) flow {
	if a.Run.Charge != ChargeProcess || !t.known && !t.waits {
		return b.all
	}
	return a.work(t, b)
}

// work is the work's part of a booking.
func (a *Account) work(t *track, b booking) flow {
	f := b.mine
	f.add(b.all.minus(b.settled).scale(a.shareOf(t)))
	return f
}

// shareOf is the work's part of what is settled, and before anything is, of what is
// to be.
func (a *Account) shareOf(t *track) float64 {
	if t.book.settled.energy > 0 {
		return float64(t.book.mine.energy) / float64(t.book.settled.energy)
	}
	if t.waits {
		return a.part(t.owing())
	}
	return 0
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
// long run does not add up over its spans. What a clock that samples drifts beyond
// that (its edge then grows with time) is chance, and adds up by its squares.
// Second-order terms are added where they belong.
type doubt struct {
	base   float64 // the edge of the first reading of everybody's clock
	sum    float64 // µJ, without the last edge
	square float64 // of chance
	last   float64 // of the last edge
	unseen float64 // µJ that others are charged for and the work may have used
	mine   float64 // what a unit of the work's time was worth in the latest span, in µJ,
	all    float64 // and one of everybody's

	idle  float64 // µJ of spans in which nobody was seen to use the component,
	idles float64 // how many those are,
	seen  float64 // and how many uses came after one
	empty bool    // the latest was one

	counted bool          // settled at least once; then, of the latest span,
	edge    energy.Energy // the counter's edge at its end,
	part    float64       // the work's part of it
	off     float64       // and how far that may be off
}

// drift is by how much everybody's clock may have moved by chance in a span.
func (d *doubt) drift(from, to energy.Use) float64 {
	a, b := from.AllEdge-d.base, to.AllEdge-d.base
	return math.Sqrt(max(b*b-a*a, 0))
}

// add takes a span that BusyShare has divided, and returns how far the share may be
// off.
func (d *doubt) add(s Span, from, to energy.Use) (off float64) {
	if s.Mine <= 0 && s.All <= 0 && s.Capacity > 0 && max(from.MineEdge, to.MineEdge, from.AllEdge, to.AllEdge) == 0 {
		return d.nobody(float64(s.Energy))
	}
	if d.empty {
		d.empty = false
		d.seen++
	}
	e, mine := float64(s.Energy), max(s.Mine, 0)
	all := max(mine, s.All)
	edge, drift := max(from.MineEdge, to.MineEdge), d.drift(from, to)
	least := all - 2*d.base - drift
	second := math.Inf(1)
	if least > 0 {
		second = e / (least * least) * (4*edge*d.base + (mine+2*edge)/least*(4*d.base*d.base+drift*drift/4))
	}
	if second >= e { // the clocks show nothing of so short a span: it may be all or nothing
		d.sum += d.last + e
		d.last, d.mine, d.all = 0, 0, 0
		return 1
	}
	worth, everybody := e/all, e*mine/(all*all)
	d.sum += math.Abs(worth-d.mine)*edge + math.Abs(everybody-d.all)*d.base + second
	d.square += everybody * drift * everybody * drift
	d.mine, d.all = worth, everybody
	d.last = worth*edge + everybody*d.base
	return min((2*edge+mine/all*(2*d.base+drift))/least, 1)
}

// nobody takes a span in which those who know saw nobody use the component.
func (d *doubt) nobody(e float64) (off float64) {
	d.sum += d.last
	d.last, d.mine, d.all, d.empty = 0, 0, 0, true
	d.idle, d.idles = d.idle+e, d.idles+1
	return d.missed()
}

// missed is the part of the spans without a user that may have had one: those who know
// look now and then. Where they never saw one there may be three, 19 times in 20 (the
// rule of three), and where short uses came by chance, n of which were seen, 2√n more
// or less than that.
func (d *doubt) missed() float64 {
	if d.idles == 0 {
		return 0
	}
	return min((3+2*math.Sqrt(d.seen))/d.idles, 1)
}

// counter takes what the edges of the counter itself mean for the work's part. What
// moves over an edge leaves one span for the next, so that only the difference of
// their shares counts, and at the first and the last edge the share itself.
func (d *doubt) counter(share, off float64, first, edge energy.Energy) {
	from, moved := d.from(first), min(math.Abs(share-d.part)+off+d.off, 1)
	d.sum += moved * float64(from)
	d.counted, d.edge, d.part, d.off = true, edge, share, off
}

// from is the edge of the counter up to which all is settled.
func (d *doubt) from(first energy.Energy) energy.Energy {
	if d.counted {
		return d.edge
	}
	return first
}

// try takes a span that a caller's own policy has divided: what it says where the
// clocks are off both ways bounds the span by itself.
func (d *doubt) try(s Span, from, to energy.Use, policy Policy) (most float64) {
	edge, off := 2*max(from.MineEdge, to.MineEdge), 2*d.base+d.drift(from, to)
	if edge <= 0 && off <= 0 {
		return 0
	}
	share := clamp(policy(s))
	for _, sign := range []float64{-1, 1} {
		moved := s
		moved.Mine, moved.All = max(s.Mine+sign*edge, 0), max(s.All-sign*off, 0)
		most = max(most, math.Abs(clamp(policy(moved))-share))
	}
	d.sum += most * float64(s.Energy)
	return most
}

// more is how much more the work may have used than is known, by what was not seen of it.
func (d *doubt) more() energy.Energy { return energy.Microjoule.Scale(math.Ceil(d.unseen)) }

// soFar is the bound of what was settled, edge the part of it that is the latest
// edge's own.
func (d *doubt) soFar() (sum, edge energy.Energy) {
	last := d.last + min(d.part+d.off, 1)*float64(d.edge)
	last += d.idle * d.missed()
	return energy.Microjoule.Scale(math.Ceil(d.sum + math.Sqrt(d.square))), energy.Microjoule.Scale(math.Ceil(last))
}

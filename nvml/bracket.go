package nvml

import (
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// A bracket holds the energy since the first reading between two bounds. A
// counter that moves in ticks shows what had flowed at the last one; what has
// flowed since, and what had before the first reading, is power × time. Both are
// spans, which each look narrows: a tick soon after the first reading tells what
// flowed before it.
type bracket struct {
	begun bool
	from  time.Time
	at    time.Time
	total span    // the energy since begin
	ahead span    // the same, less the counter as if it did not tick
	guess float64 // the likeliest ahead
	best  float64 // the likeliest total
	// base is the guess when the counter had moved for the first time: what it is off
	// by is common to all later totals. based is false before, and once the counter
	// has begun again.
	base   float64
	based  bool
	lost   float64 // what was said to be common until then
	common float64 // the latest
}

// near is for how long a power that was just seen bounds that of the time around.
const near = 150 * time.Millisecond

// snapshot is what a look has shown: the counter at its last tick, in joules, how
// long ago that was, and the power since.
type snapshot struct {
	at          time.Time
	counted     float64
	least, most time.Duration // since the tick
	power       span
	likely      float64 // watts
	ticked      bool    // the counter has moved since the look before
}

// now is the counter as if it did not tick.
func (l snapshot) now() (s span, likely float64) {
	since := l.power.over(l.least, l.most)
	return span{l.counted, l.counted}.plus(since), since.clamp(l.likely*((l.least+l.most)/2).Seconds()) + l.counted
}

// begin makes this the origin: what is not known of it goes to later readings.
func (b *bracket) begin(l snapshot) {
	s, likely := l.now()
	*b = bracket{begun: true, from: l.at, at: l.at, ahead: span{}.minus(s), guess: -likely}
}

// look takes what a later look has shown; highest is what the power can be at the
// most.
func (b *bracket) look(l snapshot, highest energy.Power) {
	d := l.at.Sub(b.at)
	s, likely := l.now()
	since := span{0, highest.Watts()}
	if d <= near {
		since = l.power
	}
	flowed := b.total.plus(since.over(d, d))
	if ahead, ok := b.ahead.meet(flowed.minus(s)); ok {
		b.ahead = ahead
		b.guess = ahead.clamp(b.guess)
	}
	b.total = b.ahead.plus(s)
	if both, ok := b.total.meet(flowed); ok {
		b.total = both
	}
	if d <= near && !l.ticked {
		b.best = b.total.clamp(b.best + l.likely*d.Seconds())
		b.guess = b.ahead.clamp(b.best - likely)
	} else {
		b.best = b.total.clamp(b.guess + likely)
	}
	b.at = l.at
}

// bounds are those of the total. As long as the counter has not moved they are
// what the GPU can use at all, since nothing was measured yet.
func (b *bracket) bounds(highest energy.Power, moved bool) span {
	if moved {
		return b.total
	}
	return span{min(b.total.lo, 0), max(b.total.hi, highest.Over(b.at.Sub(b.from)).Joules())}
}

// settle fixes the origin, once the counter has moved.
func (b *bracket) settle() {
	if !b.based && b.lost == 0 {
		b.base, b.based = b.guess, true
	}
}

// edge is how far a total may be off that is shown for a time so much before the
// latest look, by what flowed since, and how much of that is common.
func (b *bracket) edge(total float64, l snapshot, flowed span, highest energy.Power, moved bool) (edge, common float64) {
	bounds := b.bounds(highest, moved).minus(flowed)
	edge = max(bounds.hi-total, total-bounds.lo, 0) + b.lost
	if b.based {
		s, _ := l.now()
		s = s.minus(flowed)
		x := total - b.base
		b.common = max(edge-max(x-s.lo, s.hi-x, 0), 0)
	}
	return edge, b.common
}

// restart goes on from a counter that has begun again, which is sure of so much.
func (b *bracket) restart(l snapshot, sure float64) {
	b.based, b.lost, b.common = false, b.lost+b.common, 0
	s, likely := l.now()
	b.total = span{b.total.lo + sure, b.total.hi + sure + s.hi - l.counted}
	b.best = b.total.clamp(b.best + sure)
	b.ahead, b.guess, b.at = b.total.minus(s), b.best-likely, l.at
}

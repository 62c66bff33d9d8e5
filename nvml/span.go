package nvml

import (
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// A span is what an amount lies between, in watts or joules.
type span struct{ lo, hi float64 }

func (s span) plus(o span) span  { return span{s.lo + o.lo, s.hi + o.hi} }
func (s span) minus(o span) span { return span{s.lo - o.hi, s.hi - o.lo} }

// over is the energy of a power for a time between two.
func (s span) over(least, most time.Duration) span {
	return span{s.lo * least.Seconds(), s.hi * most.Seconds()}
}

// meet is what both allow; ok is false if that is nothing.
func (s span) meet(o span) (both span, ok bool) {
	both = span{max(s.lo, o.lo), min(s.hi, o.hi)}
	return both, both.lo <= both.hi
}

func (s span) clamp(x float64) float64 { return min(max(x, s.lo), s.hi) }

// A recent keeps what power was seen in the last second or two.
type recent struct {
	any    bool
	likely float64   // watts now
	exact  bool      // likely was read, and is no mean of ours
	smooth bool      // what is read is the mean of a second
	since  time.Time // when now began
	now    span
	before span
}

// remember is how long recent powers are kept, at least.
const remember = time.Second

func (r *recent) add(p energy.Power, at time.Time) {
	r.note(p.Watts(), at)
	r.likely, r.exact = p.Watts(), true
}

// mean notes a mean over some time that is over, unless it is too unsure: where
// the power is read, only what differs from that for sure is of use.
func (r *recent) mean(p energy.Power, unsure float64, at time.Time) {
	switch {
	case r.exact && unsure <= unsteady/2:
		r.note(p.Watts(), at)
	case !r.exact && unsure <= 0.1:
		r.likely = p.Watts()
	}
}

func (r *recent) note(w float64, at time.Time) {
	switch d := at.Sub(r.since); {
	case !r.any || d >= 2*remember:
		r.any, r.since = true, at
		r.now = span{w, w}
		r.before = r.now
	case d >= remember:
		r.before, r.now, r.since = r.now, span{w, w}, at
	}
	r.now = span{min(r.now.lo, w), max(r.now.hi, w)}
}

// unsteady is how much of a steady power may be noise.
const unsteady = 0.03

// span is what the power can be now, between 0 and the highest: as it was seen
// lately, and what differed then by so much may differ by three times as much, and
// by six times where means were seen. A mean of ours bounds nothing.
func (r *recent) span(highest energy.Power) span {
	if !r.exact {
		return span{0, highest.Watts()}
	}
	seen := span{min(r.now.lo, r.before.lo), max(r.now.hi, r.before.hi)}
	times := 3.
	if r.smooth {
		times = 6
	}
	more := times*(seen.hi-seen.lo) + unsteady*r.likely
	return span{max(0, seen.lo-more), max(min(seen.hi+more, highest.Watts()), seen.hi)}
}

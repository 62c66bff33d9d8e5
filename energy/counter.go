package energy

import (
	"math"
	"time"
)

// Wrap makes a total that never falls from a counter that starts again at 0
// when it reaches Range. Set Range and MaxPower before the first Add. It is for
// one goroutine at a time.
//
// A counter that falls has wrapped if it would then have stayed within
// MaxPower, and has been reset otherwise; a jump beyond MaxPower is refused
// until a second reading confirms it. What may have been missed is added up in
// Missed: the truth lies between the total and the total plus Missed, up to the
// resolution of the counter, as long as the component stays within Limit. Only a
// reset that looks like a wrap, or that the counter has caught up with by the
// next reading, cannot be seen.
type Wrap struct {
	// Range is the modulus of the counter: its largest value plus one step. 0 if
	// not known: every fall is then a reset.
	Range Energy
	// MaxPower is the largest plausible power. 0 if not known: nothing is then
	// refused, every fall with a Range is a wrap, and Missed stays 0.
	MaxPower Power

	// Missed, Wraps, Resets and Gaps are as in Reading.
	Missed              Energy
	Wraps, Resets, Gaps uint32

	started bool
	total   Energy
	last    Energy    // the counter at the last reading that was accepted
	at      time.Time // and when that was
	moved   time.Time // when it was last seen to move
	doubt   bool      // the reading after it was refused:
	refused Energy
	when    time.Time
	broken  bool          // it may have started again since the last reading
	slept   time.Duration // and the machine slept that long since
}

// slack is the time for which MaxPower is allowed on top of the time between
// two readings: counters move in steps (RAPL about every millisecond), so that
// two readings close to each other may be one step apart.
const slack = 10 * time.Millisecond

// hold is the longest time for which a counter may keep energy back before it
// moves by all of it: about 100 ms for NVIDIA GPUs, and a second for one in whole
// joules at a watt. One that stood still is allowed to catch up that much.
const hold = time.Second

// margin is how far above MaxPower × time a difference may lie, as a fraction:
// firmware power limits are averages, and turbo passes them.
const margin = 0.25

// Limit returns the most energy that a component of greatest power p can
// plausibly have used between two readings that lie d apart.
func Limit(p Power, d time.Duration) Energy {
	if d < 0 {
		d = 0
	}
	e := p.Over(d)
	return e.Plus(e.Scale(margin)).Plus(p.Over(slack))
}

// Add takes the counter as read at a time and returns the total so far. The
// first call sets the origin, 0. ok is false if the reading was refused as
// implausible: the total is then the one before.
func (w *Wrap) Add(raw Energy, at time.Time) (total Energy, ok bool) {
	if !w.started {
		w.started, w.last, w.at, w.moved = true, raw, at, at
		w.broken, w.slept = false, 0
		return 0, true
	}
	d := at.Sub(w.at)
	most := Limit(w.MaxPower, d+max(0, min(w.at.Sub(w.moved), hold)))
	if w.broken {
		w.again(raw, at, most)
		return w.total, true
	}
	delta, wrapped := raw-w.last, false
	if delta < 0 && w.Range > w.last {
		delta, wrapped = w.Range-w.last+raw, true
	}
	switch {
	case delta >= 0 && (w.MaxPower <= 0 || delta <= most):
		if wrapped {
			w.Wraps++
		}
		if w.Range > 0 && w.MaxPower > 0 && most-delta >= w.Range {
			w.Gaps++ // it may have wrapped once more, unseen
			w.miss(most, delta)
		}
		w.accept(raw, at, delta)
		return w.total, true
	case raw < w.last:
		w.reset(raw, at, most)
		return w.total, true
	case w.doubt && raw >= w.refused && raw-w.refused <= Limit(w.MaxPower, at.Sub(w.when)):
		// The counter was right twice: it did jump. What it counted since is
		// sure, the jump itself is not.
		w.Resets++
		sure := raw - w.refused
		w.miss(most, sure)
		w.accept(raw, at, sure)
		return w.total, true
	}
	w.Gaps++
	w.doubt, w.refused, w.when = true, raw, at
	return w.total, false
}

// Break says that the counter may have started again since the last Add: the
// machine slept for so long, which the monotonic clock does not count, or the
// counter had gone (0). A fall is then a reset and no wrap. While the machine
// sleeps a component is taken to draw next to nothing: what a counter that goes
// on shows of it is added, and Missed has none of it.
func (w *Wrap) Break(slept time.Duration) {
	w.broken = true
	w.slept += slept
}

// again takes the first reading after a Break. most is what can have flowed
// since the last one while the machine was awake.
func (w *Wrap) again(raw Energy, at time.Time, most Energy) {
	delta := raw - w.last
	switch {
	case w.MaxPower <= 0 && delta >= 0:
		w.accept(raw, at, delta)
	case delta < 0:
		w.reset(raw, at, most)
	case delta > most.Plus(Limit(w.MaxPower, w.slept)):
		w.Resets++ // it counts from somewhere else now
		w.Gaps++
		w.miss(most, 0)
		w.accept(raw, at, 0)
	case raw > most:
		w.accept(raw, at, delta) // too high to have started again at 0
	default:
		w.Gaps++
		w.miss(most, delta)
		w.accept(raw, at, delta)
	}
}

// reset takes a counter that fell and did not wrap. What it shows since it
// started again is a lower bound, if that much is plausible.
func (w *Wrap) reset(raw Energy, at time.Time, most Energy) {
	w.Resets++
	w.Gaps++
	sure := raw
	if w.MaxPower > 0 && raw > most {
		sure = 0 // it did not start again at 0: nothing it shows is sure
	}
	w.miss(most, sure)
	w.accept(raw, at, sure)
}

// miss notes that up to most has flowed, of which seen was counted.
func (w *Wrap) miss(most, seen Energy) {
	if w.MaxPower > 0 && most > seen {
		w.Missed = w.Missed.Plus(most - seen)
	}
}

func (w *Wrap) accept(raw Energy, at time.Time, delta Energy) {
	w.total = w.total.Plus(delta)
	if raw != w.last {
		w.moved = at
	}
	w.last, w.at, w.doubt = raw, at, false
	w.broken, w.slept = false, 0
}

// Fail counts a read that did not succeed.
func (w *Wrap) Fail() { w.Gaps++ }

// Total returns the total so far.
func (w *Wrap) Total() Energy { return w.total }

// Last returns the counter as last accepted and when that was.
func (w *Wrap) Last() (raw Energy, at time.Time) { return w.last, w.at }

// Gauge makes a total that never falls from a sensor that only shows power. It
// takes the power between two readings as the mean of both. It is for one
// goroutine at a time.
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

	started bool
	total   Energy
	rest    float64 // below a microjoule, carried on
	power   Power
	at      time.Time
}

// Add takes the power as read at a time and returns the total so far. ok is
// false if the reading was refused.
func (g *Gauge) Add(p Power, at time.Time) (total Energy, ok bool) {
	if p < 0 || g.MaxPower > 0 && p > g.MaxPower+g.MaxPower/2 {
		g.Gaps++
		return g.total, false
	}
	d := at.Sub(g.at)
	switch {
	case !g.started:
		g.started = true
	case d <= 0:
		return g.total, true
	case g.MaxGap > 0 && d > g.MaxGap:
		g.Gaps++
		g.Missed = g.Missed.Plus(g.MaxPower.Over(d))
	default:
		x := (float64(g.power)+float64(p))/2*d.Seconds() + g.rest
		whole := math.Floor(x)
		g.rest = x - whole
		g.total = g.total.Plus(Energy(1).Scale(whole)) // MaxEnergy if it does not fit
	}
	g.power, g.at = p, at
	return g.total, true
}

package energy

import "time"

// Wrap makes a total that never falls from a counter that starts again at 0
// when it reaches Range. Set its first fields before the first Add. It is for
// one goroutine at a time.
//
// Each reading after the first is one of four things, judged by the energy that
// the component can have used between the instant before the last accepted
// reading and the instant after this one:
//
//   - accepted, if the counter rose by no more than that;
//   - a wrap, if it fell and would then have risen by no more than that;
//   - a reset, if it fell otherwise: what it shows since is added, and what may
//     be missing goes into Missed;
//   - doubted, if it rose by more. It is refused. If the next reading is back
//     where it should be, it was a glitch and cost nothing. If the next one goes
//     on from there, the counter has jumped, and goes on from there. Three
//     readings that show a power that a raised limit could explain (see Ceiling)
//     are believed: MaxPower is raised, and only what the first of them showed
//     stays in Missed.
//
// The truth lies between the total and the total plus Missed, up to the
// resolution of the counter, as long as the component stays within MaxPower or
// has shown that it does not. Only a reset that looks like a wrap, or that the
// counter has caught up with by the next reading, cannot be seen.
type Wrap struct {
	// Range is the modulus of the counter: its largest value plus one step. 0 if
	// not known: every fall is then a reset.
	Range Energy
	// MaxPower is the largest plausible power. It rises when readings prove it
	// too low. 0 if not known: nothing is then refused, every fall with a Range
	// is a wrap, and Missed stays 0.
	MaxPower Power
	// Limit, if not nil, is asked for the largest plausible power of now when a
	// reading is to be doubted: somebody may have raised a power limit. A smaller
	// value than MaxPower changes nothing.
	Limit func() Power

	// Missed, Wraps, Resets and Gaps are as in Reading.
	Missed              Energy
	Wraps, Resets, Gaps uint32

	started   bool
	total     Energy
	last      shown     // the last reading that was accepted
	moved     time.Time // when the counter was last seen to move, at the earliest
	ceiling   Power
	missed    Energy // Missed without what is in doubt
	doubt     doubt
	suspended bool          // it may have started again since the last reading
	slept     time.Duration // and the machine slept that long since
}

// shown is a counter as read at some instant between two times.
type shown struct {
	raw        Energy
	before, at time.Time
}

// doubt is what is known of readings above the limit.
type doubt struct {
	open        bool  // the last reading was refused
	first, last shown // of the readings refused since one was accepted
	believable  bool  // the first rose no more than Ceiling allows
	count       int   // readings above the limit and below Ceiling, since one was disproved
	rate        Power // the greatest power that they prove
}

// enough is how many readings above MaxPower prove it to be too low.
const enough = 3

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

// Ceiling returns the power that a component of greatest plausible power p can
// draw at the very most, whatever limit is set while it is watched: eight times
// p, as of a processor of 400 W that was held to 50, but 2 kW at most unless
// that is less than twice p. What a counter shows beyond it was never energy.
func Ceiling(p Power) Power {
	return max(times(p, 2), min(times(p, 8), 2*Kilowatt))
}

func times(p Power, n float64) Power { return Power(Energy(p).Scale(n)) }

// Add takes the counter as read at some instant between before and at, the times
// just before and just after the call that read it (a zero before is at), and
// returns the total so far. The first call sets the origin, 0. ok is false if the
// reading was refused as implausible: the total is then the one before.
func (w *Wrap) Add(raw Energy, before, at time.Time) (total Energy, ok bool) {
	if before.IsZero() || before.After(at) {
		before = at
	}
	now := shown{raw, before, at}
	if !w.started {
		w.started, w.last, w.moved = true, now, before
		w.suspended, w.slept = false, 0
		w.ceiling = Ceiling(w.MaxPower)
		return 0, true
	}
	rise, wrapped := w.rise(raw)
	if !w.suspended && w.MaxPower > 0 && rise > w.most(w.MaxPower, now) && !w.doubt.open {
		w.ask()
	}
	most := w.most(w.MaxPower, now)
	switch {
	case w.suspended:
		w.afterSuspend(now, most)
	case rise >= 0 && (w.MaxPower <= 0 || rise <= most):
		w.forward(now, rise, wrapped, most)
	case raw < w.last.raw:
		w.reset(now, most)
	case !w.question(now):
		w.Missed = w.missed.Plus(w.inDoubt())
		return w.total, false
	}
	w.Missed = w.missed
	return w.total, true
}

// rise returns by how much the counter went up since the last accepted reading,
// by way of its end if it shows less now: below 0 if that cannot be.
func (w *Wrap) rise(raw Energy) (rise Energy, wrapped bool) {
	if raw < w.last.raw && w.Range > w.last.raw {
		return w.Range - w.last.raw + raw, true
	}
	return raw - w.last.raw, false
}

// most is the greatest energy that can have been added by a reading since the
// last accepted one: that of the time between, and what a counter that stood
// still may have kept back.
func (w *Wrap) most(p Power, now shown) Energy {
	from := w.last.before
	if still := from.Sub(w.moved); still > 0 {
		from = from.Add(-min(still, hold))
	}
	return Limit(p, now.at.Sub(from))
}

// forward takes a counter that went up, or past its end.
func (w *Wrap) forward(now shown, rise Energy, wrapped bool, most Energy) {
	if wrapped {
		w.Wraps++
	}
	if w.Range > 0 && w.MaxPower > 0 && most-rise >= w.Range {
		w.Gaps++ // it may have wrapped once more, unseen
		w.miss(most, rise)
	}
	w.disprove()
	w.accept(now, rise)
}

// question decides on a reading that rose by more than MaxPower allows, and
// reports whether it was accepted.
func (w *Wrap) question(now shown) bool {
	d := &w.doubt
	from, believable := w.last, now.raw-w.last.raw <= w.most(w.ceiling, now)
	step := now.raw - from.raw
	if d.open {
		from, step = d.last, now.raw-d.last.raw
		since := now.at.Sub(from.before)
		if step >= 0 && step <= Limit(w.MaxPower, since) {
			w.jumped(now) // the counter was right twice
			return true
		}
		if step < 0 || step > Limit(w.ceiling, since) {
			w.disprove() // another glitch
			from, step = w.last, now.raw-w.last.raw
		} else {
			believable = true
		}
	}
	if believable {
		d.count++
		d.rate = max(d.rate, step.Per(now.at.Sub(from.before)))
	}
	if d.count >= enough {
		w.learn()
		w.jumped(now)
		return true
	}
	w.Gaps++
	if !d.open {
		d.open, d.first, d.believable = true, now, believable
	}
	d.last = now
	return false
}

// jumped takes a reading that goes on from refused ones. What was counted since
// the first of these is sure. What that one showed is not: it may be energy, if
// so much can be, or another origin.
func (w *Wrap) jumped(now shown) {
	d := &w.doubt
	if !d.open { // none was refused, and the limit was just raised
		w.forward(now, now.raw-w.last.raw, false, w.most(w.MaxPower, now))
		return
	}
	if d.believable {
		w.miss(d.first.raw-w.last.raw, 0)
	} else {
		w.Resets++
		w.miss(w.most(w.MaxPower, d.first), 0)
	}
	d.open = false
	w.accept(now, now.raw-d.first.raw)
}

// inDoubt is what the refused readings have shown, if it can be energy.
func (w *Wrap) inDoubt() Energy {
	d := &w.doubt
	if d.believable {
		return d.last.raw - w.last.raw
	}
	return d.last.raw - d.first.raw
}

// disprove gives up on refused readings: they were glitches.
func (w *Wrap) disprove() {
	if w.doubt.open {
		w.doubt = doubt{}
	}
}

// concede gives up on refused readings of a counter that has started again since:
// what they showed may have been energy, and as much power may have gone on. It
// returns the most that can have flowed.
func (w *Wrap) concede(now shown, most Energy) Energy {
	if d := &w.doubt; d.open && d.believable {
		most = max(most, w.inDoubt().Plus(Limit(w.ceiling, now.at.Sub(d.last.before))))
	}
	w.disprove()
	return most
}

// learn raises MaxPower to what readings have proved: by half, as with limits,
// since a mean over a time is no peak.
func (w *Wrap) learn() {
	proved := min(times(w.doubt.rate, 1.5), w.ceiling)
	w.ask()
	w.MaxPower = max(w.MaxPower, proved)
	w.doubt.count, w.doubt.rate = 0, 0
}

// ask raises MaxPower to the limit of now.
func (w *Wrap) ask() {
	if w.Limit == nil {
		return
	}
	if p := w.Limit(); p > w.MaxPower {
		w.MaxPower, w.ceiling = p, max(w.ceiling, p)
		w.doubt.count, w.doubt.rate = 0, 0
	}
}

// Break says that the counter may have started again since the last Add: the
// machine slept for so long, which the monotonic clock does not count, or the
// counter had gone (0). A fall is then a reset and no wrap. While the machine
// sleeps a component is taken to draw next to nothing: what a counter that goes
// on shows of it is added, and Missed has none of it.
func (w *Wrap) Break(slept time.Duration) {
	w.suspended = true
	w.slept += slept
}

// afterSuspend takes the first reading after a Break. most is what can have
// flowed since the last one while the machine was awake.
func (w *Wrap) afterSuspend(now shown, most Energy) {
	most = w.concede(now, most)
	rise := now.raw - w.last.raw
	switch {
	case w.MaxPower <= 0 && rise >= 0:
		w.accept(now, rise)
	case rise < 0:
		w.reset(now, most)
	case rise > most.Plus(Limit(w.MaxPower, w.slept)):
		w.Resets++ // it counts from somewhere else now
		w.Gaps++
		if rise <= w.most(w.ceiling, now) {
			most = max(most, rise) // or a limit was raised
		}
		w.miss(most, 0)
		w.accept(now, 0)
	case now.raw > most:
		w.accept(now, rise) // too high to have started again at 0
	default:
		w.Gaps++
		w.miss(most, rise)
		w.accept(now, rise)
	}
}

// reset takes a counter that fell and did not wrap. What it shows since it
// started again is a lower bound, if that much is plausible.
func (w *Wrap) reset(now shown, most Energy) {
	most = w.concede(now, most)
	w.Resets++
	w.Gaps++
	sure := now.raw
	if w.MaxPower > 0 && sure > most {
		sure = 0 // it did not start again at 0: nothing it shows is sure
	}
	if rise, wrapped := w.rise(now.raw); wrapped && !w.suspended && rise <= w.most(w.ceiling, now) {
		most = max(most, rise) // or it wrapped, above a limit that was raised
	}
	w.miss(most, sure)
	w.accept(now, sure)
}

// miss notes that up to most has flowed, of which seen was counted.
func (w *Wrap) miss(most, seen Energy) {
	if w.MaxPower > 0 && most > seen {
		w.missed = w.missed.Plus(most - seen)
	}
}

func (w *Wrap) accept(now shown, rise Energy) {
	w.total = w.total.Plus(rise)
	if now.raw != w.last.raw {
		w.moved = now.before
	}
	w.last = now
	w.suspended, w.slept = false, 0
}

// Fail counts a read that did not succeed.
func (w *Wrap) Fail() { w.Gaps++ }

// Total returns the total so far.
func (w *Wrap) Total() Energy { return w.total }

// Last returns the counter as last accepted, and the times just before and just
// after that was read.
func (w *Wrap) Last() (raw Energy, before, at time.Time) {
	return w.last.raw, w.last.before, w.last.at
}

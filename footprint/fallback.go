package footprint

import (
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// enough is how long a counter and its model must have been read together for
// their ratio to count.
const enough = 10 * time.Second

// stand is what a model that stands in for counters keeps. Measured or modelled,
// never both at one time: a stretch is the model's only once it is decided that no
// counter has read it.
type stand struct {
	delta energy.Energy // of the model, not decided yet,
	held  time.Duration // and the time that it stands for
	ahead time.Duration // the part of the model's pending time that a counter has read
	wait  bool          // a counter was read and has not moved: it may yet cover this

	// What the counters and the model said of the time in which both were there, up
	// to the counters' last movement.
	both     time.Duration
	counted  energy.Energy
	modelled energy.Energy

	low, high energy.Energy // the sums of its band over what it counts
}

// offer takes a good reading of a model: whether it counts, decide says.
func (a *Account) offer(t *track, r *energy.Reading) {
	delta := max(r.Total-t.good.Total, 0)
	missed := max(r.Missed-t.good.Missed, 0)
	t.good, t.outcome, t.moved = *r, read, r.Time.Sub(a.first.time)
	s := &t.stand
	if missed > 0 { // the model did not see that time either
		t.missed, t.pending, s.ahead = t.missed.Plus(missed), 0, 0
	}
	if s.ahead > 0 && t.pending > 0 {
		delta = delta.Scale(float64(t.pending-s.ahead) / float64(t.pending))
	}
	s.delta = s.delta.Plus(delta)
	s.held += t.pending - s.ahead
	t.pending, s.ahead = 0, 0
}

// decide says what a model counts: nothing while one of its counters is read, all
// while none is, and later while that is open.
func (a *Account) decide(t *track) {
	s := &t.stand
	all := unread
	s.wait = false
	var counted energy.Energy
	sure := true
	for _, m := range t.counters {
		switch m.outcome {
		case read:
			all = read
			counted = counted.Plus(m.fresh)
			sure = sure && !m.unsure
		case open:
			s.wait = s.wait || m.unmoved
			if all == unread {
				all = open
			}
		case unread:
			sure = false
		}
	}
	switch all {
	case open:
		t.outcome = open
		return
	case read:
		if sure && t.started {
			s.both += s.held
			s.modelled, s.counted = s.modelled.Plus(s.delta), s.counted.Plus(counted)
		}
		s.ahead = t.pending
	case unread:
		e, low, high := t.scaled(s.delta, s.held)
		to := t.good.Time.Sub(a.first.time)
		t.covered += s.held
		s.low, s.high = s.low.Plus(low), s.high.Plus(high)
		t.power.add(to-s.held, to, e)
		a.count(t, e)
	}
	s.delta, s.held = 0, 0
}

// scaled is what the model counts for an amount of its own over d, with the bounds
// of its band: both by what its counters said while they were there.
func (t *track) scaled(delta energy.Energy, d time.Duration) (e, low, high energy.Energy) {
	s := &t.stand
	e = delta
	if s.both >= enough && s.modelled > 0 {
		e = delta.Scale(float64(s.counted) / float64(s.modelled))
		if p := t.greatest(); p > 0 {
			e = min(e, p.Over(d))
		}
	}
	c := &t.component
	high = max(e, delta).Scale(c.BandHigh)
	if p := t.greatest(); p > 0 && c.Kind == energy.GPU { // that of a CPU's model is its band's upper end
		high = max(min(high, p.Over(d)), e)
	}
	return e, min(e, delta).Scale(c.BandLow), high
}

// greatest is the greatest plausible power of what a model stands in for, 0 if it
// is not known.
func (t *track) greatest() (sum energy.Power) {
	for _, m := range t.counters {
		if m.reading.MaxPower <= 0 {
			return t.reading.MaxPower
		}
		sum += m.reading.MaxPower
	}
	if len(t.counters) == 0 {
		return t.reading.MaxPower
	}
	return sum
}

// replaces reports whether the model stands in for a counter that was lost, or
// came late, in the run: its band is that of machines without one.
func (t *track) replaces() bool {
	for _, m := range t.counters {
		if m.ever {
			return true
		}
	}
	return false
}

// provisional is the time that a model would count if its counters stayed away.
func (s *stand) provisional() time.Duration {
	if s.wait {
		return 0
	}
	return s.held
}

// idle reports whether a model was never needed.
func (t *track) idle() bool {
	if t.component.Basis != energy.Modelled || t.certain() > 0 {
		return false
	}
	for _, m := range t.counters {
		if m.covered > 0 || m.unmoved {
			return true
		}
	}
	return false
}

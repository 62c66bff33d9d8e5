package footprint

import (
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// A track follows one component: what it has counted, for which time, and what of
// that is not decided yet.
type track struct {
	component energy.Component
	joined    time.Time // the sample that it came with, zero for the first
	// A model stands in for counters; a counter has at most one model. See link.
	counters []*track
	model    *track

	seen    int            // the sample of the latest reading
	reading energy.Reading // the latest
	origin  energy.Reading // the first good one
	good    energy.Reading // the latest good one
	started bool
	outcome outcome

	lead, lag time.Duration // the samples of origin and good began that long before their readings
	moved     time.Duration // when the counter was last seen to move, from the start of the run
	ever      bool          // it has moved
	unmoved   bool          // all of pending was read well, and nothing had moved
	unsure    bool          // the latest span has energy that was missed
	lost      bool          // unread since the last good reading,
	modelThen time.Duration // when the model had covered that much

	covered time.Duration // the time that what is counted stands for
	pending time.Duration // the time since, not decided yet
	blind   time.Duration // counters: time that was not read, decided
	missed  energy.Energy // counters: what may have flowed unseen while it was read
	then    reach         // before the latest sample
	fresh   energy.Energy // what the latest sample has counted
	goodIn  int           // the sample of good
	step    step          // the latest in which it moved
	death   death
	across  energy.Energy // counters: what flowed while the intensity changed

	stand stand // models

	book  booking // what is counted so far
	was   booking // what was at the good reading before, of another instant
	wasAt time.Time
	parts []booking // by the intensity that was in force
	from  int       // the first of parts whose user is not known

	use   energy.Use // at the last settlement
	next  energy.Use // the latest after it,
	waits bool       // if there is one
	based bool       // use is set
	known bool       // settled at least once
	doubt doubt
	power powers
}

// A step is a span in which a counter moved.
type step struct {
	from, to time.Time
	energy   energy.Energy
}

// A death is that of a counter which stands still. It may have been at any time in
// its last step, so that the rest of that is lost.
type death struct {
	last step
	lost energy.Energy
	told time.Time // zero while it lives
}

// An outcome says what a sample decided about the time before it.
type outcome uint8

const (
	open   outcome = iota // nothing yet: a later reading may cover it
	unread                // it is not covered by this component
	read                  // it is covered, or bounded by the reading itself
)

// track finds the track of a component, or begins one. i is where it is likely.
func (a *Account) track(c *energy.Component, i int, now time.Time) *track {
	same := func(t *track) bool {
		o := &t.component
		return o.ID == c.ID && o.Kind == c.Kind && o.Basis == c.Basis
	}
	if i < len(a.tracks) && same(a.tracks[i]) {
		return a.tracks[i]
	}
	for _, t := range a.tracks {
		if same(t) {
			return t
		}
	}
	t := &track{component: *c, ever: c.Basis == energy.Modelled}
	if a.samples > 1 { // it came late
		t.blind, t.joined = a.last.time.Sub(a.first.time), now
	}
	a.tracks = append(a.tracks, t)
	a.link(t)
	a.contain(t)
	return t
}

// link is the one place that knows which model stands in for which counters: one
// of the same kind whose ID is the same, or begins with it and a "-".
func (a *Account) link(t *track) {
	pair := func(model, counter *track) {
		if model.component.Basis != energy.Modelled || counter.component.Basis != energy.Measured ||
			model.component.Kind != counter.component.Kind {
			return
		}
		rest, ok := strings.CutPrefix(counter.component.ID, model.component.ID)
		if ok && (rest == "" || rest[0] == '-') {
			model.counters = append(model.counters, counter)
			counter.model = model
		}
	}
	for _, o := range a.tracks {
		pair(t, o)
		pair(o, t)
	}
}

// within is the component that holds this one, "" if none does.
func (a *Account) within(t *track) string {
	c := &t.component
	if c.Within != "" || a.module == nil || !a.module.started || a.module == t || c.Kind != energy.CPU && c.Kind != energy.Memory {
		return c.Within
	}
	return a.module.component.ID
}

// counts reports whether totals add the track.
func (a *Account) counts(t *track) bool {
	return t.component.Kind != energy.Platform && a.within(t) == ""
}

// learned takes facts that became known.
func (a *Account) learned(f *Facts) {
	if f.GPUs != nil {
		a.Host.GPUs = f.GPUs
	}
	if f.Module != "" {
		a.moduleID = f.Module
		for _, t := range a.tracks {
			a.contain(t)
		}
	}
}

// contain notes the track of the component that holds the CPU and the memory.
func (a *Account) contain(t *track) {
	if c := &t.component; c.ID == a.moduleID && a.moduleID != "" && c.Basis == energy.Measured && c.Kind != energy.Platform {
		a.module = t
	}
}

// read takes one reading of a sample that began at, d after the one before.
func (a *Account) read(t *track, r *energy.Reading, at time.Time, d time.Duration) {
	t.component = r.Component
	t.seen, t.reading, t.outcome = a.samples, *r, open
	t.pending += d
	switch {
	case r.State == energy.OK && t.started:
		a.span(t, r)
		t.lag = r.Time.Sub(at)
	case r.State == energy.OK:
		t.started, t.origin, t.good, t.goodIn = true, *r, *r, a.samples
		t.lead, t.lag = r.Time.Sub(at), r.Time.Sub(at)
		t.moved = r.Time.Sub(a.first.time)
		t.unread()
	case r.State == energy.Dead && !t.ever:
		t.started = false // as if it were not there
		t.unread()
	case r.State == energy.Dead:
		t.die(at)
		t.unread()
	case r.State == energy.Lost, r.State == energy.Late, !t.started:
		t.unread() // what flows now will not be in Total, or belongs to the model
	default:
		t.unmoved = false
	}
}

// die takes the news that the counter stands still.
func (t *track) die(now time.Time) {
	if !t.death.told.IsZero() && t.death.last == t.step {
		return // known
	}
	most := t.reading.MaxPower.Over(t.step.to.Sub(t.step.from))
	t.death = death{t.step, max(most-t.step.energy, 0), now}
	t.missed = t.missed.Plus(t.death.lost)
}

// skip is a sample without a reading of the component: it goes on, and the next
// reading covers the time between.
func (t *track) skip(d time.Duration) {
	t.pending += d
	t.outcome, t.unmoved = open, false
	if t.reading.State == energy.OK {
		t.reading.State = energy.Held
	}
}

// unread decides that the pending time was not read.
func (t *track) unread() {
	if gone := t.started && t.reading.State != energy.OK; gone && !t.lost && t.model != nil {
		t.modelThen = t.model.covered
	}
	t.lost = t.started && t.reading.State != energy.OK
	t.blind += t.pending
	t.pending, t.outcome, t.unmoved = 0, unread, false
}

// span takes what flowed between two good readings.
func (a *Account) span(t *track, r *energy.Reading) {
	if r.Time.After(t.good.Time) { // one reading may come with several edges
		t.was, t.wasAt = t.book, t.good.Time
	}
	if t.component.Basis == energy.Modelled {
		a.offer(t, r)
		return
	}
	delta := max(r.Total-t.good.Total, 0)
	missed := max(r.Missed-t.good.Missed, 0)
	from, to := t.moved, r.Time.Sub(a.first.time)
	since := t.good.Time
	if a.priced > t.goodIn { // part of it flowed at another intensity than it is counted at
		t.across = t.across.Plus(delta)
	}
	t.good, t.goodIn = *r, a.samples
	if t.lost && t.model != nil && t.model.covered > t.modelThen {
		// A model has counted that time. Where the counter now stands may hold it too,
		// so that it only begins anew.
		t.moved, t.ever = to, true
		t.unread()
		return
	}
	if delta == 0 && missed == 0 && !t.lost {
		t.unmoved = true // whether it stands still a later reading tells
		return
	}
	t.lost, t.unmoved, t.ever, t.outcome, t.moved = false, false, true, read, to
	t.unsure = missed > 0
	t.missed = t.missed.Plus(missed)
	if !t.unsure {
		t.covered += t.pending
	}
	t.pending = 0
	t.fresh = delta
	t.step = step{since, r.Time, delta}
	a.count(t, delta)
	t.power.add(from, to, delta)
}

// certain is the time that the component covers by now: one that was read well
// covers the time in which it did not move, until it proves to stand still.
func (t *track) certain() time.Duration {
	if t.component.Basis == energy.Modelled {
		return t.covered + t.stand.provisional()
	}
	if t.unmoved {
		return t.covered + t.pending
	}
	return t.covered
}

// unseen is the time that neither the counter nor its model covers, at the most:
// as decided, and what may come to that of the time that is open.
func (t *track) unseen() (decided, undecided time.Duration) {
	decided, all := t.blind, t.blind
	if !t.unmoved {
		all += t.pending
	}
	if t.model != nil {
		decided -= t.model.covered
		all -= t.model.certain()
	}
	decided = max(decided, 0)
	return decided, max(all-decided, 0)
}

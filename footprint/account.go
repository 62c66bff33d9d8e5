package footprint

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// An Account adds samples up, in time order, and gives the report so far at any
// time. The zero value is ready. It does not grow with time. It is for one
// goroutine at a time.
//
// Measured components count for as long as they are read. A modelled component
// counts only while no measured one that it stands in for is, never both at
// one time.
type Account struct {
	// Run and Host go into the report as they are.
	Run  Run
	Host Host
	// Policy says what part the work pays; nil is BusyShare.
	Policy Policy
	// PUE is what the building adds, at least 1. 0 is not known: counted as 1.
	PUE float64
	// Versions of the tool and its tables, for the report.
	Versions Versions
	// End is how the run ended; the zero End is a run that goes on.
	End End

	samples     int
	first, last moment
	step        time.Duration // the largest step of the wall clock, with its sign
	tracks      []*track
	parts       []part
	faults      []Fault
	marks       marks
	tripped     *BudgetError
	trippedIn   int // the sample that it was reached with
	forecast    []regions.Intensity
}

type moment struct{ time, wall time.Time }

// A part is the energy that one intensity applied to.
type part struct {
	intensity        regions.Intensity
	from, to         time.Time
	machine, process energy.Energy
}

// A track follows one component.
type track struct {
	component energy.Component
	reading   energy.Reading // the latest
	good      energy.Reading // the latest that was OK
	origin    energy.Reading // the first that was OK
	started   bool           // origin and good are set
	seen      int            // number of the last sample that had it
	outcome   outcome        // of the last sample

	energy  energy.Energy // counted so far
	covered time.Duration // the time that energy stands for
	pending time.Duration // measured: time since good, not decided yet
	blind   time.Duration // measured: time that was not read, decided
	delta   energy.Energy // modelled: not counted yet, since it is open whether
	held    time.Duration // a measured twin covers this time

	use     energy.Use    // at the last settlement
	based   bool          // use is set
	settled energy.Energy // the part of energy whose user is known
	process energy.Energy // the work's part of settled
	known   bool          // settled at least once
}

// An outcome says what a sample decided about the time before it.
type outcome uint8

const (
	open   outcome = iota // nothing yet: a later reading may cover it
	unread                // it is not covered by this component
	read                  // it is covered, or bounded by the reading itself
)

// Add takes the next sample. One that goes back in time is left out.
func (a *Account) Add(s Sample) {
	var d time.Duration
	if a.samples == 0 {
		a.first = moment{s.Time, s.Wall}
	} else if d = s.Time.Sub(a.last.time); d < 0 {
		return
	} else {
		a.clock(s, d)
	}
	a.samples++
	for _, f := range s.Faults {
		a.Note(f)
	}
	for i := range s.Readings {
		a.read(&s.Readings[i], d)
	}
	for _, t := range a.tracks {
		if t.seen != a.samples { // its meter is gone
			t.pending += d
			t.outcome, t.reading.State = open, energy.Held
		}
	}
	for _, t := range a.tracks {
		if t.component.Basis == energy.Modelled {
			a.stand(t)
		}
	}
	a.settle(s.Use)
	a.last = moment{s.Time, s.Wall}
	if s.Forecast != nil {
		a.forecast = s.Forecast
	}
	ended := a.marks.past.ended
	a.mark(s)
	a.follow(s)
	a.watch(s, a.marks.past.ended > ended)
}

// clock keeps the largest step of the wall clock against the monotonic one.
func (a *Account) clock(s Sample, d time.Duration) {
	if s.Wall.IsZero() || a.last.wall.IsZero() {
		return
	}
	if step := s.Wall.Sub(a.last.wall) - d; step.Abs() > a.step.Abs() {
		a.step = step
	}
}

// follow ends the part in force, and begins another where the intensity
// changes: a sample's intensity is that of the time after it.
func (a *Account) follow(s Sample) {
	if n := len(a.parts); n > 0 {
		a.parts[n-1].to = s.Wall
		if same(a.parts[n-1].intensity, s.Intensity) {
			return
		}
	}
	a.parts = append(a.parts, part{intensity: s.Intensity, from: s.Wall, to: s.Wall})
}

func same(a, b regions.Intensity) bool {
	return a.PerKWh == b.PerKWh && a.Zone == b.Zone && a.Kind == b.Kind &&
		a.Source == b.Source && a.Year == b.Year && a.Scope == b.Scope
}

// mostFaults bounds what an account keeps of them.
const mostFaults = 50

// Note adds a fault that belongs to no sample. One that was noted before, and
// more than 50 of them, are left out.
func (a *Account) Note(f Fault) {
	if len(a.faults) >= mostFaults || slices.Contains(a.faults, f) {
		return
	}
	a.faults = append(a.faults, f)
}

func (a *Account) track(c energy.Component) *track {
	for _, t := range a.tracks {
		if t.component == c {
			return t
		}
	}
	t := &track{component: c}
	if a.samples > 1 {
		t.blind = a.last.time.Sub(a.first.time) // it came late
	}
	a.tracks = append(a.tracks, t)
	return t
}

// read takes one reading; d is the time since the last sample.
func (a *Account) read(r *energy.Reading, d time.Duration) {
	t := a.track(r.Component)
	t.seen, t.reading, t.outcome = a.samples, *r, open
	t.pending += d
	switch {
	case r.State == energy.OK && t.started:
		a.span(t, r)
	case r.State == energy.OK:
		t.started, t.origin, t.good = true, *r, *r
		t.giveUp()
	case r.State == energy.Dead && t.energy == 0:
		t.started = false // it never moved: as if it were not there
		t.giveUp()
	case r.State == energy.Lost, r.State == energy.Late, !t.started:
		t.giveUp() // what flows now will not be in Total
	}
}

// giveUp decides that the pending time was not read.
func (t *track) giveUp() {
	t.blind += t.pending
	t.pending, t.outcome = 0, unread
}

// span counts what flowed between two good readings.
func (a *Account) span(t *track, r *energy.Reading) {
	delta := max(r.Total-t.good.Total, 0)
	sure := r.Missed == t.good.Missed
	t.good, t.outcome = *r, read
	if t.component.Basis == energy.Modelled {
		t.delta = t.delta.Plus(delta)
		t.held += t.pending
		t.pending = 0
		return
	}
	if sure {
		t.covered += t.pending
	}
	t.pending = 0
	a.count(t, delta)
}

// count adds energy to a component and to the intensity in force.
func (a *Account) count(t *track, e energy.Energy) {
	t.energy = t.energy.Plus(e)
	if t.component.Counted() && len(a.parts) > 0 {
		p := &a.parts[len(a.parts)-1]
		p.machine = p.machine.Plus(e)
	}
}

// stand decides what a modelled component counts: nothing while a measured
// twin is read, all while none is, and later while that is open.
func (a *Account) stand(t *track) {
	switch a.twins(t) {
	case open:
		t.outcome = open
		return
	case unread:
		t.covered += t.held
		a.count(t, t.delta)
	}
	t.delta, t.held = 0, 0
}

// twins says whether the measured components that t stands in for were read.
func (a *Account) twins(t *track) outcome {
	all := unread
	for _, m := range a.tracks {
		if standsFor(t, m) {
			switch m.outcome {
			case read:
				return read
			case open:
				all = open
			}
		}
	}
	return all
}

// standsFor reports whether modelled t stands in for m.
func standsFor(t, m *track) bool {
	if m.component.Basis != energy.Measured || m.component.Kind != t.component.Kind {
		return false
	}
	rest, ok := strings.CutPrefix(m.component.ID, t.component.ID)
	return ok && (rest == "" || rest[0] == '-')
}

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
	span := Span{
		Component: t.component, Energy: t.energy - t.settled,
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
	mine := span.Energy.Scale(clamp(policy(span)))
	t.settled = t.energy
	t.process = t.process.Plus(mine)
	if t.component.Counted() && len(a.parts) > 0 {
		p := &a.parts[len(a.parts)-1]
		p.process = p.process.Plus(mine)
	}
}

func clamp(x float64) float64 {
	if math.IsNaN(x) || x < 0 {
		return 0
	}
	return min(x, 1)
}

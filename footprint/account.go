package footprint

import (
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// An Account adds samples up, in time order, and gives the report so far at any
// time. The zero value is ready. It does not grow with time: of a run that goes on
// for ever it keeps the first and last epochs, 1,000 intensities and 1,000 steps of
// power a component. It is for one goroutine at a time.
//
// Measured components count for as long as they are read. A modelled component counts only
// while no measured one that it replaces is, never both at one time.
type Account struct {
	// Run and Host go into the report as they are.
	Run  Run
	Host Host
	// Policy decides which part the work is charged; nil is BusyShare.
	Policy Policy
	// PUE is what the building adds, from 1 to MaxPUE. 0 is not known: counted as 1.
	PUE float64
	// Versions of the tool and its tables, for the report.
	Versions Versions
	// End is how the run ended; the zero End is a run that goes on.
	End End

	samples     int
	first, last moment
	step        time.Duration // the largest step of the wall clock, with its sign
	tracks      []*track
	module      *track // holds the CPU and the memory; nil if none does
	moduleID    string
	parts       []part
	inForce     regions.Intensity
	cheapest    regions.Grams // intensity so far,
	dearest     regions.Grams // and the highest
	priced      int           // the sample with which it last changed
	faults      []Fault
	marks       marks
	tripped     *BudgetError
	trippedIn   int // the sample that it was reached with
	forecast    []regions.Intensity
	works       works
}

type moment struct{ time, wall time.Time }

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
	for _, t := range a.tracks {
		t.fresh, t.unsure, t.then = 0, false, a.machine(t)
	}
	for i := range s.Readings {
		r := &s.Readings[i]
		a.read(a.track(&r.Component, i, s.Time), r, s.Time, d)
	}
	for _, t := range a.tracks {
		if t.seen != a.samples {
			t.skip(d)
		}
	}
	for _, t := range a.tracks {
		if t.component.Basis == energy.Modelled {
			a.decide(t)
		}
	}
	if s.Facts != nil {
		a.learned(s.Facts)
	}
	a.settle(s.Use)
	a.last = moment{s.Time, s.Wall}
	ended := a.marks.past.ended
	a.mark(s)
	a.follow(s)
	if s.Forecast != nil {
		a.forecast = a.expect(s.Forecast)
	}
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

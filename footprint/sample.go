package footprint

import (
	"reflect"
	"runtime"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// A Sample is all that is read at one tick. A row of samples and an Account
// decide a Report; nothing else does, the clock included.
type Sample struct {
	// Time is when the tick began. Only differences of it count, so it carries a
	// monotonic part and a step of the wall clock does no harm.
	Time time.Time
	// Wall is the wall clock at Time: a label, from which nothing is computed.
	Wall time.Time
	// Readings of meters, at most one a component, each of its own instant. What is
	// not read goes on: the next reading covers the time between. A mark that comes
	// with the sample lies between two readings of a component by their times.
	Readings []energy.Reading
	// Use of the components by the tracked work.
	Use []energy.Use
	// Intensity in force from this sample on. The zero Intensity is none known yet:
	// the first that is holds for the time before it too, and after that the latest
	// stays. So it does instead of one that cannot be (below 0, no number, marginal)
	// or that has another scope than the run's.
	Intensity regions.Intensity
	// Marks are the edges of epochs and tasks that these readings were taken for,
	// in order.
	Marks []Mark
	// Forecast is what the intensity is expected to be from this sample on, in
	// order of time; nil leaves the last one. Only predictions use it.
	Forecast []regions.Intensity
	// Faults are what went wrong since the last sample.
	Faults []Fault
	// Facts are what became known about the machine, nil if nothing did.
	Facts *Facts
}

// Facts about the machine that became known with a sample.
type Facts struct {
	// GPUs are the names of those that the run sees; nil is nothing new.
	GPUs []string `json:"gpus,omitempty"`
	// Module is the ID of a counted component that also holds the machine's CPU and
	// memory, as that of a Grace Hopper does; "" is nothing new. They are within it
	// for the whole run, however late this becomes known, as long as it is read.
	Module string `json:"module,omitempty"`
}

// A Span is what one component used between two readings, and who used it.
type Span struct {
	Component energy.Component
	Energy    energy.Energy
	// Mine, All and Capacity are the differences of energy.Use over the span.
	Mine, All, Capacity float64
}

// A Policy decides which part of a span the tracked work is charged. What it returns is
// clamped to [0, 1], and NaN is 0. It must depend on the Span alone.
type Policy func(Span) float64

// name is what the program calls it, "" if it is nil.
func (p Policy) name() string {
	if p == nil {
		return ""
	}
	return runtime.FuncForPC(reflect.ValueOf(p).Pointer()).Name()
}

// BusyShare charges the work with its part of what all have used: its CPU time
// over the machine's busy CPU time, its memory over all used memory. The
// machine's idle power is so shared by those who kept it busy, in proportion,
// and the shares of all of them add up to the whole. Who did nothing pays
// nothing. Where the machine's clock, which moves in steps, shows less than the
// work's, the work did it all.
func BusyShare(s Span) float64 {
	if s.Mine <= 0 {
		return 0
	}
	return s.Mine / max(s.Mine, s.All)
}

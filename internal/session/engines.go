package session

import (
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/engine"
)

// engineLimit is how long after the command's end an engine may take to show its counters
// for the last time. Other things are done meanwhile.
const engineLimit = 90 * time.Millisecond

// engines counts what the engines of a run do. The zero value, of a run without, does
// nothing.
type engines struct {
	watch *engine.Watch
	until time.Time
}

// start begins to look at them, beside the command that has just started.
func (e *engines) start(targets []engine.Target, found func(time.Time, ...footprint.Count)) {
	if len(targets) > 0 {
		e.watch = engine.New(targets, found)
	}
}

// end begins the last look, which has until a time.
func (e *engines) end(until time.Time) {
	if e.watch != nil {
		e.until = until
		e.watch.End(until)
	}
}

// counted is what the last look shows.
func (e *engines) counted() []footprint.Count {
	if e.watch == nil || e.until.IsZero() {
		return nil
	}
	return e.watch.Last(e.until)
}

// warnings says what could not be counted.
func (e *engines) warnings() []footprint.Warning {
	if e.watch == nil {
		return nil
	}
	return e.watch.Warnings()
}

package carbon

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// A reader reads one meter on a goroutine of its own, so that one that hangs
// holds up neither the work nor the other meters. It closes the meter when it is
// not needed any more, as soon as that lets go of it.
type reader struct {
	meter energy.Meter
	mine  func(pid int) bool

	asked  chan bool     // whether to ask for the users too; closed: no more
	done   chan struct{} // holds one: an answer is in
	closed chan struct{}
	ctx    context.Context
	cancel context.CancelFunc

	// found is the goroutine's own between asked and done; inside says that it has
	// taken up the question.
	found  answer
	inside atomic.Bool

	// These belong to who samples.
	waiting bool      // asked, not answered
	since   time.Time // and since when
	stuck   bool      // not waited for any more
	fresh   bool      // latest is of this sample
	latest  answer
}

// An answer is what one reading gave.
type answer struct {
	readings []energy.Reading
	use      []energy.Use
	err      error
	useErr   error
	asked    bool // for the users
	cpu      time.Duration
}

func newReader(m energy.Meter, mine func(pid int) bool) *reader {
	r := &reader{
		meter: m, mine: mine,
		asked: make(chan bool, 1), done: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

func (r *reader) run() {
	defer close(r.closed)
	for users := range r.asked {
		r.inside.Store(true)
		r.read(users)
		r.inside.Store(false)
		r.done <- struct{}{}
	}
	_ = r.meter.Close() // nothing is written through it
}

func (r *reader) read(users bool) {
	a := &r.found
	a.cpu = 0
	defer startWatch().stop(&a.cpu)
	a.asked = users
	a.readings, a.err = r.meter.Read(r.ctx, a.readings[:0])
	a.use, a.useErr = a.use[:0], nil
	if s, ok := r.meter.(energy.Sharer); ok && users {
		a.use, a.useErr = s.Use(r.ctx, r.mine, a.use)
	}
}

// ask asks for a reading, unless one is underway.
func (r *reader) ask(users bool) {
	r.fresh = false
	if !r.waiting {
		r.waiting, r.since = true, time.Now()
		r.asked <- users
	}
}

// How a wait for a reader ended.
type waited int

const (
	answered waited = iota // or not asked
	overdue
	quitted
)

// wait waits for the reading. One that has not answered in time is not waited
// for again until it has.
func (r *reader) wait(limit <-chan time.Time, quit <-chan struct{}) waited {
	if !r.waiting {
		return answered
	}
	select {
	case <-r.done:
		r.answer()
		return answered
	default:
	}
	if r.stuck {
		return answered
	}
	select {
	case <-r.done:
		r.answer()
		return answered
	case <-limit:
		r.stuck = r.inside.Load() && time.Since(r.since) >= lastRead
		return overdue
	case <-quit:
		return quitted
	}
}

// answer takes what the goroutine found and lends it another place for the next.
func (r *reader) answer() {
	r.latest, r.found = r.found, r.latest
	r.waiting, r.stuck, r.fresh = false, false, true
}

// take appends the reading of this sample, or the one before as held.
func (r *reader) take(now time.Time, to []energy.Reading, found []footprint.Fault, spent *time.Duration) ([]energy.Reading, []footprint.Fault) {
	if r.fresh {
		*spent += r.latest.cpu
		if r.latest.err != nil {
			found = faults(found, r.latest.err)
		}
		if err := r.latest.useErr; err != nil && !errors.Is(err, energy.ErrUnavailable) {
			found = append(found, fault(err))
		}
		return append(to, r.latest.readings...), found
	}
	if r.waiting && now.Sub(r.since) >= lastRead {
		text := r.name() + " did not answer in time"
		if !r.inside.Load() {
			text = "this program was too busy to read " + r.name() + " in time"
		}
		found = append(found, footprint.Fault{Code: footprint.ReadFault, Component: r.name(), Text: text})
	}
	for _, v := range r.latest.readings {
		if v.State == energy.OK {
			v.State = energy.Held
		}
		to = append(to, v)
	}
	return to, found
}

// name is what the meter's components are called, as far as it has told.
func (r *reader) name() string {
	if len(r.latest.readings) > 0 {
		return r.latest.readings[0].Component.ID
	}
	return "a meter"
}

// users appends who used the components, if this sample has asked.
func (r *reader) users(to []energy.Use) []energy.Use {
	if !r.fresh || !r.latest.asked {
		return to
	}
	return append(to, r.latest.use...)
}

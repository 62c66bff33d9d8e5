package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

// A follower gives a sink what it wants as the run goes on: checkpoints, events, or both.
// It has a goroutine of its own, so that a service that does not answer holds up neither
// the tracker nor its end. The final report comes from the session.
//
// After a checkpoint that failed the next ones are left out for a time that grows, or as
// the service asks; after a refusal that would be the same again, and after an event that
// failed, all are. Nothing is kept for later, since the report at the end holds all.
type follower struct {
	checkpoints carbon.Checkpointer // these are nil where the sink does not want them
	events      carbon.EventSink

	next chan footprint.Report // the newest
	in   chan footprint.Event
	quit chan struct{}
	done chan struct{} // closed after the last call

	begin, over sync.Once
	started     bool // set by begin
}

const (
	firstPause = time.Second
	maxPause   = time.Minute
	maxEvents  = 1000 // that a sink has yet to take
)

// follow returns nil for a sink that wants the final report alone.
func follow(s carbon.Sink) *follower {
	f := &follower{
		next: make(chan footprint.Report, 1), in: make(chan footprint.Event, maxEvents),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	f.checkpoints, _ = s.(carbon.Checkpointer)
	f.events, _ = s.(carbon.EventSink)
	if f.checkpoints == nil && f.events == nil {
		return nil
	}
	return f
}

// sink is what the tracker gets.
func (f *follower) sink() carbon.Sink {
	switch {
	case f.events == nil:
		return checkpoints{f}
	case f.checkpoints == nil:
		return events{f}
	}
	return both{checkpoints{f}, events{f}}
}

type (
	checkpoints struct{ *follower }
	events      struct{ f *follower }
	both        struct {
		checkpoints
		events events
	}
)

func (*follower) Report(context.Context, footprint.Report) error { return nil } // the session gives it
func (events) Report(context.Context, footprint.Report) error    { return nil }

// Every is what carbon.Checkpointer asks for.
func (c checkpoints) Every() time.Duration {
	if e, ok := c.checkpoints.(interface{ Every() time.Duration }); ok {
		return e.Every()
	}
	return 0
}

// Checkpoint implements carbon.Checkpointer: the newest report takes the place of one that
// was not taken.
func (c checkpoints) Checkpoint(r footprint.Report) error {
	c.start()
	select {
	case <-c.next:
	default:
	}
	c.next <- r // there is room: nobody else puts
	return nil
}

// Event implements carbon.EventSink.
func (e events) Event(x footprint.Event) error {
	e.f.start()
	select {
	case e.f.in <- x:
	default: // the sink has not kept up: its Report tells the rest
	}
	return nil
}

func (b both) Event(x footprint.Event) error { return b.events.Event(x) }

func (f *follower) start() {
	f.begin.Do(func() {
		f.started = true
		go f.run()
	})
}

func (f *follower) run() {
	defer close(f.done)
	var resume time.Time // no checkpoint before
	pause := firstPause
	next, in := f.next, f.in
	for {
		select {
		case <-f.quit:
			f.rest(in)
			return
		default:
		}
		select {
		case <-f.quit:
			f.rest(in)
			return
		case r := <-next:
			if time.Now().Before(resume) {
				continue
			}
			err := f.checkpoints.Checkpoint(r)
			if err == nil {
				pause = firstPause
				continue
			}
			failed := (*deliver.Error)(nil)
			if errors.As(err, &failed) && !failed.Temporary {
				next = nil
				continue
			}
			wait := pause
			if failed != nil {
				wait = max(wait, failed.After)
			}
			resume = time.Now().Add(wait)
			pause = min(2*pause, maxPause)
		case e := <-in:
			if f.events.Event(e) != nil {
				in = nil
			}
		}
	}
}

// rest hands on the events that came before the end.
func (f *follower) rest(in chan footprint.Event) {
	for in != nil {
		select {
		case e := <-in:
			if f.events.Event(e) != nil {
				return
			}
		default:
			return
		}
	}
}

// end lets the goroutine go after the call that it is at and the events that wait, and returns what is closed then.
func (f *follower) end() <-chan struct{} {
	f.over.Do(func() {
		close(f.quit)
		f.begin.Do(func() {}) // it does not begin any more
		if !f.started {
			close(f.done)
		}
	})
	return f.done
}

package carbon

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
)

// A Sink takes finished reports. ctx bounds the time it may take: 10 seconds
// for each sink.
type Sink interface {
	Report(ctx context.Context, r footprint.Report) error
}

// A Checkpointer is a Sink that also takes the report so far, so that little is
// lost if this process dies: at the start, after 1, 2, 4 and 8 seconds, and then
// every 10 seconds, each with a fresh reading. It has a goroutine of its own, so
// that a slow one delays neither a reading nor another sink; it gets fewer
// reports then. An error is a warning in the report, and the next checkpoint is
// tried all the same. Its Report is called after its last Checkpoint has
// returned; one that does not within 10 seconds is left alone, and gets no Report.
//
// One that also has Every() time.Duration is called at that distance instead,
// at least 10 ms. 0 is the times above.
type Checkpointer interface {
	Sink
	Checkpoint(r footprint.Report) error
}

// An EventSink is a Sink that also takes what happens in the run when it does: the start,
// epochs, tasks, predictions, the budget, the end. It is called from a goroutine of its own,
// never twice at a time, and delays nothing; one that falls behind by a thousand events, or
// fails, gets no more, with a warning in the report.
type EventSink interface {
	Sink
	Event(e footprint.Event) error
}

// Events is an EventSink that writes each event as a line of JSON, as
// footprint.EventWriter does.
func Events(w io.Writer) Sink { return eventLog{footprint.NewEventWriter(w)} }

type eventLog struct{ w *footprint.EventWriter }

func (eventLog) Report(context.Context, footprint.Report) error { return nil }
func (l eventLog) Event(e footprint.Event) error                { return l.w.Write(e) }

// Epochs is a Sink that writes every epoch that has ended as a line of CSV, as
// footprint.EpochWriter does, also where there are too many for the report.
func Epochs(w io.Writer) Sink { return epochLog{footprint.NewEpochWriter(w)} }

type epochLog struct{ w *footprint.EpochWriter }

func (epochLog) Report(context.Context, footprint.Report) error { return nil }

func (l epochLog) Event(e footprint.Event) error {
	if e.Event != footprint.EventEpoch || e.Epoch == nil {
		return nil
	}
	return l.w.Write(*e.Epoch)
}

// Samples is a Sink that writes every sample down as footprint.Record does, so
// that footprint.Replay gives the report again.
func Samples(w io.Writer) Sink { return &sampleLog{w: w} }

type sampleLog struct {
	w        io.Writer
	recorder *footprint.Recorder
}

func (*sampleLog) Report(context.Context, footprint.Report) error { return nil }

// begin writes the head of the recording.
func (l *sampleLog) begin(a *footprint.Account) (err error) {
	l.recorder, err = footprint.Record(l.w, a)
	return err
}

const (
	checkpointEvery = 10 * time.Second // what a crash can lose
	sinkTime        = 10 * time.Second // that one sink may take at the end
	maxBehind       = 1000             // events and samples that a sink has yet to take
)

// A feed gives a sink what it wants to know as the run goes on.
type feed struct {
	checkpoints Checkpointer // these are nil where the sink does not want them
	events      EventSink
	samples     *sampleLog

	in   chan any      // footprint.Event, footprint.Sample, look, footprint.End
	done chan struct{} // closed after the last call

	mu     sync.Mutex
	closed bool
	behind bool // it did not take what came
}

// newFeed returns nil for a sink that wants the report and nothing else.
func newFeed(s Sink) *feed {
	f := &feed{in: make(chan any, maxBehind), done: make(chan struct{})}
	f.checkpoints, _ = s.(Checkpointer)
	f.events, _ = s.(EventSink)
	f.samples, _ = s.(*sampleLog)
	if f.checkpoints == nil && f.events == nil && f.samples == nil {
		return nil
	}
	return f
}

// put hands something on, without waiting.
func (f *feed) put(x any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.behind {
		return
	}
	select {
	case f.in <- x:
	default:
		f.behind = true
	}
}

func (f *feed) sample(s footprint.Sample) {
	if f != nil && f.samples != nil {
		s.Readings, s.Use, s.Marks = slices.Clone(s.Readings), slices.Clone(s.Use), slices.Clone(s.Marks)
		s.Faults, s.Forecast = slices.Clone(s.Faults), slices.Clone(s.Forecast)
		f.put(s)
	}
}

func (f *feed) counts(looks []look) {
	if f != nil && f.samples != nil {
		for _, l := range looks {
			f.put(l)
		}
	}
}

func (f *feed) event(list ...footprint.Event) {
	if f != nil && f.events != nil {
		for _, e := range list {
			f.put(e)
		}
	}
}

// end lets the goroutine go, after what it has yet to hand on. It reports whether
// the sink got all.
func (f *feed) end() (whole bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		close(f.in)
	}
	return !f.behind
}

// what names what the sink was given, for a warning.
func (f *feed) what() string {
	switch {
	case f.samples != nil:
		return "samples"
	case f.checkpoints != nil:
		return "checkpoint"
	}
	return "events"
}

// feed gives a sink what it wants until the run is over.
func (t *Tracker) feed(f *feed) {
	defer close(f.done)
	var failed bool
	if f.samples != nil {
		failed = t.failed(f, f.samples.begin(&t.head))
	}
	var checkpoint <-chan time.Time // never, where the sink wants none
	var timer *time.Timer
	var next func() time.Duration
	due := time.Now()
	if f.checkpoints != nil {
		next = cadence(f.checkpoints)
		due = due.Add(next())
		timer = time.NewTimer(time.Until(due))
		defer timer.Stop()
		checkpoint = timer.C
	}
	for {
		select {
		case <-checkpoint:
			t.checkpoint(f)
			if due = due.Add(next()); time.Until(due) < 0 {
				due = time.Now() // a slow sink gets fewer
			}
			timer.Reset(time.Until(due))
		case x, ok := <-f.in:
			if !ok {
				return
			}
			failed = failed || t.failed(f, f.hand(x))
		}
	}
}

// failed notes why a sink did not take something. It then gets no more of it.
func (t *Tracker) failed(f *feed, err error) bool {
	if err != nil {
		t.note(footprint.Fault{Code: footprint.NotRecorded, Component: f.what(), Text: err.Error()})
	}
	return err != nil
}

// hand gives the sink one thing.
func (f *feed) hand(x any) error {
	switch x := x.(type) {
	case footprint.Event:
		return f.events.Event(x)
	case footprint.Sample:
		return f.samples.recorder.Add(x)
	case look:
		return f.samples.recorder.Count(x.late, x.counts)
	case footprint.End:
		return f.samples.recorder.End(x)
	}
	return nil
}

// cadence gives the times between the checkpoints of a sink.
func cadence(c Checkpointer) func() time.Duration {
	if e, ok := c.(interface{ Every() time.Duration }); ok && e.Every() > 0 {
		return func() time.Duration { return max(e.Every(), MinEvery) }
	}
	i, first := -1, [...]time.Duration{0, time.Second, time.Second, 2 * time.Second, 4 * time.Second}
	return func() time.Duration {
		if i++; i < len(first) {
			return first[i]
		}
		return checkpointEvery
	}
}

// checkpoint gives a sink the report so far. Making it holds the account for some
// microseconds; the sink holds up nothing.
func (t *Tracker) checkpoint(f *feed) {
	t.mu.Lock()
	old := time.Since(t.sampled)
	t.mu.Unlock()
	if old >= lastRead {
		t.catchUp(true)
	}
	if err := f.checkpoints.Checkpoint(t.report()); err != nil {
		t.note(footprint.Fault{Code: footprint.NotRecorded, Component: "checkpoint", Text: "a checkpoint failed: " + err.Error()})
	}
}

// settled waits for all that the sink has yet to take.
func (f *feed) settled(ctx context.Context) {
	select {
	case <-f.done:
	case <-ctx.Done():
	}
}

// give hands a sink the final report, unless it still has not taken what came
// before it. f is nil for one that wants nothing else.
func (f *feed) give(s Sink, r footprint.Report) error {
	if f != nil {
		select {
		case <-f.done:
		default:
			return fmt.Errorf("carbon: a %s has not returned for %v: the sink does not get the report", f.what(), sinkTime)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), sinkTime)
	defer cancel()
	return s.Report(ctx, r)
}

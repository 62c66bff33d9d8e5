package carbon

import (
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
)

// A Stretch is an epoch or a task that is underway. Its methods are safe for
// concurrent use, and End may be called from any goroutine.
type Stretch struct {
	tracker *Tracker
	mark    footprint.Mark
}

// Epoch begins an epoch, which End ends. The counters are read for both, so its
// energy is exact; both return when that is done, which takes some microseconds
// more than the reading. A meter that does not answer holds them up once, for at
// most 200 ms: the edge then gets the next reading, and wider bounds. Config.Run
// says how many epochs are planned. Before Start an epoch begins with it, and
// after Stop there are none.
func (t *Tracker) Epoch() *Stretch {
	return t.stretch(footprint.Mark{Edge: footprint.EpochStart})
}

// Task begins a task, which End ends, as Epoch does. Tasks may nest and overlap,
// with each other and with epochs. The report says that a task is within an
// epoch if that is the only one that is open.
func (t *Tracker) Task(name string) *Stretch {
	return t.stretch(footprint.Mark{Edge: footprint.TaskStart, Name: name})
}

// Task begins a task that is a part of s.
func (s *Stretch) Task(name string) *Stretch {
	return s.tracker.stretch(footprint.Mark{Edge: footprint.TaskStart, Name: name, Within: s.mark.ID})
}

// End ends the epoch or task. A second End changes nothing; the report tells of
// it.
func (s *Stretch) End() {
	end := footprint.Mark{Edge: footprint.EpochEnd, ID: s.mark.ID, Name: s.mark.Name}
	if s.mark.Edge == footprint.TaskStart {
		end.Edge = footprint.TaskEnd
	}
	s.tracker.edge(end, time.Now(), true)
}

func (t *Tracker) stretch(m footprint.Mark) *Stretch {
	m.ID = t.marks.number()
	t.edge(m, time.Now(), true)
	return &Stretch{t, m}
}

// Mark tells of an edge that was seen from outside, such as in the output of a
// program: at says when. The counters are read soon, and the bounds hold what
// can have flowed since. It does not wait. Leave m.ID 0, unless neither Epoch nor
// Task is used.
func (t *Tracker) Mark(m footprint.Mark, at time.Time) {
	t.edge(m, at, false)
}

// Predict gives what the whole run is expected to need. ok is false before the
// first epoch has ended, or where nobody has said how many are planned.
func (t *Tracker) Predict() (_ footprint.Prediction, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.account.Predict()
}

// edges gives the marks of a reading that began at now.
func (t *Tracker) edges(now time.Time) []footprint.Mark {
	marks, lost := t.marks.read(now)
	if lost {
		t.faults = append(t.faults, footprint.Fault{
			Code: footprint.EpochDropped, Text: "a meter hung so long that epochs or tasks were left out",
		})
	}
	return marks
}

// heed does what a sample calls for: tells of a budget that is reached, before
// who waits for the sample goes on, and writes what has happened. After a failure
// to write it leaves off, and the report says so.
func (t *Tracker) heed() {
	t.mu.Lock()
	reached, budget := t.account.Tripped(), t.account.Run.Budget
	var ended []footprint.Epoch
	if t.epochs != nil {
		ended = t.account.Ended()
	}
	var events []footprint.Event
	if t.events != nil {
		events = t.account.Events()
	}
	t.mu.Unlock()
	if reached != nil && !t.tripped {
		t.tripped = true
		if budget.Reached != nil {
			budget.Reached(reached)
		}
	}
	for _, e := range ended {
		if err := t.epochs.Write(e); err != nil {
			t.epochs = nil
			t.faults = append(t.faults, footprint.Fault{Code: footprint.NotRecorded, Component: "epochs", Text: err.Error()})
			break
		}
	}
	for _, e := range events {
		if err := t.events.Write(e); err != nil {
			t.events = nil
			t.faults = append(t.faults, footprint.Fault{Code: footprint.NotRecorded, Component: "events", Text: err.Error()})
			break
		}
	}
}

// edge hands a mark to the goroutine that reads: meters are for one goroutine,
// and one that hangs must not hang the work. Marks that come together share a
// reading.
func (t *Tracker) edge(m footprint.Mark, at time.Time, wait bool) {
	t.mu.Lock()
	wait = wait && t.begun
	t.mu.Unlock()
	p, done := t.marks.put(m, at, wait)
	if p == nil || !p.waits {
		return
	}
	timeout := time.NewTimer(lastRead)
	defer timeout.Stop()
	select {
	case <-done:
	case <-t.idle:
	case <-timeout.C:
		t.marks.giveUp(p)
	}
}

// pending is a mark without a reading.
type pending struct {
	mark  footprint.Mark
	at    time.Time
	waits bool // somebody waits for the reading, which is then the edge
}

// mostPending bounds what a meter that hangs can pile up.
const mostPending = 10_000

// marks are on their way from those who set them to the one who reads.
type marks struct {
	wake chan struct{} // holds one

	mu      sync.Mutex
	last    uint64
	waiting []*pending
	done    chan struct{} // closed when waiting has been read
	stuck   bool          // a reading takes too long: nobody waits until it is over
	lost    bool          // marks were dropped

	// These belong to who reads.
	taken  []*pending
	closes chan struct{}
	out    []footprint.Mark
}

// number gives the next ID.
func (q *marks) number() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last++
	return q.last
}

func (q *marks) put(m footprint.Mark, at time.Time, wait bool) (*pending, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= mostPending {
		q.lost = true
		return nil, nil
	}
	if q.done == nil {
		q.done = make(chan struct{})
	}
	p := &pending{m, at, wait && !q.stuck}
	q.waiting = append(q.waiting, p)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return p, q.done
}

func (q *marks) giveUp(p *pending) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stuck, p.waits = true, false
}

// some reports whether a mark waits for a reading.
func (q *marks) some() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) > 0
}

// take sets the marks aside that the reading to come is for.
func (q *marks) take() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken, q.waiting = q.waiting, q.taken[:0]
	q.closes, q.done = q.done, nil
}

// read gives the marks of a reading that began at now and is over.
func (q *marks) read(now time.Time) (out []footprint.Mark, lost bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out = q.out[:0]
	hung := time.Since(now) >= lastRead
	for i, p := range q.taken {
		m := p.mark
		switch {
		case p.waits:
		case hung: // the counters were read at the end of that, at the latest
			m.Late = time.Since(p.at)
		default:
			m.Late = max(now.Sub(p.at), 0)
		}
		q.out = append(q.out, m)
		q.taken[i] = nil
	}
	q.stuck = false
	lost, q.lost = q.lost, false
	return q.out, lost
}

// release lets go of those who wait for the reading that was taken.
func (q *marks) release() {
	if q.closes != nil {
		close(q.closes)
		q.closes = nil
	}
}

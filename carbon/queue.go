package carbon

import (
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
)

// maxQueued bounds what can pile up while a meter hangs.
const maxQueued = 10_000

// A queue holds the edges of epochs and tasks that are on their way to the
// account.
type queue struct {
	wake chan struct{} // holds one: there is something to do

	mu      sync.Mutex
	last    uint64             // ID
	marks   []pending          // wait for a sample
	edges   []footprint.Sample // wait for the readers
	waiters []chan struct{}    // of those who wait for all of it
	fresh   bool               // one of them wants a sample in any case
	lost    bool               // some were dropped

	out []footprint.Mark // what take gave last
}

// pending is a mark without a sample.
type pending struct {
	mark footprint.Mark
	at   time.Time
}

// What the queue wants of the next sample.
type wants int

const (
	wantsNothing wants = iota
	wantsReaders       // only what the edges lack
	wantsSample
)

func newQueue() queue { return queue{wake: make(chan struct{}, 1)} }

// number gives the next ID.
func (q *queue) number() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last++
	return q.last
}

// put takes a mark that has no sample yet.
func (q *queue) put(m footprint.Mark, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.marks) >= maxQueued {
		q.lost = true
		return
	}
	q.marks = append(q.marks, pending{m, at})
	q.signal()
}

// keep takes a sample that lacks what the readers show.
func (q *queue) keep(s footprint.Sample) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.edges) >= maxQueued {
		q.lost = true
		return
	}
	q.edges = append(q.edges, s)
	q.signal()
}

// await returns what is closed when all that is here now is in the account, nil
// if it is.
func (q *queue) await(fresh bool) <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.marks) == 0 && len(q.edges) == 0 && !fresh {
		return nil
	}
	w := make(chan struct{})
	q.waiters = append(q.waiters, w)
	q.fresh = q.fresh || fresh
	q.signal()
	return w
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) wants() wants {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.fresh, len(q.marks) > 0:
		return wantsSample
	case len(q.edges) > 0, len(q.waiters) > 0:
		return wantsReaders
	}
	return wantsNothing
}

// early takes the marks that came before one that has a sample: they are of that
// sample too.
func (q *queue) early(now time.Time) []footprint.Mark {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []footprint.Mark
	for _, p := range q.marks {
		out = append(out, p.late(now))
	}
	q.marks = q.marks[:0]
	return out
}

// take takes all for a sample of now: edges come before it, marks with it. What
// it gives holds until the next take.
func (q *queue) take(now time.Time) (edges []footprint.Sample, marks []footprint.Mark, waiters []chan struct{}, lost bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out = q.out[:0]
	for _, p := range q.marks {
		q.out = append(q.out, p.late(now))
	}
	edges, waiters, lost = q.edges, q.waiters, q.lost
	q.marks, q.edges, q.waiters, q.fresh, q.lost = q.marks[:0], nil, nil, false, false
	return edges, q.out, waiters, lost
}

// late is the mark for a sample of now.
func (p pending) late(now time.Time) footprint.Mark {
	p.mark.Late = max(now.Sub(p.at), 0)
	return p.mark
}

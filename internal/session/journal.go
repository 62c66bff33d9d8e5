package session

import (
	"context"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
)

const (
	// firstCheckpoint is how long a run must last to have a journal: a shorter one
	// would mostly wait for its own journal's disk.
	firstCheckpoint = 20 * time.Millisecond
	// checkpointLimit is how long the end of a run waits for a checkpoint that is
	// being written.
	checkpointLimit = 40 * time.Millisecond
)

// journal keeps the report so far in a ledger's journal, on a goroutine of its
// own: a disk that hangs does not keep the tracker from ending. It gives the
// ledger no row: the report still gets warnings after the tracker has stopped.
type journal struct {
	to   *ledger.Writer // the goroutine's until end
	next chan footprint.Report
	quit chan struct{}
	done chan struct{}

	begin, over sync.Once
	mu          sync.Mutex
	failed      error // the latest, not told yet
}

func newJournal(w *ledger.Writer) *journal {
	return &journal{to: w, next: make(chan footprint.Report, 1), quit: make(chan struct{}), done: make(chan struct{})}
}

// Every is what carbon.Checkpointer asks for.
func (j *journal) Every() time.Duration { return j.to.Every() }

// Checkpoint implements carbon.Checkpointer: it leaves the report to be written,
// in place of one that still was, and tells what the last writing met.
func (j *journal) Checkpoint(r footprint.Report) error {
	j.begin.Do(func() { go j.write() })
	select {
	case <-j.next:
	default:
	}
	j.next <- r // there is room: nobody else puts
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.failed
	j.failed = nil
	return err
}

// Report implements carbon.Sink.
func (*journal) Report(context.Context, footprint.Report) error { return nil }

func (j *journal) write() {
	defer close(j.done)
	select {
	case <-j.quit:
		return
	case <-time.After(firstCheckpoint):
	}
	for {
		select {
		case <-j.quit:
			return
		case r := <-j.next:
			if err := j.to.Checkpoint(r); err != nil {
				j.mu.Lock()
				j.failed = err
				j.mu.Unlock()
			}
		}
	}
}

// end lets the writer go to the caller. It waits for a checkpoint that is being
// written, and reports whether that is done in time.
func (j *journal) end(deadline time.Time) bool {
	j.begin.Do(func() { close(j.done) }) // nothing was ever written
	j.over.Do(func() { close(j.quit) })
	return await(j.done, deadline)
}

package session

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
)

// firstSync is how long a run must last for its journal to be put on the disk: a
// shorter one would mostly wait for that. Its journal outlives a kill all the same.
const firstSync = 20 * time.Millisecond

// journal keeps the report so far in a ledger's journal, on a goroutine of its
// own: a disk that hangs does not keep the tracker from ending. It gives the
// ledger no row: the report still gets warnings after the tracker has stopped.
type journal struct {
	revision func() string // what the tracker does not know
	next     chan footprint.Report
	quit     chan struct{}

	kept        chan struct{} // closed when it has been written for the first time
	begin, over sync.Once
	mu          sync.Mutex     // held while the journal is written, not while the disk is waited for
	to          *ledger.Writer // whoever has ended the journal has it for itself
	ended       bool

	failed atomic.Pointer[error] // the latest, not told yet
}

func newJournal(w *ledger.Writer, revision func() string) *journal {
	return &journal{to: w, revision: revision, next: make(chan footprint.Report, 1), quit: make(chan struct{}), kept: make(chan struct{})}
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
	if err := j.failed.Swap(nil); err != nil {
		return *err
	}
	return nil
}

// Report implements carbon.Sink.
func (*journal) Report(context.Context, footprint.Report) error { return nil }

func (j *journal) write() {
	old, waited, wrote := time.After(firstSync), false, false
	for {
		select {
		case <-j.quit:
			return
		case r := <-j.next:
			sync, err := j.save(r)
			if !wrote {
				wrote = true
				close(j.kept)
			}
			if err == nil && !waited {
				select {
				case <-j.quit:
					return
				case <-old:
					waited = true
				}
			}
			if sync != nil {
				err = sync()
			}
			if err != nil {
				j.failed.Store(&err)
			}
		}
	}
}

func (j *journal) save(r footprint.Report) (sync func() error, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended {
		return nil, nil
	}
	r.Revision = j.revision()
	return j.to.Save(r)
}

// end gives the writer to the caller, once nothing is being written any more. What
// still waits for the disk keeps nobody.
func (j *journal) end() *ledger.Writer {
	j.over.Do(func() { close(j.quit) })
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
	return j.to
}

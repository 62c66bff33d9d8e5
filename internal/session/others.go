package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
)

// others are the other runs of the same ledger that were seen to go on beside this
// one. It is safe for concurrent use.
type others struct {
	mu   sync.Mutex
	seen map[string]bool // by run ID
}

// maxOthers is how many are looked for: each costs the end of a run some system
// calls, and a few hundred cost more than the end may take.
const maxOthers = 10

// look looks for others; neither this run nor its parent is one.
func (o *others) look(path, run, parent string) {
	ids := ledger.Underway(path, maxOthers-o.count(), func(id string) bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return id == run || id == parent || o.seen[id]
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		if o.seen == nil {
			o.seen = map[string]bool{}
		}
		o.seen[id] = true
	}
}

func (o *others) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.seen)
}

// beside looks once more for other runs, while the last reading is taken. What it
// returns gives how many were seen until then.
func (b *book) beside(run, parent string) func(stopwatch) int {
	if b.own == nil {
		return func(stopwatch) int { return 0 }
	}
	done := make(chan struct{})
	go func() { defer close(done); b.others.look(b.own.Path, run, parent) }()
	return func(since stopwatch) int {
		since.strictly(done, besideLimit)
		return b.others.count()
	}
}

// besideWarning says that the machine's energy is in other records too.
func besideWarning(n int) footprint.Warning {
	text := "another tracked run was underway on this machine"
	switch {
	case n >= maxOthers:
		text = fmt.Sprintf("%d or more other tracked runs were underway on this machine", maxOthers)
	case n > 1:
		text = fmt.Sprintf("%d other tracked runs were underway on this machine", n)
	}
	return footprint.Warning{
		Code: footprint.RunsBeside, Text: text + ": each result shows all of its energy",
		Hint: `"carbonctl report" counts what runs share once`,
	}
}

// recoverLimit is how long a run tries to recover others, beside its command.
const recoverLimit = 10 * time.Second

// recovery adds the runs whose tracker has died, and does what they have left undone,
// beside the command. What could not be added is tried again by the next run, and by
// report, which tells of it.
type recovery struct {
	cancel context.CancelFunc
	enough chan struct{}
	give   context.CancelFunc // up waiting for the ledger
	added  chan struct{}      // closed when runs and head are known
	done   chan struct{}
	runs   []footprint.Report // that were added
	head   *ledger.HeadError  // what was wrong with the ledger then, nil if nothing
}

// recover looks for the runs that go on beside this one, and recovers those that do
// not any more, a few at a time. Then it delivers what the spool keeps, as long as this
// run goes on.
func (b *book) recover(ctx context.Context, run, parent string, do redoer) *recovery {
	ctx, cancel := context.WithCancel(ctx)
	patient, give := context.WithTimeout(ctx, recoverLimit)
	r := &recovery{cancel: cancel, enough: make(chan struct{}), give: give, added: make(chan struct{}), done: make(chan struct{})}
	if b.own == nil && do.keep == "" {
		close(r.added)
		close(r.done)
		return r
	}
	go func() {
		defer close(r.done)
		if b.own != nil {
			b.recoverOthers(ctx, patient, r, run, parent, do)
		}
		close(r.added)
		do.deliver(ctx)
	}()
	return r
}

func (b *book) recoverOthers(ctx, patient context.Context, r *recovery, run, parent string, do redoer) {
	ctx, cancel := context.WithTimeout(ctx, recoverLimit)
	defer cancel()
	b.others.look(b.own.Path, run, parent)
	w := ledger.Writer{
		Path: b.own.Path, User: b.own.User, Key: b.own.Key, Keep: b.own.Keep,
		Hand: func(o ledger.Orphan) error { return do.take(ctx, o) },
	}
	for found, err := range w.RecoverBatches(patient) {
		errors.As(err, &r.head)
		for _, o := range found {
			if o.Added {
				r.runs = append(r.runs, o.Report)
			}
		}
		select {
		case <-r.enough:
			return
		default:
		}
	}
}

// stop has recovery end after the runs that it is at. It has been at some, also beside
// the shortest command, so that each run leaves less to do; but it soon waits for the
// ledger no more, so that rows of runs that have ended come first.
func (r *recovery) stop(since stopwatch) {
	close(r.enough)
	time.AfterFunc(time.Until(since.by(othersLimit)), r.give)
}

// result waits for its end, for a time or until stopped, and gives what was added.
func (r *recovery) result(since stopwatch, stopped <-chan struct{}) (added []footprint.Report, head error) {
	defer r.cancel()
	if !since.unless(stopped, r.done, othersLimit) {
		select {
		case <-r.added: // what is left is to deliver what others could not
		default:
			return nil, nil
		}
	}
	if r.head != nil {
		head = r.head
	}
	return r.runs, head
}

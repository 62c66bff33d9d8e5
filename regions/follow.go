package regions

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// followGap is how often a live provider is asked for a figure that it
	// hasn't given; followAsk how long a question may take.
	followGap = 5 * time.Minute
	followAsk = 30 * time.Second
	// followGrace is how long the newest live figure stands past its end. Live
	// services lag by an hour or two.
	followGrace = 2 * time.Hour
)

// A Follower is a Provider that makes no one wait for a live one. It answers at once: with the
// live figure if one is there that holds, or ended less than two hours before, else with that
// of the table, with the reason in Instead. Meanwhile it asks the live provider in the
// background. It is for times near now: of a past or future Query.Time it knows only what it
// happens to hold.
//
// It is safe for concurrent use. Close ends its questions.
type Follower struct {
	live, table Provider
	ctx         context.Context // of the background questions, which no caller's context may end
	stop        context.CancelFunc
	wait        sync.WaitGroup

	mu     sync.Mutex
	closed bool
	known  map[Query]*followed // by query without Time
}

// followed is what a Follower holds for a query.
type followed struct {
	in     Intensity // the newest live figure; zero PerKWh and times if none
	have   bool
	err    error // of the last question
	asking bool
	next   time.Time // not to be asked before
}

// Follow returns a Follower of a live provider over a table. It asks nothing
// before the first Intensity.
func Follow(live, table Provider) *Follower {
	ctx, stop := context.WithCancel(context.Background())
	return &Follower{live: live, table: table, ctx: ctx, stop: stop, known: map[Query]*followed{}}
}

var (
	errNotYet = errors.New("it has not answered yet")
	errOld    = errors.New("its newest figure is too old")
	errClosed = errors.New("no longer polled")
)

// Intensity answers at once. Its errors are the table's.
func (f *Follower) Intensity(ctx context.Context, q Query) (Intensity, error) {
	now := time.Now()
	at := q.Time
	if at.IsZero() {
		at = now
	}
	key := q
	key.Time = time.Time{}
	in, err := f.look(key, at, now)
	if err == nil {
		return in, nil
	}
	in, tableErr := instead(ctx, f.live, f.table, q)
	if tableErr != nil {
		return Intensity{}, tableErr
	}
	in.Instead = and(because(err), in.Instead)
	return in, nil
}

// look gives the live figure or why there is none, and asks if it is time to.
func (f *Follower) look(key Query, at, now time.Time) (Intensity, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, ok := f.known[key]
	if !ok {
		k = &followed{}
		f.known[key] = k
	}
	holds := k.have && !at.Before(k.in.From) && at.Before(k.in.To)
	if !holds && !k.asking && !f.closed && !now.Before(k.next) {
		k.asking = true
		f.wait.Go(func() { f.ask(key, k) })
	}
	switch {
	case holds, k.have && !at.Before(k.in.From) && at.Before(k.in.To.Add(followGrace)):
		return k.in, nil
	case k.err != nil:
		return Intensity{}, k.err
	case f.closed && !k.have:
		return Intensity{}, errClosed
	case !k.have:
		return Intensity{}, errNotYet
	}
	return Intensity{}, errOld
}

// ask asks the live provider about now.
func (f *Follower) ask(key Query, k *followed) {
	ctx, cancel := context.WithTimeout(f.ctx, followAsk)
	defer cancel()
	in, err := f.live.Intensity(ctx, key)
	switch {
	case err != nil:
	case in.Marginal:
		err = errMarginal
	case !in.From.Before(in.To):
		err = errors.New("its figure has no time of validity")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	k.asking, k.err, k.next = false, err, time.Now().Add(followGap)
	if err == nil && (!k.have || !in.From.Before(k.in.From)) {
		k.in, k.have = in, true
	}
}

// Close ends the background questions and waits for them. What is held is still
// answered.
func (f *Follower) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.stop()
	f.wait.Wait()
	return nil
}

// Scope implements Scoped.
func (f *Follower) Scope() Scope { return ScopeOf(f.live) }

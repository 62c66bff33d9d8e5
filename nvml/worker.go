package nvml

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// A gpu is one GPU that is read. Its goroutine asks the driver, and the Meter
// asks the goroutine. What is the goroutine's may be touched by the Meter only
// between an answer and the next question.
type gpu struct {
	ask     chan question // room for one
	workers *workers

	// The Meter's.
	asked   bool // and not answered yet
	about   question
	overdue bool // asked by an earlier call
	fresh   bool // answered to this one
	behind  bool // last is the answer to an earlier Read
	silent  uint32
	hangs   error
	last    []energy.Reading
	use     usage
	named   map[string]bool // MIG instances that the work was told to use

	// The goroutine's.
	dev      *device
	every    time.Duration // how often it looks by itself, 0 never
	series   []series
	fields   []field
	readings []energy.Reading
	readErr  error // err, as it was when the readings were made
	users    userReport
	cost     time.Duration // of asking for them, the last time
	took     time.Duration // the latest look
	err      error         // of the latest look
	lostAt   time.Time     // when the GPU was found lost, zero if it is not
}

// A question is what a gpu's goroutine is asked for.
type question uint8

const (
	forEnergy question = iota
	forUsers
)

// A series makes a total that never falls out of what the driver answers.
type series interface {
	// feed asks the driver, or takes what it has answered to fields between two
	// times. An error leaves the total as it is.
	feed(list []field, err error, asked, at time.Time) error
	// reading is what was fed last.
	reading() *energy.Reading
	// vague reports whether that leaves much open that a look in some milliseconds
	// would tell.
	vague() bool
	// show brings the reading up to a look that began and ended then, before it is
	// handed out. The first one is the origin of its total.
	show(asked, at time.Time)
	// wants is how long until another look would make the bounds narrower, 0 for
	// never.
	wants(now time.Time) time.Duration
}

// Workers are the goroutines that use one library. The last one closes it, since
// a call may still be in it when the Meter is closed.
type workers struct {
	left  atomic.Int32
	close func()
	ended chan struct{}
}

func newWorkers(close func(), n int) *workers {
	w := &workers{close: close, ended: make(chan struct{})}
	w.left.Store(int32(n))
	return w
}

func (w *workers) leave() {
	if w.left.Add(-1) == 0 {
		w.close()
		close(w.ended)
	}
}

// work looks when it is asked to, and by itself, until ask is closed.
func (g *gpu) work(done chan<- *gpu) {
	defer g.workers.leave()
	itself := time.NewTimer(0)
	defer itself.Stop()
	for {
		select {
		case q, ok := <-g.ask:
			switch {
			case !ok:
				return
			case q == forUsers:
				g.askUsers()
			default:
				asked := time.Now()
				g.look()
				at := time.Now()
				g.clear()
				g.answer(asked, at)
			}
			done <- g
		case <-itself.C:
			g.look()
		}
		if d := g.pause(); d > 0 {
			itself.Reset(d)
		} else {
			itself.Stop()
		}
	}
}

// pause is how long until the GPU is looked at without being asked for it, 0 for
// ever: often, as long as something can be learnt by it and the driver answers
// quickly, else as its power must be added up.
func (g *gpu) pause() time.Duration {
	now := time.Now()
	d := g.every
	if g.took <= cheap && g.err == nil {
		for _, s := range g.series {
			if w := s.wants(now); w > 0 && (d == 0 || w < d) {
				d = w
			}
		}
	}
	return d
}

// retryEvery is how long a GPU that is gone is left alone before it is tried again:
// such calls can be slow.
const retryEvery = 10 * time.Second

// look reads the GPU into its series.
func (g *gpu) look() {
	if !g.lostAt.IsZero() && time.Since(g.lostAt) < retryEvery {
		return
	}
	err := g.feed()
	g.lostAt, g.err = time.Time{}, nil
	if errors.Is(err, ErrLost) {
		g.lostAt = time.Now()
	}
	if err != nil {
		g.err = fmt.Errorf("GPU %s: %w", g.dev.uuid, err)
	}
}

func (g *gpu) feed() (err error) {
	defer recovered(&err)
	asked := time.Now()
	var failed error
	if len(g.fields) > 0 {
		failed = g.dev.fields(g.fields)
	}
	at := time.Now()
	defer func() { g.took = time.Since(asked) }()
	for _, s := range g.series {
		if e := s.feed(g.fields, failed, asked, at); e != nil {
			err = e
		}
	}
	return err
}

// clearFor is for how long an answer may be kept back.
const clearFor = 10 * time.Millisecond

// clear looks again for as long as that tells more of the latest look.
func (g *gpu) clear() {
	for end := time.Now().Add(clearFor); g.took <= cheap && slices.ContainsFunc(g.series, series.vague) && time.Now().Before(end); {
		time.Sleep(2 * finest)
		g.look()
	}
}

// answer makes the readings of a look that began and ended then.
func (g *gpu) answer(asked, now time.Time) {
	g.readErr = g.err
	for i, s := range g.series {
		r := &g.readings[i]
		s.show(asked, now)
		if *r = *s.reading(); r.State != energy.OK {
			r.Before, r.Time = now, now
		}
		if !g.lostAt.IsZero() {
			r.State, r.Before, r.Time = energy.Lost, now, now
		}
	}
}

// put asks the goroutine, which is idle.
func (g *gpu) put(q question) {
	g.asked, g.about = true, q
	g.ask <- q
}

// settle takes an answer that came after its call had returned.
func (g *gpu) settle() {
	g.asked, g.overdue = false, false
	if g.about == forEnergy {
		g.behind = true
		g.keep()
	}
}

// keep takes the worker's readings, before it is asked again. What was added
// since the latest reading that was OK is shown by the next one that is.
func (g *gpu) keep() {
	for i, r := range g.readings {
		if l := &g.last[i]; r.State != energy.OK {
			r.Total, r.Edge, r.Common = l.Total, l.Edge, l.Common
		}
		r.Gaps += g.silent
		g.last[i] = r
	}
}

// take brings last up to date, after a Read's questions.
func (g *gpu) take(now time.Time) error {
	if g.fresh {
		g.behind = false
		g.keep()
		return g.readErr
	}
	if !g.behind {
		g.silent++
	}
	for i := range g.last {
		r := &g.last[i]
		switch {
		case g.behind && r.State == energy.OK: // slow, but it does answer
			r.Edge = r.Edge.Plus(r.MaxPower.Over(now.Sub(r.Time)))
			continue
		case r.State != energy.Lost:
			r.State = energy.Held
		}
		r.Before, r.Time = now, now
		if !g.behind {
			r.Gaps++
		}
	}
	g.behind = false
	return g.hangs
}

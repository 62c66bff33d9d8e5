package carbon

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/rapl"
	"github.com/carbonctl/carbonctl/regions"
)

const (
	// lastRead is how long the last reading may take: the work has ended and must
	// not wait for a driver that does not answer. As long is waited for what the
	// caller wants to know of an epoch.
	lastRead = 100 * time.Millisecond
	// firstRead is how long Start waits for meters that are not read in place.
	firstRead = 20 * time.Millisecond
	// readTimeout is how long any other sample waits for such a meter, once: it is
	// then left to itself until it answers.
	readTimeout = time.Second
	// usersEvery is the time between two questions who uses the GPUs, which cost
	// more than their counters; a second, less what a tick may come early.
	usersEvery = 950 * time.Millisecond
)

// A turn is a lock that can be waited for with a limit.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) try() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

// take waits until quit is closed, or for at most d if that is not 0. It reports
// whether it has the turn.
func (t turn) take(d time.Duration, quit <-chan struct{}) bool {
	select {
	case <-quit:
		return false
	default:
	}
	if t.try() {
		return true
	}
	var limit <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		limit = timer.C
	}
	select {
	case t <- struct{}{}:
		return true
	case <-limit:
	case <-quit:
	}
	return false
}

func (t turn) done() { <-t }

// inPlace reports whether a meter reads files of the kernel and nothing else: it
// answers in microseconds and does not hang, so that it may be read on the
// goroutine of the work. Any other is read by a reader.
func inPlace(m energy.Meter) bool {
	switch m.(type) {
	case *rapl.Meter, *estimate.Meter:
		return true
	}
	return false
}

// A sampler takes samples: at each tick, when an epoch or a task begins or
// ends, and when somebody asks. What it reads comes by two ways. Meters that are
// read in place are read by who takes the sample, in its turn; the others have a
// reader each, and are asked and waited for before.
type sampler struct {
	work    Work
	own     *self // the work, where it is this process
	process bool  // the headline is the work's part, so that its edges count too

	// sampling is held for a whole sample, also while readers are waited for. It
	// guards what follows.
	sampling  turn
	readers   []*reader
	timer     *time.Timer
	users     time.Time         // when the readers were last asked who uses what
	found     []footprint.Fault // while a meter was opened
	facts     *footprint.Facts  // likewise
	grid      grid
	forecasts forecasts

	// reading is held while counters are read in place and the account gets them,
	// so that samples come in the order of their times. It guards what follows.
	reading   turn
	meters    []energy.Meter // read in place
	marked    bool           // there was a mark
	usage     *usage
	intensity regions.Intensity
	faults    []footprint.Fault // found, not yet in a sample
	readings  []energy.Reading
	answers   []energy.Reading // of the readers
	use       []energy.Use
	spent     time.Duration // CPU time of this thread in samples

	queue  queue
	slow   atomic.Bool // there are readers
	inside atomic.Bool // a meter is being read in place
}

// sample takes samples until the run ends. It reads at fixed distances from the
// start: a late wake-up makes one interval longer and the next one shorter.
func (t *Tracker) sample(ctx context.Context) {
	defer close(t.idle)
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	rest := time.NewTimer(0)
	defer rest.Stop()
	wake, opened := t.queue.wake, t.late.opened
	for {
		select {
		case <-tick.C:
			t.pass(true, readTimeout)
		case j := <-opened:
			opened = nil
			if t.sampling.take(0, t.quit) {
				news := t.join(j)
				t.sampling.done()
				if news {
					t.pass(true, readTimeout)
				}
			}
		case <-wake:
			// Counters of GPUs move every 20 to 100 ms: a row of short tasks shares
			// their readings.
			if t.pass(false, readTimeout); t.slow.Load() {
				wake = nil
				rest.Reset(MinEvery)
			}
		case <-rest.C:
			wake = t.queue.wake
		case <-t.quit:
			return
		case <-ctx.Done():
			t.finish(false)
			return
		}
	}
}

// pass takes a sample of everything, or, if not whole, of what somebody waits
// for. It gives up when the run ends: that takes the last sample itself.
func (t *Tracker) pass(whole bool, limit time.Duration) {
	if !t.sampling.take(0, t.quit) {
		return
	}
	defer t.sampling.done()
	if l, ok := t.work.(Looker); ok && whole {
		l.Look()
	}
	switch t.queue.wants() {
	case wantsNothing:
		if !whole {
			return
		}
	case wantsSample:
		whole = true
		t.markInPlace()
	}
	now := time.Now()
	users := whole && now.Sub(t.users) >= usersEvery
	if !t.ask(now, whole, users, limit, t.quit) || !t.reading.take(0, t.quit) {
		return
	}
	waiters, reached := t.collect(whole)
	t.reading.done()
	t.release(waiters, reached)
}

// markInPlace takes the marks that wait for a sample before the readers are
// waited for.
func (t *Tracker) markInPlace() {
	if !t.slow.Load() || !t.running.Load() || !t.reading.take(0, t.quit) {
		return
	}
	defer t.reading.done()
	defer startWatch().stop(&t.spent)
	now := time.Now()
	if marks := t.queue.early(now); len(marks) > 0 {
		t.queue.keep(t.readInPlace(now, marks))
	}
}

// last takes the last sample, on the goroutine of whoever ends the run, so that
// it needs no other that a busy program keeps from running. It keeps the turns:
// nothing is read after it. why is what it waited for in vain, "" if it was taken.
func (t *Tracker) last() (why string) {
	end := time.Now().Add(lastRead)
	if !t.sampling.take(lastRead, nil) {
		return t.blame()
	}
	t.leave()
	if !t.begun {
		return ""
	}
	t.ask(time.Now(), true, true, time.Until(end), nil)
	if !t.reading.take(max(time.Until(end), time.Millisecond), nil) {
		t.sampling.done()
		return t.blame()
	}
	waiters, reached := t.collect(true)
	t.release(waiters, reached)
	return ""
}

// blame says why no last reading could be taken.
func (t *Tracker) blame() string {
	if t.inside.Load() {
		return fmt.Sprintf("a counter did not answer within %v at the end", lastRead)
	}
	return fmt.Sprintf("this program was too busy for a last reading within %v", lastRead)
}

// ask asks the readers and the grid, and waits for the readers. It reports
// whether it was not told to quit.
func (t *Tracker) ask(now time.Time, whole, users bool, limit time.Duration, quit <-chan struct{}) bool {
	if users {
		t.users = now
	}
	for _, r := range t.readers {
		r.ask(users)
	}
	asked := whole && t.grid.ask(now)
	over := t.timer.C
	if len(t.readers) > 0 {
		t.timer.Reset(limit)
		defer t.timer.Stop()
	}
	for _, r := range t.readers {
		switch r.wait(over, quit) {
		case quitted:
			return false
		case overdue: // so are the others, if they have not answered by now
			past := make(chan time.Time)
			close(past)
			over = past
		}
	}
	if asked {
		t.grid.wait(gridWait)
	}
	return true
}

// collect gives the account all that was read: first the edges that waited for
// the readers, then a sample of now. The turn to read is held, and no other
// goroutine is waited for.
func (t *Tracker) collect(whole bool) (waiters []chan struct{}, reached func()) {
	defer startWatch().stop(&t.spent)
	now := time.Now()
	t.faults, t.found = append(t.faults, t.found...), nil
	t.answers = t.answers[:0]
	for _, r := range t.readers {
		t.answers, t.faults = r.take(now, t.answers, t.faults, &t.spent)
	}
	edges, marks, waiters, lost := t.queue.take(now)
	if lost {
		t.faults = append(t.faults, footprint.Fault{
			Code: footprint.EpochDropped, Text: "a meter hung so long that epochs or tasks were dropped",
		})
	}
	for i := range edges {
		edges[i].Readings = append(edges[i].Readings, t.answers...)
		t.add(edges[i])
	}
	if whole || len(marks) > 0 {
		t.addNow(now, marks)
	}
	return waiters, t.reached()
}

// addNow adds a sample of everything. Both turns are held.
func (t *Tracker) addNow(now time.Time, marks []footprint.Mark) {
	t.readings = append(t.read(t.readings[:0]), t.answers...)
	t.use = t.usage.read(now, t.work.Used(), t.use[:0])
	for _, r := range t.readers {
		t.use = r.users(t.use)
	}
	t.intensity, t.faults = t.grid.take(t.intensity, t.faults)
	t.marked = t.marked || len(marks) > 0
	t.add(footprint.Sample{
		Time: now, Wall: now.Round(0), Readings: t.readings, Use: t.use,
		Intensity: t.intensity, Faults: t.faults, Facts: t.facts, Marks: marks,
		Forecast: t.forecasts.look(now, t.marked),
	})
	t.faults, t.facts = t.faults[:0], nil
}

// read reads the meters that are read in place. Never with the run's context,
// which ends the run and not its last reading.
func (t *Tracker) read(to []energy.Reading) []energy.Reading {
	t.inside.Store(true)
	defer t.inside.Store(false)
	for _, m := range t.meters {
		var err error
		if to, err = m.Read(context.Background(), to); err != nil {
			t.faults = faults(t.faults, err)
		}
	}
	return to
}

// add gives a sample to the account and to who follows the run.
func (t *Tracker) add(s footprint.Sample) {
	t.mu.Lock()
	t.account.Add(s)
	t.sampled = s.Time
	t.tellEnds(s.Marks)
	looks := t.count()
	var events []footprint.Event
	if t.followed {
		events = t.account.Events()
	}
	t.mu.Unlock()
	for _, f := range t.feeds {
		f.sample(s)
		f.counts(looks)
		f.event(events...)
	}
}

// reached gives what the owner of the budget wants to be called, nil if nothing:
// once, and with no lock held.
func (t *Tracker) reached() func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	why, budget := t.account.Tripped(), t.account.Run.Budget
	if why == nil || t.tripped || budget.Reached == nil {
		return nil
	}
	t.tripped = true
	return func() { budget.Reached(why) }
}

// release lets those go on who wait for a sample, after the budget's owner knows.
func (t *Tracker) release(waiters []chan struct{}, reached func()) {
	if reached != nil {
		reached()
	}
	for _, w := range waiters {
		close(w)
	}
}

// A stopwatch measures the CPU time of a thread. Where that is not known the wall
// clock stands in: nothing waits meanwhile.
type stopwatch struct {
	began time.Time
	cpu   time.Duration
	known bool
}

// startWatch keeps the goroutine on its thread until stop.
func startWatch() (w stopwatch) {
	runtime.LockOSThread()
	w.began = time.Now()
	w.cpu, w.known = proc.ThreadCPU()
	return w
}

// stop adds what was used since to what tracking has cost.
func (w stopwatch) stop(spent *time.Duration) {
	if now, ok := proc.ThreadCPU(); ok && w.known {
		*spent += now - w.cpu
	} else {
		*spent += time.Since(w.began)
	}
	runtime.UnlockOSThread()
}

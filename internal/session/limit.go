package session

import (
	"sync"
	"time"
)

// The time limits of Finish, all counted from the command's end. They are not for
// what usually takes some milliseconds, but for drivers, disks, locks and services
// that do not answer. Time for which we were ready to run and had no processor
// comes on top: where everybody waits, nothing hangs.
const (
	finishLimit  = 200 * time.Millisecond // of all that follows
	showLimit    = 190 * time.Millisecond // then the result is shown
	sinksLimit   = 180 * time.Millisecond // then a sink is left to the next run
	recordLimit  = 140 * time.Millisecond // then the row is, whatever holds it up
	lockLimit    = 110 * time.Millisecond // then the journal keeps the row
	readingLimit = 105 * time.Millisecond // then the run ends at the reading before
	othersLimit  = 50 * time.Millisecond  // then the recovery of other runs is left to the next one

	starvedLimit = 10 * time.Second // the most that comes on top
)

// await waits until something is done, or for a time. It reports which.
func await(done <-chan struct{}, deadline time.Time) bool {
	select {
	case <-done:
		return true
	default:
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// stopwatch runs from the command's end.
type stopwatch struct {
	start time.Time
	slack time.Duration
	base  func() map[string]time.Duration // what our threads had waited for a processor by then
}

// settling is how long the end of a run may take before it is worth to know why: to
// ask takes a tenth of a millisecond.
const settling = 20 * time.Millisecond

func startWatch(slack time.Duration) stopwatch {
	w := stopwatch{start: time.Now(), slack: slack, base: sync.OnceValue(starved)}
	time.AfterFunc(settling, func() { w.base() })
	return w
}

// by is the end of a limit, as it stands now.
func (w stopwatch) by(limit time.Duration) time.Time {
	return w.start.Add(limit + w.slack + w.onTop())
}

// onTop is for how long the thread that had to wait the longest has waited.
func (w stopwatch) onTop() (most time.Duration) {
	base := w.base()
	for thread, waited := range starved() {
		most = max(most, waited-base[thread])
	}
	return min(most, starvedLimit)
}

// await waits until something is done, or for a limit. It reports which.
func (w stopwatch) await(done <-chan struct{}, limit time.Duration) bool {
	const little = time.Millisecond
	for more := time.Duration(0); ; {
		if await(done, w.start.Add(limit+w.slack+more)) {
			return true
		}
		now := w.onTop()
		if now < more+little {
			return false
		}
		more = now
	}
}

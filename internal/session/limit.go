package session

import (
	"time"
)

// The time limits of Finish, all counted from the command's end. They are not for
// what usually takes some milliseconds, but for drivers, disks, locks and services
// that do not answer. Time for which we were ready to run and had no processor
// comes on top until the journal has the report, and where the result is shown: where
// everybody waits, nothing hangs. What is between the two is left to the next run
// where it is late, for whatever reason.
const (
	finishLimit  = 200 * time.Millisecond // of all that follows
	showLimit    = 190 * time.Millisecond // then the result is shown
	sinksLimit   = 180 * time.Millisecond // then a sink is left to the next run
	recordLimit  = 140 * time.Millisecond // then the row is, whatever holds it up
	lockLimit    = 110 * time.Millisecond // then the journal keeps the row
	readingLimit = 105 * time.Millisecond // then the run ends at the reading before
	helperLimit  = 60 * time.Millisecond  // then the row does not wait for a message's helper
	besideLimit  = 30 * time.Millisecond  // then runs that began meanwhile are not looked for
	othersLimit  = 50 * time.Millisecond  // then the recovery of other runs is left to the next one

	answerTime = 5 * time.Millisecond // before sinksLimit, for a sink to say why it gives up

	starvedLimit = 10 * time.Second // the most that comes on top
	heldLimit    = 2 * time.Second  // the most for which a disk keeps the journal waiting
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
}

func startWatch(slack time.Duration) stopwatch { return stopwatch{time.Now(), slack} }

// by is the end of a limit.
func (w stopwatch) by(limit time.Duration) time.Time { return w.start.Add(limit + w.slack) }

// strictly waits until something is done, or for a limit. It reports which.
func (w stopwatch) strictly(done <-chan struct{}, limit time.Duration) bool {
	return await(done, w.by(limit))
}

// unless is strictly, given up once stopped is closed.
func (w stopwatch) unless(stopped, done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(time.Until(w.by(limit)))
	defer timer.Stop()
	select {
	case <-done:
	case <-stopped:
	case <-timer.C:
	}
	return closed(done)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// await waits until something is done, or for a limit and as long after it as a
// thread of ours is ready to run and has no processor. It reports which.
func (w stopwatch) await(done <-chan struct{}, limit time.Duration) bool {
	return w.waitWhile(done, limit, starved)
}

// insist does so too, and waits for a time as long as the kernel holds a thread of ours:
// that keeps us from ending anyway. It is for what must not be lost.
func (w stopwatch) insist(done <-chan struct{}, limit time.Duration) bool {
	end := w.by(limit + heldLimit)
	return w.waitWhile(done, limit, func(before, now map[string]thread) bool {
		return starved(before, now) || held(now) && time.Now().Before(end)
	})
}

func (w stopwatch) waitWhile(done <-chan struct{}, limit time.Duration, busy func(before, now map[string]thread) bool) bool {
	if w.strictly(done, limit) {
		return true
	}
	const between = 3 * time.Millisecond
	end := w.by(limit + starvedLimit)
	for before := threads(); time.Now().Before(end); {
		if await(done, time.Now().Add(between)) {
			return true
		}
		now := threads()
		if !busy(before, now) {
			return false
		}
		before = now
	}
	return false
}

// held reports whether the kernel holds a thread, as a disk that is waited for does.
func held(now map[string]thread) bool {
	for _, t := range now {
		if t.held {
			return true
		}
	}
	return false
}

// starved reports whether a thread has waited for a processor between two looks at
// them, or has been ready all the while and has not run.
func starved(before, now map[string]thread) bool {
	const little = time.Millisecond
	for number, t := range now {
		b := before[number]
		if t.waited-b.waited >= little || t.ready && b.ready && t.ran == b.ran {
			return true
		}
	}
	return false
}

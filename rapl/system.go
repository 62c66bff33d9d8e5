package rapl

import "time"

// system is what a Meter takes from the operating system besides the files of
// its root. Both may be nil.
type system struct {
	// slept returns how long the machine has slept since it started: at least low
	// and at most high.
	slept func() (low, high time.Duration)
	// open opens a perf event that counts on one CPU, whatever runs there. The
	// count is read with 8 bytes in the machine's order.
	open func(kind uint32, config uint64, cpu int) (eventFile, error)
}

// eventFile is an open perf event.
type eventFile interface {
	Count() (uint64, error)
	Close() error
}

// well is how far apart the bounds of a sleep may be without another try. tries is
// how often it is tried: somebody is waiting.
const (
	well  = time.Millisecond
	tries = 8
)

// bracket finds how far the clock that counts all time is ahead of the one that
// counts the time awake, from reading the second, the first, and the second again.
func bracket(read func() (before, all, after time.Duration)) (low, high time.Duration) {
	for i := range tries {
		before, all, after := read()
		if i == 0 || after-before < high-low {
			low, high = all-after, all-before
		}
		if high-low <= well {
			break
		}
	}
	return low, high
}

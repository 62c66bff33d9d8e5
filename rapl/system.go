package rapl

import "time"

// system is what a Meter takes from the operating system besides the files of
// its root. Both may be nil.
type system struct {
	// slept returns how long the machine has slept since it started.
	slept func() time.Duration
	// open opens a perf event that counts on one CPU, whatever runs there. The
	// count is read with 8 bytes in the machine's order.
	open func(kind uint32, config uint64, cpu int) (eventFile, error)
}

// eventFile is an open perf event.
type eventFile interface {
	Count() (uint64, error)
	Close() error
}

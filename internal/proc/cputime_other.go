//go:build !linux

package proc

import (
	"os"
	"time"
)

func cpuClock(int) (time.Duration, bool) { return 0, false }

// ThreadCPU returns the CPU time that this thread of the operating system has
// used. ok is false where the system does not tell.
func ThreadCPU() (used time.Duration, ok bool) { return 0, false }

// HasChildren reports whether this process has children, as far as the system
// tells: it may have some if it does not.
func HasChildren() bool {
	n, err := children(os.Getpid())
	return err != nil || n > 0
}

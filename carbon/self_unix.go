//go:build unix

package carbon

import (
	"syscall"
	"time"
)

// addsChildren says that the system adds the time of children to their parent's.
const addsChildren = true

// processCPU is the CPU time of this process alone, childrenCPU that of its
// children that were waited for, and of theirs.
func processCPU() (time.Duration, bool)  { return usageOf(syscall.RUSAGE_SELF) }
func childrenCPU() (time.Duration, bool) { return usageOf(syscall.RUSAGE_CHILDREN) }

func usageOf(who int) (time.Duration, bool) {
	var r syscall.Rusage
	if err := syscall.Getrusage(who, &r); err != nil {
		return 0, false
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), true
}

//go:build unix

package carbon

import (
	"syscall"
	"time"
)

func selfCPU() (time.Duration, bool) {
	own, ok := processCPU()
	children, ok2 := usageOf(syscall.RUSAGE_CHILDREN)
	return own + children, ok && ok2
}

func processCPU() (time.Duration, bool) { return usageOf(syscall.RUSAGE_SELF) }

func usageOf(who int) (time.Duration, bool) {
	var r syscall.Rusage
	if err := syscall.Getrusage(who, &r); err != nil {
		return 0, false
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), true
}

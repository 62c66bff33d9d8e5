package proc

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// cpuClock is the kernel's clock of the CPU time of a process: all its threads,
// those that have ended too, in nanoseconds, where /proc rounds down to ticks.
// Any process may be asked (clock_getcpuclockid(3); the number is made as in
// include/linux/posix-timers_types.h, MAKE_PROCESS_CPUCLOCK with CPUCLOCK_SCHED).
func cpuClock(pid int) (time.Duration, bool) {
	const sched = 2
	return clock(int32(^pid)<<3 | sched)
}

// ThreadCPU returns the CPU time that this thread of the operating system has
// used. ok is false where the system does not tell.
func ThreadCPU() (used time.Duration, ok bool) { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) (time.Duration, bool) {
	var t unix.Timespec
	if unix.ClockGettime(id, &t) != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}

// HasChildren reports whether this process has children, those included that
// have ended and were not waited for. It changes nothing about them.
func HasChildren() bool {
	return !errors.Is(unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil), unix.ECHILD)
}

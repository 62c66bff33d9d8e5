package carbon

import (
	"syscall"
	"time"
)

// addsChildren says that the system adds the time of children to their parent's.
const addsChildren = false

// childrenCPU is not known: Windows does not add them to their parent.
func childrenCPU() (time.Duration, bool) { return 0, true }

func processCPU() (time.Duration, bool) {
	p, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0, false
	}
	var created, exited, kernel, user syscall.Filetime
	if err := syscall.GetProcessTimes(p, &created, &exited, &kernel, &user); err != nil {
		return 0, false
	}
	return span(kernel) + span(user), true
}

// span reads a length of time: 100 ns units in two halves.
func span(f syscall.Filetime) time.Duration {
	return time.Duration(uint64(f.HighDateTime)<<32|uint64(f.LowDateTime)) * 100
}

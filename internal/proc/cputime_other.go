//go:build !linux

package proc

import "time"

func cpuClock(int) (time.Duration, bool) { return 0, false }

// ThreadCPU returns the CPU time that this thread of the operating system has
// used. ok is false where the system does not tell.
func ThreadCPU() (used time.Duration, ok bool) { return 0, false }

// HasChildren reports whether this process may have children.
func HasChildren() bool { return true }

//go:build !linux && !darwin && !windows

package proc

import gops "github.com/shirou/gopsutil/v3/process"

// children is how many children a process has: gopsutil would run a program for it,
// and only lists parents one by one by itself.
func children(pid int) (n int, err error) {
	all, err := gops.Pids()
	for _, id := range all {
		p := gops.Process{Pid: id}
		if parent, err := p.Ppid(); err == nil && int(parent) == pid {
			n++
		}
	}
	return n, err
}

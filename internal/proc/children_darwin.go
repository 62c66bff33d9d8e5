package proc

import "golang.org/x/sys/unix"

// children is how many children a process has: gopsutil would run a program for it.
func children(pid int) (n int, err error) {
	all, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	for i := range all {
		if int(all[i].Eproc.Ppid) == pid {
			n++
		}
	}
	return n, err
}

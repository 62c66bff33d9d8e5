package proc

import gops "github.com/shirou/gopsutil/v3/process"

// children is how many children a process has.
func children(pid int) (int, error) {
	p := gops.Process{Pid: int32(pid)}
	list, err := p.Children()
	return len(list), err
}

//go:build !linux

package proc

import (
	"fmt"
	"runtime"
	"strconv"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/mem"
	gops "github.com/shirou/gopsutil/v3/process"
)

// elsewhere: this system can be asked without /proc.
const elsewhere = true

func systemCPU() (CPU, error) {
	infos, err := cpu.Info()
	if err != nil {
		return CPU{}, fmt.Errorf("ask the system for its CPU: %w", err)
	}
	if len(infos) == 0 {
		return CPU{}, fmt.Errorf("ask the system for its CPU: no answer")
	}
	first := infos[0]
	c := CPU{
		Vendor:   first.VendorID,
		Brand:    first.ModelName,
		Family:   number(first.Family),
		Model:    number(first.Model),
		Stepping: int(first.Stepping),
		Threads:  runtime.NumCPU(),
		BaseMHz:  brandMHz(first.ModelName),
		Packages: []int{0},
	}
	for _, f := range first.Flags {
		if f == "hypervisor" || f == "vmm" {
			c.Virtual = true
		}
	}
	if n, err := cpu.Counts(false); err == nil && n > 0 {
		c.Cores, c.Siblings = n, c.Threads
	}
	return c, nil
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

func systemTimes() (busy, capacity float64, err error) {
	all, err := cpu.Times(false)
	if err != nil {
		return 0, 0, fmt.Errorf("ask the system for its CPU times: %w", err)
	}
	if len(all) == 0 {
		return 0, 0, fmt.Errorf("ask the system for its CPU times: no answer")
	}
	t := all[0]
	busy = t.User + t.Nice + t.System + t.Irq + t.Softirq
	return busy, busy + t.Idle + t.Iowait + t.Steal, nil
}

func systemMemory() (total, available uint64, err error) {
	m, err := mem.VirtualMemory()
	if err != nil {
		return 0, 0, fmt.Errorf("ask the system for its memory: %w", err)
	}
	return m.Total, m.Available, nil
}

func systemHost() Host {
	h := Host{OS: runtime.GOOS}
	if v, err := host.KernelVersion(); err == nil {
		h.Kernel = v
	}
	return h
}

// systemProcess asks the system for the parent and the start of a process.
func systemProcess(pid int) (process, error) {
	p, err := gops.NewProcess(int32(pid))
	if err != nil {
		return process{}, fmt.Errorf("ask the system for process %d: %w", pid, err)
	}
	parent, err := p.Ppid()
	if err != nil {
		return process{}, fmt.Errorf("ask the system for process %d: %w", pid, err)
	}
	started, err := p.CreateTime()
	if err != nil {
		return process{}, fmt.Errorf("ask the system for process %d: %w", pid, err)
	}
	return process{pid: pid, parent: int(parent), start: uint64(started)}, nil
}

// systemBoot names a start of this machine. The time of it is known to some
// seconds: what follows from now less the time that it is up differs from one
// call to the next.
func systemBoot() string {
	id, err := host.HostID()
	if err != nil || id == "" {
		return ""
	}
	at, err := host.BootTime()
	if err != nil {
		return ""
	}
	const about = 120 // seconds
	return id + "\n" + strconv.FormatUint((at+about/2)/about, 10)
}

package estimate

import (
	"math"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// CPU describes a processor that is not at hand, as its owner knows it. All fields
// may be zero: what is not known is taken from the tables by its Name, and with
// neither a name nor a TDP a default by thread stands in, with a wide band.
type CPU struct {
	Name    string       // as the CPU or its maker gives it: "Intel Core i9-13900K", "EPYC 7763"
	TDP     energy.Power // of one socket; it goes before that of the tables
	Cores   int          // of one socket
	Threads int          // of one socket; of a virtual machine: its vCPUs
	Sockets int          // 0 counts as 1
	Virtual bool         // a virtual machine, which is charged its threads' part of a host
	BaseMHz float64      // base clock, for which Model.Power's r is 1; 0: the clock is not known
}

// ForCPU returns the model of a processor that is not at hand. Where the CPU is not
// known [Model.How] is Unknown and [Model.Nearest] holds the names most like it.
func ForCPU(c CPU) Model {
	p := proc.CPU{Brand: c.Name, Cores: max(0, c.Cores), Siblings: max(0, c.Threads), Virtual: c.Virtual}
	chip, named := lookup(cpus, key(c.Name))
	if p.Siblings == 0 {
		p.Siblings = chip.threads
	}
	if p.Cores == 0 && p.Siblings == chip.threads {
		p.Cores = chip.cores
	}
	if p.Siblings == 0 {
		p.Siblings = max(1, 2*p.Cores) // servers and desktops mostly have two threads a core
	}
	if p.Cores == 0 {
		p.Cores = max(1, p.Siblings/2)
	}
	sockets := max(1, c.Sockets)
	p.Threads = p.Siblings * sockets
	for i := range sockets {
		p.Packages = append(p.Packages, i)
	}
	m := modelOf(p, limits{}, c.TDP.Watts())
	m.withClock(c.BaseMHz)
	if m.How == Unknown && c.Name != "" && !named {
		m.Nearest = nearest(c.Name)
	}
	return m
}

// ForMemory returns what an amount of memory in GiB draws at a busy fraction u of the
// CPUs beside it, with its 90 % band. kind is "" for server modules, else one of
// "udimm" (desktops, laptops), "ddr3", "lpddr".
func ForMemory(gib, u float64, kind string) (low, expected, high energy.Power) {
	idle, busy := memoryPart(kind)
	w := max(0, gib) * (idle + busy*clamp(u, 0, 1))
	if math.IsInf(w, 0) || math.IsNaN(w) {
		return 0, 0, 0
	}
	return energy.Watts(w * memoryLow), energy.Watts(w), energy.Watts(w * memoryHigh)
}

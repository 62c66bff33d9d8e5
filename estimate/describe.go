package estimate

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// Chip is a CPU as a person names it, for a plan or a record from elsewhere, where no
// machine is at hand to be looked at. All fields may be zero: what is not known is taken
// from the tables by the name.
type Chip struct {
	// Name is the brand string or the model: "Intel Core i9-13900K", "epyc 7763"; the
	// family may be left out. It may be a board: "Raspberry Pi 4".
	Name string
	// TDP of one socket. It goes before that of the tables.
	TDP energy.Power
	// Cores and Threads of all sockets together; of a virtual machine Threads are its
	// vCPUs.
	Cores, Threads int
	Sockets        int  // 0 is 1
	Virtual        bool // charged its threads' part of a host
	// BaseMHz is the base clock, for which [Model.Power]'s r is 1; 0: no clock is known.
	BaseMHz float64
}

// Describe makes the model of a CPU that is not at hand. [Model.How] is [Unknown] where
// there is neither a name that a table has nor a TDP: the default of a thread stands in.
func Describe(c Chip) Model {
	name, chip, stands := named(c.Name)
	sockets := max(1, c.Sockets)
	if c.Virtual {
		sockets = 1
	}
	p := proc.CPU{Brand: name, Cores: max(0, c.Cores) / sockets, Siblings: max(0, c.Threads) / sockets, Virtual: c.Virtual, Product: c.Name}
	smt := chip.threads > chip.cores || chip.cores == 0 // most have two threads a core
	switch {                                            // of one socket
	case p.Siblings == 0 && (p.Cores == 0 || p.Cores == chip.cores):
		p.Cores, p.Siblings = chip.cores, chip.threads
	case p.Siblings == 0 && smt:
		p.Siblings = 2 * p.Cores
	case p.Cores == 0 && p.Siblings == chip.threads:
		p.Cores = chip.cores
	}
	stands.of(&p)
	if _, ok := boardOf(p); !ok {
		p.Product = ""
	}
	p.Siblings = max(1, p.Siblings, p.Cores)
	if p.Cores == 0 {
		p.Cores = p.Siblings
		if smt {
			p.Cores = (p.Siblings + 1) / 2
		}
	}
	p.Threads = p.Siblings * sockets
	for i := range sockets {
		p.Packages = append(p.Packages, i)
	}
	m := modelOf(p, limits{}, c.TDP.Watts())
	if m.How == ByMicroarchitecture && name == stands.sku {
		m.Name = stands.sku
	}
	if i := slices.IndexFunc(m.Notes, func(n Note) bool { return n.Code == "cpu-generic" }); i >= 0 {
		if m.Notes[i].Text = fmt.Sprintf(noFigures, plain(name), stands.sku); name == stands.sku {
			m.Notes = slices.Delete(m.Notes, i, i+1)
		}
	}
	m.withClock(c.BaseMHz)
	return m
}

// named finds a CPU in the table, also where the name lacks its family; or the
// microarchitecture whose typical model stands for it, then by the name of that model
// where it is that. Both are zero where there is neither.
func named(name string) (full string, s sku, stands microarch) {
	for _, family := range [...]string{"", "Xeon ", "Core ", "EPYC ", "Ryzen "} {
		if s, ok := lookup(cpus, key(family+name)); ok {
			return family + name, s, microarch{}
		}
	}
	full = name
	m, ok := references()[key(name)]
	if ok {
		full = m.sku
	} else if m, ok = archOf(name); !ok {
		return full, sku{}, microarch{}
	}
	return full, sku{tdp: m.tdp, cores: m.cores, threads: m.threads}, m
}

// references are the microarchitectures by the key of the CPU that stands for each, where
// no list of TDPs has that: Neoverse V2 by "grace".
var references = sync.OnceValue(func() map[string]microarch {
	all := map[string]microarch{}
	for row := range strings.Lines(microarchs) {
		m, err := parseMicroarch(row)
		if _, listed := lookup(cpus, key(m.sku)); err == nil && m.tdp > 0 && m.sku != "" && !listed {
			all[key(m.sku)] = m
		}
	}
	return all
})

// CoresOf is how many cores a CPU has by its name, in one socket; 0 where no table says.
func CoresOf(name string) int {
	_, chip, _ := named(name)
	return chip.cores
}

// TDPOf is the rated power of one socket of a CPU by its name; 0 where no table has it.
func TDPOf(name string) energy.Power {
	_, chip, _ := named(name)
	return energy.Watts(chip.tdp)
}

// CPUs are the names of the CPUs whose TDP is known, in lower case and without their
// maker, sorted.
func CPUs() iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(cpus) {
			name, _, _ := strings.Cut(line, ",")
			if !yield(name) {
				return
			}
		}
	}
}

// MemoryPower is the power of so many GiB of server memory at a busy fraction of the
// CPUs from 0 to 1, with the bounds of its 90 % band. An amount below 0 or that is no
// number has none.
func MemoryPower(gib, busy float64) (low, expected, high energy.Power) {
	idle, most := memoryPart("")
	w := gib * (idle + most*clamp(busy, 0, 1))
	if !(w > 0) || math.IsInf(w, 0) {
		return 0, 0, 0
	}
	return energy.Watts(w * memoryLow), energy.Watts(w), energy.Watts(w * memoryHigh)
}

package plan

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/carbonctl/carbonctl/estimate"
)

// Cluster says what stands in the partitions of a cluster that SLURM runs. The zero
// Cluster knows nothing: CPUs are unknown ones, and GPUs what their jobs say.
type Cluster struct {
	PUE       float64  `toml:"pue"`       // 0 is 1
	Region    string   `toml:"region"`    // "" is not given
	Intensity *float64 `toml:"intensity"` // g/kWh, in place of the region's
	// MemoryStep is the granularity of requests for memory in GB, by which what was
	// needed is rounded up; 0 is none.
	MemoryStep float64              `toml:"memory-step-gb"`
	Partitions map[string]Partition `toml:"partition"`
}

// Partition is one partition's nodes.
type Partition struct {
	CPU          string  `toml:"cpu"`            // by its name, or
	WattsPerCore float64 `toml:"watts-per-core"` // of one core at full load
	GPU          string  `toml:"gpu"`            // by its name, or
	GPUWatts     float64 `toml:"gpu-watts"`      // of one at full load
	// ThreadsPerCore is 2 where SLURM's CPUs are threads; 0 is 1: they are cores.
	ThreadsPerCore int `toml:"threads-per-core"`
	// NodeCPUs is how many CPUs, as SLURM counts them, a node has; 0 is not known. A job
	// that has all of them is alone, so that the energy of the node is its own.
	NodeCPUs int `toml:"node-cpus"`
	// Region, Intensity and PUE in place of the cluster's.
	Region    string   `toml:"region"`
	Intensity *float64 `toml:"intensity"`
	PUE       float64  `toml:"pue"`
}

// ReadCluster reads a cluster's file; an unknown key is an error.
func ReadCluster(r io.Reader) (Cluster, error) {
	var c Cluster
	meta, err := toml.NewDecoder(r).Decode(&c)
	if err != nil {
		return Cluster{}, wrongTOML(err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		if len(unknown[0]) > 1 {
			return Cluster{}, unknownKey(unknown[0], "a partition", Partition{})
		}
		return Cluster{}, unknownKey(unknown[0], "a cluster", Cluster{})
	}
	check := func(where string, pue, watts, gpu float64, threads int) error {
		switch {
		case pue != 0 && !(pue >= 1 && pue <= 10):
			return fmt.Errorf("%spue: must be from 1 to 10, not %g", where, pue)
		case !(watts >= 0 && watts <= 1e4), !(gpu >= 0 && gpu <= 1e5):
			return fmt.Errorf("%swatts below 0 or too many", where)
		case threads < 0 || threads > 8:
			return fmt.Errorf("%sthreads-per-core: must be from 1 to 8, not %d", where, threads)
		}
		return nil
	}
	if !(c.MemoryStep >= 0) {
		return Cluster{}, fmt.Errorf("memory-step-gb: must be 0 or more, not %g", c.MemoryStep)
	}
	if err := check("", c.PUE, 0, 0, 0); err != nil {
		return Cluster{}, err
	}
	for name, p := range c.Partitions {
		where := "partition." + name + ": "
		if err := check(where, p.PUE, p.WattsPerCore, p.GPUWatts, p.ThreadsPerCore); err != nil {
			return Cluster{}, err
		}
		if p.GPU != "" {
			if _, near, ok := FindGPU(p.GPU); !ok {
				return Cluster{}, fmt.Errorf("%s%w", where, &UnknownError{"GPU", p.GPU, near})
			}
		}
		if p.CPU != "" && estimate.TDPOf(p.CPU) == 0 {
			return Cluster{}, fmt.Errorf("%s%w: give watts-per-core", where, &UnknownError{Kind: "CPU", Name: p.CPU})
		}
	}
	return c, nil
}

// Partition is that of a name. SLURM names several, "cpu,long", for a job that could
// have run in any: then it is the first that is known. ok is false for none.
func (c Cluster) Partition(name string) (p Partition, ok bool) {
	for one := range strings.SplitSeq(name, ",") {
		if p, ok = c.Partitions[one]; ok {
			break
		}
	}
	if p.PUE == 0 {
		p.PUE = orOne(c.PUE)
	}
	if p.Intensity == nil && p.Region == "" {
		p.Region, p.Intensity = c.Region, c.Intensity
	}
	return p, ok
}

// Job is what SLURM remembers of a job that has run.
type Job struct {
	Partition string
	CPUs      float64 // allocated
	Hours     float64 // elapsed
	BusyHours float64 // of CPU time used; 0 is not known: then all of the allocated
	GPUs      float64 // slices count as their part of one: see SliceOf
	GPUName   string  // as the job has it, "" if it does not say
	GPUSlices bool    // some of GPUs are slices
	MemoryGB  float64 // requested
	UsedGB    float64 // the most that was resident; 0 is not known
}

// Use is what a job used, in kWh and without PUE.
type Use struct {
	CPU, GPU, Memory Range
	// Unneeded is the part of Memory that was requested and not needed.
	Unneeded Range
	Notes    []string
}

// Energy is all of it.
func (u Use) Energy() Range { return u.CPU.Plus(u.GPU).Plus(u.Memory) }

// idlePart is the power of an idle CPU over that of a busy one, from the fit of
// docs/estimator.md: 0.11 over 0.87 of the TDP.
const (
	idlePart = 0.11 / 0.87
	ownBand  = 1.7 // the factor of the 90 % band of a server of known TDP
)

// Use reckons what a job used by a method: [Ours], or [GreenAlgorithms] as
// GreenAlgorithms4HPC does, by rated power and CPU time.
func (c Cluster) Use(j Job, method Method) Use {
	var u Use
	p, known := c.Partition(j.Partition)
	allocated := j.CPUs * j.Hours
	busy := j.BusyHours
	if busy == 0 {
		busy = allocated
	}
	if !known && (p.CPU == "" && p.WattsPerCore == 0) {
		u.note("no CPU known for this partition: a default stands in; name it with --cluster")
	}
	threads := orOne(float64(p.ThreadsPerCore))
	if method == GreenAlgorithms {
		u.CPU = Exactly(busy / threads * p.ratedCore() / 1000)
	} else if allocated > 0 {
		load := min(1, busy/allocated)
		u.CPU = p.corePower(load).Times(allocated / threads / 1000)
	}
	if j.GPUs > 0 {
		g, found := p.gpu(j.GPUName)
		if !found {
			u.note("the GPU is not known: a default of 300 W stands in; name it with --cluster")
		}
		one := g.power(1)
		if j.GPUSlices {
			one = ofSlice(one)
		}
		if method == GreenAlgorithms {
			one = Exactly(g.Watts)
		}
		u.GPU = one.Times(j.GPUs * j.Hours / 1000)
	}
	load := 0.0
	if allocated > 0 {
		load = min(1, busy/allocated)
	}
	u.Memory = memoryPower(j.MemoryGB, load).Times(j.Hours / 1000)
	if method == GreenAlgorithms {
		u.Memory = Exactly(gaMemory * j.MemoryGB * j.Hours / 1000)
	}
	if j.MemoryGB > 0 {
		u.Unneeded = u.Memory.Times(1 - c.Needed(j)/j.MemoryGB)
	}
	return u
}

func (u *Use) note(text string) { u.Notes = append(u.Notes, text) }

// Needed is the memory in GB that would have been enough: what was used, rounded up to
// the cluster's step, and never more than was requested; all where that is not known.
func (c Cluster) Needed(j Job) float64 {
	if j.UsedGB == 0 {
		return j.MemoryGB
	}
	needed := j.UsedGB
	if c.MemoryStep > 0 {
		needed = math.Ceil(needed/c.MemoryStep) * c.MemoryStep
	}
	return min(needed, j.MemoryGB)
}

// ratedCore is the rated power of one core.
func (p Partition) ratedCore() float64 {
	if p.WattsPerCore > 0 {
		return p.WattsPerCore
	}
	if cores := estimate.CoresOf(p.CPU); cores > 0 && p.CPU != "" {
		return estimate.TDPOf(p.CPU).Watts() / float64(cores)
	}
	return gaCore
}

// corePower is the power of one core at a load, its part of an idle CPU with it.
func (p Partition) corePower(load float64) Range {
	if p.WattsPerCore > 0 {
		w := p.WattsPerCore * (idlePart + (1-idlePart)*load)
		return Range{w / ownBand, w, w * ownBand}
	}
	model := estimate.Describe(estimate.Chip{Name: p.CPU})
	cores := float64(estimate.CoresOf(p.CPU))
	if p.CPU == "" || cores == 0 {
		cores = float64(model.Threads) / 2
	}
	return rangeOf(model.Range(load, 1)).Times(1 / cores)
}

// gpu is a partition's GPU, or the one that a job names.
func (p Partition) gpu(name string) (g GPU, known bool) {
	for _, n := range []string{p.GPU, name} {
		if g, _, known = FindGPU(n); known {
			break
		}
	}
	if !known {
		g = GPU{Watts: unknownGPU, Source: unknownSource}
	}
	if p.GPUWatts > 0 {
		g.Watts, g.Source, known = p.GPUWatts, given, true
	}
	return g, known
}

// Package estimate models the power of CPUs and memory where no counter can be
// read: in most virtual machines, without permission, on systems without RAPL.
// It knows the CPU's TDP, how busy its threads are and, on a bare machine, how
// fast they run. What it says is always energy.Modelled, with the band within
// which the truth lies on nine machines of ten; docs/estimator.md holds the
// formulas, where each constant comes from, and how far off they are.
package estimate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// window is the shortest time over which a busy fraction is taken: it moves in
// steps of 10 ms, and the curve was fitted to loads that are means over longer.
const window = 500 * time.Millisecond

// edge is how far the busy time may be off at one reading, in seconds of CPU
// time: the kernel rounds each of the five parts that make it up down to a
// step of its own.
const edge = 5 * proc.Resolution

// Meter is an energy.Meter of modelled power. It has one component a socket
// for the CPU, "package-0" and so on by the socket's physical id, and one for
// its part of the memory, "dram-0": those stand in for counters with the same
// ID. A virtual machine without counters has one of each. It is for one goroutine
// at a time.
//
// The power between two readings is that of the mean load between them. A
// stretch below half a second is reckoned from its beginning again at the next
// reading, as the load of so short a time is not known well.
type Meter struct {
	model  Model
	limits limits
	stat   *proc.Stat
	clock  *proc.Clock // nil: none to be read

	components  []energy.Component // all of the CPUs, then all of the memory
	cpuEdge     energy.Energy
	memoryEdge  energy.Energy
	cpuMax      energy.Power
	memoryMax   energy.Power
	cpu, memory sum // of one socket each
	gaps        uint32
	began       bool
	since       time.Time // the window began,
	busy, ratio float64   // with this busy time and clock
	small       float64   // of busy: that of efficiency cores
	load        load
}

// load is what the last Read has read of /proc/stat.
type load struct {
	known          bool
	busy, capacity float64
	err            error
}

// Open finds out which CPU and how much memory the machine has whose root is
// given, and is ready to Read. counted are the components that have a counter,
// also those whose counter can't be read: each has a model of its own, under its
// ID, so that it is modelled when it is not read and the others are. What the
// topology shows besides is modelled too, but not in a virtual machine, whose
// sockets are made up. Where the system tells neither CPU nor load, the error
// matches energy.ErrUnavailable. Memory or a clock that can't be read are left
// out, and [Model.Notes] says so.
func Open(root fs.FS, counted ...energy.Component) (*Meter, error) {
	cpu, err := proc.CPUInfo(root)
	if err != nil {
		return nil, unavailable(err)
	}
	stat, err := proc.OpenStat(root)
	if err != nil {
		return nil, unavailable(err)
	}
	m := &Meter{limits: readLimits(root), stat: stat}
	m.model = recognise(cpu, m.limits)
	base := 0.0
	if clock, err := proc.OpenClock(root, cpu); err == nil {
		m.clock, base = clock, clock.Base()
	}
	m.model.withClock(base)
	if total, err := proc.MemoryTotal(root); err == nil {
		m.model.setMemory(cpu, total)
	}
	if _, n := stat.Small(); n < m.model.Threads && !m.model.Virtual && !m.model.WholeBoard {
		m.model.SmallThreads = n
	}
	if m.model.MemoryGiB == 0 && !m.model.WholeBoard {
		m.model.note("memory-unknown", "memory size unreadable: its energy is not modelled")
	}
	m.setComponents(cpu.Packages, counted)
	return m, nil
}

func unavailable(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("estimate: %w: %w", energy.ErrUnavailable, err)
	}
	return fmt.Errorf("estimate: %w", err)
}

// The prefixes of the IDs of a socket's CPU and memory, before its place.
const cpuPrefix, memoryPrefix = "package-", "dram-"

// places returns what the IDs of a kind of component end with: those of the
// counted ones, and those of the topology that none of these covers.
func places(prefix string, counted []energy.Component, topology []string) (list []string) {
	for _, c := range counted {
		if p, ok := strings.CutPrefix(c.ID, prefix); ok && c.Counted() && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	for _, t := range topology {
		covered := func(p string) bool { return p == t || strings.HasPrefix(p, t+"-") } // "0", "0-die-1"
		if !slices.ContainsFunc(list, covered) {
			list = append(list, t)
		}
	}
	return list
}

// setComponents sets what is the same at each reading.
func (m *Meter) setComponents(packages []int, counted []energy.Component) {
	var topology []string
	for _, id := range packages {
		topology = append(topology, strconv.Itoa(id))
	}
	if m.model.Virtual {
		topology = nil
	}
	cpus := places(cpuPrefix, counted, topology)
	if len(cpus) == 0 {
		cpus = []string{"0"}
	}
	memories := places(memoryPrefix, counted, cpus)
	low, high := 1/m.model.Band, m.model.Band
	for _, p := range cpus {
		c := energy.Component{Kind: energy.CPU, ID: cpuPrefix + p, Basis: energy.Modelled,
			Source: "estimate", Scope: "package", BandLow: low, BandHigh: high}
		c.Name = fmt.Sprintf("%s, package %s", m.model.Name, strings.Replace(p, "-die-", ", die ", 1))
		if m.model.WholeBoard {
			c.Scope, c.Name = "board", m.model.Name
		}
		if m.model.Virtual {
			c.Scope, c.Name = "vcpu-share", fmt.Sprintf("%s, %d of its vCPUs", m.model.Name, m.model.Threads)
		}
		m.components = append(m.components, c)
	}
	if m.model.MemoryGiB > 0 {
		for _, p := range memories {
			m.components = append(m.components, energy.Component{Kind: energy.Memory, ID: memoryPrefix + p,
				Basis: energy.Modelled, Name: fmt.Sprintf("%.3g GiB", m.model.MemoryGiB/float64(len(memories))),
				Source: "estimate", Scope: "dram", BandLow: memoryLow, BandHigh: memoryHigh})
		}
	}
	m.setLimits(float64(len(cpus)), float64(len(memories)))
}

// setLimits sets what is the same for all sockets.
func (m *Meter) setLimits(cpus, memories float64) {
	// How much an error of the busy time can move the energy: the curve is
	// steepest at no load.
	threads := float64(m.model.Threads)
	m.cpuEdge = energy.Joules((m.model.Max - m.model.Idle).Watts() / cpus * m.model.slope() * edge)
	m.memoryEdge = energy.Joules((m.model.MemoryMax - m.model.MemoryIdle).Watts() / memories / threads * edge)
	m.cpuMax = energy.Watts(m.model.Max.Watts() / cpus * m.model.Band)
	m.memoryMax = energy.Watts(m.model.MemoryMax.Watts() / memories * memoryHigh)
	m.cpu.sockets, m.memory.sockets = cpus, memories
}

// Model returns what the meter knows of the machine, and how it reckons.
func (m *Meter) Model() Model { return m.model }

// Read appends one reading a component. The first sets the origin. If the load
// can't be read they are Held, with an error; the next that can be read covers
// the time between.
func (m *Meter) Read(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
	before := time.Now()
	busy, capacity, err := m.stat.Read()
	now := time.Now()
	m.load = load{true, busy, capacity, err}
	state := energy.OK
	if err != nil {
		err = fmt.Errorf("estimate: %w", err)
		m.gaps++
		state = energy.Held
	} else {
		small, _ := m.stat.Small()
		m.advance(busy, small, now)
	}
	for _, c := range m.components {
		r := energy.Reading{Component: c, Before: before, Time: now, Total: m.cpu.shown, Edge: m.cpuEdge, MaxPower: m.cpuMax, Gaps: m.gaps, State: state}
		if c.Kind == energy.Memory {
			r.Total, r.Edge, r.MaxPower = m.memory.shown, m.memoryEdge, m.memoryMax
		}
		r.Edge = r.Edge.Plus(r.MaxPower.Over(now.Sub(before)))
		to = append(to, r)
	}
	return to, err
}

// Load returns what the last Read has found of the load, in seconds of CPU time since
// the machine started, summed over all CPUs: what was at work, and all that passed. It
// is for who sets something against the whole machine at that reading. The error is
// that of Read, fs.ErrNotExist before the first.
func (m *Meter) Load() (busy, capacity float64, err error) {
	if !m.load.known {
		return 0, 0, fmt.Errorf("estimate: nothing read yet: %w", fs.ErrNotExist)
	}
	return m.load.busy, m.load.capacity, m.load.err
}

// advance takes the busy time of all CPUs as read at a time, and that of the efficiency
// cores among them.
func (m *Meter) advance(busy, small float64, now time.Time) {
	if !m.began {
		m.began, m.since, m.busy, m.small, m.ratio = true, now, busy, small, m.readRatio(1)
		return
	}
	d := now.Sub(m.since)
	if d <= 0 {
		return
	}
	u := clamp((busy-m.busy)/(float64(m.model.Threads)*d.Seconds()), 0, 1)
	watts := func(r float64) float64 { return m.model.watts(u, r) }
	if n := float64(m.model.SmallThreads); n > 0 {
		large := (busy - m.busy - (small - m.small)) / ((float64(m.model.Threads) - n) * d.Seconds())
		watts = func(r float64) float64 {
			return m.model.hybridWatts(large, (small-m.small)/(n*d.Seconds()), r)
		}
	}
	if d < window {
		m.cpu.show(watts(m.ratio) * d.Seconds())
		m.memory.show(m.model.memoryWatts(u) * d.Seconds())
		return
	}
	end := m.readRatio(m.ratio)
	m.cpu.add(watts((m.ratio+end)/2) * d.Seconds())
	m.memory.add(m.model.memoryWatts(u) * d.Seconds())
	m.since, m.busy, m.small, m.ratio = now, busy, small, end
}

// readRatio returns the clock of now, or what is given if it can't be read.
func (m *Meter) readRatio(or float64) float64 {
	if m.clock == nil {
		return or
	}
	if r, err := m.clock.Ratio(); err == nil {
		return m.model.ratio(r)
	}
	return or
}

// Close lets go of the files.
func (m *Meter) Close() error {
	err := m.stat.Close()
	if m.clock != nil {
		err = errors.Join(err, m.clock.Close())
	}
	return err
}

// sum adds up joules of all sockets and shows one socket's part in whole
// microjoules, which never falls.
type sum struct {
	sockets float64
	done    energy.Energy // of one socket
	rest    float64       // in microjoules, below one: carried on
	shown   energy.Energy
}

// show tells of joules that are not sure yet.
func (s *sum) show(joules float64) {
	e := energy.Energy(joules/s.sockets*1e6 + s.rest)
	s.shown = max(s.shown, s.done.Plus(e))
}

// add makes them sure.
func (s *sum) add(joules float64) {
	uj := joules/s.sockets*1e6 + s.rest
	e := energy.Energy(uj)
	s.rest = uj - float64(e)
	s.done = s.done.Plus(e)
	s.shown = max(s.shown, s.done)
}

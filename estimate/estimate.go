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
// ID. A virtual machine has one of each. It is for one goroutine at a time.
//
// The power between two readings is that of the mean load between them. A
// stretch below half a second is reckoned from its beginning again at the next
// reading, as the load of so short a time is not known well.
type Meter struct {
	model Model
	stat  *proc.Stat
	clock *proc.Clock // nil: none to be read

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
}

// Open finds out which CPU and how much memory the machine has whose root is
// given, and is ready to Read. Where the system tells neither CPU nor load, the
// error matches energy.ErrUnavailable. Memory or a clock that can't be read are
// left out, and [Model.Notes] says so.
func Open(root fs.FS) (*Meter, error) {
	cpu, err := proc.CPUInfo(root)
	if err != nil {
		return nil, unavailable(err)
	}
	stat, err := proc.OpenStat(root)
	if err != nil {
		return nil, unavailable(err)
	}
	m := &Meter{model: recognise(cpu), stat: stat}
	base := 0.0
	if clock, err := proc.OpenClock(root, cpu); err == nil {
		m.clock, base = clock, clock.Base()
	}
	m.model.withClock(base)
	if memory, err := proc.OpenMemory(root); err == nil {
		defer memory.Close()
		if total, _, err := memory.Read(); err == nil {
			m.model.setMemory(cpu, total)
		}
	}
	if m.model.MemoryGiB == 0 {
		m.model.note("memory-unknown", "the size of the memory can't be read: its energy is left out")
	}
	m.lay(cpu.Packages)
	return m, nil
}

func unavailable(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("estimate: %w: %w", energy.ErrUnavailable, err)
	}
	return fmt.Errorf("estimate: %w", err)
}

// lay sets what is the same at each reading.
func (m *Meter) lay(packages []int) {
	if m.model.Virtual || len(packages) == 0 {
		packages = []int{0}
	}
	sockets := float64(len(packages))
	low, high := 1/m.model.Band, m.model.Band
	for _, id := range packages {
		c := energy.Component{Kind: energy.CPU, ID: fmt.Sprintf("package-%d", id), Basis: energy.Modelled,
			Source: "estimate", Scope: "package", BandLow: low, BandHigh: high}
		c.Name = fmt.Sprintf("%s, package %d", m.model.Name, id)
		if m.model.Virtual {
			c.Scope, c.Name = "vcpu-share", fmt.Sprintf("%s, %d of its vCPUs", m.model.Name, m.model.Threads)
		}
		m.components = append(m.components, c)
	}
	if m.model.MemoryGiB > 0 {
		for _, id := range packages {
			m.components = append(m.components, energy.Component{Kind: energy.Memory, ID: fmt.Sprintf("dram-%d", id),
				Basis: energy.Modelled, Name: fmt.Sprintf("%.3g GiB", m.model.MemoryGiB/sockets),
				Source: "estimate", Scope: "dram", BandLow: memoryLow, BandHigh: memoryHigh})
		}
	}
	// How much an error of the busy time can move the energy: the curve is
	// steepest at no load, where a second of one thread brings Exponent/Threads
	// of the whole way up.
	threads := float64(m.model.Threads)
	m.cpuEdge = energy.Joules((m.model.Max - m.model.Idle).Watts() / sockets * m.model.Exponent / threads * edge)
	m.memoryEdge = energy.Joules((m.model.MemoryMax - m.model.MemoryIdle).Watts() / sockets / threads * edge)
	m.cpuMax = energy.Watts(m.model.Max.Watts() / sockets * high)
	m.memoryMax = energy.Watts(m.model.MemoryMax.Watts() / sockets * memoryHigh)
	m.cpu.sockets, m.memory.sockets = sockets, sockets
}

// Model returns what the meter knows of the machine, and how it reckons.
func (m *Meter) Model() Model { return m.model }

// Read appends one reading a component. The first sets the origin. If the load
// can't be read they are Held, with an error; the next that can be read covers
// the time between.
func (m *Meter) Read(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
	busy, _, err := m.stat.Read()
	now := time.Now()
	state := energy.OK
	if err != nil {
		err = fmt.Errorf("estimate: %w", err)
		m.gaps++
		state = energy.Held
	} else {
		m.advance(busy, now)
	}
	for _, c := range m.components {
		r := energy.Reading{Component: c, Time: now, Total: m.cpu.shown, Edge: m.cpuEdge, MaxPower: m.cpuMax, Gaps: m.gaps, State: state}
		if c.Kind == energy.Memory {
			r.Total, r.Edge, r.MaxPower = m.memory.shown, m.memoryEdge, m.memoryMax
		}
		to = append(to, r)
	}
	return to, err
}

// advance takes the busy time of all CPUs as read at a time.
func (m *Meter) advance(busy float64, now time.Time) {
	if !m.began {
		m.began, m.since, m.busy, m.ratio = true, now, busy, m.readRatio(1)
		return
	}
	d := now.Sub(m.since)
	if d <= 0 {
		return
	}
	u := clamp((busy-m.busy)/(float64(m.model.Threads)*d.Seconds()), 0, 1)
	if d < window {
		m.cpu.show(m.model.watts(u, m.ratio) * d.Seconds())
		m.memory.show(m.model.memoryWatts(u) * d.Seconds())
		return
	}
	end := m.readRatio(m.ratio)
	m.cpu.add(m.model.watts(u, (m.ratio+end)/2) * d.Seconds())
	m.memory.add(m.model.memoryWatts(u) * d.Seconds())
	m.since, m.busy, m.ratio = now, busy, end
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

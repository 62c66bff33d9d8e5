package estimate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// Mix is what kind of instructions a load is made of.
type Mix string

// The mixes of a calibration.
const (
	IdleMix    Mix = "idle"    // nothing is asked for
	IntegerMix Mix = "integer" // arithmetic in registers
	FloatMix   Mix = "float"   // floating point in the caches
	MemoryMix  Mix = "memory"  // copies larger than the caches
)

// A Load keeps a machine busy until its context ends, with instructions of a mix, for a
// part of the time of all its threads from 0 to 1. It returns when all has stopped.
type Load func(ctx context.Context, mix Mix, part float64)

// ErrUncounted says that nothing counts the energy of the CPUs, so that there is nothing
// to calibrate by.
var ErrUncounted = errors.New("no energy counter to calibrate with")

// What may be busy where nothing was asked for, and must be under full load, of all threads.
const (
	mostIdle  = 0.2
	leastFull = 0.8
)

type step struct {
	mix  Mix
	part float64
}

// steps are the loads in their order: idle comes first, before anything is warm.
func steps() []step {
	list := []step{{IdleMix, 0}}
	for _, mix := range [...]Mix{IntegerMix, FloatMix, MemoryMix} {
		list = append(list, step{mix, 0.5}, step{mix, 1})
	}
	return list
}

// Measure calibrates the machine whose root is given: for the time of total it puts it
// under one load after the other, and reads its counters. A quarter of each load's time
// passes before its first reading. It fails where the counters do not count the CPUs
// ([ErrUncounted]), miss something or do not follow the load, where other work keeps the
// machine busy or a limit keeps the load from filling it, and with ctx.
func Measure(ctx context.Context, root fs.FS, counters energy.Meter, load Load, total time.Duration) (*Calibration, error) {
	m, err := Open(root)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	c := &Calibration{Version: 1, Date: time.Now().UTC().Truncate(time.Second), Machine: m.machine()}
	p := probe{counters: counters, machine: m}
	for _, s := range steps() {
		r, err := p.step(ctx, load, s, total/time.Duration(len(steps())))
		if err != nil {
			return nil, err
		}
		if err := r.plausible(m.model.Threads); err != nil {
			return nil, err
		}
		c.Readings = append(c.Readings, r)
	}
	c.Counters = p.ids
	if err := c.fit(m.model, p.memory); err != nil {
		return nil, err
	}
	return c, nil
}

// plausible reports whether the machine was as busy as asked for.
func (r LoadReading) plausible(threads int) error {
	switch {
	case r.Mix == IdleMix && r.Busy > mostIdle:
		return fmt.Errorf("other work keeps %.0f %% of the CPUs busy: calibrate while the machine is idle", 100*r.Busy)
	case r.Load == 1 && r.Busy < leastFull:
		return fmt.Errorf("full load kept only %.0f %% of the %d threads busy: a limit holds it back", 100*r.Busy, threads)
	}
	return nil
}

// A probe reads counters and busy time together.
type probe struct {
	counters energy.Meter
	machine  *Meter
	ids      []string // of what was read
	memory   bool
	buffer   []energy.Reading
}

// An instant is what was read at once.
type instant struct {
	at       time.Time
	busy     float64 // seconds of CPU time
	readings []energy.Reading
}

// step reads one load.
func (p *probe) step(ctx context.Context, load Load, s step, d time.Duration) (r LoadReading, err error) {
	if s.part > 0 {
		working, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			load(working, s.mix, s.part)
		}()
		defer func() { stop(); <-done }()
	}
	if err := p.wait(ctx, d/4); err != nil {
		return r, err
	}
	first, err := p.read(ctx)
	if err != nil {
		return r, err
	}
	if err := p.wait(ctx, d-d/4); err != nil {
		return r, err
	}
	last, err := p.read(ctx)
	if err != nil {
		return r, err
	}
	seconds := last.at.Sub(first.at).Seconds()
	r = LoadReading{Mix: s.mix, Load: s.part, Seconds: milli(seconds)}
	r.Busy = milli(clamp((last.busy-first.busy)/(seconds*float64(p.machine.model.Threads)), 0, 1))
	r.CPUWatts, r.MemoryWatts, err = power(first, last)
	return r, err
}

// wait lets a time pass, and reads the counters each second, before they can wrap unseen.
func (p *probe) wait(ctx context.Context, d time.Duration) error {
	for end := time.Now().Add(d); ; {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(left, time.Second)):
		}
		var err error
		if p.buffer, err = p.counters.Read(ctx, p.buffer[:0]); err != nil {
			return err
		}
	}
}

func (p *probe) read(ctx context.Context) (i instant, err error) {
	if i.readings, err = p.counters.Read(ctx, nil); err != nil {
		return i, err
	}
	i.readings = slices.DeleteFunc(i.readings, func(r energy.Reading) bool {
		k := r.Component.Kind
		dead := k == energy.Memory && r.State != energy.OK // the model of memory stands, then
		return dead || !r.Component.Counted() || r.Component.Basis != energy.Measured || k != energy.CPU && k != energy.Memory
	})
	cpus := false
	p.ids, p.memory = nil, false
	for _, r := range i.readings {
		if r.State != energy.OK {
			return i, fmt.Errorf("the counter of %s is %s", r.Component.ID, r.State)
		}
		p.ids = append(p.ids, r.Component.ID)
		cpus = cpus || r.Component.Kind == energy.CPU
		p.memory = p.memory || r.Component.Kind == energy.Memory
	}
	if !cpus {
		return i, ErrUncounted
	}
	i.at = time.Now()
	i.busy, _, err = p.machine.stat.Read()
	return i, err
}

// power is the mean power of CPUs and memory between two instants, in W.
func power(first, last instant) (cpu, memory float64, err error) {
	if len(first.readings) != len(last.readings) {
		return 0, 0, errors.New("a counter came or went")
	}
	for i, b := range last.readings {
		a := first.readings[i]
		if a.Component.ID != b.Component.ID || a.Gaps != b.Gaps || a.Resets != b.Resets || a.Missed != b.Missed {
			return 0, 0, fmt.Errorf("the counter of %s missed something", b.Component.ID)
		}
		w := (b.Total - a.Total).Per(b.Time.Sub(a.Time)).Watts()
		if b.Component.Kind == energy.CPU {
			cpu += w
		} else {
			memory += w
		}
	}
	return milli(cpu), milli(memory), nil
}

// Package energytest holds what every energy.Meter must pass, [Conform], and a
// scripted [Meter] for tests of those who use one.
package energytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// rounds is how often Conform moves the machine on and reads.
const rounds = 4

// prompt is how long a Read with an ended context may take. It is long for a
// busy test machine and short for somebody who waits.
const prompt = 2 * time.Second

// Conform checks that a Meter keeps the promises of energy.Meter and
// energy.Reading. open gives a Meter of at least one component, all of them
// readable; it is called more than once. advance lets time pass and all
// counters move, by at most half their range. Conform starts no subtests, so
// that it can run in a synctest bubble.
func Conform(t *testing.T, open func(t *testing.T) energy.Meter, advance func()) {
	t.Helper()
	for _, fault := range faults(open(t), advance) {
		t.Error(fault)
	}
	m := open(t)
	if err := m.Close(); err != nil {
		t.Errorf("Close without a Read: %v", err)
	}
}

// faults reads a meter to the end of its test and returns what is wrong.
func faults(m energy.Meter, advance func()) []string {
	c := &check{m: m}
	last := c.read("first read")
	if len(last) == 0 {
		c.fault("no readings")
	}
	c.components(last)
	if k, ok := m.(energy.KeepAliver); ok && k.KeepAlive() < 0 {
		c.fault("KeepAlive is %v", k.KeepAlive())
	}
	for i := range rounds {
		advance()
		now := c.read(fmt.Sprintf("read %d", i+2))
		c.follows(last, now)
		last = now
	}
	c.appends(last)
	c.allocs(last)
	c.cancelled(last)
	c.follows(last, c.read("read after a cancelled one"))
	if err := m.Close(); err != nil {
		c.fault("Close: %v", err)
	}
	return c.list
}

type check struct {
	m    energy.Meter
	list []string
}

func (c *check) fault(format string, args ...any) {
	c.list = append(c.list, fmt.Sprintf(format, args...))
}

func (c *check) read(what string) []energy.Reading {
	before := time.Now()
	list, err := c.m.Read(context.Background(), nil)
	after := time.Now()
	if err != nil {
		c.fault("%s: %v", what, err)
	}
	for _, r := range list {
		switch {
		case r.Time.Before(before) || r.Time.After(after):
			c.fault("%s: %s: Time is not that of the read", what, r.Component.ID)
		case r.Before.After(r.Time):
			c.fault("%s: %s: Before is after Time", what, r.Component.ID)
		case r.Total < 0 || r.Edge < 0 || r.Common < 0 || r.Common > r.Edge || r.Missed < 0 || r.MaxPower < 0 || r.Slept < 0:
			c.fault("%s: %s: an amount below 0: %+v", what, r.Component.ID, r)
		case r.Range > 0 && r.Raw > r.Range:
			c.fault("%s: %s: Raw %d beyond its Range %d", what, r.Component.ID, r.Raw, r.Range)
		}
	}
	return list
}

// components checks what does not change from read to read.
func (c *check) components(list []energy.Reading) {
	type id struct {
		basis energy.Basis
		id    string
	}
	seen := map[id]bool{}
	for _, r := range list {
		p := r.Component
		switch {
		case p.ID == "":
			c.fault("a component without an ID: %+v", p)
		case p.Name == "" || p.Source == "" || p.Scope == "":
			c.fault("%s: no Name, Source or Scope", p.ID)
		case !slices.Contains([]energy.Kind{energy.CPU, energy.Memory, energy.GPU, energy.Platform}, p.Kind):
			c.fault("%s: Kind %q", p.ID, p.Kind)
		case seen[id{p.Basis, p.ID}]:
			c.fault("%s: two %s components of that ID", p.ID, p.Basis)
		}
		seen[id{p.Basis, p.ID}] = true
		switch p.Basis {
		case energy.Measured:
			if p.BandLow != 1 || p.BandHigh != 1 {
				c.fault("%s: measured with a band of %v to %v", p.ID, p.BandLow, p.BandHigh)
			}
		case energy.Modelled:
			if !(0 < p.BandLow && p.BandLow <= 1 && 1 <= p.BandHigh) {
				c.fault("%s: modelled with a band of %v to %v", p.ID, p.BandLow, p.BandHigh)
			}
		default:
			c.fault("%s: Basis %q", p.ID, p.Basis)
		}
	}
	for _, r := range list {
		if p := r.Component; p.Within != "" && (p.Within == p.ID || !seen[id{p.Basis, p.Within}]) {
			c.fault("%s: within %q, which is not another component", p.ID, p.Within)
		}
	}
}

// follows checks one read against an earlier one.
func (c *check) follows(last, now []energy.Reading) {
	if len(now) != len(last) {
		c.fault("%d readings after %d", len(now), len(last))
		return
	}
	for i, r := range now {
		l := last[i]
		switch id := l.Component.ID; {
		case r.Component != l.Component:
			c.fault("%s: reading %d is now of %+v", id, i, r.Component)
		case r.Total < l.Total:
			c.fault("%s: Total fell from %v to %v", id, l.Total, r.Total)
		case r.Missed < l.Missed:
			c.fault("%s: Missed fell from %v to %v", id, l.Missed, r.Missed)
		case r.Wraps < l.Wraps || r.Resets < l.Resets || r.Gaps < l.Gaps:
			c.fault("%s: Wraps, Resets or Gaps fell", id)
		case r.Slept < l.Slept:
			c.fault("%s: Slept fell from %v to %v", id, l.Slept, r.Slept)
		case r.Time.Before(l.Time):
			c.fault("%s: Time went back by %v", id, l.Time.Sub(r.Time))
		case r.State != energy.OK && r.Total != l.Total:
			c.fault("%s: Total changed in state %v", id, r.State)
		}
	}
}

// appends checks that Read adds to the slice it is given and moves nothing in it.
func (c *check) appends(last []energy.Reading) {
	mark := energy.Reading{Component: energy.Component{ID: "before"}, Raw: 42}
	given := make([]energy.Reading, 1, 1+len(last))
	given[0] = mark
	got, _ := c.m.Read(context.Background(), given)
	switch {
	case len(got) != 1+len(last):
		c.fault("Read appended %d readings, not %d", len(got)-1, len(last))
	case got[0] != mark:
		c.fault("Read changed a reading that was there")
	case &got[0] != &given[0]:
		c.fault("Read left a slice that had room")
	}
}

func (c *check) allocs(last []energy.Reading) {
	room := make([]energy.Reading, 0, len(last))
	ctx := context.Background()
	if n := testing.AllocsPerRun(20, func() { _, _ = c.m.Read(ctx, room) }); n != 0 {
		c.fault("a Read with room allocates %v times", n)
	}
}

// cancelled checks that a Read whose context has ended comes back at once,
// with all readings or with none and the context's error.
func (c *check) cancelled(last []energy.Reading) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	before := time.Now()
	list, err := c.m.Read(ctx, nil)
	if d := time.Since(before); d > prompt {
		c.fault("a Read with a cancelled context took %v", d)
	}
	if len(list) != len(last) && !errors.Is(err, context.Canceled) {
		c.fault("a Read with a cancelled context gave %d readings and the error %v", len(list), err)
	}
}

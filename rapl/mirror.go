package rapl

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// Some kernels give each chiplet of an AMD processor a package zone of its own,
// as if it were a die with a counter, while there is one counter a socket: a sum
// is then up to eight times too high. (They know the topology that CPUID leaf
// 0x80000026 tells and lack the fix of 2024, "perf/x86/rapl: Fix the energy-pkg
// event for AMD CPUs".) Nothing in the zones says so but the counters.

const (
	compareTimes = 3                    // at which the counters must agree
	comparePause = 2 * time.Millisecond // between them: two ticks
)

// merge makes one counter of those of several dies of a package that show the
// same.
func (m *Meter) merge(zones []Zone) {
	groups := map[key][]*counter{}
	for _, c := range m.counters {
		// Perf events all begin at 0, so that they tell nothing.
		if r := c.routes[c.in]; c.lost == nil && r.die >= 0 && (r.domain == pkg || r.domain == dram) && r.control != perfControl {
			groups[r.whole()] = append(groups[r.whole()], c)
		}
	}
	for _, dies := range groups {
		for first := 0; first < len(dies)-1; first++ {
			rest := dies[first+1:]
			mirrors := agree(dies[first], rest)
			if len(mirrors) == 0 {
				continue
			}
			m.drop(zones, dies[first], mirrors, len(mirrors) == len(rest) && first == 0)
			dies = slices.DeleteFunc(dies, func(c *counter) bool { return slices.Contains(mirrors, c) })
		}
	}
}

// agree returns those counters that show, each time that we look, what the first
// one shows right before and right after. They must pass at three times, ticks
// apart; two that only happen to be near each other are a case in 10,000.
func agree(first *counter, others []*counter) []*counter {
	same := slices.Clone(others)
	for i := range compareTimes {
		if i > 0 {
			time.Sleep(comparePause)
		}
		same = slices.DeleteFunc(same, func(c *counter) bool { return !between(first, c) })
		if len(same) == 0 {
			break
		}
	}
	return same
}

// between reports whether b shows a value that a has while it is read, up to the
// energy of one tick.
func between(a, b *counter) bool {
	ra, rb := &a.routes[a.in], &b.routes[b.in]
	low, err1 := ra.source.read()
	mid, err2 := rb.source.read()
	high, err3 := ra.source.read()
	if err1 != nil || err2 != nil || err3 != nil || a.wrap.Range != b.wrap.Range {
		return false
	}
	slack := a.unit + a.wrap.MaxPower.Over(tick)
	up := func(from, to uint64) energy.Energy {
		d := energy.Energy(to) - energy.Energy(from)
		if r := a.wrap.Range; r > 0 && d < -r/2 {
			d += r
		} else if r > 0 && d > r/2 {
			d -= r
		}
		return d
	}
	return up(low, mid) >= -slack && up(mid, high) >= -slack
}

// drop closes the mirrors of a counter and names it anew: if all dies of the
// package show it, it is the package's.
func (m *Meter) drop(zones []Zone, c *counter, mirrors []*counter, all bool) {
	r := c.routes[c.in]
	old := c.component
	name := strconv.Itoa(1+len(mirrors)) + " zones show it"
	c.component.Name = strings.TrimSuffix(old.Name, ")") + ", " + name + ")"
	if all {
		n := r.whole().component()
		c.component.ID = n.ID
		c.component.Name = n.Name + " (" + via(r.control) + ", " + name + ")"
	}
	ids := []string{old.ID}
	var of string
	for _, z := range zones {
		if z.Component == old {
			of = z.Path
		}
	}
	for _, other := range mirrors {
		ids = append(ids, other.component.ID)
		_ = other.close() // it was only read
		c.routes = append(c.routes, other.routes[other.in])
	}
	for i := range zones {
		z := &zones[i]
		switch {
		case !slices.Contains(ids, z.Component.ID):
		case z.Component == old:
			z.Component = c.component
		case z.Status == Twin:
			z.Component = c.component
		case z.Status == Counted:
			z.Status, z.Of, z.Component = Mirrored, of, c.component
		}
	}
	m.counters = slices.DeleteFunc(m.counters, func(o *counter) bool { return slices.Contains(mirrors, o) })
	m.adopt(zones, ids, c.component.ID)
}

// adopt puts what was inside of one of several merged components inside of what
// has become of them.
func (m *Meter) adopt(zones []Zone, ids []string, id string) {
	for i := range zones {
		if slices.Contains(ids, zones[i].Component.Within) {
			zones[i].Component.Within = id
		}
	}
	for _, c := range m.counters {
		if slices.Contains(ids, c.component.Within) {
			c.component.Within = id
		}
	}
}

// Package rapl reads the energy counters of Intel and AMD processors, which
// Linux shows as powercap zones and as perf events. Start with [Open]; [Inspect]
// and [Watch] list every zone and event and say what becomes of it.
//
// Each counter is read once, however many zones show it, and is named by what
// it covers: "package-0" and "dram-0" are added up by totals, "core-0" and
// "uncore-0" are parts of their package, "psys" is a cross-check. A read costs
// one system call a counter and allocates nothing.
//
// Counters start again at 0 after minutes or hours. Whoever reads less often
// than [Meter.KeepAlive] says may lose energy, and is told so.
package rapl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// Meter reads the counters of one machine. It is for one goroutine at a time.
type Meter struct {
	counters []*counter
	system   system
	awake    time.Duration // of system.slept, up to which breaks have been made
	slept    time.Duration // since Open
}

var (
	_ energy.Meter      = (*Meter)(nil)
	_ energy.KeepAliver = (*Meter)(nil)
)

// Open opens the counters below root, the machine's "/": os.DirFS("/"), or where
// a container sees its host. It reads each once, to try it; totals start at 0 with
// the first Read. A component that no powercap zone lets us read is read by its perf event, if
// root is that of a running kernel. Where the zones of several dies may show one
// counter, Open takes 4 ms a package to find out.
//
// If only some components can be read, Open returns both a Meter of those and an
// error that names the others. Without any it returns a nil Meter and an error
// that wraps energy.ErrUnavailable where the machine has no counters, ErrMasked
// where a container runtime hides them, fs.ErrPermission where we may not read
// them, ErrNotNumber where they hold no numbers, or what the system said. A zone
// that only repeats another one, and zones that are not ours, are no errors.
func Open(root fs.FS) (*Meter, error) {
	m, _, err := open(root, host(root))
	return m, err
}

func open(root fs.FS, s system) (*Meter, []Zone, error) {
	zones, err := survey(root)
	events, _ := pmu(root, s)
	if err != nil && len(events) == 0 {
		return nil, zones, err
	}
	for i := range events {
		for _, z := range zones {
			if z.key == events[i].key && z.Status == "" {
				events[i].event.limits = z.Path
				break
			}
		}
	}
	zones = append(zones, events...)
	order(zones)
	m := &Meter{system: s}
	var errs zoneErrors
	for i := 0; i < len(zones); {
		// Zones of one counter stand together, the best way to read it first.
		n := i + 1
		for n < len(zones) && zones[n].key == zones[i].key {
			n++
		}
		errs = append(errs, m.add(root, zones[i:n])...)
		i = n
	}
	m.merge(zones)
	errs = m.settle(zones, errs)
	if len(m.counters) == 0 {
		if len(errs) == 0 {
			errs = zoneErrors{fmt.Errorf("%s: %w: no zone of a processor in it", classDir, energy.ErrUnavailable)}
		}
		return nil, zones, errs
	}
	if s.slept != nil {
		m.awake = s.slept()
	}
	if len(errs) > 0 {
		return m, zones, errs
	}
	return m, zones, nil
}

// add opens the first of several zones of one counter that can be read, and
// notes what became of each. The error is that of the one that is liked best.
func (m *Meter) add(root fs.FS, zones []Zone) (errs zoneErrors) {
	var used *counter
	var of string
	var failed error
	for i := range zones {
		z := &zones[i]
		switch {
		case z.Status != "":
			if z.Err != nil { // not even its name could be read
				errs = append(errs, z.Err)
			}
			continue
		case used != nil:
			z.Status, z.Of = Twin, of
			used.standIn(root, *z)
			continue
		}
		c, err := openCounter(root, *z, m.system)
		if err != nil {
			z.Status, z.Err = statusOf(err), err
			if failed == nil {
				failed = err
			}
			continue
		}
		if p := c.component.Within; p != "" && m.find(p) == nil {
			z.Status = Orphan
			_ = c.close() // it was only read
			continue
		}
		used, of = c, z.Path
		z.Component, z.Status = c.component, statusRead(c.component)
	}
	if used != nil {
		m.counters = append(m.counters, used)
	} else if failed != nil {
		errs = append(errs, failed)
	}
	return errs
}

func (m *Meter) find(id string) *counter {
	for _, c := range m.counters {
		if c.component.ID == id {
			return c
		}
	}
	return nil
}

// settle looks at all counters together: what is inside a package draws no more
// than it, and masked zones are no loss where perf shows the same.
func (m *Meter) settle(zones []Zone, errs zoneErrors) zoneErrors {
	perf := false
	for _, c := range m.counters {
		if p := m.find(c.component.Within); p != nil {
			c.wrap.MaxPower = min(c.wrap.MaxPower, p.wrap.MaxPower)
		}
		perf = perf || c.ways[c.in].control == perfControl && c.component.Counted()
	}
	if perf {
		errs = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, ErrMasked) })
	}
	return errs
}

// Read appends one reading a counter, ordered by package, die and domain, psys
// last; see energy.Meter. A counter whose read fails is Held, one that shows
// what cannot be is Refused, one whose zone has been unregistered is Lost until
// it is found again, and one that stands still though it must move is Dead,
// which is no error. Only uncore may stand still: graphics can be off. The error
// matches ErrImplausible, ErrLost, ErrAmbiguous or ErrSwitched, or is what the
// system said; the last two come with a reading that is OK. With ctx ended
// nothing is read.
func (m *Meter) Read(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
	if err := ctx.Err(); err != nil {
		return to, fmt.Errorf("rapl: %w", err)
	}
	m.wake()
	var errs zoneErrors
	for _, c := range m.counters {
		r, err := c.next()
		if err != nil {
			errs = append(errs, err)
		}
		r.Slept = m.slept
		to = append(to, r)
	}
	if len(errs) > 0 {
		return to, errs
	}
	return to, nil
}

// nap is the shortest sleep that counts as one. The two clocks are read one
// after the other, which takes microseconds.
const nap = 10 * time.Millisecond

// wake looks whether the machine has slept since the last read: counters may
// then have started again.
func (m *Meter) wake() {
	if m.system.slept == nil {
		return
	}
	if d := m.system.slept() - m.awake; d > nap {
		m.awake += d
		m.slept += d
		for _, c := range m.counters {
			c.doze(d)
		}
	}
}

// KeepAlive returns how often to read at least, so that no counter passes its
// range twice, or more than half of it, between two reads: half the time that
// the fastest takes to wrap at its largest plausible power, in whole seconds.
// One whose range is not known is taken to wrap as soon as any that is known of.
func (m *Meter) KeepAlive() time.Duration {
	least := time.Duration(0)
	for _, c := range m.counters {
		modulus := c.wrap.Range
		if modulus == 0 {
			modulus = shortest
		}
		seconds := int64(modulus) / int64(2*c.wrap.MaxPower)
		if d := time.Duration(max(1, seconds)) * time.Second; least == 0 || d < least {
			least = d
		}
	}
	return least
}

// Close closes all counters.
func (m *Meter) Close() error {
	var errs []error
	for _, c := range m.counters {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}

// zoneErrors are the errors of several zones, in one line. They mostly have one
// cause, so the first stands for all.
type zoneErrors []error

func (e zoneErrors) Error() string {
	switch s := "rapl: " + e[0].Error(); len(e) {
	case 1:
		return s
	case 2:
		return s + " (and 1 more zone)"
	default:
		return fmt.Sprintf("%s (and %d more zones)", s, len(e)-1)
	}
}

func (e zoneErrors) Unwrap() []error { return e }

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
	"syscall"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// Meter reads the counters of one machine. It is for one goroutine at a time.
type Meter struct {
	counters []*counter
	closed   []energy.Component // counted, and not read
	system   system
	asleep   time.Duration // since the machine started, at most, up to which breaks have been made
	slept    time.Duration // since Open
}

var (
	_ energy.Meter      = (*Meter)(nil)
	_ energy.KeepAliver = (*Meter)(nil)
)

// Open opens the counters below root, the machine's "/": os.DirFS("/"), or where
// a container sees its host. It reads each once, to try it; totals start at 0 with
// the first Read. A component that no powercap zone lets us read is read by its perf event, if
// root is that of a running kernel. One that fails as if for a moment (EIO, EBUSY, or
// a file that is not there yet) is kept and tried again at each Read. Where the
// zones of several dies may show one counter, Open takes 4 ms a package to find out.
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
	m.closed = closed(zones, isAMD(root))
	if len(m.counters) == 0 {
		if len(errs) == 0 {
			errs = zoneErrors{fmt.Errorf("%s: %w: no zone of a processor in it", classDir, energy.ErrUnavailable)}
		}
		return nil, zones, errs
	}
	if s.slept != nil {
		_, m.asleep = s.slept()
	}
	if len(errs) > 0 {
		return m, zones, errs
	}
	return m, zones, nil
}

// add opens the first of several zones of one counter that can be read, and
// notes what became of each. The error is that of the one that is liked best.
func (m *Meter) add(root fs.FS, zones []Zone) (errs zoneErrors) {
	var used, later *counter
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
			used.addFallback(root, *z)
			continue
		}
		c, err := openCounter(root, *z, m.system)
		if err != nil {
			z.Status, z.Err = statusOf(err), err
			if failed == nil {
				failed = err
			}
			if later == nil && transient(err) && z.control != perfControl && c.component.Counted() {
				later = c
				later.lose(err)
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
	if used == nil && failed != nil {
		errs = append(errs, failed)
	}
	if used == nil {
		used = later
	}
	if used != nil {
		m.counters = append(m.counters, used)
	}
	return errs
}

// transient reports whether an error may pass by itself.
func transient(err error) bool {
	for _, e := range []error{fs.ErrNotExist, syscall.EIO, syscall.EBUSY, syscall.EAGAIN, syscall.EINTR, syscall.ENODEV, syscall.ETIMEDOUT} {
		if errors.Is(err, e) {
			return !errors.Is(err, ErrMasked)
		}
	}
	return false
}

// closed lists the components that totals would add if their zones could be read.
// On AMD a die that can't be read is only another view of its package.
func closed(zones []Zone, amd bool) (list []energy.Component) {
	for _, z := range zones {
		c := z.Component
		if z.Err == nil || c.ID == "" || !c.Counted() || slices.Contains(list, c) {
			continue
		}
		read := slices.ContainsFunc(zones, func(o Zone) bool {
			same := o.Component.ID == c.ID || amd && o.whole() == z.whole()
			return o.Err == nil && o.Status == Counted && same || o.Status == Mirrored && o.whole() == z.whole()
		})
		if !read {
			list = append(list, c)
		}
	}
	return list
}

// Components returns what this machine has counters for, as far as totals add it:
// what is read, and what has a counter that can't be read. A nil Meter has none.
func (m *Meter) Components() (list []energy.Component) {
	if m == nil {
		return nil
	}
	for _, c := range m.counters {
		if c.component.Counted() {
			list = append(list, c.component)
		}
	}
	for _, c := range m.closed {
		if !slices.ContainsFunc(list, func(o energy.Component) bool { return o.ID == c.ID }) {
			list = append(list, c)
		}
	}
	return list
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
		if c.parent = m.find(c.component.Within); c.parent != nil {
			c.wrap.MaxPower = min(c.wrap.MaxPower, c.parent.wrap.MaxPower)
		}
		r := c.routes[c.in]
		if c.lost != nil && r.die >= 0 {
			c.unchecked, c.lost = true, fmt.Errorf("%w: %w", c.lost, errUnchecked)
		}
		perf = perf || r.control == perfControl && c.component.Counted()
	}
	if perf {
		errs = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, ErrMasked) })
	}
	return errs
}

// Read appends one reading a counter, ordered by package, die and domain, psys
// last; see energy.Meter. A counter whose read fails is Held, one that shows
// what cannot be is Refused, one whose zone cannot be opened is Lost until it can,
// and one that stands still though it must move is Dead, which is no error. Only uncore may stand still: graphics can be off. The error
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

// minSuspend is the shortest sleep that counts as one: below it, no processor has
// been off.
const minSuspend = 10 * time.Millisecond

// wake looks whether the machine has slept since the last read: counters may
// then have started again.
func (m *Meter) wake() {
	if m.system.slept == nil {
		return
	}
	low, high := m.system.slept()
	d := low - m.asleep
	if d <= minSuspend {
		m.asleep = min(m.asleep, high) // known better now
		return
	}
	m.asleep = high
	m.slept += d
	for _, c := range m.counters {
		c.suspend(d)
	}
}

// KeepAlive returns how often to read at least, so that no counter passes its
// whole range between two reads, whatever limit is set meanwhile ([energy.Ceiling]),
// nor more than half of it at its largest plausible power; in whole seconds. One
// whose range is not known is taken to wrap as soon as any that is known of.
func (m *Meter) KeepAlive() time.Duration {
	least := time.Duration(0)
	for _, c := range m.counters {
		modulus := c.wrap.Range
		if modulus == 0 {
			modulus = shortestRange
		}
		seconds := int64(modulus) / int64(energy.Ceiling(c.wrap.MaxPower))
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

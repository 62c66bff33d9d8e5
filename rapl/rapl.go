// Package rapl reads the energy counters of Intel and AMD processors that Linux
// shows as powercap zones. Start with [Open]; [Inspect] lists every zone and
// says what becomes of it.
//
// Each counter is read once, however many zones show it, and is named by what
// it covers: "package-0" and "dram-0" are added up by totals, "core-0" and
// "uncore-0" are parts of their package, "psys" is a cross-check. A read costs
// one system call a counter and allocates nothing.
package rapl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/carbonctl/carbonctl/energy"
)

// Meter reads the powercap counters of one machine. It is for one goroutine at
// a time.
type Meter struct {
	counters []*counter
}

var _ energy.Meter = (*Meter)(nil)

// Open opens the counters below root, the machine's "/": os.DirFS("/"), or where
// a container sees its host. It reads each once, so totals start at 0 here.
//
// If only some zones can be read, Open returns both a Meter of those and an
// error that names the others. Without any it returns a nil Meter and an error
// that wraps energy.ErrUnavailable where the machine has no zones, ErrMasked
// where a container runtime hides them, fs.ErrPermission where we may not read
// them, ErrNotNumber where they hold no numbers, or what the system said. A zone
// that only repeats another one, and zones that are not ours, are no errors.
func Open(root fs.FS) (*Meter, error) {
	m, _, err := open(root)
	return m, err
}

func open(root fs.FS) (*Meter, []Zone, error) {
	zones, err := survey(root)
	if err != nil {
		return nil, zones, err
	}
	m := &Meter{}
	var errs zoneErrors
	for i := 0; i < len(zones); {
		// Zones of one counter stand together, the best way to read it first.
		n := i + 1
		for n < len(zones) && zones[n].key == zones[i].key {
			n++
		}
		if zones[i].key.domain == unknown {
			errs = unreadable(errs, zones[i:n])
		} else if c, err := first(root, zones[i:n]); err != nil {
			errs = append(errs, err)
		} else {
			m.counters = append(m.counters, c)
		}
		i = n
	}
	if len(m.counters) == 0 {
		if len(errs) == 0 {
			errs = zoneErrors{fmt.Errorf("%s: %w: no zone of a processor in it", classDir, energy.ErrUnavailable)}
		}
		return nil, zones, errs
	}
	m.bound()
	if len(errs) > 0 {
		return m, zones, errs
	}
	return m, zones, nil
}

// unreadable adds the errors of zones of which not even the name can be read.
func unreadable(errs zoneErrors, zones []Zone) zoneErrors {
	for _, z := range zones {
		if z.Err != nil {
			errs = append(errs, z.Err)
		}
	}
	return errs
}

// first opens the first of several zones of one counter that can be read, and
// notes what became of each. The error is that of the one that is liked best.
func first(root fs.FS, zones []Zone) (*counter, error) {
	var used *counter
	var of string
	for i := range zones {
		z := &zones[i]
		if used != nil {
			z.Status, z.Of = Twin, of
			continue
		}
		c, err := openCounter(root, *z)
		if err != nil {
			z.Status, z.Err = statusOf(err), err
			continue
		}
		used, of, z.Status = c, z.Path, statusRead(z.Component)
	}
	if used == nil {
		return nil, zones[0].Err
	}
	return used, nil
}

// bound limits what is inside a package to the power of that package, where its
// own limits are looser or unknown.
func (m *Meter) bound() {
	for _, c := range m.counters {
		for _, o := range m.counters {
			if c.component.Within == o.component.ID {
				c.wrap.MaxPower = min(c.wrap.MaxPower, o.wrap.MaxPower)
			}
		}
	}
}

// Read appends one reading a counter, ordered by package, die and domain, psys
// last; see energy.Meter. A counter whose read fails is Held, one whose zone
// has been unregistered is Lost until it is found again, and one that stands
// still though it must move is Dead, which is no error. Only uncore may stand
// still: graphics can be off. With ctx ended nothing is read.
func (m *Meter) Read(ctx context.Context, to []energy.Reading) ([]energy.Reading, error) {
	if err := ctx.Err(); err != nil {
		return to, fmt.Errorf("rapl: %w", err)
	}
	var errs zoneErrors
	for _, c := range m.counters {
		r, err := c.next()
		if err != nil {
			errs = append(errs, err)
		}
		to = append(to, r)
	}
	if len(errs) > 0 {
		return to, errs
	}
	return to, nil
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

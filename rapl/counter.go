package rapl

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// What a Read may tell of a counter.
var (
	// ErrImplausible says that a counter showed more than its component can have
	// used. The reading is Refused.
	ErrImplausible = errors.New("implausible")
	// ErrLost says that a zone was unregistered, as when the last core of a package
	// goes offline. The reading is Lost, and the zone is looked for again.
	ErrLost = errors.New("the zone is gone")
	// ErrAmbiguous says that a counter was read so late that it may have wrapped
	// unseen. The reading is OK, its total a lower bound, and Missed has the rest.
	ErrAmbiguous = errors.New("read too late to tell how often it wrapped")
	// ErrSwitched says that a counter is read by way of another zone from now on,
	// since the one before failed. The reading is OK and nothing is missed.
	ErrSwitched = errors.New("failed, and its twin is read instead")
)

// errUnchecked says why a die that could not be read when the meter was opened is
// not read later: counted beside the one that it mirrors it would count twice.
var errUnchecked = errors.New("not compared with the other dies of its package")

// counter is one counter and all routes to it.
type counter struct {
	component energy.Component
	root      fs.FS
	parent    *counter // that of the package that it is part of, or nil
	routes    []route  // routes[in] is read, the others are fallbacks
	in        int

	wrap      energy.Wrap
	unit      energy.Energy
	edge      energy.Energy // besides unit, tick and time: what each failover adds
	raw       uint64
	moved     time.Time // just after the counter was last seen to move
	suspended bool      // wrap.Break was called since the last reading
	lost      error     // why the zone cannot be opened, nil if it can
	since     time.Time // of the first reading that was lost
	retry     time.Time // when it is looked for again
	unchecked bool      // it is never looked for
}

// observation is a counter as read between two looks at the clock.
type observation struct {
	raw        uint64
	before, at time.Time
}

// openCounter opens the counter of a zone and reads it once, to see that it can
// be. After an error it is closed; it may do later.
func openCounter(root fs.FS, z Zone, s system) (*counter, error) {
	c := &counter{component: z.Component, root: root, routes: make([]route, 1)}
	r := &c.routes[0]
	err := r.open(root, z, s)
	if err == nil {
		c.raw, err = r.source.read()
	}
	if z.control == perfControl {
		c.wrap.Range, c.unit = perfRange, z.event.unit
	} else {
		c.wrap.Range, c.unit = modulus(root, z.Path, c.raw)
	}
	c.wrap.MaxPower = c.limit()
	c.wrap.Limit = c.limit
	c.component.Name += " (" + via(z.control) + ")"
	c.moved = time.Now()
	if err != nil {
		_ = c.close() // the first error says it all
	}
	return c, err
}

// via names an interface of the kernel, for people and the record.
func via(control string) string {
	if control == perfControl {
		return "perf"
	}
	return "powercap"
}

// limit reads the largest plausible power of now. What is inside a package draws
// no more than it.
func (c *counter) limit() energy.Power {
	p := maxPower(c.root, c.routes[c.in].limits)
	if c.parent != nil {
		p = min(p, max(c.parent.wrap.MaxPower, c.parent.limit()))
	}
	return p
}

func (c *counter) close() error { return c.routes[c.in].close() }

// next reads the counter and says what to make of it.
func (c *counter) next() (energy.Reading, error) {
	o, err := c.observe()
	var switched error
	if err != nil && c.lost == nil {
		if other, ok := c.failover(); ok {
			o, err, switched = other, nil, fmt.Errorf("%w: %w", err, ErrSwitched)
		}
	}
	var state energy.State
	if err != nil {
		state, err = c.failed(o.at, err)
	} else if state, err = c.take(o); err == nil {
		err = switched
	}
	return energy.Reading{
		Component: c.component,
		Before:    o.before, Time: o.at,
		Total:    c.wrap.Total(),
		Edge:     c.edgeOf(o),
		Missed:   c.wrap.Missed,
		Raw:      c.raw,
		Range:    uint64(c.wrap.Range),
		MaxPower: c.wrap.MaxPower,
		Wraps:    c.wrap.Wraps, Resets: c.wrap.Resets, Gaps: c.wrap.Gaps,
		State: state,
	}, err
}

// edgeOf bounds how far a reading may be from the truth at its time: by its unit,
// by what the hardware has not added yet, and by what flowed while it was read. Of
// the last nobody knows that the limit has not just been raised.
func (c *counter) edgeOf(o observation) energy.Energy {
	p := c.wrap.MaxPower
	return c.unit.Plus(p.Over(tick)).Plus(energy.Ceiling(p).Over(o.at.Sub(o.before))).Plus(c.edge)
}

// observe reads the counter, or looks for it if it is lost. After an error the
// observation has the times alone.
func (c *counter) observe() (observation, error) {
	if c.lost == nil {
		return c.routes[c.in].observe(c.wrap.Range)
	}
	now := time.Now()
	if !c.unchecked && !now.Before(c.retry) {
		if o, ok := c.rediscover(); ok {
			c.lost, c.since = nil, time.Time{}
			return o, nil
		}
		c.wait(now)
	}
	return observation{before: now, at: now}, c.lost
}

// suspend says that the machine slept for so long since the last reading.
func (c *counter) suspend(d time.Duration) {
	c.wrap.Break(d)
	c.suspended = true
}

// take adds a reading to the total.
func (c *counter) take(o observation) (energy.State, error) {
	r := &c.routes[c.in]
	if c.suspended && (r.control == perfControl || r.offset != 0) && c.wrap.Range > 0 {
		// If it has started again, its 0 is not ours: the kernel adds up differences
		// for perf, and a twin counts from elsewhere. So count from 0 anew.
		m := uint64(c.wrap.Range)
		r.offset = (r.offset + m - o.raw%m) % m
		o.raw = 0
	}
	if c.wrap.Range > 0 && o.raw >= uint64(c.wrap.Range) {
		c.wrap.Range, c.unit = 0, usualUnit // the range file was wrong
	}
	last, since, _ := c.wrap.Last()
	if o.raw != c.raw || c.suspended || since.IsZero() { // the first is where totals start
		c.moved = o.at
	}
	c.raw = o.raw
	gaps, resets := c.wrap.Gaps, c.wrap.Resets
	if _, ok := c.wrap.Add(energy.Energy(o.raw), o.before, o.at); !ok {
		return energy.Refused, fmt.Errorf("read %s: %d after %d within %v: %w", r.path, o.raw, last, o.at.Sub(since), ErrImplausible)
	}
	unsure := !c.suspended && c.wrap.Gaps > gaps && c.wrap.Resets == resets
	if c.suspended || c.wrap.Resets > resets {
		c.rebaseFallbacks()
	}
	c.suspended = false
	switch {
	case unsure:
		c.moved = o.at
		return energy.OK, fmt.Errorf("read %s after %v: %w", r.path, o.at.Sub(since).Round(time.Millisecond), ErrAmbiguous)
	case r.domain != uncore && o.before.Sub(c.moved) > max(deadAfter, time.Duration(10*c.unit)*time.Microsecond):
		return energy.Dead, nil
	}
	return energy.OK, nil
}

// failed finds out what to make of a counter that can't be read.
func (c *counter) failed(now time.Time, cause error) (energy.State, error) {
	if c.lost != nil {
		return energy.Lost, c.lost
	}
	c.wrap.Fail()
	if !errors.Is(cause, fs.ErrNotExist) && !errors.Is(cause, syscall.ENODEV) {
		return energy.Held, cause
	}
	// It is looked for later, even if it is there again already: a reading
	// between says that the counter may have started again.
	c.suspend(0)
	c.lose(fmt.Errorf("%w: %w", cause, ErrLost))
	c.wait(now)
	return energy.Lost, c.lost
}

// lose closes a counter that is to be looked for from the next reading on.
func (c *counter) lose(why error) {
	c.lost = why
	_ = c.close() // whatever it says, the file is of no use
}

// wait sets when a lost counter is looked for again: that reads the names of all
// zones, which is not worth doing each second for one that is gone for good.
func (c *counter) wait(now time.Time) {
	if c.since.IsZero() {
		c.since = now
	}
	c.retry = now.Add(max(retryEvery, min(now.Sub(c.since)/4, retryAtLeast)))
}

// failover goes over to the first of the fallbacks that can be read.
func (c *counter) failover() (observation, bool) {
	for i := range c.routes {
		r := &c.routes[i]
		if i == c.in {
			continue
		}
		f, err := openFile(c.root, r.path)
		if err != nil {
			continue
		}
		r.source = f
		o, err := r.observe(c.wrap.Range)
		if err != nil {
			_ = r.close() // the route in use has failed as well: that is told
			continue
		}
		_ = c.close() // it has failed already
		c.in = i
		// The two were first read one after the other, and a tick may have come
		// between.
		p := c.wrap.MaxPower
		c.edge = c.edge.Plus(c.unit).Plus(p.Over(tick)).Plus(energy.Ceiling(p).Over(r.apart))
		c.join(r, &o)
		return o, true
	}
	return observation{}, false
}

// join lets a route go on from where the one before it was: what it shows less is
// an error of their distance and no fall, as long as it is within that error.
func (c *counter) join(r *route, o *observation) {
	last, _, at := c.wrap.Last()
	if m := uint64(c.wrap.Range); m > 0 && !c.suspended && !at.IsZero() {
		if back := (uint64(last) + m - o.raw%m) % m; energy.Energy(back) <= c.edge {
			r.offset = (r.offset + back) % m
			o.raw = uint64(last)
			c.moved = o.at // it is not dead for that
		}
	}
}

// rediscover looks for a lost zone by what it covers and not by its path: when the
// last core of a package goes offline its zones vanish, and come back under new
// numbers.
func (c *counter) rediscover() (observation, bool) {
	zones, _ := survey(c.root)
	for i := range c.routes {
		r := &c.routes[i]
		for _, z := range zones {
			if z.Status != "" || z.key != r.key || z.control != r.control {
				continue
			}
			name := path.Join(z.Path, "energy_uj")
			f, err := openFile(c.root, name)
			if err != nil {
				continue
			}
			r.path, r.limits, r.source = name, z.Path, f
			o, err := r.observe(c.wrap.Range)
			if err != nil {
				_ = r.close() // the next route, or the next time
				continue
			}
			c.in = i
			return o, true
		}
	}
	return observation{}, false
}

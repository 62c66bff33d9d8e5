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
	// ErrLost says that a zone was unregistered, as when the last core of a
	// package goes offline. The reading is Lost.
	ErrLost = errors.New("the zone is gone")
	// ErrAmbiguous says that a counter was read so late that it may have wrapped
	// unseen. The reading is OK, its total a lower bound, and Missed has the rest.
	ErrAmbiguous = errors.New("read too late to tell how often it wrapped")
	// ErrSwitched says that a counter is read by way of another zone from now on,
	// since the one before failed. The reading is OK and nothing is missed.
	ErrSwitched = errors.New("failed, and its twin is read instead")
)

// counter is one counter and all ways to it.
type counter struct {
	component energy.Component
	root      fs.FS
	ways      []way // ways[in] is read, the others stand in for it
	in        int

	wrap  energy.Wrap
	unit  energy.Energy
	edge  energy.Energy // besides unit and tick: what a change of ways adds
	raw   uint64
	moved time.Time // when the counter was last seen to move
	broke bool      // wrap.Break was called since the last reading
	gone  error     // how the zone was found to have gone, nil if it is there
	retry time.Time // when it is looked for again
}

// openCounter opens the counter of a zone and reads it once, to see that it can be.
func openCounter(root fs.FS, z Zone, s system) (*counter, error) {
	c := &counter{component: z.Component, root: root, ways: make([]way, 1)}
	w := &c.ways[0]
	if err := w.open(root, z, s); err != nil {
		return nil, err
	}
	raw, err := w.source.read()
	now := time.Now()
	if err != nil {
		_ = w.close() // the first error says it all
		return nil, err
	}
	if z.control == perfControl {
		c.wrap.Range, c.unit = perfRange, z.event.unit
		c.wrap.MaxPower = maxPower(root, z.event.limits)
	} else {
		c.wrap.Range, c.unit = modulus(root, z.Path, raw)
		c.wrap.MaxPower = maxPower(root, z.Path)
	}
	c.component.Name += " (" + via(z.control) + ")"
	c.raw, c.moved = raw, now
	return c, nil
}

// via names an interface of the kernel, for people and the record.
func via(control string) string {
	if control == perfControl {
		return "perf"
	}
	return "powercap"
}

// standIn notes another way to the counter, for when the one in use fails. It
// must count in the same steps. Perf events are none: each has its own origin
// and would have to be kept open.
func (c *counter) standIn(root fs.FS, z Zone) {
	if z.control == perfControl || c.ways[c.in].control == perfControl || c.wrap.Range == 0 {
		return
	}
	var w way
	if w.open(root, z, system{}) != nil {
		return
	}
	defer w.close()
	raw, err := w.source.read()
	if err != nil {
		return
	}
	if most, _ := modulus(root, z.Path, raw); most != c.wrap.Range {
		return
	}
	first, err := c.ways[c.in].read(c.wrap.Range)
	if err != nil {
		return
	}
	w.offset = (first + uint64(c.wrap.Range) - raw) % uint64(c.wrap.Range)
	_ = w.close() // it was only read
	c.ways = append(c.ways, w)
}

func (c *counter) close() error { return c.ways[c.in].close() }

// next reads the counter and says what to make of it.
func (c *counter) next() (energy.Reading, error) {
	var raw uint64
	err := c.gone
	w := &c.ways[c.in]
	if err == nil {
		raw, err = w.read(c.wrap.Range)
	}
	now := time.Now()
	state := energy.OK
	switch {
	case err == nil:
		state, err = c.take(raw, now)
	default:
		state, now, err = c.failed(now, err)
	}
	return energy.Reading{
		Component: c.component,
		Time:      now,
		Total:     c.wrap.Total(),
		Edge:      c.unit.Plus(c.wrap.MaxPower.Over(tick)).Plus(c.edge),
		Missed:    c.wrap.Missed,
		Raw:       c.raw,
		Range:     uint64(c.wrap.Range),
		MaxPower:  c.wrap.MaxPower,
		Wraps:     c.wrap.Wraps, Resets: c.wrap.Resets, Gaps: c.wrap.Gaps,
		State: state,
	}, err
}

// doze says that the machine slept for so long since the last reading.
func (c *counter) doze(d time.Duration) {
	c.wrap.Break(d)
	c.broke = true
}

// take adds a reading to the total.
func (c *counter) take(raw uint64, now time.Time) (energy.State, error) {
	w := &c.ways[c.in]
	if c.broke && (w.control == perfControl || w.offset != 0) && c.wrap.Range > 0 {
		// If it has started again, its 0 is not ours: the kernel adds up differences
		// for perf, and a twin counts from elsewhere. So count from 0 anew.
		m := uint64(c.wrap.Range)
		w.offset = (w.offset + m - raw%m) % m
		raw = 0
	}
	if c.wrap.Range > 0 && raw >= uint64(c.wrap.Range) {
		c.wrap.Range, c.unit = 0, usual // the range file was wrong
	}
	moved := raw != c.raw
	c.raw = raw
	last, since := c.wrap.Last()
	gaps, resets := c.wrap.Gaps, c.wrap.Resets
	if _, ok := c.wrap.Add(energy.Energy(raw), now); !ok {
		return energy.Refused, fmt.Errorf("read %s: %d after %d within %v: %w", w.path, raw, last, now.Sub(since), ErrImplausible)
	}
	unsure := !c.broke && c.wrap.Gaps > gaps && c.wrap.Resets == resets
	if c.broke || c.wrap.Resets > resets {
		c.align()
	}
	c.broke = false
	switch {
	case unsure:
		c.moved = now
		return energy.OK, fmt.Errorf("read %s after %v: %w", w.path, now.Sub(since).Round(time.Millisecond), ErrAmbiguous)
	case moved || since.IsZero(): // the first is where totals start, and no proof of anything
		c.moved = now
	case w.domain != uncore && now.Sub(c.moved) > max(still, time.Duration(10*c.unit)*time.Microsecond):
		return energy.Dead, nil
	}
	return energy.OK, nil
}

// failed finds out what to do when the counter can't be read.
func (c *counter) failed(now time.Time, cause error) (energy.State, time.Time, error) {
	if c.gone == nil {
		if raw, ok := c.change(); ok {
			now = time.Now()
			if state, err := c.take(raw, now); err != nil {
				return state, now, err
			}
			return energy.OK, now, fmt.Errorf("%w: %w", cause, ErrSwitched)
		}
		c.wrap.Fail()
		if !errors.Is(cause, fs.ErrNotExist) && !errors.Is(cause, syscall.ENODEV) {
			return energy.Held, now, cause
		}
		// It is looked for later, even if it is there again already: a reading
		// between says that the counter may have started again.
		c.wrap.Break(0)
		c.broke = true
		c.gone, c.retry = fmt.Errorf("%w: %w", cause, ErrLost), now.Add(again)
		_ = c.close() // whatever it says, the file is gone
		return energy.Lost, now, c.gone
	}
	if now.Before(c.retry) {
		return energy.Lost, now, c.gone
	}
	c.retry = now.Add(again)
	raw, ok := c.seek()
	if !ok {
		return energy.Lost, now, c.gone
	}
	c.gone = nil
	now = time.Now()
	state, err := c.take(raw, now)
	return state, now, err
}

// align sets the other ways to what the one in use shows now: after a reset their
// distance from it is another one. A way that can't be read now is given up.
func (c *counter) align() {
	if len(c.ways) == 1 {
		return
	}
	used := c.ways[c.in]
	others := c.ways
	c.ways, c.in = append([]way(nil), used), 0
	if c.wrap.Range == 0 {
		return
	}
	for i := range others {
		w := others[i]
		if w.path == used.path {
			continue
		}
		f, err := openFile(c.root, w.path)
		if err != nil {
			continue
		}
		if raw, err := f.read(); err == nil {
			m := uint64(c.wrap.Range)
			w.offset = (c.raw%m + m - raw%m) % m
			c.ways = append(c.ways, w)
		}
		_ = f.close() // it was only read
	}
}

// change goes over to the first of the other ways that can be read.
func (c *counter) change() (uint64, bool) {
	for i := range c.ways {
		w := &c.ways[i]
		if i == c.in {
			continue
		}
		f, err := openFile(c.root, w.path)
		if err != nil {
			continue
		}
		w.source = f
		raw, err := w.read(c.wrap.Range)
		if err != nil {
			_ = w.close() // the way in use has failed as well: that is told
			continue
		}
		_ = c.close() // it has failed already
		c.in = i
		// The two were first read one after the other, and a tick may have come
		// between.
		c.edge = c.edge.Plus(c.unit).Plus(c.wrap.MaxPower.Over(tick))
		return raw, true
	}
	return 0, false
}

// seek looks for a zone that has gone, by what it covers and not by its path:
// when the last core of a package goes offline its zones vanish, and come back
// under new numbers.
func (c *counter) seek() (uint64, bool) {
	zones, _ := survey(c.root)
	for i := range c.ways {
		w := &c.ways[i]
		for _, z := range zones {
			if z.Status != "" || z.key != w.key || z.control != w.control {
				continue
			}
			name := path.Join(z.Path, "energy_uj")
			f, err := openFile(c.root, name)
			if err != nil {
				continue
			}
			w.path, w.source = name, f
			raw, err := w.read(c.wrap.Range)
			if err != nil {
				_ = w.close() // the next way, or the next time
				continue
			}
			c.in = i
			return raw, true
		}
	}
	return 0, false
}

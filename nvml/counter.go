package nvml

import (
	"errors"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

const (
	// tick is how often a GPU's energy counter moves, at the slowest: about every
	// 10 ms (pynvml), 20 to 100 ms (Alumet), 100 ms (ml.energy) are reported.
	tick = 100 * time.Millisecond
	// stuck is how long a counter may stand still. A GPU that is on uses power.
	stuck = 10 * time.Second
	// unit is what the counter counts in.
	unit = energy.Millijoule
)

// A counter follows an energy counter of the driver. Since that moves in
// ticks, what has flowed since the last one is added as power × time: the truth
// lies within a tick of that. So a reading's Raw is 0: its Total is not made of
// the counter alone.
type counter struct {
	r     energy.Reading
	wrap  energy.Wrap
	field int                    // of the energy in the list of fields, or -1:
	ask   func() (uint64, error) // ask for it by itself
	watts func() (milliwatts uint64, at time.Time, err error)
	power int // field of the power now, or -1: ask by watts, if that is there

	started bool
	raw     uint64
	read    time.Time    // when raw was last read,
	moved   time.Time    // about when it ticked,
	since   time.Time    // and when it was first seen
	now     energy.Power // at the last reading, 0 if not known
	mean    energy.Power // over the step before raw, 0 if not known
}

func (c *counter) reading() *energy.Reading { return &c.r }

func (c *counter) feed(list []field, err error, asked, at time.Time) error {
	raw, age, power, at, err := c.answer(list, err, asked, at)
	if err == nil && raw > uint64(energy.MaxEnergy/unit) {
		err = ErrImplausible
	}
	if err != nil {
		if errors.Is(err, ErrLost) {
			c.wrap.Break(0) // it may begin again when it is back
		}
		c.wrap.Fail()
		c.r.State, c.r.Gaps = state(err), c.wrap.Gaps
		return err
	}
	resets, before := c.wrap.Resets, c.wrap.Total()
	total, ok := c.wrap.Add(energy.Energy(raw)*unit, asked, at)
	c.r.Missed, c.r.Resets, c.r.Gaps = c.wrap.Missed, c.wrap.Resets, c.wrap.Gaps
	if !ok {
		c.r.State = energy.Refused
		return ErrImplausible
	}
	if !c.started || raw != c.raw {
		c.step(age, at, total-before, c.wrap.Resets != resets)
	}
	was := c.now
	c.raw, c.read, c.now, c.started = raw, at, power, true
	c.r.State = energy.OK
	if at.Sub(c.since) >= stuck {
		c.r.State = energy.Dead
		return nil
	}
	c.extend(total, max(was, c.now, c.mean), at)
	return nil
}

// answer finds the counter, how long ago it held that value (below 0: not
// known), the power now, and when all that was read.
func (c *counter) answer(list []field, err error, asked, at time.Time) (raw uint64, age time.Duration, p energy.Power, when time.Time, _ error) {
	age = -1
	if c.field < 0 {
		raw, err = c.ask()
		at = time.Now()
	} else if err == nil {
		f := list[c.field]
		raw, err = f.value, f.err
		// A stamp that lies in the call itself is only the time of asking.
		if a := time.Duration(at.UnixMicro()-f.stamp) * time.Microsecond; a > at.Sub(asked)+time.Millisecond && a <= time.Second {
			age = a
		}
	}
	if err != nil {
		return raw, age, p, at, err
	}
	var mw uint64
	var failed error
	switch {
	case c.power >= 0:
		mw, failed = list[c.power].value, list[c.power].err
	case c.watts != nil:
		if mw, _, failed = c.watts(); never(failed) {
			c.watts = nil
		}
	}
	if failed == nil && plausible(mw, c.r.MaxPower) {
		p = energy.Power(mw) * energy.Milliwatt
	}
	return raw, age, p, at, err
}

// state is that of a reading that was not taken.
func state(err error) energy.State {
	if errors.Is(err, ErrImplausible) {
		return energy.Refused
	}
	return energy.Held
}

// plausible reports whether a reading in milliwatts is at most the greatest
// power.
func plausible(mw uint64, most energy.Power) bool { return mw <= uint64(most/energy.Milliwatt) }

// step notes that the counter has moved: at the stamp, or else somewhere in the
// last tick and after the reading before.
func (c *counter) step(age time.Duration, at time.Time, delta energy.Energy, reset bool) {
	moved := at.Add(-age)
	if age < 0 {
		earliest := at.Add(-tick)
		if c.started && c.read.After(earliest) {
			earliest = c.read
		}
		moved = earliest.Add(at.Sub(earliest) / 2)
	}
	c.mean = 0
	if c.started && !reset {
		c.mean = min(delta.Per(moved.Sub(c.moved)), c.r.MaxPower)
	}
	c.moved, c.since = moved, at
}

// extend sets the total at a time, by the power since the counter moved.
func (c *counter) extend(total energy.Energy, high energy.Power, at time.Time) {
	p := c.now
	if p == 0 {
		p = c.mean
	}
	if high == 0 {
		high = c.r.MaxPower
	}
	total = total.Plus(p.Over(min(at.Sub(c.moved), tick)))
	c.r.Edge = high.Over(tick).Plus(unit)
	// If too much was added before, it is caught up at half the power: no time
	// passes without energy, and the total does not fall.
	least := c.r.Total.Plus((p / 2).Over(min(at.Sub(c.r.Time), tick)))
	if c.r.Time.IsZero() {
		least = 0
	}
	if total < least {
		c.r.Edge = c.r.Edge.Plus(least - total)
		total = least
	}
	c.r.Total, c.r.Time = total, at
}

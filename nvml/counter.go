package nvml

import (
	"errors"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

const (
	// stale is how long a counter may stand still, or a power be 0, and be believed.
	// A GPU that is on uses power all the time, and shows it at each tick.
	stale = 3 * slowestTick
	// deadAfter is how long until it is given up.
	deadAfter = 3 * time.Second
	// unit is what the counter counts in.
	unit = energy.Millijoule
)

// ErrStill: a counter stands still, or a power is 0, on a GPU that is on.
var ErrStill = errors.New("energy counter not moving, or power at 0 W")

// A counter follows an energy counter of the driver. Since that moves in
// ticks, what has flowed since the last one is added as power × time. So a
// reading's Raw is 0: its Total is not made of the counter alone.
type counter struct {
	r     energy.Reading
	wrap  energy.Wrap
	field int                    // of the energy in the list of fields, or -1:
	ask   func() (uint64, error) // ask for it by itself
	watts func() (milliwatts uint64, at time.Time, err error)
	power int // field of the power now, or -1: ask by watts, if that is there
	limit energy.Power

	ticks   ticks
	recent  recent
	bracket bracket
	latest  snapshot // of the latest look
	started bool
	raw     uint64
	changed time.Time // when raw was first seen
	tick    tick      // the latest
	settled bool      // the counter has moved since the first reading
	shown   time.Time // the latest reading
}

func (c *counter) reading() *energy.Reading { return &c.r }

// wants asks for looks that tell more of the ticks, or of the first reading.
func (c *counter) wants(now time.Time) time.Duration {
	if c.bracket.begun && !c.settled && now.Sub(c.changed) < stale {
		return pollEvery
	}
	return c.ticks.wants(now)
}

// A tick is when a counter moved, give or take, and to what.
type tick struct {
	at     time.Time
	unsure time.Duration
	total  energy.Energy
}

// mean is the mean power since an earlier tick, and how unsure that is, as a part
// of it.
func (t tick) mean(since tick) (p energy.Power, unsure float64) {
	d := t.at.Sub(since.at)
	if d <= 0 {
		return 0, 1
	}
	return (t.total - since.total).Per(d), float64(t.unsure+since.unsure) / float64(d)
}

// A count is what the driver said at a look.
type count struct {
	raw       uint64
	stamp     time.Time // zero: none
	power     energy.Power
	asked, at time.Time
}

func (c *counter) feed(list []field, err error, asked, at time.Time) error {
	a, err := c.answer(list, err, asked, at)
	if err == nil && a.raw > uint64(energy.MaxEnergy/unit) {
		err = ErrImplausible
	}
	if err != nil {
		if errors.Is(err, ErrLost) {
			c.wrap.Break(0) // it may begin again when it is back
			c.ticks.anew(at)
		}
		c.wrap.Fail()
		c.r.State, c.r.Gaps = state(err), c.wrap.Gaps
		return err
	}
	resets, before := c.wrap.Resets, c.wrap.Total()
	// What it shows had been counted up to a tick before it was asked.
	total, ok := c.wrap.Add(energy.Energy(a.raw)*unit, a.asked.Add(-max(c.ticks.longest, slowestTick)), a.at)
	c.r.Missed, c.r.Resets, c.r.Gaps = c.wrap.Missed, c.wrap.Resets, c.wrap.Gaps
	c.r.MaxPower = max(c.r.MaxPower, c.wrap.MaxPower)
	if !ok {
		c.r.State = energy.Refused
		return ErrImplausible
	}
	return c.take(a, total, total-before, c.wrap.Resets != resets)
}

// take makes a reading of an answer: of the total that was counted, and by how
// much it rose.
func (c *counter) take(a count, total, rise energy.Energy, reset bool) error {
	isNew := c.started && a.raw != c.raw
	if reset {
		c.ticks.anew(a.at)
	}
	least, most := c.ticks.observe(isNew, a.stamp, a.asked, a.at)
	if a.power > 0 {
		c.recent.add(a.power, a.at)
	}
	tick := tick{a.at.Add(-(least + most) / 2), (most - least) / 2, total}
	if isNew {
		if !reset {
			p, unsure := tick.mean(c.tick)
			c.recent.mean(p, unsure, a.at)
		}
		c.changed, c.tick = a.at, tick
		c.settled = c.bracket.begun
	}
	if !c.started {
		c.started, c.changed, c.tick = true, a.at, tick
	}
	c.raw = a.raw
	c.latest = snapshot{a.at, total.Joules(), least, most, c.recent.span(c.limit), c.recent.likely, isNew}
	if c.bracket.begun {
		if reset {
			c.bracket.restart(c.latest, rise.Joules())
		} else {
			c.bracket.look(c.latest, c.limit)
		}
	}
	c.r.Before, c.r.Time = a.asked, a.at
	switch still := a.at.Sub(c.changed); {
	case still >= deadAfter:
		c.r.State = energy.Dead
		return nil
	case still >= stale && still > 3*c.ticks.longest:
		c.r.State = energy.Held
		return ErrStill
	}
	c.r.State = energy.OK
	return nil
}

// vague reports whether a look in some milliseconds would tell more of the latest.
func (c *counter) vague() bool { return c.ticks.vague && c.bracket.begun && c.r.State == energy.OK }

// show makes the reading of a look, which a few others may have followed to see
// whether it was before a tick or after: the first one is the origin. If too much was
// added before, that is caught up at half the power: no time passes without energy,
// and the total does not fall.
func (c *counter) show(asked, at time.Time) {
	if c.r.State != energy.OK {
		return
	}
	if !c.bracket.begun {
		c.bracket.begin(c.latest)
		c.shown = c.latest.at
	}
	since := max(c.latest.at.Sub(at), 0)
	flowed, likely := c.latest.power.over(since, since), c.latest.likely*since.Seconds()
	if since > 0 {
		c.r.Before, c.r.Time = asked, at
	}
	least := c.r.Total.Plus(energy.Joules(c.latest.likely / 2 * max(min(c.r.Time.Sub(c.shown), slowestTick), 0).Seconds()))
	c.r.Total, c.shown = max(energy.Joules(c.bracket.best-likely), least), c.r.Time
	if c.settled {
		c.bracket.settle()
	}
	edge, common := c.bracket.edge(c.r.Total.Joules(), c.latest, flowed, c.limit, c.settled)
	c.r.Edge, c.r.Common = energy.Joules(edge).Plus(unit), energy.Joules(common)
}

// answer finds the counter, its stamp, the power now, and when that was read.
func (c *counter) answer(list []field, err error, asked, at time.Time) (count, error) {
	a := count{asked: asked, at: at}
	if c.field < 0 {
		a.asked = time.Now()
		a.raw, err = c.ask()
		a.at = time.Now()
	} else if err == nil {
		f := list[c.field]
		a.raw, err = f.value, f.err
		if f.stamp > 0 {
			a.stamp = at.Add(-time.Duration(at.UnixMicro()-f.stamp) * time.Microsecond)
		}
	}
	if err != nil {
		return a, err
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
		a.power = energy.Power(mw) * energy.Milliwatt
	}
	return a, nil
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
func plausible(mw uint64, highest energy.Power) bool { return mw <= uint64(highest/energy.Milliwatt) }

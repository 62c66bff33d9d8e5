package nvml

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// longest is how much time without a power reading is filled in.
const longest = 5 * time.Second

// A power series adds up readings of power: those of the driver's own record, or
// those taken by itself.
type power struct {
	r      energy.Reading
	gauge  energy.Gauge
	limit  energy.Power
	ask    func() (milliwatts uint64, at time.Time, err error)
	record func(since int64, to []sample) ([]sample, error) // nil: ask
	period time.Duration                                    // how old a reading may be
	window time.Duration                                    // what it is a mean of

	room   []sample
	since  int64 // stamp of the latest sample
	now    energy.Power
	lowest energy.Power // so far
	at     time.Time    // of the latest reading
	recent recent
	noise  float64 // square of what the way between readings may hide, in joules
	begun  bool
	origin energy.Energy
	zero   time.Time // since when the power is 0, zero if it is not
}

func (p *power) reading() *energy.Reading      { return &p.r }
func (p *power) wants(time.Time) time.Duration { return 0 }
func (p *power) vague() bool                   { return false }

// show makes the first reading the origin.
func (p *power) show(time.Time, time.Time) {
	if p.r.State == energy.OK && !p.begun {
		p.begun, p.noise, p.origin = true, 0, p.r.Total
		p.r.Total = 0
	}
}

func (p *power) feed(_ []field, _ error, asked, _ time.Time) error {
	var err error
	if p.record != nil {
		err = p.drain()
	} else {
		var mw uint64
		var at time.Time
		if mw, at, err = p.ask(); err == nil {
			err = p.add(mw, at)
		}
	}
	now := time.Now()
	if err == nil && (p.at.IsZero() || now.Sub(p.at) > longest) {
		err = errNothing
	}
	p.r.Missed, p.r.Gaps = p.gauge.Missed, p.gauge.Gaps
	if errors.Is(err, ErrStill) && now.Sub(p.zero) >= deadAfter {
		p.r.State, p.r.Before, p.r.Time = energy.Dead, asked, now
		return nil
	}
	if err != nil {
		if !errors.Is(err, ErrStill) || p.r.State == energy.OK { // that is one gap, however often it is seen
			p.gauge.Gaps++
			p.r.Gaps++
		}
		p.r.State = state(err)
		return err
	}
	p.extend(asked, now)
	return nil
}

// drain takes what is new in the driver's record.
func (p *power) drain() error {
	list, err := p.record(p.since, p.room[:0])
	if errors.Is(err, errNothing) {
		return nil
	}
	if err != nil {
		return err
	}
	p.room = list
	slices.SortFunc(list, func(a, b sample) int { return int(a.stamp - b.stamp) })
	now := time.Now()
	wall := now.UnixMicro()
	if p.since == 0 && len(list) > 0 {
		list = list[len(list)-1:] // before it we were not there
	}
	for _, s := range list {
		if s.stamp <= p.since || s.stamp > wall {
			continue // seen, or not filled in
		}
		p.since = s.stamp
		if e := p.add(s.milliwatts, now.Add(-time.Duration(wall-s.stamp)*time.Microsecond)); e != nil {
			err = e
		}
	}
	return err
}

// add takes a reading of power. One of 0 is none: a GPU that is on draws some.
func (p *power) add(mw uint64, at time.Time) error {
	switch {
	case mw > 0:
		p.zero = time.Time{}
	case p.zero.IsZero():
		p.zero = at
		fallthrough
	default:
		return ErrStill
	}
	if !plausible(mw, p.r.MaxPower) {
		p.gauge.Gaps++
		return ErrImplausible
	}
	now := energy.Power(mw) * energy.Milliwatt
	if d := at.Sub(p.at); !p.at.IsZero() && d > 0 && d <= longest {
		half := (now - p.now).Watts() / 2 * d.Seconds()
		p.noise += half * half
	}
	p.gauge.Add(now, at, at)
	p.recent.add(now, at)
	if p.now = now; p.lowest == 0 || now < p.lowest {
		p.lowest = now
	}
	if at.After(p.at) {
		p.at = at
	}
	return nil
}

// extend sets the total at a time, by the latest power since it was read. That
// is the mean of a window, so what it adds up to lags by half of that; and how the
// power was spread in the latest window is not known.
func (p *power) extend(asked, at time.Time) {
	total, _ := p.gauge.Add(p.now, p.at, p.at) // adds nothing
	age := at.Sub(p.at)
	total = total.Plus(p.now.Over(min(age, 2*p.period) + p.window/2))
	total = max(total-p.origin, 0)
	power := p.recent.span(p.limit)
	unsure := age
	if p.record == nil {
		unsure += p.period / 2 // the driver does not say when it was measured
	}
	p.r.Edge = energy.Joules((power.hi-power.lo)*unsure.Seconds() + p.spread()*p.window.Seconds() + math.Sqrt(p.noise))
	if total < p.r.Total { // a little too much was added before
		p.r.Edge = p.r.Edge.Plus(p.r.Total - total)
		total = p.r.Total
	}
	p.r.Total, p.r.Before, p.r.Time, p.r.State = total, asked, at, energy.OK
}

// spread is by how much, as a power, the energy of a window can lie to one end
// of it: if the GPU was at its lowest and its highest in turn, and the mean is what it is.
func (p *power) spread() float64 {
	mean, lo, hi := p.now.Watts(), p.lowest.Watts(), max(p.limit, p.now).Watts()
	if hi <= lo {
		return 0
	}
	return (mean - lo) * (hi - mean) / (hi - lo) / 2
}

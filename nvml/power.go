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
	ask    func() (milliwatts uint64, at time.Time, err error)
	record func(since int64, to []sample) ([]sample, error) // nil: ask
	period time.Duration                                    // how old a reading may be

	room  []sample
	since int64 // stamp of the latest sample
	now   energy.Power
	was   energy.Power
	at    time.Time // of the latest reading
	noise float64   // square of what the way between readings may hide, in joules
}

func (p *power) reading() *energy.Reading { return &p.r }

func (p *power) feed(_ []field, _ error, _, _ time.Time) error {
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
	if err != nil {
		p.gauge.Gaps++
		p.r.Gaps++
		p.r.State = state(err)
		return err
	}
	p.extend(now)
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

func (p *power) add(mw uint64, at time.Time) error {
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
	p.was, p.now = p.now, now
	if at.After(p.at) {
		p.at = at
	}
	return nil
}

// extend sets the total at a time, by the latest power since it was read.
func (p *power) extend(at time.Time) {
	total, _ := p.gauge.Add(p.now, p.at, p.at) // adds nothing
	age := at.Sub(p.at)
	total = total.Plus(p.now.Over(min(age, 2*p.period)))
	p.r.Edge = max(p.now, p.was).Over(max(p.period, age)).Plus(energy.Joules(math.Sqrt(p.noise)))
	if total < p.r.Total { // a little too much was added before
		p.r.Edge = p.r.Edge.Plus(p.r.Total - total)
		total = p.r.Total
	}
	p.r.Total, p.r.Time, p.r.State = total, at, energy.OK
}

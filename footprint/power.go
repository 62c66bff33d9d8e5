package footprint

import (
	"time"

	"github.com/carbonctl/carbonctl/energy"
)

// Power is the power of one component over a stretch in which it was counted
// without a gap: steps of equal length, and of each the mean and the least and
// greatest mean between two readings.
type Power struct {
	Component string       `json:"component"`
	Kind      energy.Kind  `json:"kind"`
	Basis     energy.Basis `json:"basis"`
	// StartS is when the first step begins, in seconds from the start of the run,
	// StepS how long each is. The first and the last may be counted in part; their
	// mean is that of the part.
	StartS float64   `json:"start_s"`
	StepS  float64   `json:"step_s"`
	Low    []float32 `json:"low_w"`
	Mean   []float32 `json:"mean_w"`
	High   []float32 `json:"high_w"`
}

const (
	// maxSteps bounds the steps that are kept of a component: where there would be
	// more, each becomes twice as long.
	maxSteps = 1000
	// firstStep is how long they are in the beginning.
	firstStep = time.Second / 16
	// shortest is the shortest time of which a power is taken: counters move in
	// ticks of a millisecond and more, and the power over less is that of ticks.
	shortest = 20 * time.Millisecond
	// longest is a time that no run takes; a recording may hold any.
	longest time.Duration = 1 << 62
)

// powers is the power of a component over the run. It does not grow beyond
// maxSteps, and allocates only when it begins.
type powers struct {
	length time.Duration // of a step
	steps  []powerStep   // from the start of the run
	from   time.Duration // since when
	to     time.Duration // and until when
	energy energy.Energy // this much flowed that is in no step yet
}

type powerStep struct {
	microjoules float64
	covered     time.Duration
	low, high   float32 // W
}

// add takes what flowed between two times from the start of the run.
func (p *powers) add(from, to time.Duration, e energy.Energy) {
	from, to = min(max(from, 0), longest), min(to, longest)
	if p.length == 0 {
		p.length, p.steps = firstStep, make([]powerStep, 0, maxSteps)
		p.from, p.to = from, from
	}
	if from > p.to { // a gap
		p.flush()
		p.from, p.to = from, from
	}
	p.to, p.energy = max(p.to, to), p.energy.Plus(e)
	if p.to-p.from >= shortest {
		p.flush()
	}
}

// flush spreads what has flowed evenly over the steps of its time.
func (p *powers) flush() {
	length := p.to - p.from
	if length <= 0 {
		return
	}
	for (p.to-1)/p.length >= maxSteps {
		p.fold()
	}
	watts := float32(p.energy.Joules() / length.Seconds())
	for n := int((p.to-1)/p.length) + 1; len(p.steps) < n; {
		p.steps = append(p.steps, powerStep{})
	}
	for i := p.from / p.length; i*p.length < p.to; i++ {
		part := min(p.to, (i+1)*p.length) - max(p.from, i*p.length)
		p.steps[i].add(powerStep{float64(p.energy) * float64(part) / float64(length), part, watts, watts})
	}
	p.from, p.energy = p.to, 0
}

func (s *powerStep) add(o powerStep) {
	switch {
	case o.covered == 0:
		return
	case s.covered == 0:
		*s = o
		return
	}
	s.microjoules += o.microjoules
	s.covered += o.covered
	s.low, s.high = min(s.low, o.low), max(s.high, o.high)
}

// fold makes steps twice as long.
func (p *powers) fold() {
	p.length *= 2
	n := (len(p.steps) + 1) / 2
	for i := range n {
		s := p.steps[2*i]
		if 2*i+1 < len(p.steps) {
			s.add(p.steps[2*i+1])
		}
		p.steps[i] = s
	}
	p.steps = p.steps[:n]
}

// series gives the power in steps of at least a length.
func (p *powers) series(least time.Duration, c energy.Component) (all []Power) {
	if p.length == 0 {
		return nil
	}
	o := *p
	o.steps = append(make([]powerStep, 0, maxSteps), p.steps...)
	o.flush()
	for o.length < least && len(o.steps) > 1 {
		o.fold()
	}
	var now *Power
	for i, s := range o.steps {
		if s.covered == 0 {
			now = nil
			continue
		}
		if now == nil {
			all = append(all, Power{
				Component: c.ID, Kind: c.Kind, Basis: c.Basis,
				StartS: seconds(time.Duration(i) * o.length), StepS: o.length.Seconds(),
			})
			now = &all[len(all)-1]
		}
		mean := float32(s.microjoules / 1e6 / s.covered.Seconds())
		now.Low, now.Mean, now.High = append(now.Low, min(s.low, mean)), append(now.Mean, mean), append(now.High, max(s.high, mean))
	}
	return all
}

// powers gives those of all components that a report shows.
func (a *Account) powers() []Power {
	all := []Power{}
	if a.samples < 2 {
		return all
	}
	least := a.last.time.Sub(a.first.time) / time.Duration(a.samples-1)
	for _, t := range a.tracks {
		all = append(all, t.power.series(least, t.component)...)
	}
	return all
}

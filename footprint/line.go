package footprint

import (
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// lines fills in the components of a report and what they add up to. It returns
// the tracks that the totals are made of.
func (a *Account) lines(r *Report, length time.Duration) (counted []*track) {
	r.Components = []Line{}
	var sum totals
	for _, t := range a.tracks {
		if t.idle() {
			continue
		}
		t = a.provisional(t)
		l := a.line(t, length)
		if l.Counted() {
			counted = append(counted, t)
			a.total(&sum, t, &l)
		}
		r.Components = append(r.Components, l)
	}
	sum.fill(r)
	r.Coverage = a.coverage(length)
	return counted
}

// Counted reports whether totals add the line: it is within no other one and is no
// cross-check.
func (l Line) Counted() bool { return l.Within == nil && l.Kind != energy.Platform }

func (a *Account) line(t *track, length time.Duration) Line {
	c := t.component
	l := Line{
		Kind: c.Kind, ID: c.ID, Name: c.Name, Source: c.Source, Basis: c.Basis, Scope: c.Scope,
		Wraps: t.reading.Wraps, Resets: t.reading.Resets, Gaps: t.reading.Gaps,
		Coverage: fraction(t.certain(), length),
	}
	if within := a.within(t); within != "" {
		l.Within = &within
	}
	l.Status = t.status(l.Coverage)
	r, e := a.machine(t), t.book.all.energy
	if alone := c.Basis == energy.Measured || len(t.counters) == 0; e == 0 && t.certain() == 0 && alone && length > 0 {
		// How much it was is not known: at most what it can draw, unless a model tells.
		if r.above > 0 || r.open > 0 || r.endless > 0 {
			low, high := r.bounds(0)
			l.Low, l.High = &low, high
		}
		return l
	}
	if !t.started {
		return l // absent is not 0
	}
	low, high := r.bounds(e)
	l.Energy, l.Low, l.High = &e, new(min(low, e)), high
	if t.known {
		mine := a.work(t, t.book).energy
		low, high := a.mine(t, r).bounds(mine)
		if l.High != nil && high != nil {
			*high = min(*high, *l.High)
		}
		l.ProcessEnergy, l.ProcessLow, l.ProcessHigh = &mine, new(min(low, mine)), high
		if e > 0 {
			l.Share = new(float64(mine) / float64(e))
		}
	}
	return l
}

// provisional is the track as it would be if the run ended now: a model then counts
// what it holds back, and shares are taken by what the clocks show.
func (a *Account) provisional(t *track) *track {
	s := &t.stand
	holds := t.component.Basis == energy.Modelled && !s.wait && (s.held > 0 || s.delta > 0)
	if !holds && !t.waits {
		return t
	}
	now := *t
	if t.waits {
		now.parts = slices.Clone(t.parts)
		a.share(&now)
	}
	if holds {
		e, low, high := t.scaled(s.delta, s.held)
		now.book.all.add(flow{energy: e})
		now.covered += s.held
		now.stand.low, now.stand.high = s.low.Plus(low), s.high.Plus(high)
		now.stand.held, now.stand.delta = 0, 0
	}
	return &now
}

func (t *track) status(coverage float64) string {
	switch s := t.reading.State; {
	case s == energy.Lost || s == energy.Dead || s == energy.Late:
		return s.String()
	case !t.started:
		return s.String()
	case coverage < 1:
		return "partial"
	}
	return energy.OK.String()
}

// totals adds lines up: lows with lows and highs with highs, since errors have
// causes in common.
type totals struct {
	machine, measured energy.Energy
	charged           bound
	work              bound
	known             bool // the work's part of one line at least
}

// bound is an amount between two others.
type bound struct {
	energy, low, high energy.Energy
	endless           bool
}

func (b *bound) add(e, low energy.Energy, high *energy.Energy) {
	b.energy, b.low = b.energy.Plus(e), b.low.Plus(low)
	if high == nil {
		b.endless = true
		return
	}
	b.high = b.high.Plus(*high)
}

func (b bound) most() *energy.Energy {
	if b.endless {
		return nil
	}
	return &b.high
}

// total takes a counted line, and decides what the headline takes of it.
func (a *Account) total(sum *totals, t *track, l *Line) {
	if l.Energy == nil {
		if l.Low != nil { // what was not read, and no model tells, may be anything up to High
			sum.charged.add(0, 0, l.High)
			sum.work.add(0, 0, l.High)
		}
		return
	}
	sum.machine = sum.machine.Plus(*l.Energy)
	mine, low, high := l.Energy, l.Low, l.High // who used it is not known: the whole of it
	if l.ProcessEnergy != nil {
		sum.known = true
		mine, low, high = l.ProcessEnergy, l.ProcessLow, l.ProcessHigh
	}
	sum.work.add(*mine, *low, high)
	if a.Run.Charge != ChargeProcess {
		mine, low, high = l.Energy, l.Low, l.High
	}
	l.Charged = *mine
	sum.charged.add(*mine, *low, high)
	if l.Basis == energy.Measured {
		sum.measured = sum.measured.Plus(*mine)
	}
}

func (sum *totals) fill(r *Report) {
	r.MachineEnergy = sum.machine
	if sum.known {
		r.ProcessEnergy, r.ProcessLow, r.ProcessHigh = &sum.work.energy, &sum.work.low, sum.work.most()
	}
	r.Energy, r.EnergyLow, r.EnergyHigh = sum.charged.energy, sum.charged.low, sum.charged.most()
	if r.Energy > 0 {
		r.MeasuredShare = new(float64(sum.measured) / float64(r.Energy))
	}
}

// emitLines shares the emissions among the components, by what each has emitted while it
// was used.
func (a *Account) emitLines(r *Report, counted []*track) {
	var all float64
	for _, t := range counted {
		all += a.charge(t, t.book).grams
	}
	for i := range r.Components {
		l := &r.Components[i]
		if !l.Counted() {
			continue
		}
		own := a.charge(counted[0], counted[0].book).grams
		counted = counted[1:]
		if l.Energy == nil {
			continue
		}
		l.Emissions = new(regions.Grams(0))
		if all > 0 {
			*l.Emissions = r.Emissions * regions.Grams(own/all)
		}
	}
}

// coverage is the mean over what is to be counted, each measured component
// together with the model that stands in for it.
func (a *Account) coverage(length time.Duration) float64 {
	var sum float64
	var n int
	for _, t := range a.tracks {
		if !a.counts(t) || len(t.counters) > 0 {
			continue
		}
		covered := t.certain()
		if t.model != nil {
			covered += t.model.certain()
		}
		sum += fraction(covered, length)
		n++
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

func fraction(part, whole time.Duration) float64 {
	if whole <= 0 {
		return 0
	}
	return min(float64(part)/float64(whole), 1)
}

// Overhead is what cpu, the CPU time of the tracker itself, has cost: its part of
// the energy of the CPU and the memory, by the time that all threads could have
// given. Other components have nothing to do with it.
func (a *Account) Overhead(cpu time.Duration) Overhead {
	o := Overhead{CPUSeconds: cpu.Seconds()}
	length := a.last.time.Sub(a.first.time)
	if length <= 0 || a.Host.CPUThreads < 1 {
		return o
	}
	var used energy.Energy
	for _, t := range a.tracks {
		if k := t.component.Kind; (k == energy.CPU || k == energy.Memory) && a.counts(t) && !t.idle() {
			used = used.Plus(a.provisional(t).book.all.energy)
		}
	}
	o.Energy = used.Scale(min(cpu.Seconds()/(float64(a.Host.CPUThreads)*length.Seconds()), 1))
	return o
}

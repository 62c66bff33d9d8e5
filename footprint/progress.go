package footprint

import (
	"math"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint/predict"
	"github.com/carbonctl/carbonctl/regions"
)

// progress is a run that is underway, as far as predictions need it.
type progress struct {
	// ended epochs of the ones that are planned.
	ended, planned int
	// cycles are the ended epochs in order, each with what came between it and the
	// one before, as long as there are at most maxCycles; else each is the sum of
	// each of them, a rest of the latest left out.
	cycles []spent
	each   int // 0 is 1
	// reached is the part of the first epoch that has passed, where none has ended; part
	// of it cost some.
	reached, part float64
	bare          bool // or of something else
	some          spent
	// spent is all of the run up to the end of the latest epoch, what was before
	// the first included, and emitted what that has emitted.
	spent   spent
	emitted regions.Grams
	// now is all of the run so far: no prediction is below it.
	now spent
	// bounds are those of the energy of spent, and of now; band is how they grew
	// over the epochs.
	bounds, nowBounds Used
	band              band
	// perKWh is the intensity in force, at the wall clock, forecast what is
	// expected after it. Where it tells nothing, perKWh stays.
	perKWh   regions.Grams
	at       time.Time
	forecast []regions.Intensity
	pue      float64 // at least 1; 0 counts as 1
}

// spent is time and the energy that was used in it.
type spent struct {
	duration time.Duration
	energy   energy.Energy
}

func (s spent) plus(o spent) spent {
	return spent{s.duration + o.duration, s.energy.Plus(o.energy)}
}

func (s spent) seconds() float64 { return s.duration.Seconds() }
func (s spent) joules() float64  { return s.energy.Joules() }

// A band is how much further off the energy that is counted can be after some
// energy and time: below and above it. A run without energy may have a band all the
// same, of a device that can't be read.
type band struct {
	below, above energy.Energy
	over         spent
}

// grown is the band between two edges of a run, but for what is their own.
func grown(from, to edge) band {
	return band{
		max(to.below-from.below, 0), max(to.above-from.above, 0),
		spent{max(to.time.Sub(from.time), 0), max(to.energy-from.energy, 0)},
	}
}

// of gives the bounds of energy that is still to be used, in some time, where the
// band goes on as it was.
func (d band) of(e, t predict.Range) (low, high float64) {
	low, high = e.Low, e.High
	switch over := d.over; {
	case over.energy > 0:
		low *= max(1-d.below.Joules()/over.joules(), 0)
		high *= 1 + d.above.Joules()/over.joules()
	case over.duration > 0:
		high += d.above.Joules() * t.High / over.seconds()
	}
	return low, high
}

// predict adds to what was spent what the epochs that are left will cost. ok is
// false before the first epoch has ended, or where no number is planned.
func (p progress) predict() (_ Prediction, ok bool) {
	if p.planned < 1 || p.ended > 0 && len(p.cycles) == 0 || p.ended == 0 && p.part <= 0 {
		return Prediction{}, false
	}
	t, e := p.rest(p.planned-p.ended, spent.seconds), p.rest(p.planned-p.ended, spent.joules)
	if math.IsInf(t.High, 0) || math.IsInf(e.High, 0) {
		return Prediction{}, false // of next to nothing
	}
	level := predict.Level
	r := Prediction{
		Method: predict.Method, Level: &level, AfterEpochs: p.ended, OfEpochs: p.planned, History: []Earlier{},
	}
	if p.ended == 0 {
		r.Fraction = &p.reached
	}
	past, now := p.spent.seconds(), p.now.seconds()
	r.DurationS = Range[float64]{max(past+t.Low, now), max(past+t.Expected, now), new(max(past+t.High, now))}
	perKWh := p.weighted(time.Duration(max(r.DurationS.Expected-past, 0) * float64(time.Second)))
	total := func(past energy.Energy, more float64, least energy.Energy) (energy.Energy, regions.Grams) {
		e := max(past.Plus(energy.Joules(more)), least)
		return e, p.emissions(past, e-past, perKWh)
	}
	s := &r.Spread
	s.Energy.Expected, s.Emissions.Expected = total(p.spent.energy, e.Expected, p.now.energy)
	s.Energy.Low, s.Emissions.Low = total(p.spent.energy, e.Low, p.now.energy)
	high, grams := total(p.spent.energy, e.High, p.now.energy)
	s.Energy.High, s.Emissions.High = &high, &grams

	low, most := p.band.of(e, t)
	r.Energy.Expected, r.Emissions.Expected = s.Energy.Expected, s.Emissions.Expected
	r.Energy.Low, r.Emissions.Low = total(p.bounds.Low, low, p.nowBounds.Low)
	if p.bounds.High != nil && p.nowBounds.High != nil {
		high, grams := total(*p.bounds.High, most, *p.nowBounds.High)
		r.Energy.High, r.Emissions.High = &high, &grams
	}
	if p.ended == 0 && p.bare {
		r.DurationS.High, r.Energy.High, r.Emissions.High = nil, nil, nil
		s.Energy.High, s.Emissions.High = nil, nil
	}
	return r, true
}

// rest is what more epochs will cost of something.
func (p progress) rest(epochs int, of func(spent) float64) predict.Range {
	if p.ended == 0 {
		return predict.Within(of(p.some), p.part, float64(epochs)-p.reached)
	}
	x := make([]float64, len(p.cycles))
	for i, c := range p.cycles {
		x[i] = of(c)
	}
	return predict.Rest(x, p.each, epochs)
}

// emissions is what the run will have emitted, had it used past so far, after rest
// more.
func (p progress) emissions(past, rest energy.Energy, perKWh regions.Grams) regions.Grams {
	emitted := p.emitted
	if p.spent.energy > 0 {
		emitted *= regions.Grams(past.Joules() / p.spent.joules())
	} else {
		emitted += p.more(past, perKWh)
	}
	return emitted + p.more(rest, perKWh)
}

// more is what more energy emits.
func (p progress) more(e energy.Energy, perKWh regions.Grams) regions.Grams {
	return regions.Grams(e.KilowattHours()*max(p.pue, 1)) * perKWh
}

// weighted is the mean intensity of the time that is left, at a power that does
// not change.
func (p progress) weighted(left time.Duration) regions.Grams {
	if left <= 0 || len(p.forecast) == 0 {
		return p.perKWh
	}
	end := p.at.Add(left)
	var told time.Duration
	var sum float64
	from := p.at
	for _, f := range p.forecast {
		if f.Marginal {
			continue
		}
		to := end
		if !f.To.IsZero() && f.To.Before(end) {
			to = f.To
		}
		if f.From.After(from) {
			from = f.From
		}
		if d := to.Sub(from); d > 0 {
			sum += float64(f.PerKWh) * d.Seconds()
			told += d
			from = to
		}
	}
	sum += float64(p.perKWh) * (left - told).Seconds()
	return regions.Grams(sum / left.Seconds())
}

// past is what an account keeps of its ended epochs. It does not grow with them.
type past struct {
	ended  int
	cycles []spent
	each   int
	part   spent // of the next cycle
	parts  int   // how many epochs are in part
	start  edge  // of the first epoch
	end    edge  // of the latest epoch
	// What was seen of the progress of the first epoch: from is its start, or, with more
	// than one, where its progress was seen first, when what starts up is over.
	from, to partway
	total    *regions.Grams // predicted last
	history  []Earlier
}

// partway is an instant within an epoch.
type partway struct {
	fraction float64
	bare     bool
	edge     edge
	sample   int
}

// advance takes how much of the first epoch has passed. What is corrected replaces all
// that was seen of it, and may be less.
func (a *Account) advance(m Mark, at edge) {
	p := &a.marks.past
	if p.ended > 0 || !(m.Fraction > 0 && m.Fraction < 1) || m.Fraction <= p.to.fraction && !m.Again {
		return
	}
	if m.Again {
		p.from, p.to = partway{}, partway{}
	}
	if m.Of > 0 {
		a.marks.planned = m.Of
	}
	if p.to.fraction > 0 {
		if p.from.fraction == 0 {
			p.from = p.to
		}
	} else if open := a.marks.find(Mark{Edge: EpochEnd}); open != nil {
		p.from = partway{edge: open.start}
	} else { // its end will tell of it
		p.from = partway{edge: a.marks.origin}
	}
	p.to = partway{m.Fraction, m.Bare, at, a.samples}
}

// maxCycles bounds the past: two are put together where there would be more.
const maxCycles = 1024

// learn takes an epoch that has ended.
func (a *Account) learn(x *stretch) {
	p := &a.marks.past
	from := x.start
	if p.ended == 0 {
		p.start = x.start
	} else {
		from = p.end // what was between is a part; of epochs at the same time, what each adds
	}
	p.add(x.stands(), spent{max(x.end.time.Sub(from.time), 0), x.end.energy - from.energy})
	p.end = x.end
	if p.parts > 0 { // nothing new to predict from
		x.predicted = p.total
		return
	}
	predicted, ok := a.progress(x.end).predict()
	if !ok {
		return
	}
	p.total = &predicted.Emissions.Expected
	x.predicted = p.total
	if remembered(p.ended) || p.each > 1 && len(p.history) > 0 && p.ended >= 2*p.history[len(p.history)-1].AfterEpochs {
		p.history = append(p.history, Earlier{
			p.ended, predicted.DurationS, predicted.Energy, predicted.Emissions, predicted.Spread,
		})
	}
}

// stands is how many epochs this one stands for.
func (x *stretch) stands() int {
	const most = 10_000 // beyond, somebody counts something else
	if n := x.mark.Index - x.before; n > 0 && n <= most {
		return n
	}
	return 1
}

// add takes n epochs, with what came before.
func (p *past) add(n int, cycle spent) {
	p.ended += n
	for ; n > 0; n-- {
		one := spent{cycle.duration / time.Duration(n), cycle.energy / energy.Energy(n)}
		cycle = spent{cycle.duration - one.duration, cycle.energy - one.energy}
		p.one(one)
	}
}

func (p *past) one(cycle spent) {
	p.part = p.part.plus(cycle)
	p.parts++
	if p.parts < max(p.each, 1) {
		return
	}
	if p.cycles = append(p.cycles, p.part); len(p.cycles) == maxCycles {
		for i := range maxCycles / 2 {
			p.cycles[i] = p.cycles[2*i].plus(p.cycles[2*i+1])
		}
		p.cycles = p.cycles[:maxCycles/2]
		p.each = 2 * max(p.each, 1)
	}
	p.part, p.parts = spent{}, 0
}

// remembered reports whether the history keeps the prediction after n epochs: 1,
// 2, 3, 5, 10, 20, 30, 50 …
func remembered(n int) bool {
	for n >= 10 && n%10 == 0 {
		n /= 10
	}
	return n == 1 || n == 2 || n == 3 || n == 5
}

// planned is how many epochs the run is to have: what a mark has told last, else
// what the run began with.
func (a *Account) planned() int {
	if a.marks.planned > 0 {
		return a.marks.planned
	}
	return a.Run.Epochs
}

// toCome is how many of the planned epochs are this run's: one that resumes at
// the 51st has no part in 50.
func (a *Account) toCome() int {
	n := a.planned()
	if before := a.marks.first - 1; before > 0 && n > before {
		return n - before
	}
	return n
}

// progress is the run at the end of its latest epoch; now is where it is.
func (a *Account) progress(now edge) progress {
	m := &a.marks.past
	from, to := m.start, m.end
	if m.ended == 0 {
		from, to = m.from.edge, m.to.edge
	}
	return progress{
		ended: m.ended, planned: a.toCome(), cycles: m.cycles, each: m.each,
		reached: m.to.fraction, part: m.to.fraction - m.from.fraction, bare: m.to.bare,
		some:    spent{max(to.time.Sub(from.time), 0), max(to.energy-from.energy, 0)},
		spent:   spent{to.time.Sub(a.first.time), to.energy},
		now:     spent{now.time.Sub(a.first.time), now.energy},
		emitted: to.grams, at: to.wall, forecast: a.forecast, pue: a.pue(),
		perKWh: a.inForce.PerKWh,
		bounds: used(point{}, to.point, ever), nowBounds: used(point{}, now.point, ever), band: grown(from, to),
	}
}

// Predict gives what the run is expected to need by now. ok is false before the
// first epoch has ended, or a part of it was seen to have, and where no number of epochs
// is known.
func (a *Account) Predict() (_ Prediction, ok bool) {
	if p := &a.marks.past; p.ended == 0 && p.to.fraction == 0 {
		return Prediction{}, false
	}
	p, ok := a.progress(a.peek()).predict()
	p.History = append([]Earlier{}, a.marks.past.history...)
	return p, ok
}

func (a *Account) predict(r *Report) {
	if p, ok := a.Predict(); ok {
		r.Prediction = &p
	}
}

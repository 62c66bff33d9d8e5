package footprint

import (
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// A Prediction is what a whole run is expected to need, from the epochs that
// have ended.
type Prediction struct {
	Method string `json:"method"`
	// Level is how often the truth is to lie between Low and High: 0.9. It is nil
	// for a method that has no interval; the three are then equal.
	Level       *float64 `json:"level"`
	AfterEpochs int      `json:"after_epochs"`
	OfEpochs    int      `json:"of_epochs"`
	// DurationS, Energy and Emissions are of the whole run, the past included.
	DurationS Range[float64]       `json:"duration_s"`
	Energy    Range[energy.Energy] `json:"energy_joules"`
	Emissions Range[regions.Grams] `json:"emissions_g"`
	// History is what was predicted earlier, after 1, 2, 3, 5, 10, 20, 30, 50,
	// 100 … epochs, and about each time that they have doubled from 1024 on.
	History []Earlier `json:"history"`
}

// Range is what is expected, between bounds.
type Range[T ~int64 | ~float64] struct {
	Low      T `json:"low"`
	Expected T `json:"expected"`
	High     T `json:"high"`
}

// Off is how far what was expected lies off the truth, as a part of that: −0.1
// is a tenth too little. ok is false where the truth is not above 0.
func (r Range[T]) Off(truth T) (off float64, ok bool) {
	if truth <= 0 {
		return 0, false
	}
	return float64(r.Expected)/float64(truth) - 1, true
}

// Holds reports whether the truth lies between the bounds.
func (r Range[T]) Holds(truth T) bool { return r.Low <= truth && truth <= r.High }

// Earlier is a prediction as it was after fewer epochs.
type Earlier struct {
	AfterEpochs int                  `json:"after_epochs"`
	DurationS   Range[float64]       `json:"duration_s"`
	Energy      Range[energy.Energy] `json:"energy_joules"`
	Emissions   Range[regions.Grams] `json:"emissions_g"`
}

// Progress is a run that is underway, as far as predictions need it.
type Progress struct {
	// Ended epochs of the Of that are planned.
	Ended, Of int
	// Epochs is what the ended epochs have used, without what is between them.
	Epochs Spent
	// Cycles are the ended epochs in order, each with what came between it and
	// the one before, as long as there are at most 1024; else each is the sum of
	// Each of them, a rest of the latest left out.
	Cycles []Spent
	Each   int // 0 is 1
	// Spent is all of the run up to the end of the latest epoch, what was before
	// the first included, and Emissions what that has emitted.
	Spent     Spent
	Emissions regions.Grams
	// Now is all of the run so far: no prediction is below it. Zero is Spent.
	Now Spent
	// PerKWh is the intensity in force, At the wall clock, Forecast what is
	// expected after it. Where it tells nothing, PerKWh stays.
	PerKWh   regions.Grams
	At       time.Time
	Forecast []regions.Intensity
	// PUE is at least 1; 0 counts as 1.
	PUE float64
}

// Spent is time and the energy that was used in it.
type Spent struct {
	Duration time.Duration
	Energy   energy.Energy
}

func (s Spent) plus(o Spent) Spent {
	return Spent{s.Duration + o.Duration, s.Energy.Plus(o.Energy)}
}

// MeanMethod is the Method of Mean.
const MeanMethod = "mean"

// Mean predicts as CarbonTracker does (Anthony, Kanding, Selvan 2020,
// arXiv:2007.03051): the planned number of epochs times the mean of those that
// have ended. It knows no interval, no warm-up and nothing between epochs. ok is
// false before the first epoch has ended, or where no number is planned.
func (p Progress) Mean() (_ Prediction, ok bool) {
	if p.Ended < 1 || p.Of < 1 {
		return Prediction{}, false
	}
	f := float64(p.Of) / float64(p.Ended)
	duration := p.Epochs.Duration.Seconds() * f
	total := p.Epochs.Energy.Scale(f)
	// The past has emitted what it has; the rest is as the forecast says.
	rest := max(total-p.Epochs.Energy, 0)
	left := time.Duration(max(duration-p.Epochs.Duration.Seconds(), 0) * float64(time.Second))
	grams := p.emissions(rest, p.weighted(left))
	return Prediction{
		Method: MeanMethod, AfterEpochs: p.Ended, OfEpochs: p.Of, History: []Earlier{},
		DurationS: Range[float64]{duration, duration, duration},
		Energy:    Range[energy.Energy]{total, total, total},
		Emissions: Range[regions.Grams]{grams, grams, grams},
	}, true
}

// RobustMethod is the Method of Predict.
const RobustMethod = "robust"

// Level is how often the truth is to lie within the interval of Predict.
const Level = 0.9

// Predict is the default. It adds to what was spent what the epochs that are
// left will cost, each with what lies between: without the first epoch, which
// warms up, by the later ones where they differ, along a trend that goes on, and
// with the validations that are due. The interval is for a run that has all its
// epochs: one that stops early needs less. docs/prediction.md shows how good it
// is. ok is as for Mean.
func (p Progress) Predict() (_ Prediction, ok bool) {
	if p.Ended < 1 || p.Of < 1 || len(p.Cycles) == 0 {
		return Prediction{}, false
	}
	left := p.Of - p.Ended
	t := p.left(left, func(s Spent) float64 { return s.Duration.Seconds() })
	e := p.left(left, func(s Spent) float64 { return s.Energy.Joules() })
	level := Level
	r := Prediction{
		Method: RobustMethod, Level: &level, AfterEpochs: p.Ended, OfEpochs: p.Of, History: []Earlier{},
	}
	past, now := p.Spent.Duration.Seconds(), p.Now.Duration.Seconds()
	r.DurationS = Range[float64]{max(past+t.low, now), max(past+t.expected, now), max(past+t.high, now)}
	total := func(more float64) energy.Energy {
		return max(p.Spent.Energy.Plus(energy.Joules(more)), p.Now.Energy)
	}
	r.Energy = Range[energy.Energy]{total(e.low), total(e.expected), total(e.high)}
	perKWh := p.weighted(time.Duration(max(r.DurationS.Expected-past, 0) * float64(time.Second)))
	grams := func(e energy.Energy) regions.Grams { return p.emissions(e-p.Spent.Energy, perKWh) }
	r.Emissions = Range[regions.Grams]{grams(r.Energy.Low), grams(r.Energy.Expected), grams(r.Energy.High)}
	return r, true
}

// left is what more epochs will cost of something.
func (p Progress) left(epochs int, of func(Spent) float64) outlook {
	if epochs <= 0 {
		return outlook{}
	}
	x := make([]float64, len(p.Cycles))
	for i, c := range p.Cycles {
		x[i] = of(c)
	}
	cycles := (epochs-1)/max(p.Each, 1) + 1
	o := extrapolate(x, cycles)
	part := float64(epochs) / float64(cycles*max(p.Each, 1))
	return outlook{o.low * part, o.expected * part, o.high * part}
}

// emissions is what the run will have emitted after rest more.
func (p Progress) emissions(rest energy.Energy, perKWh regions.Grams) regions.Grams {
	return p.Emissions + regions.Grams(rest.KilowattHours()*max(p.PUE, 1))*perKWh
}

// weighted is the mean intensity of the time that is left, at a power that does
// not change.
func (p Progress) weighted(left time.Duration) regions.Grams {
	if left <= 0 || len(p.Forecast) == 0 {
		return p.PerKWh
	}
	end := p.At.Add(left)
	var told time.Duration
	var sum float64
	from := p.At
	for _, f := range p.Forecast {
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
	sum += float64(p.PerKWh) * (left - told).Seconds()
	return regions.Grams(sum / left.Seconds())
}

// past is what an account keeps of its ended epochs. It does not grow with them.
type past struct {
	ended   int
	epochs  Spent
	cycles  []Spent
	each    int
	part    Spent          // of the next cycle
	parts   int            // how many epochs are in part
	end     edge           // of the latest epoch
	total   *regions.Grams // predicted last
	history []Earlier
}

// mostCycles bounds the past: two are put together where there would be more.
const mostCycles = 1024

// learn takes an epoch that has ended.
func (a *Account) learn(x *stretch) {
	p := &a.marks.past
	from := x.start
	if p.ended > 0 {
		from = p.end // what was between is a part; of epochs at the same time, what each adds
	}
	p.add(x.stands(), Spent{x.end.time.Sub(x.start.time), x.end.energy - x.start.energy},
		Spent{max(x.end.time.Sub(from.time), 0), x.end.energy - from.energy})
	p.end = x.end
	if p.parts > 0 { // nothing new to predict from
		x.predicted = p.total
		return
	}
	predicted, ok := a.progress(x.end).Predict()
	if !ok {
		return
	}
	p.total = &predicted.Emissions.Expected
	x.predicted = p.total
	if remembered(p.ended) || p.each > 1 && len(p.history) > 0 && p.ended >= 2*p.history[len(p.history)-1].AfterEpochs {
		p.history = append(p.history, Earlier{p.ended, predicted.DurationS, predicted.Energy, predicted.Emissions})
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
func (p *past) add(n int, epoch, cycle Spent) {
	p.ended += n
	p.epochs = p.epochs.plus(epoch)
	for ; n > 0; n-- {
		one := Spent{cycle.Duration / time.Duration(n), cycle.Energy / energy.Energy(n)}
		cycle = Spent{cycle.Duration - one.Duration, cycle.Energy - one.Energy}
		p.one(one)
	}
}

func (p *past) one(cycle Spent) {
	p.part = p.part.plus(cycle)
	p.parts++
	if p.parts < max(p.each, 1) {
		return
	}
	if p.cycles = append(p.cycles, p.part); len(p.cycles) == mostCycles {
		for i := range mostCycles / 2 {
			p.cycles[i] = p.cycles[2*i].plus(p.cycles[2*i+1])
		}
		p.cycles = p.cycles[:mostCycles/2]
		p.each = 2 * max(p.each, 1)
	}
	p.part, p.parts = Spent{}, 0
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
func (a *Account) progress(now edge) Progress {
	m := &a.marks.past
	p := Progress{
		Ended: m.ended, Of: a.toCome(), Epochs: m.epochs, Cycles: m.cycles, Each: m.each,
		Spent:     Spent{m.end.time.Sub(a.first.time), m.end.energy},
		Now:       Spent{now.time.Sub(a.first.time), now.energy},
		Emissions: m.end.grams, At: m.end.wall, Forecast: a.forecast, PUE: a.PUE,
	}
	if n := len(a.parts); n > 0 {
		p.PerKWh = a.parts[n-1].intensity.PerKWh
	}
	return p
}

// Predict gives what the run is expected to need by now. ok is false before the
// first epoch has ended, or where no number of epochs is known.
func (a *Account) Predict() (_ Prediction, ok bool) {
	if a.marks.past.ended == 0 {
		return Prediction{}, false
	}
	p, ok := a.progress(a.peek()).Predict()
	p.History = append([]Earlier{}, a.marks.past.history...)
	return p, ok
}

func (a *Account) predict(r *Report) {
	if p, ok := a.Predict(); ok {
		r.Prediction = &p
	}
}

package footprint

import (
	"math"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// stretches puts epochs, tasks and what is between them into a report. What is
// open ends with the run so far.
func (a *Account) stretches(r *Report) {
	m := &a.marks
	end := a.peek()
	end.energy, end.grams = max(r.Energy, 0), r.Emissions
	r.EpochsOmitted, r.TasksOmitted = m.epochs.omitted, m.tasks.omitted
	r.Epochs, r.Tasks = []Epoch{}, []Task{}
	var excess amount // what edges hold beyond the run's final amounts
	epoch := func(x *stretch) {
		_, over := a.between(x, end)
		excess.energy += over.energy
		excess.grams += over.grams
		r.Epochs = append(r.Epochs, a.epoch(x, end))
	}
	task := func(x *stretch) { r.Tasks = append(r.Tasks, a.task(x, end)) }
	m.epochs.each(epoch)
	m.tasks.each(task)
	for _, x := range m.open {
		if x.mark.Edge == EpochStart {
			epoch(x)
		} else if len(r.Tasks) < 2*HalfShown {
			task(x)
		} else {
			r.TasksOmitted++
		}
	}
	if len(r.Epochs) == 0 {
		return
	}
	in := m.inside
	if m.running > 0 {
		from := m.since
		from.energy, from.grams = min(from.energy, end.energy), min(from.grams, end.grams)
		in.add(from, end)
	}
	in.energy -= min(excess.energy, in.energy)
	in.grams -= min(excess.grams, in.grams)
	r.Between = &Between{
		DurationS: seconds(a.last.time.Sub(a.first.time) - in.duration),
		Energy:    max(r.Energy-in.energy, 0),
		Emissions: max(r.Emissions-in.grams, 0),
	}
}

// EpochCount is how many epochs the run has had: those that the report holds, with the one
// that goes on, and those that it leaves out. Where the program marks each tenth, and the
// planned number is known, each marked one counts as ten.
func (r Report) EpochCount() int {
	n := len(r.Epochs) + r.EpochsOmitted
	if p := r.Prediction; p != nil {
		n = max(n, p.AfterEpochs)
	}
	return n
}

// epoch and task give a stretch as reports show it; one that is open ends now.
func (a *Account) epoch(x *stretch, now edge) Epoch {
	s, _ := a.between(x, now)
	return Epoch{Index: x.mark.Index, Name: x.mark.Name, Stretch: s, PredictedTotal: x.predicted, Metrics: x.metrics}
}

func (a *Account) task(x *stretch, now edge) Task {
	s, _ := a.between(x, now)
	t := Task{Name: x.mark.Name, Stretch: s}
	if x.within != "" {
		t.Within = &x.within
	}
	return t
}

// between gives a stretch as reports show it. The run's final amounts can be
// less than what an edge held, where the user of some energy became known late:
// over is by how much.
func (a *Account) between(x *stretch, now edge) (s Stretch, over amount) {
	from, to := x.start, x.end
	if x.open {
		to = now
	}
	p, q := from.point, to.point
	p.energy, q.energy = min(p.energy, now.energy), min(q.energy, now.energy)
	p.grams, q.grams = min(p.grams, now.grams), min(q.grams, now.grams)
	a.absent(from, &to, &q)
	u := used(p, q, to.time.Sub(from.time))
	over.energy, over.grams = max(to.energy-from.energy-u.Energy, 0), max(to.grams-from.grams-u.Emissions, 0)
	s = Stretch{
		StartedAt: from.wall.UTC().Truncate(time.Millisecond), DurationS: seconds(to.time.Sub(from.time)),
		Energy: u.Energy, EnergyLow: u.Low, EnergyHigh: u.High, Emissions: u.Emissions, Ended: !x.open,
	}
	if length := to.sampled.Sub(from.sampled); to.counted > 0 {
		s.Coverage = fraction(max(to.covered-from.covered, 0), time.Duration(to.counted)*length)
	}
	return s, over
}

// absent adds what came to be known of only after the end of a stretch: it was there
// all the time, and not read; or it had died by then.
func (a *Account) absent(from edge, to *edge, p *point) {
	for _, t := range a.tracks {
		if d := t.death; d.told.After(to.sampled) && d.last.from.Before(to.time) && d.last.to.After(from.time) && a.counts(t) {
			p.above = p.above.Plus(d.lost)
		}
		if !t.joined.After(to.sampled) || t.model != nil || len(t.counters) > 0 || !a.counts(t) {
			continue
		}
		to.counted++
		if length := to.time.Sub(from.time); t.reading.MaxPower > 0 {
			p.above = p.above.Plus(t.reading.MaxPower.Over(length))
		} else {
			p.endless += length
		}
	}
}

// ever is longer than any run: from its start.
const ever = time.Duration(math.MaxInt64)

// used is what flowed between two points, so long after each other.
func used(from, to point, length time.Duration) Used {
	u := Used{Energy: max(to.energy-from.energy, 0), Emissions: max(to.grams-from.grams, 0)}
	u.Low = max(u.Energy-max(to.below-from.below, 0).Plus(from.more).Plus(from.owed).Plus(to.less), 0)
	if to.endless <= from.endless {
		before := max(to.still-to.rate.Over(length), 0) // missed before the first of them
		u.High = new(u.Energy.Plus(max(to.above-from.above, 0)).Plus(from.less).Plus(to.more - min(before, to.more)))
	}
	return u
}

// Used is what the headline charges of one component between two edges.
type Used struct {
	Component string
	Kind      energy.Kind
	Basis     energy.Basis
	Energy    energy.Energy
	// The truth lies between Low and High; nil is no bound.
	Low       energy.Energy
	High      *energy.Energy
	Emissions regions.Grams
}

// Finished gives the epoch or task with an ID, other than 0, that ended with the
// latest sample, and what each component had in it. ok is false where none did.
func (a *Account) Finished(id uint64) (s Stretch, parts []Used, ok bool) {
	for _, x := range a.marks.fresh {
		if x.mark.ID != id || id == 0 {
			continue
		}
		for i, to := range x.end.parts {
			var from point
			if i < len(x.start.parts) {
				from = x.start.parts[i]
			}
			t := a.tracks[i]
			if u := used(from, to, x.end.time.Sub(x.start.time)); a.counts(t) && (u.Energy > 0 || t.component.Basis == energy.Measured) {
				u.Component, u.Kind, u.Basis = t.component.ID, t.component.Kind, t.component.Basis
				parts = append(parts, u)
			}
		}
		s, _ := a.between(x, endless)
		return s, parts, true
	}
	return Stretch{}, nil, false
}

package footprint

import (
	"fmt"
	"math"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// A Mark is the beginning or end of an epoch or a task at the sample that it comes with: its
// counters were read for it.
type Mark struct {
	Edge Edge `json:"edge"`
	// ID distinguishes stretches that are open at the same time: an end closes what began with
	// the same ID. With 0, an epoch's end closes the open epoch without an ID, its start does
	// so first, and a task is found by its name, the latest first.
	ID uint64 `json:"id,omitempty"`
	// Within is the ID of the stretch that a task is a part of, 0 if that is not
	// known: it is then within the epoch that is open, if only one is.
	Within uint64 `json:"within,omitempty"`
	// Name of a task, or of an epoch that has one.
	Name string `json:"name,omitempty"`
	// Index of an epoch, from 1; 0 is the one after the last. One that leaves some out counts
	// for those too: a program may mark each tenth.
	Index int `json:"index,omitempty"`
	// Of is how many epochs are planned, 0 if this mark has no number.
	Of int `json:"of,omitempty"`
	// Whole, of an end: there was no start to be seen: the epoch began where the last one
	// ended, or with the run.
	Whole bool `json:"whole,omitempty"`
	// Again corrects the edge of an epoch without an ID: one that was said to end has gone on
	// until here, and one that was said to begin begins here instead. Of EpochProgress:
	// Fraction, which may be less than before, is of the time that the epoch takes, since its
	// start.
	Again bool `json:"again,omitempty"`
	// Fraction of the first epoch that has passed, above 0 and below 1; of EpochProgress
	// alone.
	Fraction float64 `json:"fraction,omitempty"`
	// Bare: Fraction may be of something else than the epoch, such as of what is loaded first:
	// nothing bounds what the epoch will need.
	Bare bool `json:"bare,omitempty"`
	// Metrics are results of the epoch that ends here, or that this start ends.
	Metrics map[string]float64 `json:"metrics,omitempty"`
	// Late is how long before the sample the edge was. The energy of that time is
	// on the wrong side of it, and bounded.
	Late time.Duration `json:"late_ns,omitempty"`
}

// Edge is what a Mark marks.
type Edge string

// The edges.
const (
	EpochStart Edge = "epoch-start"
	EpochEnd   Edge = "epoch-end"
	TaskStart  Edge = "task-start"
	TaskEnd    Edge = "task-end"
	// EpochProgress is no edge: a Fraction of the first epoch has passed. Once an epoch has
	// ended it has no effect.
	EpochProgress Edge = "epoch-progress"
)

// A Stretch is a part of a run with an own amount of energy: what the headline
// charges between two readings.
type Stretch struct {
	StartedAt time.Time `json:"started_at"`
	DurationS float64   `json:"duration_s"`
	// Energy is exact: the counters were read at both edges. The bounds hold
	// their resolution there and the time by which an edge was seen late.
	Energy     energy.Energy  `json:"energy_joules"`
	EnergyLow  energy.Energy  `json:"energy_low_joules"`
	EnergyHigh *energy.Energy `json:"energy_high_joules"` // nil: nothing bounds it
	Emissions  regions.Grams  `json:"emissions_g"`
	// Coverage is that of the report, for this stretch alone.
	Coverage float64 `json:"coverage"`
	// Ended is false where the run ended first.
	Ended bool `json:"ended"`
}

// An Epoch is one pass of a run that repeats itself.
type Epoch struct {
	Index int    `json:"index"`
	Name  string `json:"name"`
	Stretch
	// PredictedTotal is what was expected of the whole run when this epoch had
	// ended, nil if nothing was.
	PredictedTotal *regions.Grams `json:"predicted_total_g"`
	// Metrics are results that the program printed or passed for it, such as its loss: at most
	// 16, by names of at most 40 bytes. They are only read. nil: none.
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// A Task is a named part of a run. Tasks may nest and overlap, so they do not
// add up to anything.
type Task struct {
	Name string `json:"name"`
	// Within is the task or the epoch ("epoch 3") that this one is a part of, nil
	// if there is none.
	Within *string `json:"within"`
	Stretch
}

// Between is the part of a run that is in no epoch. With epochs that do not
// overlap, the energy of all epochs and this one's is the run's, to the
// microjoule.
type Between struct {
	DurationS float64       `json:"duration_s"`
	Energy    energy.Energy `json:"energy_joules"`
	Emissions regions.Grams `json:"emissions_g"`
}

// HalfShown is how many of the first epochs a report holds, and of the last; as
// many tasks.
const HalfShown = 500

// maxOpen bounds what can be open at one time; a program that never ends its
// tasks must not fill the memory.
const maxOpen = 10_000

// stretch is an epoch or a task of an account.
type stretch struct {
	mark      Mark
	before    int // index of the epoch before
	within    string
	start     edge
	end       edge // zero while open
	open      bool
	predicted *regions.Grams
	metrics   map[string]float64 // never changed, only replaced
}

// marks is what an account knows of epochs and tasks.
type marks struct {
	open          []*stretch
	epochs, tasks shown
	last          int    // index of the latest epoch
	first         int    // index of the first one
	planned       int    // the total that marks have told, 0 if none
	running       int    // epochs open
	since         edge   // when running was 0
	inside        amount // of all time with an epoch open, up to since
	latest        edge   // the greatest amounts so far
	origin        edge   // the start of the run
	past          past
	fresh         []*stretch // those that ended with the latest sample
	latestEnd     *stretch   // the epoch that ended last, nil if none has
	wrong         wrongs
	any           bool // there were marks
}

// wrongs counts marks that can't be right.
type wrongs struct{ unmatched, overlapping, dropped int }

// shown keeps the first and the last of many.
type shown struct {
	first   []*stretch
	last    []*stretch // a ring once it is full
	next    int        // where the ring goes on
	omitted int
}

func (s *shown) add(x *stretch) {
	switch {
	case len(s.first) < HalfShown:
		s.first = append(s.first, x)
	case len(s.last) < HalfShown:
		s.last = append(s.last, x)
	default:
		s.last[s.next] = x
		s.next = (s.next + 1) % HalfShown
		s.omitted++
	}
}

func (s *shown) each(f func(*stretch)) {
	for _, x := range s.first {
		f(x)
	}
	for i := range s.last {
		f(s.last[(s.next+i)%len(s.last)])
	}
}

// mark takes the marks of a sample, whose readings are in already.
func (a *Account) mark(s Sample) {
	a.marks.any = a.marks.any || len(s.Marks) > 0
	if a.samples == 1 {
		a.marks.origin = a.edge(0, false)
	}
	for _, x := range a.marks.fresh {
		x.start.parts, x.end.parts = nil, nil
	}
	a.marks.fresh = a.marks.fresh[:0]
	var at edge
	for i, m := range s.Marks {
		m.Late = min(max(m.Late, 0), s.Time.Sub(a.first.time))
		if i == 0 || at.time != s.Time.Add(-m.Late) {
			at = a.edge(m.Late, true)
		}
		switch {
		case m.Edge == EpochProgress:
			a.advance(m, at)
		case m.Again:
			a.correct(m, at)
		case m.Edge == EpochStart || m.Edge == TaskStart:
			a.begin(m, at)
		case m.Edge == EpochEnd || m.Edge == TaskEnd:
			a.finish(m, at)
		}
	}
}

// correct moves an edge to here: the start of the epoch that is open, or the end of
// the latest one. What a prediction has learnt of that one stays: to the next, what
// was between counts as a part of it.
func (a *Account) correct(m Mark, at edge) {
	s := &a.marks
	open := s.find(Mark{Edge: EpochEnd})
	switch {
	case m.Edge == EpochStart && open != nil:
		open.start, open.mark.Index, open.before, s.last = at, m.Index, m.Index-1, m.Index
		s.past.from, s.past.to = partway{}, partway{}
		if s.running == 1 {
			s.since = at
		}
	case m.Edge == EpochEnd && open == nil && s.running == 0 && s.latestEnd != nil:
		s.inside.add(s.latestEnd.end, at)
		s.latestEnd.end = at
		s.latestEnd.learn(m.Metrics)
		s.fresh = append(s.fresh, s.latestEnd) // who writes epochs down writes it again
	default:
		s.wrong.unmatched++
	}
}

func (a *Account) begin(m Mark, at edge) {
	if m.Of > 0 {
		a.marks.planned = m.Of
	}
	if m.ID == 0 && m.Edge == EpochStart && a.marks.find(m) != nil {
		a.finish(Mark{Edge: EpochEnd, Metrics: m.Metrics}, at)
	} else if m.Edge == EpochStart && a.marks.latestEnd != nil {
		a.marks.latestEnd.learn(m.Metrics)
	}
	if len(a.marks.open) >= maxOpen {
		a.marks.wrong.dropped++
		return
	}
	x := &stretch{mark: m, start: at, open: true}
	if m.Edge == EpochStart {
		if m.Index <= 0 {
			x.mark.Index = a.marks.last + 1
		}
		x.before, a.marks.last = a.marks.last, x.mark.Index
		a.marks.past.from, a.marks.past.to = partway{}, partway{}
		if a.marks.first == 0 {
			a.marks.first, x.before = x.mark.Index, x.mark.Index-1
		}
		if a.marks.running++; a.marks.running == 1 {
			a.marks.since = at
		} else {
			a.marks.wrong.overlapping++
		}
	} else {
		x.within = a.marks.around(m)
	}
	a.marks.open = append(a.marks.open, x)
}

// around names the stretch that a task is within.
func (m *marks) around(task Mark) string {
	for _, x := range m.open {
		switch isEpoch := x.mark.Edge == EpochStart; {
		case task.Within != 0 && x.mark.ID != task.Within, task.Within == 0 && (!isEpoch || m.running > 1):
		case isEpoch:
			return fmt.Sprintf("epoch %d", x.mark.Index)
		default:
			return x.mark.Name
		}
	}
	return ""
}

// find gives the open stretch that a mark is about, nil if there is none.
func (m *marks) find(mark Mark) *stretch {
	kind := EpochStart
	if mark.Edge == TaskStart || mark.Edge == TaskEnd {
		kind = TaskStart
	}
	for i := len(m.open) - 1; i >= 0; i-- {
		x := m.open[i].mark
		if x.Edge == kind && x.ID == mark.ID && (x.ID != 0 || kind == EpochStart || x.Name == mark.Name) {
			return m.open[i]
		}
	}
	return nil
}

// whole begins the epoch of an end that tells of all of it.
func (a *Account) whole(end Mark) {
	m := &a.marks
	from := m.origin
	if m.latestEnd != nil {
		from = m.latestEnd.end
	} else {
		m.first = 1 // it stands for those before it too
	}
	a.begin(Mark{Edge: EpochStart, ID: end.ID, Index: end.Index, Of: end.Of, Name: end.Name}, from)
}

func (a *Account) finish(m Mark, at edge) {
	x := a.marks.find(m)
	if x == nil && m.Whole && m.Edge == EpochEnd && a.marks.running == 0 {
		a.whole(m)
		x = a.marks.find(m)
	}
	if x == nil {
		a.marks.wrong.unmatched++
		return
	}
	if at.time.Before(x.start.time) { // late by different times
		at.time, at.wall = x.start.time, x.start.wall
	}
	x.end, x.open = at, false
	x.learn(m.Metrics)
	for i, o := range a.marks.open {
		if o == x {
			a.marks.open = append(a.marks.open[:i], a.marks.open[i+1:]...)
			break
		}
	}
	a.marks.fresh = append(a.marks.fresh, x)
	if m.Edge == TaskEnd {
		a.marks.tasks.add(x)
		return
	}
	if m.Of > 0 {
		a.marks.planned = m.Of
	}
	if a.marks.running--; a.marks.running == 0 {
		a.marks.inside.add(a.marks.since, at)
	}
	a.marks.epochs.add(x)
	a.marks.latestEnd = x
	a.learn(x)
}

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e6 }

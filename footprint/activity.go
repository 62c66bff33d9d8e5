package footprint

import (
	"math"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// windows is the energy of the time in which counters of work moved, and in which they
// did not: between two looks each.
type windows struct {
	since, last edge // since the first of the windows of one kind in a row
	looks       int
	busy        bool     // the latest window
	sums        [2]spell // idle, busy; without those since since
}

// spell is what windows of one kind add up to.
type spell struct {
	duration time.Duration
	bound
	grams regions.Grams
}

// add takes the windows between two edges. The bounds at each of these are counted once.
func (s *spell) add(from, to edge) {
	u := used(from.point, to.point, to.time.Sub(from.time))
	s.duration += to.time.Sub(from.time)
	s.bound.add(u.Energy, u.Low, u.High)
	s.grams += u.Emissions
}

// look ends a window.
func (w *windows) look(at edge, moved bool) {
	switch w.looks++; {
	case w.looks == 1:
		w.since = at
	case w.looks == 2:
		w.busy = moved
	case w.busy != moved:
		w.sums[kindOf(w.busy)].add(w.since, w.last)
		w.since, w.busy = w.last, moved
	}
	w.last = at
}

func kindOf(busy bool) int {
	if busy {
		return 1
	}
	return 0
}

// Activity separates the time in which an engine worked from that in which it waited, by its
// counters: between two looks at them it was busy if one has moved. What is in no such window,
// before the first look and after the last, is Unseen. The three add up to the run.
type Activity struct {
	Busy   Spell   `json:"busy"`
	Idle   Spell   `json:"idle"`
	Unseen Between `json:"unseen"`
}

// Spell is what the headline charges in some part of the run's time.
type Spell struct {
	DurationS  float64        `json:"duration_s"`
	Energy     energy.Energy  `json:"energy_joules"`
	EnergyLow  energy.Energy  `json:"energy_low_joules"`
	EnergyHigh *energy.Energy `json:"energy_high_joules"` // nil: nothing bounds it
	Emissions  regions.Grams  `json:"emissions_g"`
}

// activity puts the windows into a report; without two looks at a counter there is none.
func (a *Account) activity(r *Report) {
	w := &a.works.windows
	if w.looks < 2 {
		return
	}
	sums := w.sums
	sums[kindOf(w.busy)].add(w.since, w.last)
	left := Between{r.DurationS, r.Energy, r.Emissions}
	take := func(s spell) Spell {
		// The run's final amounts can be less than what an edge held.
		v := Spell{
			DurationS: seconds(s.duration), Energy: min(s.energy, left.Energy), EnergyHigh: s.most(), Emissions: min(s.grams, left.Emissions),
		}
		v.EnergyLow = min(s.low, v.Energy)
		left = Between{left.DurationS - v.DurationS, left.Energy - v.Energy, left.Emissions - v.Emissions}
		return v
	}
	r.Activity = &Activity{Busy: take(sums[1]), Idle: take(sums[0])}
	left.DurationS = max(math.Round(left.DurationS*1e6)/1e6, 0)
	r.Activity.Unseen = left
}

package runs

import (
	"cmp"
	"math"
	"slices"

	"github.com/carbonctl/carbonctl/energy"
)

// share counts the union of what entries used that are connected in time: it
// sets what each of them counts for, in total within bounds that hold the truth.
// It orders the entries. ok is false where the rows contradict each other.
func (s *sharing) share(all []entry) (ok bool) {
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end), cmp.Compare(a.energy, b.energy), cmp.Compare(a.order, b.order))
	})
	if slices.ContainsFunc(all, func(e entry) bool { return e.whole }) {
		for i := range all {
			all[i].asWhole()
		}
	}
	var own energy.Energy // of rows that keep theirs
	for i := range all {
		if e := &all[i]; e.process {
			e.counted = e.energy
			own = own.Plus(e.energy)
		}
	}
	s.begin(all)
	for _, c := range s.components {
		s.component(c)
	}
	s.processes()
	low, high, open := s.bounds()
	ok = !s.contradiction
	if !open && low > high {
		low, high, ok = high, low, false
	}
	total := own.Plus(energy.Energy(math.Round(s.shared)))
	total = max(total, low)
	if !open {
		total = min(total, high)
	}
	if total < own { // the others hold less than these rows took
		total, ok = own, false
		high = max(high, own)
	}
	s.apportion(total - own)
	s.spread(total, low, high, open)
	return ok
}

// sharing counts one cluster of rows after the other.
type sharing struct {
	rows          []entry
	components    []int
	shared        float64 // the sum of all weights
	low, high     energy.Energy
	open          bool
	covered       []cover
	contradiction bool

	// Of the component at hand.
	uses         []use
	stretches    []stretch
	steps        []step
	ofOwn, even  []float64
	below, above []energy.Energy
}

// A cover is a time in which a row that is charged the machine saw a component.
type cover struct {
	component  int
	start, end int64
}

func (s *sharing) begin(rows []entry) {
	s.rows, s.components, s.covered = rows, s.components[:0], s.covered[:0]
	s.shared, s.low, s.high, s.open, s.contradiction = 0, 0, 0, false, false
	for _, r := range rows {
		for _, p := range r.parts {
			if !slices.Contains(s.components, p.component) {
				s.components = append(s.components, p.component)
			}
		}
	}
}

// component shares out what was used of one component.
func (s *sharing) component(c int) {
	s.uses, s.stretches = slices.Grow(s.uses[:0], len(s.rows)), slices.Grow(s.stretches[:0], len(s.rows))
	whole := false
	for i := range s.rows {
		r := &s.rows[i]
		if r.whole {
			whole = true
			s.wholeUse(i, r)
			continue
		}
		for j := range r.parts {
			p := &r.parts[j]
			if p.component != c {
				continue
			}
			ms := float64(r.end - r.start)
			u := use{row: i, part: j, start: r.start, end: r.end, process: r.process, measured: p.seen > 0, power: float64(p.energy) / ms}
			if p.known {
				u.own = float64(min(p.own, p.energy)) / ms
			}
			if r.process {
				u.power, u.own = float64(p.own)/ms, float64(p.own)/ms
			} else {
				s.stretches = append(s.stretches, stretch{r.start, r.end, p.low, p.high, p.open})
			}
			s.uses = append(s.uses, u)
		}
	}
	shared, inside := s.sweep()
	if len(s.stretches) == 0 {
		return
	}
	low, high, bounded := atLeast(s.stretches), energy.Energy(0), true
	if whole {
		for _, x := range s.stretches {
			high, bounded = high.Plus(x.high), bounded && !x.open
		}
	} else {
		high, bounded = atMost(s.stretches)
	}
	if bounded && low > high {
		low, high, s.contradiction = high, low, true
	}
	s.low = s.low.Plus(low)
	s.high = s.high.Plus(high)
	s.open = s.open || !bounded
	for _, part := range connected(s.stretches) {
		in := cover{c, part[0].start, 0}
		for _, x := range part {
			in.start, in.end = min(in.start, x.start), max(in.end, x.end)
		}
		s.covered = append(s.covered, in)
	}
	// What the sweep found is kept within the bounds.
	want := max(shared+inside, float64(low))
	if bounded {
		want = min(want, float64(high))
	}
	s.scale(shared, max(want-inside, 0))
}

// wholeUse takes a row as one component.
func (s *sharing) wholeUse(i int, r *entry) {
	ms := float64(r.end - r.start)
	u := use{row: i, part: -1, start: r.start, end: r.end, process: r.process, measured: true, power: float64(r.energy) / ms}
	if r.process {
		u.own = u.power
	} else {
		s.stretches = append(s.stretches, stretch{r.start, r.end, r.low, r.high, r.open})
	}
	s.uses = append(s.uses, u)
}

// processes adds the bounds of rows that are charged the work's part. What lies
// inside what others saw of the machine adds nothing to the upper bound.
func (s *sharing) processes() {
	var free, others energy.Energy
	for _, r := range s.rows {
		if !r.process {
			continue
		}
		inside, apart := true, true
		for _, p := range r.parts {
			if p.own == 0 && !r.whole {
				continue
			}
			within, beside := s.place(p.component, r.start, r.end)
			inside, apart = inside && within, apart && beside
		}
		if len(r.parts) == 0 {
			inside, apart = false, true
		}
		if apart {
			free = free.Plus(r.low)
		} else {
			others = others.Plus(r.low)
		}
		if !inside {
			s.high, s.open = s.high.Plus(r.high), s.open || r.open
		}
	}
	s.low = max(s.low, others).Plus(free)
}

// place says whether a time lies inside that in which others saw a component, or
// beside all of it.
func (s *sharing) place(component int, start, end int64) (inside, beside bool) {
	beside = true
	for _, c := range s.covered {
		if c.component == component {
			inside = inside || c.start <= start && end <= c.end
			beside = beside && (end <= c.start || c.end <= start)
		}
	}
	return inside, beside
}

// bounds are those of the cluster: by component, and no wider than those of the
// rows as they are.
func (s *sharing) bounds() (low, high energy.Energy, open bool) {
	var highs energy.Energy
	for _, r := range s.rows {
		low, highs, open = max(low, r.low), highs.Plus(r.high), open || r.open
	}
	if low = max(low, s.low); s.contradiction {
		low = s.low
	}
	switch {
	case open && s.open:
		return low, 0, true
	case open:
		return low, s.high, false
	case s.open:
		return low, highs, false
	}
	return low, min(s.high, highs), false
}

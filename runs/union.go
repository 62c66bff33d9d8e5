package runs

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sort"

	"github.com/carbonctl/carbonctl/energy"
)

// An entry is a row among others that ran on the same machine at the same time,
// from start to end in Unix milliseconds.
type entry struct {
	start, end int64
	// process says that only the work's part is charged: such a row keeps what it
	// has, and the others share the rest.
	process         bool
	energy          energy.Energy
	low, high       energy.Energy
	wasOpen, open   bool // no upper bound, before and after
	perJoule        float64
	market          float64       // g, NaN where there is none
	measured        energy.Energy // of energy
	unknown         bool          // measured is not known
	whole           bool          // no components are known: parts are of the row as one
	order           uint64        // breaks ties, so that the order of rows does not matter
	bucket          uint32
	parts           []part
	counted         energy.Energy // the results: what the row counts for
	countedLow      energy.Energy
	countedHigh     energy.Energy
	countedMeasured energy.Energy
}

// A part is what a row has of a component: the machine's energy, or, of a row
// that is charged the work's part, that part.
type part struct {
	component int // one of the machine
	kind      kind
	energy    energy.Energy
	seen      energy.Energy // of energy, by counters
	low, high energy.Energy
	open      bool
	own       energy.Energy // the work's part
	known     bool          // own is
	weight    float64       // what it gets of what is shared, in µJ, while that is found
	counted   energy.Energy // the result
}

// A kind is a column that holds a part of a row's energy.
type kind uint8

const (
	kindCPU kind = iota
	kindMemory
	kindGPU
	kindOther
	kindNone // in no column
)

// share counts the union of what entries used that are connected in time: it
// sets what each of them counts for, in total within bounds that hold the truth.
// It orders the entries. ok is false where the rows contradict each other.
func (s *sharing) share(all []entry) (ok bool) {
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end), cmp.Compare(a.order, b.order))
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

// asWhole makes one part of all of a row, which is in its columns as before.
func (e *entry) asWhole() {
	if e.whole {
		return
	}
	e.whole = true
	for i := range e.parts {
		p := &e.parts[i]
		p.component = 0
		if e.process {
			p.energy = p.own
		}
	}
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

// A use is one row's power in a component.
type use struct {
	row, part  int
	start, end int64
	process    bool
	measured   bool
	power, own float64 // µJ a millisecond
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
	s.uses, s.stretches = s.uses[:0], s.stretches[:0]
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

// A step is what begins, or ends, at a time: rows, of which so many measured, with
// their power, the work's part of it where that is known, and what rows keep that
// are charged only that part.
type step struct {
	at                                int64
	rows, measured                    int
	measuredPower, power, known, kept float64
}

// sweep goes through the time of the uses at hand. At each moment the machine
// used the mean of what the rows say, those that measured before those that
// modelled. Rows that are charged the work's part take theirs off; of the rest
// each row first gets the work's part where it knows that, less where there is
// not enough, and what is left goes evenly to the rows of that moment. It sets
// the weights, and gives their sum, and what was taken off while others ran.
func (s *sharing) sweep() (shared, inside float64) {
	steps := s.steps[:0]
	for _, u := range s.uses {
		d := step{at: u.start}
		switch {
		case u.process:
			d.kept = u.own
		case u.measured:
			d.rows, d.measured, d.measuredPower, d.known = 1, 1, u.power, u.own
		default:
			d.rows, d.power, d.known = 1, u.power, u.own
		}
		steps = append(steps, d, step{u.end, -d.rows, -d.measured, -d.measuredPower, -d.power, -d.known, -d.kept})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	// What a row gets from one step to the next is known × of its own power, and
	// even of time: sums of both, so that a row needs only its two ends.
	s.ofOwn, s.even = append(s.ofOwn[:0], make([]float64, len(steps))...), append(s.even[:0], make([]float64, len(steps))...)
	ofOwn, even := s.ofOwn, s.even
	var now step
	kept := 0
	for i, d := range steps {
		if i > 0 {
			ofOwn[i], even[i] = ofOwn[i-1], even[i-1]
			if ms := float64(d.at - steps[i-1].at); ms > 0 && now.rows > 0 {
				power := now.power / float64(max(now.rows, 1))
				if now.measured > 0 {
					power = now.measuredPower / float64(now.measured)
				}
				rest := max(power-now.kept, 0)
				scale := 1.0
				if now.known > rest {
					scale = rest / now.known
				}
				ofOwn[i] += scale * ms
				even[i] += max(rest-now.known, 0) / float64(now.rows) * ms
				shared += rest * ms
				inside += now.kept * ms
			}
		}
		now.rows, now.measured = now.rows+d.rows, now.measured+d.measured
		now.measuredPower, now.power = now.measuredPower+d.measuredPower, now.power+d.power
		now.known, now.kept = now.known+d.known, now.kept+d.kept
		if d.kept > 0 {
			kept++
		} else if d.kept < 0 {
			kept--
		}
		// No rounding is carried from one moment to another that shares none of its rows.
		if now.measured == 0 {
			now.measuredPower = 0
		}
		if now.rows == now.measured {
			now.power = 0
		}
		if now.rows == 0 {
			now.known = 0
		}
		if kept == 0 {
			now.kept = 0
		}
	}
	s.steps = steps
	at := func(t int64) int { return sort.Search(len(steps), func(i int) bool { return steps[i].at >= t }) }
	for _, u := range s.uses {
		if u.process {
			continue
		}
		from, to := at(u.start), at(u.end)
		weight := max(u.own*(ofOwn[to]-ofOwn[from])+even[to]-even[from], 0)
		s.give(u, weight)
	}
	return shared, inside
}

// give sets the weight of a use; a whole row's goes to its parts.
func (s *sharing) give(u use, weight float64) {
	if u.part >= 0 {
		s.rows[u.row].parts[u.part].weight = weight
		return
	}
	r := &s.rows[u.row]
	for i := range r.parts {
		p := &r.parts[i]
		if p.weight = 0; r.energy > 0 {
			p.weight = weight * float64(p.energy) / float64(r.energy)
		}
	}
}

// scale makes the weights of the uses at hand add up to another sum.
func (s *sharing) scale(from, to float64) {
	s.shared += to
	if from == to {
		return
	}
	rows := 0
	for _, u := range s.uses {
		if !u.process {
			rows++
		}
	}
	for _, u := range s.uses {
		switch {
		case u.process:
		case from == 0:
			s.give(u, to/float64(rows))
		case u.part >= 0:
			s.rows[u.row].parts[u.part].weight *= to / from
		default:
			for i := range s.rows[u.row].parts {
				s.rows[u.row].parts[i].weight *= to / from
			}
		}
	}
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

// apportion gives total to the parts by their weights, to the microjoule.
func (s *sharing) apportion(total energy.Energy) {
	sum, even := 0.0, 0.0
	for _, r := range s.rows {
		if r.process {
			continue
		}
		for _, p := range r.parts {
			sum, even = sum+p.weight, even+1
		}
	}
	so, given := 0.0, energy.Energy(0)
	for i := range s.rows {
		r := &s.rows[i]
		if r.process {
			continue
		}
		for j := range r.parts {
			w, of := r.parts[j].weight, sum
			if sum == 0 { // by what they say, no row used anything
				w, of = 1, even
			}
			so += w
			upTo := total // where the last weight is in, whatever was rounded before
			if so < of {
				upTo = min(total.Scale(so/of), total)
			}
			r.parts[j].counted = upTo - given
			r.counted = r.counted.Plus(upTo - given)
			given = upTo
		}
	}
}

// spread gives each row its part of the bounds of all, and of what was measured.
func (s *sharing) spread(total, low, high energy.Energy, open bool) {
	if open {
		high = total
	}
	s.below, s.above = s.divide(s.below, total-low, total), s.divide(s.above, high-total, total)
	for i := range s.rows {
		e := &s.rows[i]
		e.countedLow, e.countedHigh, e.open = e.counted-s.below[i], e.counted+s.above[i], open && e.open
		e.countMeasured()
	}
}

// divide gives each row, in parts, its part of an amount, by what it counts for of total: in
// whole microjoules that add up, none more than its exact part rounded up.
func (s *sharing) divide(parts []energy.Energy, amount, total energy.Energy) []energy.Energy {
	parts = parts[:0]
	exact := func(e *entry) (n, left uint64) {
		over, under := bits.Mul64(uint64(amount), uint64(e.counted))
		return bits.Div64(over, under, uint64(total))
	}
	rest := amount
	for i := range s.rows {
		n := uint64(0)
		if total > 0 {
			n, _ = exact(&s.rows[i])
		}
		parts = append(parts, energy.Energy(n))
		rest -= energy.Energy(n)
	}
	for i := range s.rows {
		if rest == 0 {
			break
		}
		if total <= 0 {
			parts[0] = amount
			break
		}
		if _, left := exact(&s.rows[i]); left > 0 {
			parts[i]++
			rest--
		}
	}
	return parts
}

func (e *entry) countMeasured() {
	switch {
	case e.unknown:
	case e.process:
		e.countedMeasured = e.measured
	case e.whole && e.energy > 0:
		e.countedMeasured = min(e.counted.Scale(float64(e.measured)/float64(e.energy)), e.counted)
	default:
		for _, p := range e.parts {
			if p.seen > 0 {
				e.countedMeasured = e.countedMeasured.Plus(min(p.counted.Scale(float64(p.seen)/float64(p.energy)), p.counted))
			}
		}
	}
}

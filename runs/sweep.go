package runs

import (
	"cmp"
	"slices"
	"sort"
)

// A use is one row's power in a component.
type use struct {
	row, part  int
	start, end int64
	process    bool
	measured   bool
	power, own float64 // µJ a millisecond
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
	steps := slices.Grow(s.steps[:0], 2*len(s.uses))
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
	s.ofOwn, s.even = slices.Grow(s.ofOwn[:0], len(steps)), slices.Grow(s.even[:0], len(steps))
	ofOwn, even := s.ofOwn[:len(steps)], s.even[:len(steps)]
	clear(ofOwn)
	clear(even)
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

package runs

import (
	"math/bits"

	"github.com/carbonctl/carbonctl/energy"
)

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

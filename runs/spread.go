package runs

import "math"

// Spread is the mean of a figure over several runs and how far they lie apart,
// added up one by one (Welford, Technometrics 4, 1962). The zero Spread is
// empty.
type Spread struct {
	N           int
	Mean        float64
	Least, Most float64
	squares     float64 // of the differences from the mean
}

// Add takes one figure.
func (s *Spread) Add(x float64) {
	s.N++
	if s.N == 1 {
		s.Least, s.Most = x, x
	}
	s.Least, s.Most = min(s.Least, x), max(s.Most, x)
	d := x - s.Mean
	s.Mean += d / float64(s.N)
	s.squares += d * (x - s.Mean)
}

// Deviation is the standard deviation of one run, estimated from the runs; ok is
// false below two of them.
func (s Spread) Deviation() (d float64, ok bool) {
	if s.N < 2 {
		return 0, false
	}
	return math.Sqrt(max(0, s.squares) / float64(s.N-1)), true
}

// StdError is the standard error of the mean; ok is false below two runs.
func (s Spread) StdError() (e float64, ok bool) {
	d, ok := s.Deviation()
	if !ok {
		return 0, false
	}
	return d / math.Sqrt(float64(s.N)), true
}

// Minus is how much the mean of s lies above that of o, and the standard error
// of that difference, for runs that are independent (Welch); ok is false if
// either has fewer than two.
func (s Spread) Minus(o Spread) (difference, e float64, ok bool) {
	a, one := s.StdError()
	b, two := o.StdError()
	if !one || !two {
		return 0, 0, false
	}
	return s.Mean - o.Mean, math.Hypot(a, b), true
}

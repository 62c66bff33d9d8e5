package runs

// Merge adds the sums of o to s: of rows that are in one of the two alone. The bounds and
// the counts add up as those of rows do.
func (s *Summary) Merge(o Summary) {
	s.Runs += o.Runs
	s.Nested += o.Nested
	if !o.First.IsZero() && (s.First.IsZero() || o.First.Before(s.First)) {
		s.First = o.First
	}
	if o.Last.After(s.Last) {
		s.Last = o.Last
	}
	s.Duration = plus(s.Duration, o.Duration)
	s.Energy, s.Low, s.High = s.Energy.Plus(o.Energy), s.Low.Plus(o.Low), s.High.Plus(o.High)
	s.Open += o.Open
	s.Uncounted += o.Uncounted
	s.Shared += o.Shared
	s.Coarse += o.Coarse
	s.Contradicting += o.Contradicting
	s.Overlap = s.Overlap.Plus(o.Overlap)
	s.Measured, s.Unknown = s.Measured.Plus(o.Measured), s.Unknown.Plus(o.Unknown)
	for i := range o.Scopes {
		s.scope(o.Scopes[i].Scope).merge(&o.Scopes[i])
	}
}

func (e *Emitted) merge(o *Emitted) {
	e.Runs += o.Runs
	e.Energy = e.Energy.Plus(o.Energy)
	e.Grams, e.Low, e.High = e.Grams+o.Grams, e.Low+o.Low, e.High+o.High
	e.Open += o.Open
	e.Run.merge(o.Run)
}

// merge adds the figures of o (Chan, Golub and LeVeque, Updating Formulae and a Pairwise
// Algorithm for Computing Sample Variances, 1979).
func (s *Spread) merge(o Spread) {
	if o.N == 0 {
		return
	}
	if s.N == 0 {
		*s = o
		return
	}
	d, n := o.Mean-s.Mean, float64(s.N+o.N)
	s.squares += o.squares + d*d*float64(s.N)*float64(o.N)/n
	s.Mean += d * float64(o.N) / n
	s.N += o.N
	s.Least, s.Most = min(s.Least, o.Least), max(s.Most, o.Most)
}

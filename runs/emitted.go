package runs

import (
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// Emitted adds up what runs emitted by factors of one scope.
type Emitted struct {
	// Scope is "" where the rows do not tell, as for a factor of one's own.
	Scope  regions.Scope
	Runs   int
	Energy energy.Energy
	// The bounds carry those of the energy. Where Open runs, not 0, have no upper
	// bound, there is none.
	Grams, Low, High regions.Grams
	Open             int
	// Run is what one run emitted, in grams.
	Run Spread
}

// Known reports whether the energy of any run is known. Where it is not, Energy and the
// grams of Scopes are 0 and mean nothing; Low and High still bound the truth.
func (s Summary) Known() bool { return s.Uncounted < s.Runs || s.Runs == 0 }

// Headline is the first of the scopes: lifecycle where any run has that. The zero
// Emitted is of no runs.
func (s Summary) Headline() Emitted {
	if len(s.Scopes) == 0 {
		return Emitted{}
	}
	return s.Scopes[0]
}

// Of gives what was emitted by factors of a scope; ok is false where none was.
func (s Summary) Of(scope regions.Scope) (e Emitted, ok bool) {
	i := slices.IndexFunc(s.Scopes, func(e Emitted) bool { return e.Scope == scope })
	if i < 0 {
		return Emitted{Scope: scope}, false
	}
	return s.Scopes[i], true
}

// scope finds a scope, and makes it where it is new.
func (s *Summary) scope(scope regions.Scope) *Emitted {
	i := 0
	for ; i < len(s.Scopes); i++ {
		switch have := s.Scopes[i].Scope; {
		case have == scope:
			return &s.Scopes[i]
		case scopeRank(scope) < scopeRank(have):
			s.Scopes = slices.Insert(s.Scopes, i, Emitted{Scope: clone(scope)})
			return &s.Scopes[i]
		}
	}
	s.Scopes = append(s.Scopes, Emitted{Scope: clone(scope)})
	return &s.Scopes[i]
}

func scopeRank(s regions.Scope) int {
	switch s {
	case regions.Lifecycle:
		return 0
	case regions.Direct:
		return 1
	case "":
		return 3
	}
	return 2
}

func clone(s regions.Scope) regions.Scope { return regions.Scope(strings.Clone(string(s))) }

func (e *Emitted) add(r *Row) {
	e.Runs++
	e.Energy = e.Energy.Plus(r.Energy)
	low, high := r.GramBounds()
	e.Grams, e.Low, e.High = e.Grams+regions.Grams(r.Emissions), e.Low+low, e.High+high
	if _, _, open := r.Bounds(); open {
		e.Open++
	}
	e.Run.Add(float64(r.Emissions))
}

// settle is that of Summary, at so many grams per joule.
func (e *Emitted) settle(x *entry, perJoule float64) {
	grams := func(after, before energy.Energy) regions.Grams {
		return regions.Grams(float64(after-before) * perJoule)
	}
	e.Energy = shift(e.Energy, x.counted-x.energy)
	e.Grams += grams(x.counted, x.energy)
	e.Low += grams(x.countedLow, x.low)
	e.High += grams(x.countedHigh, x.high)
	if x.wasOpen && !x.open {
		e.Open--
	}
}

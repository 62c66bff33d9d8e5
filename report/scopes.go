package report

import (
	"fmt"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// scopeWord names a scope: "lifecycle", "direct", "scope unknown".
func scopeWord(s regions.Scope) string {
	if s == "" {
		return "scope unknown"
	}
	return plain(string(s))
}

// massHead names a column of emissions: those of one scope, where there are more.
func massHead(s runs.Summary, of runs.Emitted) string {
	if len(s.Scopes) < 2 {
		return "CO2e"
	}
	return "CO2e, " + scopeWord(of.Scope)
}

// emissionFigures has a headline for each scope.
func emissionFigures(s runs.Summary, car Car) (all []figure) {
	for i, e := range s.Scopes {
		f := figure{"Emissions", Mass(e.Grams) + " CO2e", []string{"(" + emittedRange(s, e) + ")"}}
		if len(s.Scopes) > 1 {
			f.label = "Emissions, " + scopeWord(e.Scope)
			f.details = append(f.details, fmt.Sprintf("%d of %d runs", e.Runs, s.Runs))
		}
		if i == 0 {
			f.details = append(f.details, car.Compare(e.Grams, e.Low)...)
		}
		all = append(all, f)
	}
	return all
}

// emitted says in a sentence what was emitted: the amount and its bounds, one for
// each scope. show writes an amount.
func emitted(s runs.Summary, show func(string) string) string {
	text := ""
	for i, e := range s.Scopes {
		switch {
		case i > 0 && i == len(s.Scopes)-1:
			text += ", and "
		case i > 0:
			text += ", "
		}
		text += show(Mass(e.Grams)) + " CO2e (" + show(emittedRange(s, e)) + ")"
		if len(s.Scopes) > 1 {
			text += fmt.Sprintf(" for %d %s by factors of %s", e.Runs, plural(e.Runs, "run", "runs"), map[regions.Scope]string{
				regions.Lifecycle: "the life cycle", regions.Direct: "direct emissions only"}[e.Scope])
			if e.Scope == "" {
				text += "a scope that is not stated"
			}
		}
	}
	if len(s.Scopes) > 1 {
		text += " (different quantities, which do not add up)"
	}
	return text
}

// emittedRange shows between which amounts the emissions of a scope may lie, as far
// as its runs tell.
func emittedRange(s runs.Summary, e runs.Emitted) string {
	return unbounded(s, massBounds(e.Grams, e.Low, highOf(e)))
}

// highOf is the upper bound of emissions, nil if there is none.
func highOf(e runs.Emitted) *regions.Grams {
	if e.Open > 0 {
		return nil
	}
	return &e.High
}

// emittedSpan shows the bounds of emissions in the unit of the scale.
func emittedSpan(s energy.Scale, e runs.Emitted) string {
	if e.Open > 0 {
		return "at least " + s.Text(float64(e.Low))
	}
	return s.Bounds(float64(e.Grams), float64(e.Low), float64(e.High))
}

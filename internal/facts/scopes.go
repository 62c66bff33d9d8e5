package facts

import (
	"fmt"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// ScopeWord names a scope: "lifecycle", "direct", "scope unknown".
func ScopeWord(s regions.Scope) string {
	if s == "" {
		return "scope unknown"
	}
	return escape.Plain(string(s))
}

// MassHead names a column of emissions: those of one scope, where there are more.
func MassHead(s runs.Summary, of runs.Emitted) string {
	if len(s.Scopes) < 2 {
		return "CO2e"
	}
	return "CO2e, " + ScopeWord(of.Scope)
}

// emissionFigures has a headline for each scope.
func emissionFigures(s runs.Summary, like func(g, low regions.Grams) []string) (all []layout.Figure) {
	for i, e := range s.Scopes {
		f := layout.Figure{Label: "Emissions", Value: format.Mass(e.Grams) + " CO2e", Details: []string{"(" + EmittedRange(s, e) + ")"}}
		if len(s.Scopes) > 1 {
			f.Label = "Emissions, " + ScopeWord(e.Scope)
			f.Details = append(f.Details, fmt.Sprintf("%d of %d runs", e.Runs, s.Runs))
		}
		if i == 0 {
			f.Details = append(f.Details, like(e.Grams, e.Low)...)
		}
		all = append(all, f)
	}
	return all
}

// Emitted says in a sentence what was emitted: the amount and its bounds, one for
// each scope. show writes an amount.
func Emitted(s runs.Summary, show func(string) string) string {
	text := ""
	for i, e := range s.Scopes {
		switch {
		case i > 0 && i == len(s.Scopes)-1:
			text += ", and "
		case i > 0:
			text += ", "
		}
		text += show(format.Mass(e.Grams)) + " CO2e (" + show(EmittedRange(s, e)) + ")"
		if len(s.Scopes) > 1 {
			text += fmt.Sprintf(" for %d %s by factors of %s", e.Runs, format.Plural(e.Runs, "run", "runs"), map[regions.Scope]string{
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

// EmittedRange shows between which amounts the emissions of a scope may lie, as far
// as its runs tell.
func EmittedRange(s runs.Summary, e runs.Emitted) string {
	return Unbounded(s, format.MassBounds(e.Grams, e.Low, HighOf(e)))
}

// HighOf is the upper bound of emissions, nil if there is none.
func HighOf(e runs.Emitted) *regions.Grams {
	if e.Open > 0 {
		return nil
	}
	return &e.High
}

// EmittedSpan shows the bounds of emissions in the unit of the scale.
func EmittedSpan(s energy.Scale, e runs.Emitted) string {
	if e.Open > 0 {
		return "at least " + s.Text(float64(e.Low))
	}
	return s.Bounds(float64(e.Grams), float64(e.Low), float64(e.High))
}

package page

import (
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// A measure is what a page counts: emissions by factors of one scope, or energy.
type measure struct {
	scope  regions.Scope
	energy bool
}

// extent is an amount of a measure with its bounds, in grams or joules. Where it is open
// there is no upper one; runs are how many are in it.
type extent struct {
	x, low, high float64
	open         bool
	runs         int
}

func (m measure) of(s runs.Summary) extent {
	if m.energy {
		return extent{s.Energy.Joules(), s.Low.Joules(), s.High.Joules(), s.Unbounded(), s.Runs}
	}
	e, _ := s.Of(m.scope)
	return extent{float64(e.Grams), float64(e.Low), float64(e.High), e.Open > 0, e.Runs}
}

// scale is that of an amount as a headline.
func (m measure) scale(a extent) energy.Scale {
	if m.energy {
		high := energy.Joules(a.high)
		if a.open {
			return format.EnergyScale(energy.Joules(a.x), energy.Joules(a.low), nil)
		}
		return format.EnergyScale(energy.Joules(a.x), energy.Joules(a.low), &high)
	}
	high := regions.Grams(a.high)
	if a.open {
		return format.MassScale(regions.Grams(a.x), regions.Grams(a.low), nil)
	}
	return format.MassScale(regions.Grams(a.x), regions.Grams(a.low), &high)
}

// text shows an amount as precisely as its own bounds warrant.
func (m measure) text(a extent) string { return m.scale(a).Text(a.x) }

// plain shows an amount that has no bounds, such as a budget.
func (m measure) plain(x float64) string {
	if m.energy {
		return format.Energy(energy.Joules(x))
	}
	return format.Mass(regions.Grams(x))
}

// bounds shows between which amounts a sum may lie.
func (m measure) bounds(s runs.Summary) string {
	if m.energy {
		return facts.EnergyRange(s)
	}
	e, _ := s.Of(m.scope)
	return facts.EmittedRange(s, e)
}

// units are those of an axis.
func (m measure) units() []energy.Unit {
	if m.energy {
		return energyUnits
	}
	return massUnits
}

// word names what is counted: "CO2e", "energy".
func (m measure) word() string {
	if m.energy {
		return "energy"
	}
	return "CO2e"
}

// limit is the budget in the measure, 0 for none.
func (m measure) limit(a runs.Allowance) float64 {
	if m.energy {
		return a.Energy.Joules()
	}
	return float64(a.Emissions)
}

// times multiplies a number with its unit apart: "183", "kg CO2e".
func (m measure) apart(text string) (number, unit string) {
	number, unit, _ = strings.Cut(text, " ")
	if !m.energy && unit != "" {
		unit += " CO2e"
	}
	return number, unit
}

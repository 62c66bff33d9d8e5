package format

import (
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// EnergyScale is the scale of a headline of energy between bounds; a nil high is none.
// Amounts that it shows are in joules.
func EnergyScale(e, low energy.Energy, high *energy.Energy) energy.Scale {
	return energy.ScaleOf(e.Joules(), energy.HalfWidth(low.Joules(), joules(high)), func(j float64) energy.Unit { return energy.Joules(j).Unit() })
}

func joules(e *energy.Energy) *float64 {
	if e == nil {
		return nil
	}
	return new(e.Joules())
}

// MassScale is the scale of a headline of emissions between bounds; a nil high is none.
// Amounts that it shows are in grams.
func MassScale(g, low regions.Grams, high *regions.Grams) energy.Scale {
	return energy.ScaleOf(float64(g), energy.HalfWidth(float64(low), (*float64)(high)), func(g float64) energy.Unit { return regions.Grams(g).Unit() })
}

// EnergyWithin shows an amount of energy as precisely as its bounds warrant; a nil high
// is none.
func EnergyWithin(e, low energy.Energy, high *energy.Energy) string {
	if e == energy.MaxEnergy {
		return e.Short()
	}
	return EnergyScale(e, low, high).Text(e.Joules())
}

// MassWithin shows a mass of CO2 equivalent as precisely as its bounds warrant; a nil
// high is none.
func MassWithin(g, low regions.Grams, high *regions.Grams) string {
	return MassScale(g, low, high).Text(float64(g))
}

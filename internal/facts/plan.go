package facts

import (
	"fmt"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/regions"
)

// Joules are the joules of kilowatt-hours, which may be more than an Energy holds.
func Joules(kWh float64) float64 { return kWh * 3.6e6 }

// PlannedEnergyScale is the scale of kilowatt-hours with their bounds, in joules.
func PlannedEnergyScale(r plan.Range) energy.Scale {
	return energy.ScaleOf(Joules(r.Expected), Joules(r.High-r.Low)/2, func(j float64) energy.Unit { return energy.Joules(j).Unit() })
}

// PlannedMassScale is the scale of grams with their bounds.
func PlannedMassScale(r plan.Range) energy.Scale {
	return energy.ScaleOf(r.Expected, (r.High-r.Low)/2, func(g float64) energy.Unit { return regions.Grams(g).Unit() })
}

// PlannedEnergy shows the kilowatt-hours of a plan.
func PlannedEnergy(r plan.Range) string { return PlannedEnergyScale(r).Text(Joules(r.Expected)) }

// PlannedMass shows the grams of a plan.
func PlannedMass(r plan.Range) string { return PlannedMassScale(r).Text(r.Expected) }

// Planned says what was estimated of a run, and what the run took of that; "" where
// nothing was.
func Planned(r footprint.Report) string {
	p := r.Plan
	if p == nil {
		return ""
	}
	text := fmt.Sprintf("%s CO2e from %s estimated", format.MassWithin(p.Emissions, p.EmissionsLow, p.EmissionsHigh), format.EnergyWithin(p.Energy, p.EnergyLow, p.EnergyHigh))
	if p.EnergyHigh == nil && p.EnergyLow > 0 || p.EnergyHigh != nil && *p.EnergyHigh > p.EnergyLow {
		text += " (" + format.EnergyBounds(p.Energy, p.EnergyLow, p.EnergyHigh) + ")"
	}
	if p.Energy > 0 && Known(r) {
		text += ", " + format.Percent(r.Energy.Joules()/p.Energy.Joules()) + " of that used"
	}
	return text
}

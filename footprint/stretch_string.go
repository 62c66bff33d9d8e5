package footprint

import (
	"fmt"
	"math"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// String returns the stretch in one line: "7.05 g CO2e from 24.0 Wh in 1m 22s (energy
// ± 0.2 %)", in the digits that the bounds warrant.
func (s Stretch) String() string {
	part := Report{Energy: s.Energy, EnergyLow: s.EnergyLow, EnergyHigh: s.EnergyHigh}
	scale := part.EnergyScale()
	text := scale.Text(s.Energy.Joules()) + " in " + Duration(lasting(s.DurationS))
	if s.Emissions > 0 {
		half := math.Inf(1)
		if s.EnergyHigh != nil && s.Energy > 0 { // emissions are as sure as the energy
			half = float64(s.Emissions) * (*s.EnergyHigh - s.EnergyLow).Joules() / 2 / s.Energy.Joules()
		}
		mass := energy.ScaleOf(float64(s.Emissions), half, func(g float64) energy.Unit { return regions.Grams(g).Unit() })
		text = mass.Text(float64(s.Emissions)) + " CO2e from " + text
	}
	switch {
	case s.EnergyHigh == nil:
		text += " (energy at least " + s.EnergyLow.Short() + ")"
	case s.EnergyLow <= 0:
		text += " (energy at most " + s.EnergyHigh.Short() + ")"
	default:
		text += " (energy " + scale.Bounds(s.Energy.Joules(), s.EnergyLow.Joules(), s.EnergyHigh.Joules()) + ")"
	}
	return text
}

// String returns the epoch in one line: "epoch 3: 24.0 Wh in 1m 22s …".
func (e Epoch) String() string { return fmt.Sprintf("epoch %d: %v", e.Index, e.Stretch) }

// String returns the task in one line: "validate: 24.0 Wh in 1m 22s …".
func (t Task) String() string { return t.Name + ": " + t.Stretch.String() }

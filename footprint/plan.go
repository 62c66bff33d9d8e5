package footprint

import (
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// Plan is what was estimated of a run before it. Energy is without PUE, as that of a
// report; the bounds are those of the estimate.
type Plan struct {
	Method        string         `json:"method"`
	Energy        energy.Energy  `json:"energy_joules"`
	EnergyLow     energy.Energy  `json:"energy_low_joules"`
	EnergyHigh    *energy.Energy `json:"energy_high_joules"` // nil: no bound
	Emissions     regions.Grams  `json:"emissions_g"`
	EmissionsLow  regions.Grams  `json:"emissions_low_g"`
	EmissionsHigh *regions.Grams `json:"emissions_high_g"`
}

// embody gives the run's part of what making the machine emitted: by its time, and where
// the work's share is charged by that too.
func (a *Account) embody(r *Report) {
	if a.Run.EmbodiedPerHour == nil {
		return
	}
	g := *a.Run.EmbodiedPerHour * regions.Grams(r.DurationS/3600)
	if r.Charge == ChargeProcess && r.MachineEnergy > 0 {
		g *= regions.Grams(r.Energy.Joules() / r.MachineEnergy.Joules())
	}
	r.Embodied = &g
}

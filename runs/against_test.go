package runs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

func TestCompared(t *testing.T) {
	report := func(joules, low, high float64, grams regions.Grams, change ...func(*footprint.Report)) footprint.Report {
		r := footprint.Report{Energy: energy.Joules(joules), EnergyLow: energy.Joules(low), EnergyHigh: new(energy.Joules(high)), MeasuredShare: new(1.0),
			Emissions: grams, EmissionsLow: grams * regions.Grams(low/joules), EmissionsHigh: new(grams * regions.Grams(high/joules)), Charge: footprint.ChargeMachine,
			Intensity: footprint.Intensity{Scope: regions.Lifecycle, PerKWh: 40}}
		for _, c := range change {
			c(&r)
		}
		return r
	}
	first := report(100, 90, 110, 10)
	a := Compared(first, report(50, 45, 54, 20))
	require.NotNil(t, a.Energy)
	assert.InEpsilon(t, 0.5, a.Energy.Value, 1e-9)
	assert.InEpsilon(t, 45.0/110, a.Energy.Low, 1e-9)
	assert.InEpsilon(t, 54.0/90, *a.Energy.High, 1e-9)
	assert.True(t, a.Energy.Clear())
	require.NotNil(t, a.Emissions)
	assert.InEpsilon(t, 2.0, a.Emissions.Value, 1e-9)
	assert.False(t, Compared(first, report(105, 95, 115, 10)).Energy.Clear(), "their bounds overlap")
	for why, change := range map[string]func(*footprint.Report){
		"energy unknown": func(r *footprint.Report) { r.MeasuredShare, r.Energy = nil, 0 },
		"one is charged its machine, the other its share of it": func(r *footprint.Report) { r.Charge = footprint.ChargeProcess },
	} {
		a := Compared(first, report(50, 45, 54, 20, change))
		assert.Equal(t, Against{Why: why}, a)
	}
	a = Compared(first, report(50, 45, 54, 20, func(r *footprint.Report) { r.Intensity.Scope = regions.Direct }))
	assert.NotNil(t, a.Energy)
	assert.Nil(t, a.Emissions)
	assert.Equal(t, "emissions are of two scopes", a.Why)
	open := Compared(first, report(50, 45, 54, 20, func(r *footprint.Report) { r.EnergyHigh = nil }))
	assert.Nil(t, open.Energy.High)
	assert.Nil(t, Compared(report(0.001, 0, 1, 0), first).Energy.High, "nothing bounds what is divided by 0")
}

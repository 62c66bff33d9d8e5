package footprint

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// Water of one basis is added, of two never; PUE is in that of the grid alone.
func TestWater(t *testing.T) {
	kwh := energy.Energy(3_600_000_000_000)
	report := func(w *regions.Water) *Water {
		a := &Account{PUE: 1.5, Run: Run{Water: w}}
		r := Report{Energy: 2 * kwh, EnergyLow: kwh, EnergyHigh: new(4 * kwh)}
		a.water(&r)
		return r.Water
	}
	grid := &regions.WaterFactor{PerKWh: 2, Low: 1, High: 3, Basis: regions.Consumption, Source: "grid"}
	site := regions.WaterFactor{PerKWh: 0.5, Low: 0.5, High: 0.5, Source: "site"}
	assert.Nil(t, report(nil))

	site.Basis = regions.Withdrawal
	w := report(&regions.Water{Grid: grid, Site: &site})
	require.NotNil(t, w.Litres)
	assert.Equal(t, []float64{6, 1.5, 18, 6, 1}, []float64{*w.Litres, *w.Low, *w.High, *w.Grid, *w.Site})
	assert.False(t, w.SiteCounted)
	assert.Equal(t, regions.Withdrawal, w.SiteBasis)

	site.Basis = regions.Consumption
	w = report(&regions.Water{Grid: grid, Site: &site})
	assert.Equal(t, []float64{7, 2, 20}, []float64{*w.Litres, *w.Low, *w.High})
	assert.True(t, w.SiteCounted)

	site.Basis = ""
	w = report(&regions.Water{Site: &site})
	assert.Nil(t, w.Litres, "of an unknown basis")
	assert.Equal(t, 1.0, *w.Site)
	assert.Nil(t, report(&regions.Water{}).Litres)
}

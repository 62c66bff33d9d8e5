package runs

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

func recorded() Row {
	year, market, predicted, guess := 2025, Number(10), 2*energy.KilowattHour, Number(90)
	return Row{
		LedgerID: "x", Hash: "y", PreviousHash: "z", RunID: "run", Zone: "FR", PerKWh: 40, PUE: new(Number(1.1)), IntensityYear: &year,
		IntensityKind: string(regions.AnnualAverage), IntensityScope: string(regions.Lifecycle), IntensitySource: "a table",
		Energy: energy.KilowattHour, EnergyLow: new(energy.KilowattHour / 2), EnergyHigh: new(2 * energy.KilowattHour),
		Emissions: 44, EmissionsLow: new(Number(22)), EmissionsHigh: new(Number(88)), MarketEmissions: &market,
		PredictedEnergy: &predicted, PredictedEmissions: &guess,
	}
}

func TestRecompute(t *testing.T) {
	old := recorded()
	poland := &regions.Intensity{Zone: "PL", Kind: regions.AnnualAverage, Scope: regions.Direct, Year: 2023, PerKWh: 600, Source: "another"}
	now := Recompute(old, Factors{Intensity: poland, PUE: 1.2})
	assert.Equal(t, "PL", now.Zone)
	assert.EqualValues(t, 600, now.PerKWh)
	assert.Equal(t, 2023, *now.IntensityYear)
	assert.Equal(t, "direct", now.IntensityScope)
	assert.Equal(t, "another", now.IntensitySource)
	assert.InDelta(t, 720, float64(now.Emissions), 1e-9)
	assert.InDelta(t, 360, float64(*now.EmissionsLow), 1e-9)
	assert.InDelta(t, 1440, float64(*now.EmissionsHigh), 1e-9)
	assert.InDelta(t, 1440, float64(*now.PredictedEmissions), 1e-9)
	assert.InDelta(t, 10*1.2/1.1, float64(*now.MarketEmissions), 1e-9)
	assert.Equal(t, old.Energy, now.Energy)
	assert.Equal(t, "run", now.RunID)
	assert.Empty(t, now.LedgerID+now.PreviousHash+now.Hash)
	assert.Equal(t, recorded(), old, "the row is as it was")

	own := Recompute(old, Factors{Intensity: &regions.Intensity{Kind: regions.Own, PerKWh: 0}})
	assert.Zero(t, own.Emissions)
	assert.Nil(t, own.IntensityYear)
	assert.EqualValues(t, 1.1, *own.PUE)
	assert.InDelta(t, 80, float64(Recompute(old, Factors{PUE: 2}).Emissions), 1e-9)
}

func TestFollows(t *testing.T) {
	good := recorded()
	assert.True(t, good.Follows())
	for name, change := range map[string]func(*Row){
		"less emissions": func(r *Row) { r.Emissions = 43.99 }, "less energy": func(r *Row) { r.Energy--; r.Energy /= 2 },
		"another factor": func(r *Row) { r.PerKWh = 39 }, "another PUE": func(r *Row) { r.PUE = new(Number(1)) },
		"a bound": func(r *Row) { r.EmissionsHigh = new(Number(89)) },
	} {
		r := recorded()
		change(&r)
		assert.False(t, r.Follows(), name)
	}
	assert.True(t, Row{}.Follows(), "nothing from nothing")
}

// There and back again is the same, and more energy is more emissions.
func TestRecomputeProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		row := recorded()
		row.Energy = energy.Energy(r.Int64N(1e15))
		row.EnergyLow, row.EnergyHigh = new(row.Energy/2), new(row.Energy+energy.Energy(r.Int64N(1e12)))
		row = Recompute(row, Factors{})
		assert.True(t, row.Follows())
		away := Recompute(row, Factors{Intensity: &regions.Intensity{PerKWh: regions.Grams(r.Float64() * 1000)}, PUE: 1 + r.Float64()})
		assert.True(t, away.Follows())
		assert.LessOrEqual(t, *away.EmissionsLow, away.Emissions)
		assert.LessOrEqual(t, away.Emissions, *away.EmissionsHigh)
		back := Recompute(away, Factors{Intensity: &regions.Intensity{PerKWh: regions.Grams(row.PerKWh)}, PUE: float64(*row.PUE)})
		assert.Equal(t, row.Emissions, back.Emissions)
	}
}

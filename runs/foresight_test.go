package runs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// Each quantity is judged by the runs of which it is known what was expected and taken.
func TestForesights(t *testing.T) {
	row := func(change func(*Row)) Row {
		r := Row{
			Status: footprint.Completed, Epochs: 10, DurationS: 100, Energy: 200 * energy.Joule, Emissions: 4, IntensityScope: "lifecycle",
			PredictedEnergy: new(180 * energy.Joule), PredictedEmissions: new(Number(5)), Details: `{"planned_epochs":10,"predicted_duration_s":80}`,
		}
		change(&r)
		return r
	}
	for name, v := range map[string]struct {
		change func(*Row)
		want   map[Quantity]float64
	}{
		"as planned":    {func(*Row) {}, map[Quantity]float64{ForeseenEnergy: -0.1, ForeseenEmissions: 0.25, ForeseenDuration: -0.2}},
		"stopped early": {func(r *Row) { r.Epochs = 9 }, nil},
		"failed":        {func(r *Row) { r.Status = footprint.Failed }, nil},
		"nested":        {func(r *Row) { r.CountedBy = "x" }, nil},
		"no prediction": {func(r *Row) { r.PredictedEnergy = nil }, nil},
		"no emissions":  {func(r *Row) { r.PredictedEmissions = nil }, map[Quantity]float64{ForeseenEnergy: -0.1, ForeseenDuration: -0.2}},
		"an older row":  {func(r *Row) { r.Details = `{"planned_epochs":10}` }, map[Quantity]float64{ForeseenEnergy: -0.1, ForeseenEmissions: 0.25}},
		"no details":    {func(r *Row) { r.Details = "" }, map[Quantity]float64{ForeseenEnergy: -0.1, ForeseenEmissions: 0.25}},
		"torn details":  {func(r *Row) { r.Details = `{"planned_epochs":10` }, nil},
		"imported": {func(r *Row) {
			r.Details = `{"planned_epochs":10,"imported":{"car_km":2,"predicted":{"duration_s":150,"car_km":3}}}`
		}, map[Quantity]float64{ForeseenEnergy: -0.1, ForeseenEmissions: 0.25, ForeseenDuration: 0.5, ForeseenCar: 0.5}},
		"imported, without its own distance": {func(r *Row) {
			r.Details = `{"planned_epochs":10,"imported":{"predicted":{"duration_s":150,"car_km":3}}}`
		}, map[Quantity]float64{ForeseenEnergy: -0.1, ForeseenEmissions: 0.25, ForeseenDuration: 0.5}},
	} {
		var g Groups
		g.Add(row(v.change))
		got := map[Quantity]float64{}
		for _, f := range g.Total.Foresights {
			got[f.Of] = f.Off.Mean
		}
		require.Len(t, got, len(v.want), name)
		for q, off := range v.want {
			assert.InDelta(t, off, got[q], 1e-9, "%s: %s", name, q)
		}
	}

	// Sums are those of one scope.
	var g Groups
	g.Add(row(func(r *Row) { r.IntensityScope = "direct" }))
	g.Add(row(func(*Row) {}))
	g.Add(row(func(r *Row) { r.DurationS, r.Emissions = 50, 8 }))
	var of []string
	for _, f := range g.Total.Foresights {
		of = append(of, string(f.Of)+" "+string(f.Scope))
	}
	assert.Equal(t, []string{"energy_joules ", "emissions_g lifecycle", "emissions_g direct", "duration_s "}, of)
	assert.Equal(t, Foresight{Of: ForeseenEmissions, Scope: "lifecycle", Predicted: 10, Taken: 12, Off: g.Total.Foresights[1].Off}, g.Total.Foresights[1])
	assert.Equal(t, []int{3, 2, 1, 3}, []int{g.Total.Foresights[0].Off.N, g.Total.Foresights[1].Off.N, g.Total.Foresights[2].Off.N, g.Total.Foresights[3].Off.N})
	assert.InDelta(t, 240, g.Total.Foresights[3].Predicted, 1e-9)
	assert.InDelta(t, 250, g.Total.Foresights[3].Taken, 1e-9)
}

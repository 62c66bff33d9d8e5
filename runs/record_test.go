package runs

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

func TestARowHoldsTheReport(t *testing.T) {
	line := func(k energy.Kind, within *string, charged energy.Energy) footprint.Line {
		return footprint.Line{Kind: k, Within: within, Energy: &charged, Charged: charged}
	}
	inside := "package-0"
	r := footprint.Report{
		Energy: 110 * energy.Joule, Region: footprint.Region{Zone: "FR"}, Warnings: []footprint.Warning{{Code: footprint.ShareUnknown}, {Code: footprint.Suspended}},
		Components: []footprint.Line{
			line(energy.CPU, nil, 60*energy.Joule), line(energy.CPU, nil, 40*energy.Joule), line(energy.Memory, nil, 10*energy.Joule),
			line(energy.CPU, &inside, 7*energy.Joule), line(energy.Platform, nil, 7*energy.Joule), {Kind: energy.GPU},
		},
		Intensity: footprint.Intensity{PerKWh: 20, Low: new(regions.Grams(12)), High: new(regions.Grams(30))},
		Budget:    &footprint.Spending{Limit: "1kJ"},
		Prediction: &footprint.Prediction{
			OfEpochs:  10,
			Energy:    footprint.Range[energy.Energy]{Expected: 110 * energy.Joule},
			Emissions: footprint.Range[regions.Grams]{Expected: 11},
			History: []footprint.Earlier{{
				Energy:    footprint.Range[energy.Energy]{Expected: 90 * energy.Joule},
				Emissions: footprint.Range[regions.Grams]{Expected: 9}, DurationS: footprint.Range[float64]{Expected: 80},
			}},
		},
	}
	row := FromReport(r)
	assert.Equal(t, 100*energy.Joule, *row.CPU)
	assert.Equal(t, 10*energy.Joule, *row.Memory)
	assert.Nil(t, row.GPU)
	assert.Equal(t, row.Energy, *row.CPU+*row.Memory)
	assert.Equal(t, "FR", row.Zone)
	assert.Equal(t, []Number{12, 30}, []Number{*row.IntensityLow, *row.IntensityHigh})
	assert.Equal(t, "share-unknown suspended", row.Warnings)
	assert.Equal(t, "1kJ", row.Budget)
	assert.Equal(t, 90*energy.Joule, *row.PredictedEnergy, "what was predicted first")
	assert.EqualValues(t, 9, *row.PredictedEmissions)
	assert.JSONEq(t, `{"planned_epochs":10,"predicted_duration_s":80}`, row.Details)

	// A program that prints each tenth epoch has had ten times as many.
	r.Prediction.AfterEpochs = 10
	r.Epochs = make([]footprint.Epoch, 1)
	assert.Equal(t, 10, FromReport(r).Epochs)

	// After the only epoch nothing is left to be predicted.
	r.Prediction.History, r.Prediction.AfterEpochs = nil, r.Prediction.OfEpochs
	whole := FromReport(r)
	assert.Nil(t, whole.PredictedEnergy)
	assert.Empty(t, whole.Details)

	// How good a prediction was is seen where all epochs took place.
	row.Status = footprint.Completed
	for epochs, n := range map[int]int{9: 0, 10: 1, 11: 1} {
		row.Epochs = epochs
		var g Groups
		g.Add(row)
		assert.Equal(t, n, g.Total.Foresight.N, epochs)
	}
}

// A run that was warned of two components is one run with that warning.
func TestRowNamesAWarningOnce(t *testing.T) {
	r := footprint.Report{Warnings: []footprint.Warning{
		{Code: footprint.CounterDead, Text: "a"}, {Code: footprint.LowCoverage}, {Code: footprint.CounterDead, Text: "b"},
	}}
	assert.Equal(t, "counter-dead coverage", FromReport(r).Warnings)
}

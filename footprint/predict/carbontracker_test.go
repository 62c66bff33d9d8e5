package predict

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// meanOf is the cost of all of a run, by the method of CarbonTracker (Anthony,
// Kanding, Selvan 2020, arXiv:2007.03051): the planned number of epochs times the
// mean of those that have ended. It knows no interval, no warm-up and nothing
// between epochs. It is 0 where none has ended.
func meanOf(cost float64, ended, of int) float64 {
	if ended < 1 || of < 1 {
		return 0
	}
	return cost * float64(of) / float64(ended)
}

// carbontracker is what that tool predicts, from testdata/carbontracker.json.
type carbontracker struct {
	Published []struct {
		Name             string
		Ended, Of        int
		Seconds, KWh, G  float64
		PredictedSeconds float64 `json:"predicted_seconds"`
		PredictedKWh     float64 `json:"predicted_kwh"`
		PredictedG       float64 `json:"predicted_g"`
	}
	Computed []struct {
		Name             string
		Of               int
		PUE              float64
		Seconds          []float64
		Watts            map[string][]json.RawMessage
		Measured         []float64 `json:"measured_g_per_kwh"`
		Forecast         float64   `json:"forecast_g_per_kwh"`
		EpochKWh         []float64 `json:"epoch_kwh"`
		PredictedSeconds float64   `json:"predicted_seconds"`
		PredictedKWh     float64   `json:"predicted_kwh"`
		PredictedPerKWh  float64   `json:"predicted_g_per_kwh"`
		PredictedG       float64   `json:"predicted_g"`
		ByThePaper       *struct {
			EpochKWh     []float64 `json:"epoch_energy_kwh"`
			PredictedKWh float64   `json:"predicted_energy_kwh"`
			PredictedG   float64   `json:"predicted_co2_g"`
		} `json:"by_the_paper"`
	}
}

func readCarbontracker(t *testing.T) (c carbontracker) {
	b, err := os.ReadFile("testdata/carbontracker.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &c))
	return c
}

// What was published is printed with 6 decimals and in whole seconds: half of
// that, times what it was multiplied by, is how near one can come.
func TestMeanGivesWhatWasPublished(t *testing.T) {
	c := readCarbontracker(t)
	require.Len(t, c.Published, 6)
	for _, v := range c.Published {
		t.Run(v.Name, func(t *testing.T) {
			times := float64(v.Of) / float64(v.Ended)
			// The tool cuts its seconds, so that the true ones are up to one more.
			assert.InDelta(t, v.PredictedSeconds, meanOf(v.Seconds, v.Ended, v.Of), times+1)
			kwh := meanOf(v.KWh, v.Ended, v.Of)
			assert.InDelta(t, v.PredictedKWh, kwh, 0.5e-6*times+1e-6)
			// It lets the latest intensity hold for the past too.
			perKWh := v.PredictedG / v.PredictedKWh
			assert.InDelta(t, v.PredictedG, kwh*perKWh, 0.5e-6*times*perKWh+1e-5)
		})
	}
}

func TestMeanGivesWhatTheToolComputes(t *testing.T) {
	c := readCarbontracker(t)
	require.Len(t, c.Computed, 8)
	for _, v := range c.Computed {
		t.Run(v.Name, func(t *testing.T) {
			wantEpochs, wantKWh, wantG := v.EpochKWh, v.PredictedKWh, v.PredictedG
			if w := v.ByThePaper; w != nil { // it divides by the number of devices; its paper does not
				wantEpochs, wantKWh, wantG = w.EpochKWh, w.PredictedKWh, w.PredictedG
			}
			n, seconds, kwh := len(v.Seconds), 0.0, 0.0
			for i := range n {
				seconds, kwh = seconds+v.Seconds[i], kwh+wantEpochs[i]
			}
			seconds, kwh = meanOf(seconds, n, v.Of), meanOf(kwh, n, v.Of)
			assert.InDelta(t, wantKWh, kwh, 1e-8)
			assert.InDelta(t, v.PredictedSeconds, seconds, 1e-6)
			// Its intensity: each measured quarter of an hour, and the latest value
			// for now and for each that is to come.
			sum, quarters := 0.0, 0.0
			for _, g := range v.Measured {
				sum, quarters = sum+g, quarters+1
			}
			ahead := 1 + math.Floor(seconds/900)
			perKWh := (sum + ahead*v.Forecast) / (quarters + ahead)
			assert.InEpsilon(t, v.PredictedPerKWh, perKWh, 1e-9)
			assert.InDelta(t, wantG, kwh*perKWh, 1e-5)
		})
	}
}

func TestNothingEndedIsNoMean(t *testing.T) {
	assert.Zero(t, meanOf(1, 0, 3))
	assert.Zero(t, meanOf(1, 3, 0))
}

package footprint_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

func span(seconds, kwh float64) footprint.Spent {
	return footprint.Spent{Duration: time.Duration(seconds * 1e9), Energy: energy.KilowattHour.Scale(kwh)}
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
			p := footprint.Progress{
				Ended: v.Ended, Of: v.Of, Epochs: span(v.Seconds, v.KWh), Emissions: regions.Grams(v.G),
				PerKWh: regions.Grams(v.PredictedG / v.PredictedKWh), At: start,
			}
			got, ok := p.Mean()
			require.True(t, ok)
			assert.Nil(t, got.Level)
			// The tool cuts its seconds, so that the true ones are up to one more.
			assert.InDelta(t, v.PredictedSeconds, got.DurationS.Expected, times+1)
			assert.InDelta(t, v.PredictedKWh, got.Energy.Expected.KilowattHours(), 0.5e-6*times+1e-6)
			// It lets the latest intensity hold for the past too; we keep what was emitted.
			past := v.KWh * (v.PredictedG/v.PredictedKWh - v.G/v.KWh)
			assert.InDelta(t, v.PredictedG, float64(got.Emissions.Expected)+past, 0.5e-6*times*float64(p.PerKWh)+1e-5)
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
			p := footprint.Progress{Of: v.Of, Ended: len(v.Seconds), PUE: v.PUE}
			for _, kwh := range wantEpochs {
				p.Epochs.Energy = p.Epochs.Energy.Plus(energy.KilowattHour.Scale(kwh / v.PUE))
			}
			for _, s := range v.Seconds {
				p.Epochs.Duration += time.Duration(s * 1e9)
			}
			got, ok := p.Mean()
			require.True(t, ok)
			kwh := got.Energy.Expected.KilowattHours() * v.PUE
			assert.InDelta(t, wantKWh, kwh, 1e-8)
			assert.InDelta(t, v.PredictedSeconds, got.DurationS.Expected, 1e-6)
			// Its intensity: each measured quarter of an hour, and the latest value
			// for now and for each that is to come.
			sum, n := 0.0, 0.0
			for _, g := range v.Measured {
				sum, n = sum+g, n+1
			}
			ahead := 1 + math.Floor(got.DurationS.Expected/900)
			perKWh := (sum + ahead*v.Forecast) / (n + ahead)
			assert.InEpsilon(t, v.PredictedPerKWh, perKWh, 1e-9)
			assert.InDelta(t, wantG, kwh*perKWh, 1e-5)
		})
	}
}

func TestNoPredictionWithoutEpochs(t *testing.T) {
	_, ok := footprint.Progress{Of: 3}.Mean()
	assert.False(t, ok)
	_, ok = footprint.Progress{Ended: 3}.Mean()
	assert.False(t, ok)
}

func TestTheForecastWeighsWhatIsLeft(t *testing.T) {
	p := footprint.Progress{
		Ended: 1, Of: 3, Epochs: span(3600, 1), Emissions: 100, PerKWh: 100, At: start, PUE: 2,
		Forecast: []regions.Intensity{
			{PerKWh: 900, To: start},
			{PerKWh: 200, From: start, To: start.Add(time.Hour)},
			{PerKWh: 700, From: start, To: start.Add(time.Hour), Marginal: true},
			{PerKWh: 400, From: start.Add(time.Hour), To: start.Add(90 * time.Minute)},
		},
	}
	got, ok := p.Mean()
	require.True(t, ok)
	// An hour at 200, half an hour at 400, and half of which nothing is known.
	assert.InDelta(t, 100+2*2*(200+400/2+100/2)/2, float64(got.Emissions.Expected), 1e-9)
}

func TestHowGoodAPredictionWas(t *testing.T) {
	r := footprint.Range[energy.Energy]{Low: 80 * energy.Joule, Expected: 90 * energy.Joule, High: 120 * energy.Joule}
	off, ok := r.Off(100 * energy.Joule)
	assert.True(t, ok)
	assert.InDelta(t, -0.1, off, 1e-12)
	_, ok = r.Off(0)
	assert.False(t, ok, "no part of nothing")
	for joules, held := range map[energy.Energy]bool{79: false, 80: true, 100: true, 120: true, 121: false} {
		assert.Equal(t, held, r.Holds(joules*energy.Joule), joules)
	}
}

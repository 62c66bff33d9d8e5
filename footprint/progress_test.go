package footprint

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/regions"
)

func TestNoPredictionWithoutEpochs(t *testing.T) {
	_, ok := progress{planned: 3}.predict()
	assert.False(t, ok)
	_, ok = progress{ended: 3, cycles: make([]spent, 3)}.predict()
	assert.False(t, ok)
}

func TestTheForecastWeighsWhatIsLeft(t *testing.T) {
	start := time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	p := progress{
		perKWh: 100, at: start,
		forecast: []regions.Intensity{
			{PerKWh: 900, To: start},
			{PerKWh: 200, From: start, To: start.Add(time.Hour)},
			{PerKWh: 700, From: start, To: start.Add(time.Hour), Marginal: true},
			{PerKWh: 400, From: start.Add(time.Hour), To: start.Add(90 * time.Minute)},
		},
	}
	// An hour at 200, half an hour at 400, and half of which nothing is known.
	assert.InDelta(t, (200+400/2.+100/2.)/2, float64(p.weighted(2*time.Hour)), 1e-9)
	assert.EqualValues(t, 100, p.weighted(0))
}

package footprint

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
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

// A part of the first epoch predicts, widely, until one has ended.
func TestAPartOfTheFirstEpochPredicts(t *testing.T) {
	start := time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	cpu := energy.Component{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, BandLow: 1, BandHigh: 1}
	a := Account{Run: Run{Epochs: 4}}
	add := func(s, j float64, marks ...Mark) []Event {
		now := start.Add(time.Duration(s * float64(time.Second)))
		a.Add(Sample{Time: now, Wall: now, Marks: marks, Intensity: regions.Intensity{PerKWh: 36},
			Readings: []energy.Reading{{Component: cpu, Time: now, Total: energy.Joules(j)}}})
		return a.Events()
	}
	at := func(f float64) Mark { return Mark{Edge: EpochProgress, Fraction: f} }
	add(0, 0)
	add(5, 20, Mark{Edge: EpochStart})
	_, ok := a.Predict()
	assert.False(t, ok)

	// 10 s with the start-up for a tenth of the epoch: 100 s each.
	events := add(15, 60, at(0.1))
	require.Len(t, events, 1)
	assert.Equal(t, EventPrediction, events[0].Event)
	q := events[0].Prediction
	require.NotNil(t, q.Fraction)
	assert.Equal(t, 0.1, *q.Fraction)
	assert.Equal(t, 0, q.AfterEpochs)
	assert.Equal(t, 4, q.OfEpochs)
	assert.InDelta(t, 15+3.9*100, q.DurationS.Expected, 1e-6)
	assert.InDelta(t, 60+3.9*400, q.Energy.Expected.Joules(), 1e-3)
	assert.InDelta(t, 60+3.9*400*0.1/3.1, q.Energy.Low.Joules(), 1e-3, "all of it was start-up of an epoch that is a quarter")
	assert.InDelta(t, 60+3.9*400*2.25, q.Energy.High.Joules(), 1e-3)

	// What came before the first sight of progress is left out then: 4 s for a tenth.
	add(23, 92, at(0.3))
	add(24, 95, at(0.2))                                                        // another bar
	add(24, 95, Mark{Edge: EpochProgress, Fraction: math.NaN()}, at(-1), at(1)) // nonsense
	p, ok := a.Predict()
	assert.True(t, ok)
	assert.InDelta(t, 23+3.7*40, p.DurationS.Expected, 1e-6)
	assert.Equal(t, 0.3, *p.Fraction)

	// Another bar after that one: the epoch lasts as long as both, 28 s until now, and nothing
	// bounds what is not known to be training. What goes on is seen from here.
	again := at(0.25)
	again.Again, again.Bare = true, true
	add(33, 132, again)
	p, ok = a.Predict()
	assert.True(t, ok)
	assert.InDelta(t, 33+3.75*28/0.25, p.DurationS.Expected, 1e-6)
	assert.Equal(t, 0.25, *p.Fraction)
	for _, high := range []any{p.DurationS.High, p.Energy.High, p.Emissions.High, p.Spread.Energy.High, p.Spread.Emissions.High} {
		assert.Nil(t, high)
	}
	add(34, 136, at(0.3))
	p, _ = a.Predict()
	assert.InDelta(t, 34+3.7*20, p.DurationS.Expected, 1e-6)
	assert.NotNil(t, p.DurationS.High)

	add(45, 180, Mark{Edge: EpochEnd}, at(0.5))
	p, ok = a.Predict()
	assert.True(t, ok)
	assert.Nil(t, p.Fraction)
	assert.Equal(t, 1, p.AfterEpochs)
	assert.Len(t, p.History, 1, "those within the epoch are not kept")
	assert.InDelta(t, 45+3*40, p.DurationS.Expected, 1e-6)
	assert.Empty(t, add(50, 200, at(0.9)), "nothing new")
}

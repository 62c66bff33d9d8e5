package footprint_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

func TestHowGoodAPredictionWas(t *testing.T) {
	r := footprint.Range[energy.Energy]{Low: 80 * energy.Joule, Expected: 90 * energy.Joule, High: new(120 * energy.Joule)}
	off, ok := r.Off(100 * energy.Joule)
	assert.True(t, ok)
	assert.InDelta(t, -0.1, off, 1e-12)
	_, ok = r.Off(0)
	assert.False(t, ok, "no part of nothing")
	for joules, held := range map[energy.Energy]bool{79: false, 80: true, 100: true, 120: true, 121: false} {
		assert.Equal(t, held, r.Holds(joules*energy.Joule), joules)
	}
}

// predicting runs some epochs of 10 s after 5 s of loading; each component reads
// what it used so far.
func predicting(epochs, of int, read func(n float64) []energy.Reading) (footprint.Report, bool) {
	a := footprint.Account{Run: footprint.Run{Epochs: of}}
	now := 0.0
	tick := func(d float64, marks ...footprint.Mark) {
		now += d
		a.Add(marked(at(now, read(now)...), marks...))
	}
	tick(0)
	for range epochs {
		tick(5, epoch(footprint.EpochStart))
		tick(10, epoch(footprint.EpochEnd))
	}
	_, ok := a.Predict()
	return a.Report(), ok
}

func TestAPredictionHoldsTheBandOfTheModel(t *testing.T) {
	cpu := energy.Component{Kind: energy.CPU, ID: "package", Basis: energy.Modelled, BandLow: 0.5, BandHigh: 2.25}
	r, ok := predicting(1, 4, func(n float64) []energy.Reading { return []energy.Reading{joules(cpu, 4*n)} })
	assert.True(t, ok)
	q := r.Prediction
	e, s := q.Energy, q.Spread.Energy
	assert.Equal(t, 60*energy.Joule+3*40*energy.Joule, e.Expected)
	assert.Equal(t, 60*energy.Joule+30*energy.Joule, s.Low, "a quarter of the epoch, three times")
	assert.Equal(t, 60*energy.Joule+180*energy.Joule, *s.High)
	assert.Equal(t, s.Low/2, e.Low)
	assert.InEpsilon(t, 2.25*s.High.Joules(), e.High.Joules(), 1e-9)
	assert.Equal(t, r.EnergyLow, 30*energy.Joule, "the same band as in the result")
	perJoule := float64(q.Emissions.Expected) / e.Expected.Joules()
	assert.InEpsilon(t, perJoule*e.Low.Joules(), float64(q.Emissions.Low), 1e-9)
	assert.InEpsilon(t, perJoule*e.High.Joules(), float64(*q.Emissions.High), 1e-9)
	assert.InEpsilon(t, perJoule*s.High.Joules(), float64(*q.Spread.Emissions.High), 1e-9)
}

// With nothing left, a prediction has the bounds of the result.
func TestAtTheEndAPredictionIsTheResult(t *testing.T) {
	cpu := energy.Component{Kind: energy.CPU, ID: "package", Basis: energy.Modelled, BandLow: 0.5, BandHigh: 2.25}
	r, _ := predicting(4, 4, func(n float64) []energy.Reading {
		g := joules(gpu, 70*n)
		g.Edge = 3 * energy.Joule
		return []energy.Reading{joules(cpu, 4*n), g}
	})
	assert.Equal(t, r.EnergyLow, r.Prediction.Energy.Low)
	assert.Equal(t, *r.EnergyHigh, *r.Prediction.Energy.High)
	assert.InEpsilon(t, float64(r.EmissionsLow), float64(r.Prediction.Emissions.Low), 1e-9)
	assert.InEpsilon(t, float64(*r.EmissionsHigh), float64(*r.Prediction.Emissions.High), 1e-9)
	assert.Equal(t, r.Energy, r.Prediction.Spread.Energy.Low)
}

// The resolution of a counter counts once, however long the rest is.
func TestWhatIsMeasuredAddsNoBandToAPrediction(t *testing.T) {
	r, _ := predicting(2, 100, func(n float64) []energy.Reading {
		g := joules(pkg, 70*n)
		g.Edge, g.MaxPower = 3*energy.Joule, 300*energy.Watt
		return []energy.Reading{g}
	})
	e, s := r.Prediction.Energy, r.Prediction.Spread.Energy
	assert.InDelta(t, s.Low.Joules(), e.Low.Joules(), 6)
	assert.InDelta(t, s.High.Joules(), e.High.Joules(), 6)
}

// A device that is there and can't be read may go on as it may have until now; with
// no limit known, nothing bounds it.
func TestWhatCannotBeReadIsInThePrediction(t *testing.T) {
	for _, limit := range []energy.Power{300 * energy.Watt, 0} {
		r, _ := predicting(1, 11, func(n float64) []energy.Reading {
			lost := joules(gpu, 0)
			lost.State, lost.MaxPower = energy.Lost, limit
			return []energy.Reading{joules(pkg, 10*n), lost}
		})
		e, s := r.Prediction.Energy, r.Prediction.Spread.Energy
		if limit == 0 {
			assert.Nil(t, e.High)
			assert.Nil(t, r.Prediction.Emissions.High)
			assert.NotNil(t, s.High)
			continue
		}
		perSecond := 10.0
		seconds := s.High.Joules() / perSecond
		assert.InEpsilon(t, s.High.Joules()+300*seconds, e.High.Joules(), 0.01)
		assert.Equal(t, s.Low, e.Low)
	}
}

// A part of an epoch that is next to nothing predicts nothing: what is not finite can't
// be written down, and would take the whole report with it.
func TestNextToNothingPredictsNothing(t *testing.T) {
	for _, of := range []int{10, math.MaxInt} {
		a := footprint.Account{Run: footprint.Run{Epochs: of}}
		for i, fraction := range []float64{1e-310, 2e-310, math.SmallestNonzeroFloat64, 0.5} {
			s := at(float64(i), joules(pkg, float64(i)))
			s.Marks = []footprint.Mark{{Edge: footprint.EpochProgress, Fraction: fraction, Of: of}}
			a.Add(s)
			r := a.Report()
			_, err := json.Marshal(r)
			require.NoError(t, err)
			if i == 3 {
				require.NotNil(t, r.Prediction)
			}
		}
	}
}

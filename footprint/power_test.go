package footprint

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// The steps of a component hold its energy, at most 1,000 of them, however long and
// however unevenly it was read.
func TestPowerHoldsTheEnergy(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		var p powers
		var at time.Duration
		var sum energy.Energy
		var covered time.Duration
		for range 1 + rnd.IntN(3000) {
			from := at
			if rnd.IntN(20) == 0 {
				from += time.Duration(rnd.Int64N(int64(time.Minute))) // a gap
			}
			at = from + time.Duration(1+rnd.Int64N(int64(2*time.Second)))
			if rnd.IntN(100) == 0 {
				at += time.Duration(rnd.Int64N(int64(time.Hour)))
			}
			e := energy.Watts(50+100*rnd.Float64()).Watts() * (at - from).Seconds()
			p.add(from, at, energy.Joules(e))
			sum += energy.Joules(e)
			covered += at - from
		}
		least := time.Duration(rnd.IntN(2000)) * time.Millisecond
		var joules, seconds float64
		steps := 0
		end := 0.0
		for _, s := range p.series(least, energy.Component{ID: "package-0"}) {
			require.GreaterOrEqual(t, s.StartS, end)
			end = s.StartS + s.StepS*float64(len(s.Mean))
			steps += len(s.Mean)
			for i, mean := range s.Mean {
				assert.LessOrEqual(t, s.Low[i], mean)
				assert.GreaterOrEqual(t, s.High[i], mean)
				assert.InDelta(t, 100, mean, 50.1)
				joules += float64(mean) * s.StepS
				seconds += s.StepS
			}
		}
		assert.LessOrEqual(t, steps, maxSteps)
		// Steps that are counted in part make it more, at the edges of gaps alone.
		assert.GreaterOrEqual(t, joules, sum.Joules()*0.999)
		assert.InDelta(t, sum.Joules()/covered.Seconds(), joules/seconds, 5)
		inSteps := 0.0
		p.flush()
		for _, s := range p.steps {
			inSteps += s.microjoules
		}
		assert.InEpsilon(t, float64(sum), inSteps, 1e-9, "nothing is lost")
	}
}

func TestPowerAllocatesOnce(t *testing.T) {
	var p powers
	var at time.Duration
	p.add(0, time.Second, energy.Joule)
	assert.Zero(t, testing.AllocsPerRun(10_000, func() {
		at += time.Second
		p.add(at, at+time.Second, 60*energy.Joule)
	}))
}

// Steps are as long as the readings are apart, and a power that does not change is
// the same in all of them.
func TestPowerOfASteadyRun(t *testing.T) {
	var a Account
	begin := time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	c := energy.Component{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, BandLow: 1, BandHigh: 1}
	for i := range 31 {
		at := begin.Add(time.Duration(i) * time.Second)
		a.Add(Sample{Time: at, Wall: at, Readings: []energy.Reading{{Component: c, Time: at, Total: energy.Energy(i) * 40 * energy.Joule}}})
	}
	r := a.Report()
	require.Len(t, r.Power, 1)
	p := r.Power[0]
	assert.Equal(t, 1.0, p.StepS)
	assert.Len(t, p.Mean, 30)
	for i := range p.Mean {
		assert.Equal(t, []float32{40, 40, 40}, []float32{p.Low[i], p.Mean[i], p.High[i]})
	}
}

package footprint_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// drawn is a report of components with a power of one value a second.
func drawn(length int, watts map[string][]float32, kinds map[string]energy.Kind) footprint.Report {
	r := footprint.Report{DurationS: float64(length), Charge: footprint.ChargeMachine}
	for id, w := range watts {
		joules := 0.0
		for _, x := range w {
			joules += float64(x)
		}
		e := energy.Joules(joules)
		r.Components = append(r.Components, footprint.Line{Kind: kinds[id], ID: id, Basis: energy.Measured, Energy: &e, Low: &e, High: &e, Charged: e})
		r.Power = append(r.Power, footprint.Power{Component: id, Kind: kinds[id], Basis: energy.Measured, StepS: 1, Low: w, Mean: w, High: w})
		r.Energy = r.Energy.Plus(e)
	}
	r.Emissions = regions.Grams(r.Energy.KilowattHours() * 400)
	return r
}

// However many steps there are, the energy under the curves is that of the record.
func TestCurvesKeepTheEnergy(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		length := 1 + random.IntN(400)
		w := map[string][]float32{"a": nil, "b": nil}
		for id := range w {
			for range length {
				w[id] = append(w[id], float32(random.IntN(500)))
			}
		}
		r := drawn(length, w, map[string]energy.Kind{"a": energy.CPU, "b": energy.GPU})
		c := r.Curves(1 + random.IntN(300))
		joules := 0.0
		for _, b := range c.Bands {
			require.Len(t, b.Watts, c.Steps)
			for _, x := range b.Watts {
				joules += x * c.StepS
			}
		}
		assert.InDelta(t, r.Energy.Joules(), joules, 1e-6*r.Energy.Joules()+1e-9)
		assert.InDelta(t, r.DurationS, c.StepS*float64(c.Steps), 1e-9)
		assert.Empty(t, c.Gaps)
	}
}

func TestCurvesShowWhatWasNotRead(t *testing.T) {
	kinds := map[string]energy.Kind{"a": energy.CPU, "in": energy.CPU, "psys": energy.Platform}
	r := drawn(10, map[string][]float32{"a": {5, 5, 5, 5}, "in": {1, 1}, "psys": {9, 9}}, kinds)
	for i := range r.Components {
		if r.Components[i].ID == "in" {
			r.Components[i].Within = new("a")
		}
	}
	r.Power = append(r.Power, footprint.Power{Component: "a", Kind: energy.CPU, Basis: energy.Modelled, StartS: 8, StepS: 1, Mean: []float32{7, 7}})
	c := r.Curves(300)
	assert.Equal(t, []footprint.Gap{{Kind: energy.CPU, FromS: 4, ToS: 8, Count: 1, Of: 1}}, c.Gaps)
	require.Len(t, c.Bands, 2, "neither what is within another nor a cross-check is added")
	assert.Equal(t, []float64{0, 0, 0, 0, 0, 0, 0, 0, 7, 7}, c.Bands[0].Watts)
	assert.Equal(t, []float64{5, 5, 5, 5, 0, 0, 0, 0, 0, 0}, c.Bands[1].Watts)
	// A step in which a model takes over is no sum of the two.
	c = r.Curves(1)
	assert.InDelta(t, (4*5+2*7)/6.0, c.Bands[0].Watts[0]+c.Bands[1].Watts[0], 1e-9)
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		r.DurationS = bad
		assert.Empty(t, r.Curves(300).Bands)
	}
	assert.Empty(t, footprint.Report{}.Curves(300).Bands)
}

func TestCurvesOfManyGPUs(t *testing.T) {
	w, kinds := map[string][]float32{}, map[string]energy.Kind{}
	for i := range 9 {
		id := string(rune('a' + i))
		w[id], kinds[id] = []float32{float32(100 * (i + 1))}, energy.GPU
	}
	c := drawn(1, w, kinds).Curves(300)
	require.NotNil(t, c.GPUs)
	assert.Equal(t, footprint.GPUSpread{Count: 9, Low: []float64{100}, Median: []float64{500}, High: []float64{900}}, *c.GPUs)
	delete(w, "a")
	assert.Nil(t, drawn(1, w, kinds).Curves(300).GPUs, "eight can be told apart")
}

func TestStalls(t *testing.T) {
	gpu := make([]float32, 1000)
	for i := range gpu {
		gpu[i] = 500
	}
	set := func(from, to int) {
		for i := from; i < to; i++ {
			gpu[i] = 80
		}
	}
	find := func() []footprint.Stall {
		return drawn(1000, map[string][]float32{"g": gpu}, map[string]energy.Kind{"g": energy.GPU}).Stalls()
	}
	assert.Empty(t, find())
	set(0, 100)
	set(900, 1000)
	assert.Empty(t, find(), "before and after the work is no stall")
	set(300, 330)
	assert.Empty(t, find(), "half a minute is a pause")
	set(400, 520)
	set(600, 700)
	all := find()
	require.Len(t, all, 2)
	assert.InDelta(t, 400, all[0].FromS, 1e-6)
	assert.InDelta(t, 520, all[0].ToS, 1e-6)
	assert.Equal(t, 80*energy.Watt, all[0].GPU)
	assert.Equal(t, 120*80*energy.Joule, all[0].Energy)
	assert.InDelta(t, all[0].Energy.KilowattHours()*400, float64(all[0].Emissions), 1e-6)

	// Others may have used the GPUs of a machine that is charged by share.
	r := drawn(1000, map[string][]float32{"g": gpu}, map[string]energy.Kind{"g": energy.GPU})
	r.Charge = footprint.ChargeProcess
	assert.Empty(t, r.Stalls())
	// What was not read is no stall.
	r.Charge = footprint.ChargeMachine
	late := r.Power[0]
	late.StartS, late.Mean = 530, gpu[530:]
	r.Power[0].Mean = gpu[:400]
	r.Power = append(r.Power, late)
	require.Len(t, r.Stalls(), 1)
	assert.InDelta(t, 600, r.Stalls()[0].FromS, 1e-6)
}

func TestDoubtsAreByTheirSource(t *testing.T) {
	r := drawn(2, map[string][]float32{"c": {50, 50}, "m": {10, 10}}, map[string]energy.Kind{"c": energy.CPU, "m": energy.Memory})
	for i := range r.Components {
		if l := &r.Components[i]; l.ID == "m" {
			l.Basis, l.Low, l.High = energy.Modelled, new(10*energy.Joule), new(40*energy.Joule)
		} else {
			l.Low, l.High = new(99*energy.Joule), new(102*energy.Joule)
		}
	}
	r.Components = append(r.Components, footprint.Line{Kind: energy.GPU, ID: "lost", Low: new(energy.Energy(0))})
	r.Intensity = footprint.Intensity{PerKWh: 400, Low: new(regions.Grams(300)), High: new(regions.Grams(600))}
	gram := func(joules float64) float64 { return joules / 3.6e6 * 400 }
	all := r.Doubts()
	require.Len(t, all, 4)
	for i, want := range []struct {
		source    footprint.DoubtSource
		low, high float64
	}{{footprint.ByCounters, gram(1), gram(2)}, {footprint.ByModel, gram(10), gram(20)}, {footprint.Unread, 0, -1}, {footprint.ByFactor, gram(30), gram(60)}} {
		assert.Equal(t, want.source, all[i].Source)
		assert.InDelta(t, want.low, float64(all[i].Low), 1e-9)
		if want.high < 0 {
			assert.Nil(t, all[i].High, "nothing bounds what was not read")
		} else {
			assert.InDelta(t, want.high, float64(*all[i].High), 1e-9)
		}
	}
	r.Intensity.RangeOld = true
	assert.Len(t, r.Doubts(), 3)
	assert.Empty(t, footprint.Report{}.Doubts())
}

func TestBuilding(t *testing.T) {
	r := footprint.Report{Energy: energy.KilowattHour, PUE: footprint.PUE{Value: 1.25, Source: "given"}}
	assert.Equal(t, energy.KilowattHour/4, r.Building())
	for _, p := range []footprint.PUE{{}, {Value: 1, Source: "given"}, {Value: 1, Source: "not given"}, {Value: math.NaN(), Source: "given"}} {
		r.PUE = p
		assert.Zero(t, r.Building())
	}
}

func TestGridHours(t *testing.T) {
	var r footprint.Report
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range 720 {
		from := start.Add(time.Duration(i) * time.Hour)
		r.Intensity.Parts = append(r.Intensity.Parts, footprint.Part{From: from, To: from.Add(time.Hour), PerKWh: regions.Grams(100 + i%2*200), Energy: energy.KilowattHour})
	}
	all := r.GridHours(48)
	require.Len(t, all, 48)
	sum := energy.Energy(0)
	for _, p := range all {
		sum = sum.Plus(p.Energy)
		assert.InDelta(t, 200, float64(p.PerKWh), 10)
	}
	assert.Equal(t, 720*energy.KilowattHour, sum)
	assert.Len(t, r.GridHours(1000), 720)
	assert.Empty(t, footprint.Report{}.GridHours(48))
}

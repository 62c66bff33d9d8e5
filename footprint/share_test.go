package footprint_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// The edges of a counter are the work's in part only: a small share of a coarse
// counter has bounds in proportion, and they hold, also where the shares of spans
// that follow each other have nothing in common.
func TestTheWorksPartOfACountersEdges(t *testing.T) {
	const edge = 4.0 // joules
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 21))
		length := []int{1, 2, 20, 200}[seed%4]
		steady, small := seed%8 < 4, 0.05
		a := footprint.Account{Run: footprint.Run{Charge: footprint.ChargeProcess}}
		var total, mine, all, truth float64
		for i := range length + 1 {
			if i > 0 {
				share := small
				if !steady {
					share = rnd.Float64()
				}
				j := 20 + 20*rnd.Float64()
				total, mine, all, truth = total+j, mine+share, all+1, truth+j*share
			}
			reading := joules(pkg, 100+total+(2*rnd.Float64()-1)*edge)
			reading.Edge = energy.Joules(edge)
			s := at(float64(i), reading)
			s.Use = []energy.Use{{Kind: energy.CPU, Mine: mine, All: all, Capacity: 1e4, Known: true}}
			a.Add(s)
		}
		r := a.Report()
		name := fmt.Sprintf("seed %d, %d s", seed, length)
		within(t, name, truth, r.EnergyLow, r.EnergyHigh)
		if steady {
			require.Less(t, (*r.EnergyHigh - r.EnergyLow).Joules(), 1.1*4*small*edge, name)
		}
	}
}

// The bounds of emissions hold where the grid changes: what a counter missed, or
// counted late, may have flowed in the dirtiest hour.
func TestEmissionBoundsOnAGridThatChanges(t *testing.T) {
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 23))
		var a footprint.Account
		var total, truth, dearest float64 // joules, grams
		state, until, perKWh := energy.OK, 0, 0.0
		intensity := grid
		missed := 0.0
		for i := range 60 {
			if i > 0 {
				j := 150 * rnd.Float64()
				total, truth = total+j, truth+j/3.6e6*perKWh
				if state == energy.Refused {
					missed += j
				}
			}
			if i >= until { // read, not read, or lost what flowed
				state, until = []energy.State{energy.OK, energy.Held, energy.Refused}[rnd.IntN(3)], i+1+rnd.IntN(15)
			}
			if i == 0 || rnd.IntN(8) == 0 {
				perKWh = 20 + 800*rnd.Float64()
				intensity.Kind, intensity.PerKWh = regions.Live, regions.Grams(perKWh)
				dearest = max(dearest, perKWh)
			}
			r := joules(pkg, total-missed)
			r.State, r.Missed = state, energy.Joules(missed)
			if i == 0 {
				r.State = energy.OK
			}
			s := at(float64(i), r)
			s.Intensity = intensity
			a.Add(s)
			if i > 0 {
				got := a.Report()
				name := fmt.Sprintf("seed %d, %d s", seed, i)
				require.LessOrEqual(t, float64(got.EmissionsLow), truth+1e-7, name)
				require.GreaterOrEqual(t, float64(*got.EmissionsHigh), truth-1e-7, name)
				require.LessOrEqual(t, float64(*got.EmissionsHigh), got.EnergyHigh.KilowattHours()*dearest+float64(got.Emissions)+1e-7, name)
			}
		}
	}
}

// Where no intensity is known, emissions are not 0 for sure.
func TestEmissionsWithoutAnIntensity(t *testing.T) {
	var a footprint.Account
	for i := range 3 {
		s := at(float64(i), joules(pkg, 10*float64(i)))
		s.Intensity = regions.Intensity{}
		a.Add(s)
	}
	r := a.Report()
	require.Zero(t, r.EmissionsLow)
	require.Nil(t, r.EmissionsHigh)
	require.Equal(t, footprint.IntensityUnknown, r.Warnings[0].Code)
}

// Epochs that end before it is known who uses a component: theirs may be nothing or
// all, and never nothing for sure.
func TestEpochsBeforeTheUserIsKnown(t *testing.T) {
	const watts = 100.0
	for _, share := range []float64{0, 0.3, 1} {
		for known := 2; known < 12; known++ {
			var a footprint.Account
			a.Run.Charge = footprint.ChargeProcess
			for i := range 12 {
				n := float64(i)
				s := at(n, joules(measured(energy.GPU, "GPU-0", ""), watts*n))
				if i == 0 || i >= known {
					s.Use = []energy.Use{{Kind: energy.GPU, ID: "GPU-0", Mine: share * n, All: n, Capacity: n, Known: true}}
				}
				if i > 0 {
					s.Marks = append(s.Marks, epoch(footprint.EpochEnd))
				}
				s.Marks = append(s.Marks, epoch(footprint.EpochStart))
				a.Add(s)
			}
			r := a.Report()
			require.Len(t, r.Epochs, 12)
			for i, e := range r.Epochs[:11] {
				truth := energy.Joules(watts * share)
				require.NotNil(t, e.EnergyHigh)
				assert.LessOrEqual(t, e.EnergyLow, truth, "share %v, known from %d, epoch %d", share, known, i+1)
				assert.GreaterOrEqual(t, *e.EnergyHigh, truth, "share %v, known from %d, epoch %d", share, known, i+1)
			}
		}
	}
}

// Where some of the work's processes may not have been seen, what others are charged for
// may be the work's: the bounds hold it, for the whole run, each stretch and the model's
// band, and only from then on.
func TestWorkThatIsNotSeenWhole(t *testing.T) {
	cpu := energy.Component{Kind: energy.CPU, ID: "package", Basis: energy.Modelled, BandLow: 0.5, BandHigh: 2}
	for name, c := range map[string]struct {
		component energy.Component
		high      float64
	}{"measured": {pkg, 25 + 100}, "modelled": {cpu, 2 * (25 + 100)}} {
		a := footprint.Account{Run: footprint.Run{Charge: footprint.ChargeProcess}}
		tick := func(n float64, open bool, marks ...footprint.Mark) {
			s := marked(at(10*n, joules(c.component, 100*n)), marks...)
			s.Use = []energy.Use{{Kind: energy.CPU, Mine: 2.5 * n, All: 10 * n, Capacity: 1000, Known: true, Open: open}}
			a.Add(s)
		}
		tick(0, false)
		tick(1, false, epoch(footprint.EpochStart))
		r := a.Report()
		assert.InDelta(t, 25*c.high/125, r.EnergyHigh.Joules(), 1e-3, name)
		tick(2, true, epoch(footprint.EpochEnd))
		r = a.Report()
		assert.Equal(t, 50*energy.Joule, r.Energy, name)
		assert.InDelta(t, c.high, r.EnergyHigh.Joules(), 1e-3, name)
		assert.Equal(t, r.EnergyHigh, r.ProcessHigh, name)
		require.Len(t, r.Epochs, 1)
		assert.InDelta(t, c.high*100/125, r.Epochs[0].EnergyHigh.Joules(), 1e-3, name)
		assert.Equal(t, 200*energy.Joule, r.MachineEnergy, name)
	}
}

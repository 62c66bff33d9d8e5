package footprint_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// What is not known of the first reading is in the bounds of the run, and of what
// begins with it, and not in those of the epochs after it.
func TestTheErrorOfTheOriginIsInNoLaterEpoch(t *testing.T) {
	for _, charge := range []footprint.Charge{footprint.ChargeMachine, footprint.ChargeProcess} {
		var a footprint.Account
		a.Run.Charge = charge
		for i := range 5 {
			r := joules(gpu, 100*float64(i))
			if r.MaxPower = 600 * energy.Watt; i > 0 {
				r.Total += 8 * energy.Joule
				r.Edge, r.Common = 11*energy.Joule, 10*energy.Joule
			}
			s := at(float64(i), r)
			s.Use = []energy.Use{{Kind: energy.GPU, ID: gpu.ID, Mine: float64(i), All: float64(i), Capacity: float64(i), Known: true}}
			if i > 0 {
				s.Marks = []footprint.Mark{{Edge: footprint.EpochEnd}}
			}
			if i < 4 {
				s.Marks = append(s.Marks, footprint.Mark{Edge: footprint.EpochStart})
			}
			a.Add(s)
		}
		r := a.Report()
		require.Equal(t, 408*energy.Joule, r.Energy, charge)
		require.Equal(t, (408-11)*energy.Joule, r.EnergyLow, charge)
		require.Equal(t, (408+11)*energy.Joule, *r.EnergyHigh, charge)
		require.Len(t, r.Epochs, 4)
		for i, e := range r.Epochs {
			truth, half := 100*energy.Joule, 2*energy.Joule
			if i == 0 {
				half = 11 * energy.Joule
			}
			require.LessOrEqual(t, e.EnergyLow, truth, charge)
			require.GreaterOrEqual(t, *e.EnergyHigh, truth, charge)
			require.Equal(t, 2*half, *e.EnergyHigh-e.EnergyLow, "%s, epoch %d", charge, i)
		}
	}
}

package footprint_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// A module that joins late holds the CPU that was counted until then: the epochs on both
// sides have the truth within their bounds all the same.
func TestEpochsAroundAModuleThatJoins(t *testing.T) {
	const watts, cpu = 500.0, 100.0
	module := measured(energy.GPU, "GPU-0", "")
	for join := range 30 {
		for every := 1; every < 12; every++ {
			var a footprint.Account
			for i := range 61 {
				n := float64(i)
				s := at(n, joules(pkg, cpu*n))
				if i >= join {
					g := joules(module, watts*float64(i-join))
					g.MaxPower = 2 * watts * energy.Watt
					g.Time = s.Time
					s.Readings = append(s.Readings, g)
				}
				if i == join {
					s.Facts = &footprint.Facts{Module: "GPU-0"}
				}
				if i%every == 0 {
					if i > 0 {
						s.Marks = append(s.Marks, epoch(footprint.EpochEnd))
					}
					s.Marks = append(s.Marks, epoch(footprint.EpochStart))
				}
				a.Add(s)
			}
			for i, e := range a.Report().Epochs {
				truth := energy.Joules(watts * e.DurationS)
				assert.LessOrEqual(t, e.EnergyLow, truth, "joined at %d s, epoch %d of %d s", join, i+1, every)
				if e.EnergyHigh != nil {
					assert.GreaterOrEqual(t, *e.EnergyHigh, truth, "joined at %d s, epoch %d of %d s", join, i+1, every)
				}
			}
		}
	}
}

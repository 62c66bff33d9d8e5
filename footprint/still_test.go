package footprint_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// What a counter that stands still may have missed in an epoch is at most what its
// component can draw in that time, however long it has stood still before.
func TestACounterThatStandsStill(t *testing.T) {
	for _, moves := range []int{1000, 5} { // never, or from then on
		var a footprint.Account
		for i := range 12 {
			still := joules(dram, 0)
			if i >= moves {
				still.Total = energy.Joules(30 * float64(i-moves+1))
			}
			still.MaxPower = 50 * energy.Watt
			p := joules(pkg, 100*float64(i))
			p.MaxPower = 300 * energy.Watt
			s := at(float64(10*i), p, still)
			s.Marks = []footprint.Mark{{Edge: footprint.EpochEnd}, {Edge: footprint.EpochStart}}
			if i == 0 {
				s.Marks = s.Marks[1:]
			}
			a.Add(s)
		}
		r := a.Report()
		require.GreaterOrEqual(t, len(r.Epochs), 11)
		for _, e := range r.Epochs {
			if !e.Ended {
				continue
			}
			most := e.Energy.Plus((50 * energy.Watt).Over(time.Duration(e.DurationS) * time.Second))
			assert.LessOrEqual(t, *e.EnergyHigh, most, "epoch %d", e.Index)
		}
		if moves > 11 {
			last := r.Epochs[10]
			assert.Equal(t, last.Energy.Plus(500*energy.Joule), *last.EnergyHigh)
			assert.Equal(t, *r.Epochs[0].EnergyHigh, *last.EnergyHigh)
		}
	}
}

package footprint_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
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

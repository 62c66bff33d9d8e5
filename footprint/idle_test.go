package footprint_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// A component that nobody was seen to use is not the work's, but for what looks now
// and then may have missed: not all of it, however long the run.
func TestAComponentThatNobodyUsed(t *testing.T) {
	run := func(seconds int, known func(i int) bool) footprint.Line {
		a := footprint.Account{Run: footprint.Run{Charge: footprint.ChargeProcess}}
		for i := range seconds + 1 {
			s := at(float64(i), joules(gpu, 60*float64(i)))
			s.Use = []energy.Use{{Kind: energy.GPU, ID: gpu.ID, Capacity: 100 * float64(i), Known: known(i)}}
			a.Add(s)
		}
		return a.Report().Components[0]
	}
	always := func(int) bool { return true }
	for _, tt := range []struct {
		seconds int
		high    energy.Energy
	}{{1, 60 * energy.Joule}, {3, 180 * energy.Joule}, {6, 180 * energy.Joule}, {600, 180 * energy.Joule}} {
		l := run(tt.seconds, always)
		require.Zero(t, *l.ProcessEnergy)
		require.Zero(t, *l.ProcessLow)
		require.Equal(t, tt.high, *l.ProcessHigh, "%d s", tt.seconds)
	}
	l := run(600, func(i int) bool { return i == 0 })
	require.Nil(t, l.ProcessEnergy, "not known at all")
	require.Equal(t, *l.Energy, l.Charged)
	l = run(600, func(i int) bool { return i < 300 })
	require.Zero(t, *l.ProcessEnergy)
	require.GreaterOrEqual(t, *l.ProcessHigh, 300*60*energy.Joule, "what was not told may be all the work's")
}

// The rule holds where uses come by chance, of any length, and looks are a second apart.
func TestUsesThatLooksMiss(t *testing.T) {
	for _, length := range []float64{0.05, 0.3, 0.9, 3} {
		for _, every := range []float64{500, 50, 5} {
			held, runs := 0, 300
			for seed := range runs {
				rnd := rand.New(rand.NewPCG(uint64(seed), 21))
				a := footprint.Account{Run: footprint.Run{Charge: footprint.ChargeProcess}}
				var truth, mine, use, begins float64 // seconds, but for mine
				begins = rnd.ExpFloat64() * every
				for i := range 121 {
					now := float64(i)
					for begins <= now { // the uses before this look
						use = max(use, begins+length)
						truth += length
						begins += length + rnd.ExpFloat64()*every
					}
					if i > 0 && now < use {
						mine++
					}
					s := at(now, joules(gpu, 60*now))
					s.Use = []energy.Use{{Kind: energy.GPU, ID: gpu.ID, Mine: mine, All: mine, Capacity: now, Known: true}}
					a.Add(s)
				}
				truth -= max(use-120, 0)
				if l := a.Report().Components[0]; l.ProcessLow.Joules() <= 60*truth && 60*truth <= l.ProcessHigh.Joules() {
					held++
				}
			}
			require.GreaterOrEqual(t, held, runs*95/100, "uses of %v s, %v s apart", length, every)
		}
	}
}

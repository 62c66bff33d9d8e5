package energy

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A counter read at random through wraps, jumps, failures, sleep and absence:
// from what a reading holds, each total comes out again.
func TestRedo(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		limit := Watts(50 + 500*rnd.Float64())
		w := Wrap{Range: memoryRange, MaxPower: limit}
		w.Limit = func() Power { return limit }
		at, slept, state := start, time.Duration(0), OK
		raw := Energy(rnd.Int64N(int64(w.Range)))
		shown := raw
		w.Add(raw, at, at)
		var redo Redo
		for i := range 200 {
			d := time.Duration(rnd.Int64N(int64(200 * time.Second)))
			at = at.Add(d)
			before := at.Add(-time.Duration(rnd.Int64N(int64(d) + 1)))
			load := 1.1 * rnd.Float64()
			if i > 50 && i < 80 {
				load = 3 * rnd.Float64() // a limit that is not in force
			} else if i == 100 && rnd.IntN(2) == 0 {
				limit *= 2 // raised
			}
			raw = (raw + w.MaxPower.Over(d).Scale(load)) % w.Range
			if act := rnd.IntN(12); i > 0 { // the first is OK
				switch {
				case act == 0:
					raw = Energy(rnd.Int64N(int64(w.Range))) // a reset, or a glitch
				case act == 1:
					slept += time.Duration(rnd.Int64N(int64(time.Hour)))
					w.Break(time.Duration(slept - redo.last.Slept))
				}
				if state == Lost && act != 2 {
					w.Break(0)
				}
				switch {
				case act == 2:
					state = Lost
					w.Fail()
				case act == 3:
					state = Held
					w.Fail()
				default:
					state = OK
				}
			}
			if state == OK {
				shown = raw
				if _, ok := w.Add(raw, before, at); !ok {
					state = Refused
				}
			}
			r := Reading{
				Before: before, Time: at, Total: 7 + w.Total(), Missed: w.Missed, Raw: uint64(shown), Range: uint64(w.Range), MaxPower: w.MaxPower,
				Wraps: w.Wraps, Resets: w.Resets, Gaps: w.Gaps, Slept: slept, State: state,
			}
			require.Equal(t, r, redo.Add(r), "seed %d, reading %d", seed, i)
			broken := r
			broken.Total, broken.Missed, broken.Wraps, broken.Resets = 0, 0, 0, 0
			require.NotPanics(t, func() { new(Redo).Add(broken) })
		}
	}
	held := Reading{State: Held, Raw: 5, Range: 10}
	require.Equal(t, held, new(Redo).Add(held))
	gauge := Reading{Total: 5}
	require.Equal(t, gauge, new(Redo).Add(gauge))
}

package rapl

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A reader that loses the CPU between any two looks at the clocks knows less of how
// long the machine slept, and nothing false.
func TestBracket(t *testing.T) {
	for name, tt := range map[string]struct {
		lost []time.Duration // before each look, in turn
		wide time.Duration
	}{
		"never":               {nil, 0},
		"once":                {[]time.Duration{0, 500 * time.Millisecond}, 0},
		"after the last look": {[]time.Duration{0, 0, 0, time.Second}, 0},
		"a little each time":  {[]time.Duration{0, 400 * time.Microsecond, 400 * time.Microsecond}, 800 * time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			const asleep = time.Hour
			awake, lost := time.Minute, tt.lost
			look := func() time.Duration {
				if len(lost) > 0 {
					awake += lost[0]
					lost = lost[1:]
				}
				return awake
			}
			low, high := bracket(func() (before, all, after time.Duration) {
				return look(), look() + asleep, look()
			})
			assert.LessOrEqual(t, low, asleep)
			assert.GreaterOrEqual(t, high, asleep)
			assert.Equal(t, tt.wide, high-low)
		})
	}
}

// However badly the clocks are known, a machine that is awake has not slept, and one
// that sleeps for longer than they are off has.
func TestWake(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		asleep := time.Duration(rnd.Int64N(int64(time.Hour)))
		blur := func() time.Duration { return time.Duration(rnd.Int64N(int64(500 * time.Millisecond))) }
		m := &Meter{system: system{slept: func() (low, high time.Duration) { return asleep - blur(), asleep + blur() }}}
		_, m.asleep = m.system.slept()
		for range 100 {
			m.wake()
			require.Zero(t, m.slept)
		}
		asleep += 2 * time.Second
		m.wake()
		require.InDelta(t, 2, m.slept.Seconds(), 1)
		first := m.slept
		m.wake()
		require.Equal(t, first, m.slept, "it is told once")
	}
}

package estimate

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// A hybrid machine, an i9-13900K with its limits at 253 W, tells where the work is: all of
// its performance cores draw two thirds of what is above idle, its efficiency cores one.
func TestHybrid(t *testing.T) {
	var info strings.Builder
	for i := range 32 {
		fmt.Fprintf(&info, "processor: %d\nvendor_id: GenuineIntel\ncpu family: 6\nmodel: 183\nmodel name: 13th Gen Intel(R) Core(TM) i9-13900K\nsiblings: 32\ncpu cores: 24\nphysical id: 0\n\n", i)
	}
	for _, c := range []struct {
		name         string
		large, small float64
		part         float64
	}{
		{"idle", 0, 0, 0}, {"performance", 1, 0, 2. / 3}, {"efficiency", 0, 1, 1. / 3}, {"all", 1, 1, 1}, {"half", 0.5, 0, 0.5},
	} {
		synctest.Test(t, func(t *testing.T) {
			root := machine(info.String())
			root["sys/devices/cpu_core/cpus"], root["sys/devices/cpu_atom/cpus"] = file("0-15\n"), file("16-31\n")
			zone(root, "intel-rapl:0", "package-0", 253, 253, 125)
			at := func(seconds float64) string {
				large, small := int(100*seconds*c.large), int(100*seconds*c.small)
				var b strings.Builder
				fmt.Fprintf(&b, "cpu  %d 0 0 0\n", 16*(large+small))
				for i := range 32 {
					ticks := large
					if i >= 16 {
						ticks = small
					}
					fmt.Fprintf(&b, "cpu%d %d 0 0 0\n", i, ticks)
				}
				return b.String()
			}
			root["proc/stat"] = file(at(0))
			m, err := Open(root)
			require.NoError(t, err)
			defer m.Close()
			model := m.Model()
			require.Equal(t, 16, model.SmallThreads)
			require.Equal(t, 253.0, model.Max.Watts())
			require.Equal(t, 253.0, model.Limit.Watts())
			readings, err := m.Read(t.Context(), nil)
			require.NoError(t, err)
			time.Sleep(10 * time.Second)
			root["proc/stat"].Data = []byte(at(10))
			readings, err = m.Read(t.Context(), readings[:0])
			require.NoError(t, err)
			assert.InDelta(t, 10*(7+246*c.part), readings[0].Total.Joules(), 1e-3, c.name)
			assert.Zero(t, testing.AllocsPerRun(50, func() { readings, _ = m.Read(t.Context(), readings[:0]) }))
		})
	}
}

// A step of the kernel's clock moves a hybrid's energy by no more than the edge tells.
func TestHybridSlope(t *testing.T) {
	m := Model{Threads: 32, SmallThreads: 16, Exponent: smtExponent, Idle: 0, Max: 100 * energy.Watt}
	for i := range 16 {
		at := float64(i) / 16
		assert.LessOrEqual(t, m.hybridWatts(at+1./16, at, 1)-m.hybridWatts(at, at, 1), 100*m.slope()+1e-9)
		assert.LessOrEqual(t, m.hybridWatts(at, at+1./16, 1)-m.hybridWatts(at, at, 1), 100*m.slope()+1e-9)
	}
}

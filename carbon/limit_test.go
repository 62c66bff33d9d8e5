package carbon

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/machinetest"
)

// Power that is above the limit from some moment on is within the bounds at once,
// and counted from the third reading on, whatever moment the run ends at.
func TestPowerAboveTheLimit(t *testing.T) {
	for _, after := range []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond, 2500 * time.Millisecond, 3500 * time.Millisecond, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			host := machinetest.NewLive()
			c := host.Add(&machinetest.Counter{
				Dir: "sys/class/powercap/intel-rapl:0", Name: "package-0", Unit: 61, Max: 61 * math.MaxUint32,
				Cap: 60 * energy.Watt, Start: 1000 * energy.Joule,
			})
			c.SetPower(50 * energy.Watt)
			tracker, err := Start(t.Context(), Config{Host: Host{Root: host}})
			require.NoError(t, err)
			from := c.Truth(time.Now())
			time.Sleep(10 * time.Second)
			c.SetPower(400 * energy.Watt)
			time.Sleep(after)
			truth := c.Truth(time.Now()) - from
			r, err := tracker.Stop()
			require.NoError(t, err)
			var line *footprint.Line
			for i := range r.Components {
				if r.Components[i].ID == "package-0" && r.Components[i].Basis == energy.Measured {
					line = &r.Components[i]
				}
			}
			require.NotNil(t, line)
			require.NotNil(t, line.High)
			assert.LessOrEqual(t, *line.Low, truth, "after %v", after)
			assert.GreaterOrEqual(t, *line.High, truth, "after %v", after)
			if after > time.Minute {
				assert.InEpsilon(t, float64(truth), float64(*line.Energy), 0.003)
				assert.Less(t, *line.High-*line.Low, 450*energy.Joule, "one reading is in doubt")
			}
			assert.Zero(t, line.Resets)
			assert.Contains(t, codes(r), footprint.CounterRefused)
		})
	}
}

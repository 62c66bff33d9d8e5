package rapl_test

import (
	"context"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/machinetest"
	"github.com/carbonctl/carbonctl/rapl"
)

// In real time, beside sixteen goroutines that never let go of the CPU by
// themselves: nothing is refused, reset or dead, the total is the counter's to a
// tick and what the last reading took, and the truth is within the bounds at every
// reading.
func TestBesideBusyGoroutines(t *testing.T) {
	for _, every := range []time.Duration{10 * time.Millisecond, 50 * time.Millisecond} {
		const power = 60 * energy.Watt
		host := machinetest.NewLive()
		c := host.Add(&machinetest.Counter{
			Dir: "sys/class/powercap/intel-rapl:0", Name: "package-0", Unit: 61, Max: 61 * math.MaxUint32,
			Cap: 70 * energy.Watt, Start: 61*math.MaxUint32 - 20*energy.Joule, // it wraps after a third of a second
		})
		c.SetPower(power)
		meter, err := rapl.Open(host)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var workers sync.WaitGroup
		for range 16 {
			workers.Go(func() {
				for x := 0; ctx.Err() == nil; x++ {
					runtime.KeepAlive(x)
				}
			})
		}
		list, err := meter.Read(ctx, nil)
		require.NoError(t, err)
		first := list[0]
		from := c.Truth(first.Time)
		wide := time.Duration(0)
		var last energy.Reading
		n := 0
		for begun := time.Now(); time.Since(begun) < 700*time.Millisecond; n++ {
			time.Sleep(every)
			list, err = meter.Read(ctx, list[:0])
			require.NoError(t, err)
			last = list[0]
			truth := c.Truth(last.Time) - from
			took := last.Time.Sub(last.Before)
			wide = max(wide, took)
			edges := first.Edge + last.Edge
			require.LessOrEqual(t, last.Total-first.Total-edges, truth)
			require.LessOrEqual(t, truth, last.Total-first.Total+edges)
			slack := power.Over(2*machinetest.Ticks+took+first.Time.Sub(first.Before)) + 2*c.Unit
			require.InDelta(t, int64(truth), int64(last.Total-first.Total), float64(slack))
		}
		cancel()
		workers.Wait()
		assert.LessOrEqual(t, last.Wraps, uint32(1)) // 0 if it took that long to begin
		assert.Zero(t, last.Gaps+last.Resets)
		assert.Zero(t, last.Missed)
		assert.Zero(t, last.Slept)
		truth := c.Truth(last.Time) - from
		t.Logf("every %v: %d readings, off by %+.3f %%; the longest took %v", every, n, 100*(float64(last.Total-first.Total)/float64(truth)-1), wide)
	}
}

package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/estimate"
)

// Every mix can be worked at without an end, by a few threads or with little memory.
func TestBurst(t *testing.T) {
	for _, mix := range []estimate.Mix{estimate.IntegerMix, estimate.FloatMix, estimate.MemoryMix} {
		for _, size := range []int{1, 1 << 20, 5<<20 + 1} {
			once := burst(mix, size)
			for range 20 {
				once()
			}
			assert.Zero(t, testing.AllocsPerRun(2, once), mix)
		}
	}
}

// A load for a part of the time works for that part, and ends with its context.
func TestLoadPart(t *testing.T) {
	for _, part := range []float64{0.25, 0.5, 1} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			worked, began := time.Duration(0), time.Now()
			do(ctx, func() { time.Sleep(time.Millisecond); worked += time.Millisecond }, part)
			assert.InDelta(t, part*10, worked.Seconds(), 0.05)
			assert.InDelta(t, 10, time.Since(began).Seconds(), 0.05)
		})
	}
}

// All threads of a load are gone when it returns.
func TestLoadEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, mix := range []estimate.Mix{estimate.IntegerMix, estimate.FloatMix, estimate.MemoryMix} {
		loadOf(2, 0)(ctx, mix, 1)
	}
}

func TestCalibratedText(t *testing.T) {
	c := &estimate.Calibration{Machine: estimate.CalibratedMachine{CPU: "Example 5", Threads: 8}, Counters: []string{"package-0", "dram-0"},
		CPU: estimate.PowerFit{IdleWatts: 4.25, FullWatts: 91.26, Band: 1.25}}
	assert.Equal(t, `calibrated: Example 5, 8 threads
  CPU        4.25 W idle, 91.3 W at full load (÷ and × 1.25)
  memory     no counter: modelled as before
  counters   package-0, dram-0
  written    /x/c.json
  use        CARBONCTL_CALIBRATION=/x/c.json, or calibration in config.toml
`, calibrated(c, "/x/c.json"))
	c.Memory = &estimate.PowerFit{IdleWatts: 1, FullWatts: 2.5, Band: 1.4}
	assert.Contains(t, calibrated(c, "c"), "\n  memory     1 W idle, 2.5 W at full load (÷ and × 1.40)\n")
}

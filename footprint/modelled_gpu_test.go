package footprint_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// A modelled GPU has no counter that it stands in for: what it did not see is bounded by
// its power limit, as that of a counter is.
func TestAModelledGPU(t *testing.T) {
	c := modelled(energy.GPU, "GPU-1")
	c.BandLow, c.BandHigh = 1/3.0, 2
	reading := func(j float64) energy.Reading {
		r := joules(c, j)
		r.MaxPower = 300 * energy.Watt
		return r
	}
	missed := func(r energy.Reading, j float64) energy.Reading {
		r.Missed = energy.Joules(j)
		return r
	}
	cpu := func(n float64) energy.Reading { return joules(pkg, 10*n) }
	for _, tt := range []struct {
		name           string
		samples        []footprint.Sample
		want           float64 // J; below 0: unknown
		low, high      float64
		coverage       float64
		status, warned string
	}{
		{"seen all the time, idle", []footprint.Sample{at(0, cpu(0), reading(0)), at(10, cpu(10), reading(600))}, 600, 200, 1200, 1, "ok", footprint.PartModelled},
		{"never above the limit", []footprint.Sample{at(0, cpu(0), reading(0)), at(10, cpu(10), reading(1950))}, 1950, 650, 3000, 1, "ok", footprint.PartModelled},
		{"it came late", []footprint.Sample{at(0, cpu(0)), at(4, cpu(4), reading(0)), at(10, cpu(10), reading(600))}, 600, 200, 1200 + 4*300, 0.6, "partial", footprint.PartModelled},
		{"lost in the run", []footprint.Sample{at(0, cpu(0), reading(0)), at(4, cpu(4), reading(400)), at(10, cpu(10), in(energy.Lost, reading(400)))}, 400, 400 / 3.0, 800 + 6*300, 0.4, "lost", footprint.CounterLost},
		{"not told any more", []footprint.Sample{at(0, cpu(0), reading(0)), at(4, cpu(4), reading(400)), at(10, cpu(10), in(energy.Held, reading(400)))}, 400, 400 / 3.0, 800 + 6*300, 0.4, "partial", footprint.PartModelled},
		{"not told for a while", []footprint.Sample{at(0, cpu(0), reading(0)), at(4, cpu(4), reading(400)), at(10, cpu(10), missed(reading(400), 6*300))}, 400, 400 / 3.0, 800 + 6*300, 0.4, "partial", footprint.PartModelled},
		{"never read", []footprint.Sample{at(0, cpu(0)), at(10, cpu(10), in(energy.Held, reading(0)))}, -1, 0, 3000, 0, "held", ""},
		{"read once", []footprint.Sample{at(0, cpu(0)), at(10, cpu(10), reading(0))}, -1, 0, 3000, 0, "partial", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := run(tt.samples...)
			l := line(t, r, energy.Modelled, "GPU-1")
			sum := 100.0
			if tt.want < 0 {
				assert.Nil(t, l.Energy)
			} else {
				require.NotNil(t, l.Energy)
				assert.InDelta(t, tt.want, l.Energy.Joules(), 0.001)
				sum += tt.want
			}
			require.NotNil(t, l.High)
			assert.InDelta(t, tt.low, l.Low.Joules(), 0.001)
			assert.InDelta(t, tt.high, l.High.Joules(), 0.001)
			assert.InDelta(t, tt.coverage, l.Coverage, 1e-9)
			assert.Equal(t, tt.status, l.Status)
			assert.InDelta(t, sum, r.Energy.Joules(), 0.001)
			assert.InDelta(t, 100+tt.high, r.EnergyHigh.Joules(), 0.001)
			if tt.warned != "" {
				assert.Contains(t, codes(r), tt.warned)
			}
			for _, w := range r.Warnings {
				assert.NotContains(t, w.Text, "after 0s")
			}
		})
	}
}

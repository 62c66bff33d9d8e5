package energy

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestGauge(t *testing.T) {
	at := func(s float64) time.Time { return start.Add(time.Duration(s * 1e9)) }
	type reading struct {
		p     Power
		s     float64
		total Energy
		ok    bool
	}
	for name, tt := range map[string]struct {
		gauge  Gauge
		adds   []reading
		missed Energy
		gaps   uint32
	}{
		"the mean of two readings": {Gauge{},
			[]reading{{100 * Watt, 0, 0, true}, {200 * Watt, 1, 150 * Joule, true}, {0, 2, 250 * Joule, true}}, 0, 0},
		"the same moment, and time going back": {Gauge{},
			[]reading{{100 * Watt, 5, 0, true}, {300 * Watt, 5, 0, true}, {300 * Watt, 4, 0, true}, {100 * Watt, 6, 100 * Joule, true}}, 0, 0},
		"a gap is not filled in": {Gauge{MaxGap: 2 * time.Second, MaxPower: 300 * Watt},
			[]reading{{100 * Watt, 0, 0, true}, {100 * Watt, 2, 200 * Joule, true}, {100 * Watt, 12, 200 * Joule, true}, {100 * Watt, 13, 300 * Joule, true}}, 3000 * Joule, 1},
		"readings that cannot be": {Gauge{MaxPower: 300 * Watt},
			[]reading{{-1, 0, 0, false}, {100 * Watt, 0, 0, true}, {3700 * Watt, 1, 0, false}, {450 * Watt, 2, 550 * Joule, true}}, 0, 2},
		"fractions of a microjoule are carried on": {Gauge{},
			[]reading{{1, 0, 0, true}, {2, 0.25, 0, true}, {2, 0.75, 1, true}, {1, 1.25, 2, true}}, 0, 0},
		"more than can be held": {Gauge{},
			[]reading{{math.MaxInt64, 0, 0, true}, {math.MaxInt64, 100, MaxEnergy, true}, {math.MaxInt64, 200, MaxEnergy, true}}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := tt.gauge
			for i, r := range tt.adds {
				total, ok := g.Add(r.p, at(r.s), at(r.s))
				assert.Equal(t, r.ok, ok, "reading %d", i)
				assert.Equal(t, r.total, total, "reading %d", i)
			}
			assert.Equal(t, tt.missed, g.Missed)
			assert.Equal(t, tt.gaps, g.Gaps)
		})
	}
}

// A gauge read often enough is right to the last microjoule, however odd the
// intervals: what does not fill one is carried on.
func TestGaugeCarriesOn(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var g Gauge
		p := Power(rnd.Int64N(int64(Kilowatt)))
		at := start
		g.Add(p, at, at)
		for range 1000 {
			at = at.Add(time.Duration(rnd.Int64N(int64(10 * time.Millisecond))))
			g.Add(p, at, at)
		}
		total, _ := g.Add(p, at, at)
		assert.InDelta(t, int64(p.Over(at.Sub(start))), int64(total), 1)
	}
}

// A reader that lost the CPU before the read, or after it, makes no gap of a time
// that may have been short enough; what a gap may hide is all the time that it may
// have lasted.
func TestGaugeLateStamps(t *testing.T) {
	ms := func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	g := Gauge{MaxGap: time.Second, MaxPower: 300 * Watt}
	g.Add(100*Watt, ms(0), ms(0))
	total, _ := g.Add(100*Watt, ms(900), ms(1900))
	assert.Equal(t, 190*Joule, total)
	assert.Zero(t, g.Gaps)
	total, _ = g.Add(100*Watt, ms(3000), ms(3100))
	assert.Equal(t, 190*Joule, total)
	assert.EqualValues(t, 1, g.Gaps)
	assert.Equal(t, 660*Joule, g.Missed, "300 W from 0.9 s to 3.1 s")
	total, _ = g.Add(100*Watt, time.Time{}, ms(3600))
	assert.Equal(t, 240*Joule, total, "no Before: read in no time")
}

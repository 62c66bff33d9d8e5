package energy

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Ranges as Linux shows them, plus one unit: 2^-14 J, and 15.3 µJ of memory.
const (
	packageRange Energy = 262143328850 + 61
	memoryRange  Energy = 65712999613 + 15
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// add is one reading of a counter and what must come of it.
type add struct {
	after               time.Duration // since the one before
	raw                 Energy
	total, missed       Energy
	ok                  bool
	wraps, resets, gaps uint32
}

func TestWrap(t *testing.T) {
	const s = time.Second
	limit := func(d time.Duration) Energy { return Limit(200*Watt, d) }
	for name, tt := range map[string]struct {
		wrap Wrap
		adds []add
	}{
		"forward, and standing still": {
			Wrap{Range: packageRange, MaxPower: 200 * Watt},
			[]add{{0, 500, 0, 0, true, 0, 0, 0}, {s, 100500, 100000, 0, true, 0, 0, 0}, {s, 100500, 100000, 0, true, 0, 0, 0}},
		},
		"wrap: 50 J before the end to 50 J after": {
			Wrap{Range: packageRange, MaxPower: 200 * Watt},
			[]add{{0, packageRange - 50*Joule, 0, 0, true, 0, 0, 0}, {s, 50 * Joule, 100 * Joule, 0, true, 1, 0, 0}},
		},
		"wrap to the very start": {
			Wrap{Range: packageRange, MaxPower: 200 * Watt},
			[]add{{0, packageRange - 1, 0, 0, true, 0, 0, 0}, {s, 0, 1, 0, true, 1, 0, 0}},
		},
		"reset: 5 kJ to 100 J in 10 s is no 257 kJ": {
			Wrap{Range: packageRange, MaxPower: 200 * Watt},
			[]add{{0, 5000 * Joule, 0, 0, true, 0, 0, 0},
				{10 * s, 100 * Joule, 100 * Joule, limit(10*s) - 100*Joule, true, 0, 1, 1},
				{s, 150 * Joule, 150 * Joule, limit(10*s) - 100*Joule, true, 0, 1, 1}},
		},
		"reset to more than can have been used: nothing is sure": {
			Wrap{Range: packageRange, MaxPower: 200 * Watt},
			[]add{{0, 90000 * Joule, 0, 0, true, 0, 0, 0}, {s, 40000 * Joule, 0, limit(s), true, 0, 1, 1}},
		},
		"no range: each fall is a reset": {
			Wrap{MaxPower: 200 * Watt},
			[]add{{0, packageRange - 1, 0, 0, true, 0, 0, 0}, {s, 3 * Joule, 3 * Joule, limit(s) - 3*Joule, true, 0, 1, 1}},
		},
		"a range below the counter is none": {
			Wrap{Range: 1000, MaxPower: 200 * Watt},
			[]add{{0, 5000, 0, 0, true, 0, 0, 0}, {s, 400, 400, limit(s) - 400, true, 0, 1, 1}},
		},
		"no largest power: each fall is a wrap, and nothing is refused": {
			Wrap{Range: packageRange},
			[]add{{0, 5000 * Joule, 0, 0, true, 0, 0, 0}, {s, 0, packageRange - 5000*Joule, 0, true, 1, 0, 0},
				{s, packageRange - 1, 2*packageRange - 1 - 5000*Joule, 0, true, 1, 0, 0}},
		},
		"neither: a fall is credited from 0": {
			Wrap{}, []add{{0, 5000, 0, 0, true, 0, 0, 0}, {s, 70, 70, 0, true, 0, 1, 1}},
		},
		"a glitch is refused, and costs nothing": {
			Wrap{Range: packageRange, MaxPower: 200 * Watt},
			[]add{{0, 1000, 0, 0, true, 0, 0, 0}, {s, 1000 + 1e12, 0, 0, false, 0, 0, 1}, {s, 1000 + 2*Joule, 2 * Joule, 0, true, 0, 0, 1}},
		},
		"a jump that stays is taken from there on": {
			Wrap{Range: packageRange, MaxPower: 200 * Watt},
			[]add{{0, 1000, 0, 0, true, 0, 0, 0}, {s, 90000 * Joule, 0, 0, false, 0, 0, 1},
				{s, 90100 * Joule, 100 * Joule, limit(s), true, 0, 1, 1},
				{s, 90150 * Joule, 150 * Joule, limit(s), true, 0, 1, 1}},
		},
		"two different glitches": {
			Wrap{Range: packageRange, MaxPower: 200 * Watt},
			[]add{{0, 1000, 0, 0, true, 0, 0, 0}, {s, 90000 * Joule, 0, 0, false, 0, 0, 1}, {s, 80000 * Joule, 0, 0, false, 0, 0, 2},
				{s, 5 * Joule, 5*Joule - 1000, 0, true, 0, 0, 2}},
		},
		"a step that was due just before": {
			Wrap{Range: packageRange, MaxPower: 200 * Watt},
			[]add{{0, 0, 0, 0, true, 0, 0, 0}, {0, 200000, 200000, 0, true, 0, 0, 0}, {-s, 400000, 400000, 0, true, 0, 0, 0}},
		},
		"too long between two readings: it may have wrapped unseen": {
			Wrap{Range: memoryRange, MaxPower: 200 * Watt},
			[]add{{0, 1000, 0, 0, true, 0, 0, 0}, {400 * s, 6000, 5000, limit(400*s) - 5000, true, 0, 0, 1},
				// Wrapped once, it is so far on that it cannot have done so again.
				{400 * s, 2000, 5000 + memoryRange - 4000, limit(400*s) - 5000, true, 1, 0, 1}},
		},
		"the last moment at which it cannot have wrapped unseen, and the first at which it can": {
			Wrap{Range: 1000 * Joule, MaxPower: 100 * Watt}, // 125 W, and 1 J of slack
			[]add{{0, 0, 0, 0, true, 0, 0, 0}, {8*s - 1, Joule, Joule, 0, true, 0, 0, 0}, {8 * s, 2 * Joule, 2 * Joule, 1000 * Joule, true, 0, 0, 1}},
		},
		"so close that only the margin lets it wrap": {
			Wrap{Range: 1000 * Joule, MaxPower: 100 * Watt},
			[]add{{0, 0, 0, 0, true, 0, 0, 0}, {9 * s, 100 * Joule, 100 * Joule, 1026 * Joule, true, 0, 0, 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, at := tt.wrap, start
			for i, a := range tt.adds {
				at = at.Add(a.after)
				total, ok := w.Add(a.raw, at, at)
				got := add{a.after, a.raw, total, w.Missed, ok, w.Wraps, w.Resets, w.Gaps}
				assert.Equal(t, a, got, "reading %d", i)
				assert.Equal(t, total, w.Total())
				if last, _, when := w.Last(); ok {
					assert.Equal(t, a.raw, last)
					assert.Equal(t, at, when)
				}
			}
		})
	}
}

// After a break a fall is a reset, however well it would do as a wrap.
func TestWrapBreak(t *testing.T) {
	const s = time.Second
	limit := Limit(200*Watt, s)
	for name, tt := range map[string]struct {
		slept         time.Duration
		last, raw     Energy
		total, missed Energy
		resets, gaps  uint32
	}{
		"fell: started again":                        {600 * s, packageRange - 50*Joule, 30 * Joule, 30 * Joule, limit - 30*Joule, 1, 1},
		"fell to more than it can have counted":      {600 * s, packageRange - 50*Joule, 9000 * Joule, 0, limit, 1, 1},
		"went on, far from its start":                {600 * s, 5000 * Joule, 5100 * Joule, 100 * Joule, 0, 0, 0},
		"went on while it slept for long":            {3600 * s, 5000 * Joule, 9000 * Joule, 4000 * Joule, 0, 0, 0},
		"near its start: it may have started again":  {600 * s, 20 * Joule, 100 * Joule, 80 * Joule, limit - 80*Joule, 0, 1},
		"rose to what cannot be: another origin":     {0, 5000 * Joule, 90000 * Joule, 0, limit, 1, 1},
		"the same as before":                         {600 * s, 5000 * Joule, 5000 * Joule, 0, 0, 0, 0},
		"fell by one, in a tenth of a second asleep": {s / 10, 5000 * Joule, 5000*Joule - 1, 0, limit, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := Wrap{Range: packageRange, MaxPower: 200 * Watt}
			w.Add(tt.last, start, start)
			w.Break(tt.slept / 2)
			w.Break(tt.slept - tt.slept/2)
			total, ok := w.Add(tt.raw, start.Add(s), start.Add(s))
			assert.True(t, ok)
			assert.Equal(t, tt.total, total)
			assert.Equal(t, tt.missed, w.Missed)
			assert.Equal(t, []uint32{0, tt.resets, tt.gaps}, []uint32{w.Wraps, w.Resets, w.Gaps})
			// It holds for one reading.
			w.Add(packageRange-1, start.Add(2*s), start.Add(2*s))
			w.Add(packageRange-1, start.Add(3*s), start.Add(3*s))
			w.Add(0, start.Add(4*s), start.Add(4*s))
			assert.EqualValues(t, 1, w.Wraps)
		})
	}
	w := Wrap{}
	w.Add(5000, start, start)
	w.Break(s)
	total, _ := w.Add(7000, start.Add(s), start.Add(s))
	assert.EqualValues(t, 2000, total, "without a largest power all is believed")
	assert.Zero(t, w.Missed)
}

// Two packages and memory, of which only memory wraps: each is counted by its
// own range, and the sum is exact.
func TestWrapEachByItsOwnRange(t *testing.T) {
	ws := []Wrap{{Range: packageRange, MaxPower: Kilowatt}, {Range: packageRange, MaxPower: Kilowatt}, {Range: memoryRange, MaxPower: Kilowatt}}
	first := []Energy{1000 * Joule, packageRange - 1000*Joule, memoryRange - 3*Joule}
	second := []Energy{1100 * Joule, packageRange - 800*Joule, 7 * Joule}
	var sum Energy
	for i := range ws {
		ws[i].Add(first[i], start, start)
		total, ok := ws[i].Add(second[i], start.Add(time.Second), start.Add(time.Second))
		assert.True(t, ok)
		sum += total
	}
	assert.Equal(t, (100+200+10)*Joule, sum)
	assert.Equal(t, []uint32{0, 0, 1}, []uint32{ws[0].Wraps, ws[1].Wraps, ws[2].Wraps})
}

// A counter that moves only every 100 ms, as those of GPUs do, is believed when
// it is read more often than that.
func TestWrapSlowCounter(t *testing.T) {
	w := Wrap{MaxPower: 700 * Watt}
	for ms := range 1000 {
		at := time.Duration(ms) * time.Millisecond
		total, ok := w.Add((700 * Watt).Over(at.Truncate(100*time.Millisecond)), start.Add(at), start.Add(at))
		require.True(t, ok, "at %v", at)
		require.Equal(t, (700 * Watt).Over(at.Truncate(100*time.Millisecond)), total)
	}
	// but not for longer than a counter can hold energy back
	w = Wrap{MaxPower: 700 * Watt}
	for s := range 10 {
		w.Add(0, start.Add(time.Duration(s)*time.Second), start.Add(time.Duration(s)*time.Second))
	}
	_, ok := w.Add(Limit(700*Watt, time.Second+hold)+1, start.Add(10*time.Second), start.Add(10*time.Second))
	assert.False(t, ok)
}

// A read that failed loses nothing: the next one covers the time between.
func TestWrapFail(t *testing.T) {
	w := Wrap{Range: packageRange, MaxPower: 200 * Watt}
	w.Add(0, start, start)
	w.Fail()
	total, ok := w.Add(300*Joule, start.Add(2*time.Second), start.Add(2*time.Second))
	assert.True(t, ok)
	assert.Equal(t, 300*Joule, total)
	assert.Equal(t, uint32(1), w.Gaps)
	assert.Zero(t, w.Missed)
}

// register is a counter of known truth: it counts whole units, wraps, and can
// start again at 0.
type register struct {
	unit, modulus Energy
	truth, base   Energy // base is the truth at which it stood at 0
}

func (r *register) shows() Energy { return (r.truth - r.base) / r.unit * r.unit % r.modulus }

// Random loads, read at random moments through wraps, resets, failed and
// glitched reads and stalls: the truth always lies between Total and
// Total+Missed, up to the unit of the counter at either end. Resets are made
// only where they can be told from a wrap; where they can't, no reader could.
func TestWrapHoldsTheTruth(t *testing.T) {
	var worst float64 // in units
	var wraps, resets, glitches, stalls int
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		unit := []Energy{15, 61, 1_000_000}[rnd.IntN(3)]
		most := Watts(100 + 900*rnd.Float64()) // a step of 1 J is then within slack
		r := register{unit: unit, modulus: unit << 32}
		r.base = -Energy(rnd.Int64N(int64(r.modulus)))
		full := time.Duration(float64(r.modulus) / float64(most) * 1e9) // to wrap at full power
		w := Wrap{Range: r.modulus, MaxPower: most}
		at, origin := start, r.truth
		w.Add(r.shows(), at, at)
		clean, glitched, before := true, false, (r.truth-r.base)/r.modulus
		for range 100 {
			d := time.Duration(math.Exp(rnd.Float64()*math.Log(float64(full)*0.95))) + 1
			if rnd.IntN(30) == 0 {
				d = full + time.Duration(rnd.Int64N(int64(2*full)))
			}
			used := Power(rnd.Int64N(int64(most) + 1)).Over(d)
			last, _, when := w.Last()
			since := at.Add(d).Sub(when)
			switch act := rnd.IntN(20); {
			case act == 0: // reset at some moment between
				after := Energy(rnd.Int64N(int64(used) + 1))
				shows := after / unit * unit
				if most.Over(since) < r.modulus && shows < last && r.modulus-last+shows > Limit(most, since+hold) {
					r.base, clean = r.truth+used-after, false
					resets++
				}
				r.truth += used
			case act == 1 && !glitched && last+2*Limit(most, since+hold) < r.modulus: // two in a row may look like a jump
				glitched = true
				at = at.Add(d)
				r.truth += used
				if _, ok := w.Add(last+2*Limit(most, since+hold), at, at); ok {
					t.Fatalf("seed %d: a glitch was taken", seed)
				}
				glitches++
				continue
			case act == 2: // no reading
				w.Fail()
				at = at.Add(d)
				r.truth += used
				continue
			default:
				r.truth += used
			}
			if most.Over(since) >= r.modulus {
				clean = false
				stalls++
			}
			glitched = false
			at = at.Add(d)
			prior := w.Total()
			total, ok := w.Add(r.shows(), at, at)
			require.True(t, ok, "seed %d", seed)
			require.GreaterOrEqual(t, total, prior)
			truth := r.truth - origin
			low, high := total-unit, total+w.Missed+unit
			require.True(t, low <= truth && truth <= high, "seed %d: %v is not within %v and %v", seed, truth, low, high)
			if clean {
				worst = max(worst, math.Abs(float64(total-truth))/float64(unit))
				require.EqualValues(t, (r.truth-r.base)/r.modulus-before, w.Wraps, "seed %d", seed)
				require.Zero(t, w.Missed)
			}
		}
		wraps += int(w.Wraps)
	}
	for what, n := range map[string]int{"wraps": wraps, "resets": resets, "glitches": glitches, "stalls": stalls} {
		assert.Greater(t, n, 100, "too few %s to have tried anything", what)
	}
	t.Logf("%d wraps, %d resets, %d glitches, %d stalls; worst error where nothing was missed: %.6f units", wraps, resets, glitches, stalls, worst)
}

// Whatever a counter shows, a total never falls and nothing overflows.
func FuzzWrap(f *testing.F) {
	f.Add(int64(packageRange), int64(200*Watt), int64(5000*Joule), int64(100*Joule), int64(90000*Joule), int64(time.Second))
	f.Add(int64(0), int64(0), int64(math.MaxInt64), int64(0), int64(math.MaxInt64), int64(-1))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), int64(5), int64(4), int64(3), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, modulus, most, a, b, c, d int64) {
		clear := func(n int64) int64 { return n & math.MaxInt64 } // a register is never below 0
		w := Wrap{Range: Energy(clear(modulus)), MaxPower: Power(clear(most))}
		var total, missed Energy
		for i, raw := range []int64{a, b, c, a, c, b} {
			got, _ := w.Add(Energy(clear(raw)), start.Add(time.Duration(d/8)*time.Duration(i)), start.Add(time.Duration(d/8)*time.Duration(i)))
			require.GreaterOrEqual(t, got, total)
			require.GreaterOrEqual(t, w.Missed, missed)
			total, missed = got, w.Missed
		}
	})
}

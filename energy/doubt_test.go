package energy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// timed is a counter read at one instant and stamped at others, in milliseconds.
type timed struct{ before, read, at int }

func (s timed) add(w *Wrap, truth func(ms int) Energy) (ok bool) {
	ms := func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	_, ok = w.Add(truth(s.read), ms(s.before), ms(s.at))
	return ok
}

// A reader that loses the CPU before or after the read stamps early or late; no
// true reading is refused for it, nor taken for a reset.
func TestWrapLateStamps(t *testing.T) {
	for name, tt := range map[string]struct {
		limit, power Power
		reads        []timed
	}{
		"one late, then a row of prompt ones": {150 * Watt, 60 * Watt,
			[]timed{{0, 0, 0}, {1000, 1000, 1130}, {1130, 1130, 1131}, {1131, 1131, 1132}}},
		"near the limit, late again and again": {100 * Watt, 95 * Watt,
			[]timed{{0, 0, 0}, {200, 200, 200}, {400, 400, 400}, {600, 600, 680}, {800, 800, 800}, {1000, 1000, 1000},
				{1200, 1200, 1290}, {1400, 1400, 1400}, {1600, 1600, 1690}, {1800, 1800, 1800}, {2000, 2000, 2000}}},
		"lost before the read, and after it": {100 * Watt, 100 * Watt,
			[]timed{{0, 0, 500}, {500, 1000, 1000}, {1000, 1000, 1900}, {1900, 1901, 2000}, {2000, 2500, 3000}, {3000, 3000, 3000}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := Wrap{Range: packageRange, MaxPower: tt.limit}
			truth := func(ms int) Energy { return tt.power.Over(time.Duration(ms) * time.Millisecond) }
			for _, r := range tt.reads {
				assert.True(t, r.add(&w, truth), "at %d ms", r.read)
				assert.Equal(t, truth(r.read)-truth(tt.reads[0].read), w.Total())
			}
			assert.Zero(t, w.Missed)
			assert.Zero(t, w.Gaps+w.Resets+w.Wraps)
		})
	}
}

// phase is a power that lasts for some readings, a second apart.
type phase struct {
	power Power
	n     int
}

// What a counter shows above the limit is believed once three readings have shown
// it; until then it is in Missed, also when the run ends with it.
func TestWrapAboveTheLimit(t *testing.T) {
	const limit = 60 * Watt
	for name, tt := range map[string]struct {
		phases       []phase
		total, limit int // joules, watts
		missed       int
		refused      int
	}{
		"a cap that is lifted":               {[]phase{{50 * Watt, 60}, {180 * Watt, 600}}, 3000 + 599*180, 270, 180, 2},
		"one burst":                          {[]phase{{50 * Watt, 10}, {180 * Watt, 1}, {50 * Watt, 10}}, 1000, 60, 180, 1},
		"two readings of it":                 {[]phase{{50 * Watt, 10}, {180 * Watt, 2}, {50 * Watt, 10}}, 500 + 180 + 500, 60, 180, 2},
		"every other second":                 {[]phase{{180 * Watt, 1}, {50 * Watt, 1}, {180 * Watt, 1}, {50 * Watt, 1}, {180 * Watt, 1}, {50 * Watt, 1}, {180 * Watt, 1}}, 50 + 50 + 180 + 50 + 180, 270, 360, 2},
		"the last reading":                   {[]phase{{50 * Watt, 10}, {180 * Watt, 1}}, 500, 60, 180, 1},
		"the last two":                       {[]phase{{50 * Watt, 10}, {180 * Watt, 2}}, 500, 60, 360, 2},
		"power that swings above it":         {[]phase{{90 * Watt, 1}, {400 * Watt, 1}, {120 * Watt, 1}, {300 * Watt, 5}}, 520 + 1500, 480, 90, 2},
		"more than any limit could explain":  {[]phase{{50 * Watt, 10}, {5 * Kilowatt, 1}}, 500, 60, 0, 1},
		"as long as it lasts, never":         {[]phase{{50 * Watt, 10}, {5 * Kilowatt, 10}}, 500, 60, 0, 10},
		"within the margin there's no doubt": {[]phase{{75 * Watt, 10}}, 750, 60, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := Wrap{Range: packageRange, MaxPower: limit}
			var truth Energy
			at, refused := start, 0
			w.Add(0, at, at)
			for _, p := range tt.phases {
				for range p.n {
					at = at.Add(time.Second)
					truth += p.power.Over(time.Second)
					if _, ok := w.Add(truth, at, at); !ok {
						refused++
					}
					if p.power <= 8*limit {
						require.LessOrEqual(t, w.Total(), truth)
						require.GreaterOrEqual(t, w.Total()+w.Missed, truth, "the truth is within the bounds")
					}
				}
			}
			assert.Equal(t, Energy(tt.total)*Joule, w.Total())
			assert.Equal(t, Energy(tt.missed)*Joule, w.Missed)
			assert.Equal(t, Power(tt.limit)*Watt, w.MaxPower)
			assert.Equal(t, tt.refused, refused)
			assert.Zero(t, w.Resets)
		})
	}
}

// Where the limit of now can be asked for, a raised one is in force at once.
func TestWrapAsksForTheLimit(t *testing.T) {
	limit, asked := 60*Watt, 0
	w := Wrap{Range: packageRange, MaxPower: limit, Limit: func() Power { asked++; return limit }}
	w.Add(0, start, start)
	w.Add(50*Joule, start.Add(time.Second), start.Add(time.Second))
	assert.Zero(t, asked)
	limit = 250 * Watt
	total, ok := w.Add(230*Joule, start.Add(2*time.Second), start.Add(2*time.Second))
	assert.True(t, ok)
	assert.Equal(t, 230*Joule, total)
	assert.Zero(t, w.Missed)
	assert.Equal(t, 250*Watt, w.MaxPower)
	limit = 10 * Watt
	_, ok = w.Add(1000*Joule, start.Add(3*time.Second), start.Add(3*time.Second))
	assert.False(t, ok)
	assert.Equal(t, 250*Watt, w.MaxPower, "a lower limit changes nothing: what flowed before was above it")
	assert.Equal(t, 2, asked)
}

// A counter that wraps while it is above a limit that nobody knows looks reset:
// the bounds hold both.
func TestWrapAboveTheLimitAtItsEnd(t *testing.T) {
	w := Wrap{Range: packageRange, MaxPower: 60 * Watt}
	w.Add(packageRange-100*Joule, start, start)
	total, ok := w.Add(80*Joule, start.Add(time.Second), start.Add(time.Second))
	assert.True(t, ok)
	assert.EqualValues(t, 1, w.Resets)
	assert.LessOrEqual(t, total, 80*Joule)
	assert.Equal(t, 180*Joule, total+w.Missed)
}

func TestCeiling(t *testing.T) {
	for p, want := range map[Power]Power{0: 0, 60 * Watt: 480 * Watt, 300 * Watt: 2 * Kilowatt, 900 * Watt: 2 * Kilowatt, 2900 * Watt: 5800 * Watt} {
		assert.Equal(t, want, Ceiling(p), "%v", p.Watts())
	}
}

package nvml

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestTicks looks at a counter as the goroutine of a GPU does, and checks that the
// age it finds holds the true one.
func TestTicks(t *testing.T) {
	const tickStamps, callStamps, noStamps, wrongStamps = 1, 2, 3, 4
	for _, tt := range []struct {
		name     string
		every    time.Duration
		stamps   int
		learnt   bool
		longest  time.Duration // at the most
		stamped  bool
		slowCall time.Duration
	}{
		{"20 ms", 20 * time.Millisecond, noStamps, true, 35 * time.Millisecond, false, 0},
		{"100 ms", 100 * time.Millisecond, callStamps, true, 123 * time.Millisecond, false, 0},
		{"100 ms, stamped", 100 * time.Millisecond, tickStamps, true, 123 * time.Millisecond, true, 0},
		{"stamps of something else", 100 * time.Millisecond, wrongStamps, true, 123 * time.Millisecond, false, 0},
		{"each call takes long", 100 * time.Millisecond, noStamps, true, 145 * time.Millisecond, false, 10 * time.Millisecond},
		{"slower than anything known", 400 * time.Millisecond, callStamps, false, 440 * time.Millisecond, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 1))
			origin := time.Unix(1000, 0)
			phase := 7 * time.Millisecond
			tickAt := func(at time.Time) time.Time {
				return origin.Add((at.Sub(origin)+phase)/tt.every*tt.every - phase)
			}
			var k ticks
			var last time.Time
			at := origin.Add(time.Second)
			for i := range 200 {
				asked := at
				read := asked.Add(tt.slowCall / 2)
				at = asked.Add(tt.slowCall)
				ticked := tickAt(read)
				var stamp time.Time
				noise := time.Duration(r.IntN(1000)) // below a microsecond
				switch tt.stamps {
				case tickStamps:
					stamp = ticked.Add(noise)
				case callStamps:
					stamp = read.Add(noise)
				case wrongStamps:
					stamp = ticked.Add(-time.Duration(r.IntN(50)) * time.Millisecond)
				}
				least, most := k.observe(i > 0 && !ticked.Equal(last), stamp, asked, at)
				last = ticked
				if age := at.Sub(ticked); tt.every <= slowestTick || k.longest >= tt.every-pollEvery {
					assert.LessOrEqual(t, least-time.Microsecond, age, i)
					assert.GreaterOrEqual(t, most+time.Microsecond, age, i)
				}
				if d := k.wants(at); d > 0 && d <= pollEvery || i < 20 {
					at = at.Add(pollEvery)
				} else {
					at = at.Add(time.Duration(r.IntN(1000)) * time.Millisecond)
				}
			}
			assert.Equal(t, tt.learnt, k.learnt)
			assert.LessOrEqual(t, k.longest, tt.longest)
			assert.Equal(t, tt.stamped, k.stamped())
		})
	}
}

// A GPU is looked at often for as long as that teaches anything, and no longer.
func TestLooksEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(c *card)
		most   int // looks in 10 s
	}{
		"learnt":     {func(*card) {}, 125},
		"fails":      {func(c *card) { c.err = fault{"any", "Unknown Error", 999} }, 2},
		"lost":       {func(c *card) { c.err = fault{"any", "GPU is lost", 15} }, 2},
		"slow":       {func(c *card) { c.slow = 2 * time.Millisecond }, 2},
		"dead":       {func(c *card) { c.load = steady(0) }, 125},
		"not moving": {func(c *card) { c.tick = time.Hour }, 125},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &card{load: steady(100), tick: 100 * time.Millisecond}
				m := openCards(t, c)
				before := 0
				c.set(func(c *card) { tt.change(c); before = c.asked })
				time.Sleep(10 * time.Second)
				synctest.Wait()
				c.set(func(c *card) { assert.LessOrEqual(t, c.asked-before, tt.most) })
				_ = m.Close()
				time.Sleep(time.Second)
			})
		})
	}
}

package nvml

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// random is a load that changes between idle and busy, at random, after 10 ms up
// to 2 s: about what training does between batches and epochs. Half of them
// change within a fifth of a second.
func random(r *rand.Rand, length time.Duration) load {
	l := load{{0, 55}}
	longest := []int{200, 2000}[r.IntN(2)]
	for t := time.Duration(0); t < length; {
		t += time.Duration(10+r.IntN(longest)) * time.Millisecond
		watts := 50 + r.Float64()*30
		if len(l)%2 == 1 {
			watts = 150 + r.Float64()*250
		}
		l = append(l, struct {
			from  time.Duration
			watts float64
		}{t, watts})
	}
	return l
}

// TestBoundsHoldTheTruth runs 200 random short runs of each sort of GPU, from a
// hundredth of a second to three seconds, with two readings each, and
// compares with the energy that the script really used. The counters tick every
// 20 to 100 ms at a random phase.
func TestBoundsHoldTheTruth(t *testing.T) {
	const runs = 200
	for name, kind := range kinds {
		if name == "module" {
			continue // read like the counter
		}
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(4, 2))
			within, wide := 0, 0.0
			var miss, sum float64
			for range runs {
				length := time.Duration(10+r.IntN(2990)) * time.Millisecond
				c := kind()
				c.load = random(r, 6*time.Second)
				c.tick = time.Duration(20+r.IntN(81)) * time.Millisecond
				c.phase = time.Duration(r.Int64N(int64(c.tick)))
				warm := 2*time.Second + time.Duration(r.Int64N(int64(time.Second)))
				var got, low, high, truth float64
				synctest.Test(t, func(t *testing.T) {
					m := openCards(t, c)
					defer m.Close()
					time.Sleep(warm)
					begin, from := read(t, m)[0], c.load.used(c.clock())
					time.Sleep(length)
					end := read(t, m)[0]
					truth = c.load.used(c.clock()) - from
					got = (end.Total - begin.Total).Joules()
					low, high = got-(begin.Edge+end.Edge).Joules(), got+(begin.Edge+end.Edge+end.Missed-begin.Missed).Joules()
					assert.Positive(t, got, "no run uses nothing")
				})
				if low <= truth && truth <= high {
					within++
				}
				wide += (high - low) / 2
				miss += max(truth-got, got-truth)
				sum += truth
			}
			t.Logf("%s: %d of %d within; mean error %.1f %%, mean bound ± %.1f %% of the energy", name, within, runs, 100*miss/sum, 100*wide/sum)
			assert.GreaterOrEqual(t, within, runs*95/100)
			if name == "counter with stamps" {
				assert.Less(t, miss/sum, 0.01, "the stamps tell when it ticked")
			}
		})
	}
}

// TestEnergyNeverFalls reads at random times a GPU to which everything happens.
func TestEnergyNeverFalls(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(7, 7))
				c := kind()
				c.load = random(r, 5*time.Minute)
				c.tick = 70 * time.Millisecond
				m := openCards(t, c)
				defer func() { _ = m.Close(); time.Sleep(5 * time.Second) }()
				var last []energy.Reading
				missed := map[int]energy.Energy{} // at the last that was OK
				for range 400 {
					trouble(r, c)
					time.Sleep(time.Duration(r.Int64N(int64(700 * time.Millisecond))))
					list, _ := m.Read(t.Context(), nil)
					for i := range last {
						require.GreaterOrEqual(t, list[i].Total, last[i].Total)
						if list[i].State == energy.OK {
							require.GreaterOrEqual(t, list[i].Missed, missed[i])
							missed[i] = list[i].Missed
						}
						require.GreaterOrEqual(t, list[i].Gaps, last[i].Gaps)
						require.GreaterOrEqual(t, list[i].Edge, energy.Energy(0))
						require.False(t, list[i].Time.Before(last[i].Time))
						if s := list[i].State; s != energy.OK {
							require.Equal(t, last[i].Total, list[i].Total, s)
						}
					}
					last = list
				}
			})
		})
	}
}

func trouble(r *rand.Rand, c *card) {
	c.set(func(c *card) {
		switch c.err, c.slow, c.mw = nil, 0, 0; r.IntN(10) {
		case 0:
			c.err = fault{"any", "Unknown Error", 999}
		case 1:
			c.err = fault{"any", "GPU is lost", 15}
		case 2:
			c.slow = time.Duration(r.Int64N(int64(3 * time.Second)))
		case 3:
			c.mw = uint64(r.Int64N(5e6))
		case 4:
			c.base = -int64(c.load.used(c.clock()) * 1000)
		case 5:
			c.base = r.Int64N(1e10)
		}
	})
}

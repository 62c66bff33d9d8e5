package nvml

import (
	"maps"
	"math/rand/v2"
	"slices"
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

// later is the load that begins after some time, and is idle until then.
func later(l load, by time.Duration) load {
	idle := steady(55)
	for _, s := range l[1:] {
		s.from += by
		idle = append(idle, s)
	}
	return idle
}

// A trial is a short run of a scripted GPU, and what was made of it, in joules.
type trial struct {
	truth, got, low, high float64
}

// try takes a reading at the begin and one at the end of a run, which begins when
// the GPU has been on for a while. The meter is open before, or joins late.
func try(t *testing.T, c *card, on, late, length time.Duration) (r trial) {
	synctest.Test(t, func(t *testing.T) {
		if late > 0 {
			c.tune = func(*device) { c.origin = c.origin.Add(-on - late) }
		}
		m := openCards(t, c)
		defer m.Close()
		if late == 0 {
			time.Sleep(on)
		}
		begin := read(t, m)[0]
		time.Sleep(length)
		end := read(t, m)[0]
		edges := (begin.Edge + end.Edge).Joules()
		r.truth = c.usedBy(end) - c.load.used(on)
		r.got = (end.Total - begin.Total).Joules()
		r.low, r.high = r.got-edges, r.got+edges+(end.Missed-begin.Missed+end.MaxPower.Over(late)).Joules()
		assert.Positive(t, r.got, "no run uses nothing")
	})
	return r
}

// TestReliability makes the rows of docs/reliability.md: 200 short runs of each
// sort of GPU, of 10 ms to 3 s, with two readings each, against the energy that
// the script really used. The counters tick every 20 to 100 ms at a random phase.
// The load changes at random, in half of the runs from idle on, or is steady.
func TestReliability(t *testing.T) {
	const runs = 200
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if name == "module" {
			continue // read like the counter
		}
		for _, load := range []string{"changing", "steady"} {
			for _, late := range []bool{false, true} {
				if late && (load == "steady" || name != "counter") {
					continue
				}
				t.Run(name+", "+load+map[bool]string{true: ", late"}[late], func(t *testing.T) {
					r := rand.New(rand.NewPCG(4, 2))
					within := 0
					var miss, wide, sum float64
					for i := range runs {
						length := time.Duration(10+r.IntN(2990)) * time.Millisecond
						warm := 2*time.Second + time.Duration(r.Int64N(int64(time.Second)))
						c := kinds[name]()
						c.tick = time.Duration(20+r.IntN(81)) * time.Millisecond
						c.phase = time.Duration(r.Int64N(int64(c.tick)))
						switch c.load = random(r, 6*time.Second); {
						case load == "steady":
							c.load = steady(100 + 300*r.Float64())
						case i%2 == 1:
							c.load = later(random(r, 4*time.Second), warm+10*time.Millisecond)
						}
						missing := time.Duration(0)
						if late {
							missing = time.Duration(10+r.IntN(300)) * time.Millisecond
						}
						x := try(t, c, warm, missing, length)
						if x.low <= x.truth && x.truth <= x.high {
							within++
						}
						wide += (x.high - x.low) / 2
						miss += max(x.truth-x.got, x.got-x.truth)
						sum += x.truth
					}
					t.Logf("| %s | %.1f %% | %d of %d | ± %.1f %% |", name, 100*miss/sum, within, runs, 100*wide/sum)
					assert.GreaterOrEqual(t, within, map[string]int{"changing": runs * 95 / 100, "steady": runs}[load])
					if name == "counter with stamps" {
						assert.Less(t, miss/sum, 0.01, "the stamps tell when it ticked")
						assert.Less(t, wide/sum, map[string]float64{"changing": 0.05, "steady": 0.01}[load])
					}
				})
			}
		}
	}
}

// TestReliabilityOfEpochs makes the rows of docs/reliability.md on epochs of 0.6 s
// within a run, by the edges of the readings at both ends.
func TestReliabilityOfEpochs(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, tt := range []struct {
		name   string
		tick   time.Duration
		jitter time.Duration
		wander time.Duration // by how much each distance of two ticks may differ
		card   string
		wide   map[string]float64 // the half-width, at the most
	}{
		{"stamps", ms(100), 0, 0, "counter with stamps", map[string]float64{"steady": 0.1}},
		{"ticks of 20 ms", ms(20), 0, 0, "counter", map[string]float64{"steady": 0.1}},
		{"ticks of 100 ms", ms(100), 0, 0, "counter", map[string]float64{"steady": 0.1}},
		{"ticks of 100 ms, up to 5 ms late", ms(100), ms(5), 0, "counter", map[string]float64{"steady": 0.1}},
		{"ticks of 100 ms, up to 30 ms late", ms(100), ms(30), 0, "counter", nil},
		{"ticks of 90 to 110 ms", ms(100), 0, ms(20), "counter", nil},
	} {
		for _, load := range []string{"idle", "steady", "changing"} {
			t.Run(tt.name+", "+load, func(t *testing.T) {
				r := rand.New(rand.NewPCG(4, 2))
				within, n := 0, 0
				var miss, wide, sum float64
				for range 50 {
					c := kinds[tt.card]()
					c.tick, c.jitter = tt.tick+time.Duration(r.Int64N(int64(tt.tick/50))), tt.jitter
					c.phase = time.Duration(r.Int64N(int64(c.tick)))
					if tt.wander > 0 {
						for at := c.phase; at < time.Minute; {
							c.ticks = append(c.ticks, at)
							at += c.tick - tt.wander/2 + time.Duration(r.Int64N(int64(tt.wander)))
						}
					}
					switch load {
					case "idle":
						c.load = steady(60)
					case "steady":
						c.load = steady(100 + 300*r.Float64())
					case "changing":
						c.load = random(r, 20*time.Second)
					}
					for _, x := range epochs(t, r, c, 600*time.Millisecond) {
						if x.low <= x.truth && x.truth <= x.high {
							within++
						}
						n++
						wide += (x.high - x.low) / 2
						miss += max(x.truth-x.got, x.got-x.truth)
						sum += x.truth
					}
				}
				t.Logf("| %s | %s | %.1f %% | %.1f %% | ± %.1f %% |", tt.name, load, 100*miss/sum, 100*float64(within)/float64(n), 100*wide/sum)
				assert.GreaterOrEqual(t, within, n*95/100)
				if w := tt.wide[load]; w > 0 {
					assert.Less(t, wide/sum, w)
				}
			})
		}
	}
}

// epochs makes a run of ten epochs that begins when the GPU has been on for a while.
func epochs(t *testing.T, r *rand.Rand, c *card, length time.Duration) (list []trial) {
	synctest.Test(t, func(t *testing.T) {
		m := openCards(t, c)
		defer m.Close()
		time.Sleep(time.Duration(r.Int64N(int64(2 * time.Second))))
		read(t, m)
		time.Sleep(time.Duration(r.Int64N(int64(time.Second))))
		from := read(t, m)[0]
		for range 10 {
			time.Sleep(length)
			to := read(t, m)[0]
			got, edges := (to.Total - from.Total).Joules(), (from.Edge - from.Common + to.Edge - to.Common).Joules()
			list = append(list, trial{c.usedBy(to) - c.usedBy(from), got, got - edges, got + edges + (to.Missed - from.Missed).Joules()})
			from = to
		}
	})
	return list
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

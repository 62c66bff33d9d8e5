package rapl

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/machinetest"
)

// life is a machine to which all sorts of things happen, watched by a meter.
type life struct {
	rnd   *rand.Rand
	host  *machinetest.Live
	regs  []*register
	meter *Meter
	did   map[string]int

	asleep time.Duration
	blur   time.Duration // how badly the clocks of sleep are known now
	away   int           // steps until the last register's zone comes back
	raised int           // steps for which the power of one is above its limit
	above  *register     // that one

	first, last, latest map[string]energy.Reading // last: that was OK
}

// register is a counter of known truth, shown by one zone or by two.
type register struct {
	*machinetest.Counter
	twin     *machinetest.Counter
	power    energy.Power // the largest that the zone allows
	was, raw energy.Energy
	over     energy.Energy // what the hardware may have held back above the limit
}

func (r *register) each(do func(c *machinetest.Counter)) {
	do(r.Counter)
	if r.twin != nil {
		do(r.twin)
	}
}

func (r *register) id() string { return r.Name }

// Random loads, read at random moments, by a reader that loses the CPU between any
// two instructions, through wraps, resets, glitches, errors, failing twins, zones
// that go and come back, limits that are raised or not in force, sleep and stalls:
// the truth always lies within the edges, and Missed above them. Only a reset that
// no reader could tell from a wrap, or see at all, is left out.
func TestTheTruthIsWithinTheEdges(t *testing.T) {
	did := map[string]int{}
	worst := map[string]float64{}
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) { newLife(t, seed, did).live(t, seed, worst) })
	}
	for _, what := range slices.Sorted(maps.Keys(did)) {
		require.Greater(t, did[what], 50, "too few: %s", what)
	}
	t.Logf("tried: %v", did)
	for _, id := range slices.Sorted(maps.Keys(worst)) {
		t.Logf("%-10s where nothing was missed the worst error was %.3f of both edges", id, worst[id])
	}
}

func newLife(t *testing.T, seed uint64, did map[string]int) *life {
	l := &life{rnd: rand.New(rand.NewPCG(seed, 11)), host: machinetest.NewLive(), did: did}
	origin := func() energy.Energy { return energy.Energy(l.rnd.Int64N(int64(60_000 * energy.Joule))) }
	const c = classDir + "/"
	add := func(dir, name string, unit energy.Energy, limit energy.Power) *machinetest.Counter {
		return l.host.Add(&machinetest.Counter{Dir: c + dir, Name: name, Unit: unit, Max: unit * math.MaxUint32, Cap: limit, Start: origin()})
	}
	l.regs = []*register{
		{Counter: add("intel-rapl:0", "package-0", 61, 250*energy.Watt), twin: add("intel-rapl-mmio:0", "package-0", 61, 250*energy.Watt), power: 375 * energy.Watt},
		{Counter: add("intel-rapl:2", "package-2", 15, 0), power: energy.Kilowatt},
		{Counter: add("intel-rapl:1", "package-1", 15, 400*energy.Watt), power: 600 * energy.Watt},
	}
	var err error
	l.meter, _, err = open(l.host, system{slept: func() (low, high time.Duration) {
		return l.asleep - time.Duration(l.rnd.Int64N(int64(l.blur)+1)), l.asleep + time.Duration(l.rnd.Int64N(int64(l.blur)+1))
	}})
	require.NoError(t, err)
	l.last = l.read(t)
	l.first, l.latest = maps.Clone(l.last), l.last
	for _, r := range l.regs {
		r.raw = energy.Energy(l.last[r.id()].Raw)
	}
	return l
}

func (l *life) read(t *testing.T) map[string]energy.Reading {
	t.Helper()
	list, _ := l.meter.Read(t.Context(), nil) // what fails is what the test makes fail
	require.Len(t, list, 3)
	return byID(list)
}

// loses returns what takes the CPU away: nothing, other goroutines now and then, or
// a quota of 30 ms in each 100.
func (l *life) loses() func() {
	switch l.rnd.IntN(4) {
	case 0:
		l.did["reads beside busy goroutines"]++
		return func() {
			if l.rnd.IntN(3) == 0 {
				time.Sleep(time.Duration(l.rnd.Int64N(int64(300 * time.Millisecond))))
			}
		}
	case 1:
		l.did["throttled reads"]++
		return func() {
			time.Sleep(time.Duration(l.rnd.Int64N(int64(10 * time.Millisecond))))
			if at := time.Duration(time.Now().UnixNano()) % (100 * time.Millisecond); at > 30*time.Millisecond {
				time.Sleep(100*time.Millisecond - at)
			}
		}
	}
	return nil
}

func (l *life) live(t *testing.T, seed uint64, worst map[string]float64) {
	defer l.meter.Close()
	keep := l.meter.KeepAlive()
	for range 120 {
		l.host.Lose = nil
		l.blur = time.Duration(l.rnd.Int64N(int64(5 * time.Millisecond)))
		if l.rnd.IntN(10) == 0 {
			l.blur = time.Duration(l.rnd.Int64N(int64(time.Second / 2)))
		}
		d := time.Duration(math.Exp(l.rnd.Float64()*math.Log(float64(keep)))) + 1
		act := l.rnd.IntN(18)
		if l.raised > 0 {
			act = 17           // nothing
			d = min(d, keep/4) // read in time, though a read fails
			if l.rnd.IntN(10) == 0 {
				act = 3
			}
		}
		if act == 0 {
			d = keep + time.Duration(l.rnd.Int64N(int64(9*keep)))
			l.did["stalls"]++
		}
		for _, r := range l.regs {
			p := energy.Watt + energy.Power(l.rnd.Int64N(int64(r.power-energy.Watt)+1))
			if l.raised > 0 && r == l.above {
				p = r.power + energy.Power(l.rnd.Int64N(int64(r.power)))
				r.over = max(r.over, (p - r.power).Over(machinetest.Ticks))
			}
			r.each(func(c *machinetest.Counter) { c.SetPower(p) })
		}
		l.raised = max(l.raised-1, 0)
		time.Sleep(d)
		l.happen(act)
		l.host.Lose = l.loses()
		now := l.read(t)
		l.host.Lose = nil
		l.check(t, seed, now, worst)
		l.note(now)
	}
}

// happen does one thing to the machine, after a stretch of load.
func (l *life) happen(act int) {
	one := l.regs[l.rnd.IntN(len(l.regs))]
	for _, r := range l.regs {
		r.each(func(c *machinetest.Counter) { c.Fail(nil) })
	}
	switch act {
	case 1:
		l.reset(one)
	case 2:
		one.Fail(syscall.EIO)
		l.did["errors"]++
	case 3:
		one.each(func(c *machinetest.Counter) { c.Fail(syscall.EIO) })
		l.did["errors of all routes"]++
	case 4: // deep: all start again
		l.asleep += time.Second + time.Duration(l.rnd.Int64N(int64(10*time.Hour)))
		for _, r := range l.regs {
			after := energy.Energy(l.rnd.Int64N(int64(r.Total()-r.was)/2 + 1))
			r.each(func(c *machinetest.Counter) { c.Reset(after) })
		}
		l.did["deep sleeps"]++
	case 5: // shallow: all go on
		d := time.Second + time.Duration(l.rnd.Int64N(int64(time.Hour)))
		for _, r := range l.regs {
			// What is drawn asleep is in no bound, unless the counter shows it.
			drawn := (energy.Watt / 2).Over(d)
			if l.latest[r.id()].State == energy.OK && l.inUse(r).offset == 0 && r.Shows() >= r.raw && r.Shows()+drawn+r.power.Over(5*time.Second) < r.Max {
				r.each(func(c *machinetest.Counter) { c.Draw(drawn) })
			}
		}
		l.asleep += d
		l.did["shallow sleeps"]++
	case 6:
		l.vanish()
	case 7:
		l.glitch(one)
	case 8:
		l.comeBack()
	case 9:
		if l.away == 0 && l.latest[one.id()].State == energy.OK && l.latest[one.id()].MaxPower == one.power {
			l.raised, l.above = 3+l.rnd.IntN(8), one
			l.did["limits that do not hold"]++
			if one.Cap > 0 && l.rnd.IntN(2) == 0 {
				one.each(func(c *machinetest.Counter) { c.Raise(2 * one.Cap) })
				l.did["limits that are raised"]++
			}
		}
	}
}

// reset starts a register again, at a moment since it was last read, where that can
// be told from a wrap.
func (l *life) reset(r *register) {
	v := l.last[r.id()]
	late := time.Since(v.Before) + 5*time.Second
	after := energy.Energy(l.rnd.Int64N(int64(min(r.Total()-r.was, 100*energy.Joule)) + 1))
	limit := energy.Limit(v.MaxPower, late)
	shows := after + r.power.Over(5*time.Second)
	modulus := r.Max + r.Unit
	if l.inUse(r).offset == 0 && v.State == energy.OK && limit < modulus && shows < r.raw && modulus-r.raw > limit {
		r.each(func(c *machinetest.Counter) { c.Reset(after) })
		l.did["resets"]++
	}
}

// glitch shows a reader something that cannot be, once.
func (l *life) glitch(r *register) {
	v := l.last[r.id()]
	far := r.raw + 2*energy.Limit(energy.Ceiling(v.MaxPower), time.Since(v.Before)+10*time.Second)
	if l.latest[r.id()].State == energy.OK && far < r.Max && r.twin == nil && !(l.away > 0 && r == l.regs[2]) {
		r.Glitch(far)
		l.did["glitches"]++
	}
}

func (l *life) vanish() {
	if l.away > 0 {
		return
	}
	l.away = 1 + l.rnd.IntN(4)
	l.regs[2].Vanish()
	if l.rnd.IntN(2) == 0 {
		l.regs[2].Reset(0)
	}
	l.did["zones that went"]++
}

func (l *life) comeBack() {
	if l.away > 0 {
		if l.away--; l.away == 0 {
			l.regs[2].Return(classDir + fmt.Sprintf("/intel-rapl:%x", 3+l.rnd.IntN(30)))
		}
	}
}

// inUse is the route by which a component is read.
func (l *life) inUse(r *register) route {
	c := l.meter.find(r.id())
	return c.routes[c.in]
}

// check holds what was read against the truth at the time of each reading.
func (l *life) check(t *testing.T, seed uint64, now map[string]energy.Reading, worst map[string]float64) {
	t.Helper()
	for _, r := range l.regs {
		v, first := now[r.id()], l.first[r.id()]
		require.NotEqual(t, energy.Dead, v.State, "seed %d: %s moves: %+v", seed, r.id(), v)
		require.GreaterOrEqual(t, v.Total, l.latest[r.id()].Total)
		truth := r.Truth(v.Time)
		edges := first.Edge + v.Edge + r.over
		if v.State == energy.OK {
			require.LessOrEqual(t, v.Total-edges, truth, "seed %d: %s is above the truth: %+v", seed, r.id(), v)
			require.LessOrEqual(t, truth, v.Total+v.Missed+edges, "seed %d: %s is below the truth: %+v", seed, r.id(), v)
			require.GreaterOrEqual(t, v.Missed, l.last[r.id()].Missed)
		}
		if v.State == energy.OK && v.Missed == 0 {
			worst[r.id()] = max(worst[r.id()], math.Abs(float64(v.Total-truth))/float64(edges))
		}
	}
}

func (l *life) note(now map[string]energy.Reading) {
	for _, r := range l.regs {
		v := now[r.id()]
		l.did["wraps"] += int(v.Wraps - l.last[r.id()].Wraps)
		if v.State == energy.OK {
			l.last[r.id()] = v
			r.raw, r.was = energy.Energy(v.Raw), r.Total()
		}
	}
	l.latest = now
}

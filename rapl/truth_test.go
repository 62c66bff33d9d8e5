package rapl

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

// fickle is a file system whose files may fail and go while they are held.
type fickle struct {
	fstest.MapFS
	fail map[string]error
}

func (f fickle) Open(name string) (fs.File, error) {
	g, err := f.MapFS.Open(name)
	if r, ok := g.(io.ReaderAt); ok {
		return fickleFile{g, r, f, name}, nil
	}
	return g, err
}

type fickleFile struct {
	fs.File
	at   io.ReaderAt
	of   fickle
	name string
}

func (f fickleFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.of.fail[f.name]; err != nil {
		return 0, err
	}
	if f.of.MapFS[f.name] == nil {
		return 0, syscall.ENODEV
	}
	return f.at.ReadAt(b, off)
}

// register is a counter of known truth, shown by one zone or by two.
type register struct {
	id           string
	unit         energy.Energy
	modulus, max energy.Energy
	power        energy.Power // the largest that the zone allows
	dirs         []string
	origins      []energy.Energy // the truth at which each way showed 0
	truth, shown energy.Energy   // shown lags by up to a tick
	was          energy.Energy   // shown at the last good reading
}

func (r *register) value(i int) energy.Energy {
	return (r.shown - r.origins[i]) / r.unit * r.unit % r.modulus
}

// set writes what the register shows into its zones.
func (r *register) set(m fickle) {
	for i, d := range r.dirs {
		if f := m.MapFS[d+"/energy_uj"]; f != nil {
			f.Data = fmt.Appendf(nil, "%d\n", r.value(i))
		}
	}
}

// reset starts the register again, after of its energy before now.
func (r *register) reset(after energy.Energy) {
	for i := range r.origins {
		r.origins[i] = r.shown - min(after, r.shown)
	}
}

func (r *register) zone(m fickle, i int, name string, limit energy.Power) {
	d := r.dirs[i]
	m.MapFS[d+"/name"] = &fstest.MapFile{Data: []byte(name + "\n")}
	m.MapFS[d+"/energy_uj"] = &fstest.MapFile{Data: fmt.Appendf(nil, "%d\n", r.value(i))}
	if r.max > 0 {
		m.MapFS[d+"/max_energy_range_uj"] = &fstest.MapFile{Data: fmt.Appendf(nil, "%d\n", r.max)}
	}
	if limit > 0 {
		m.MapFS[d+"/constraint_0_power_limit_uw"] = &fstest.MapFile{Data: fmt.Appendf(nil, "%d\n", limit)}
	}
}

// tried counts what a test has put the meter through.
type tried map[string]int

// Random loads, read at random moments through wraps, resets, glitches, errors,
// failing twins, zones that go and come back, sleep and stalls: the truth always
// lies within the edges, and Missed above them. Only a reset that no reader could
// tell from a wrap, or see at all, is left out.
func TestTheTruthIsWithinTheEdges(t *testing.T) {
	did := tried{}
	worst := map[string]float64{}
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) { live(t, seed, did, worst) })
	}
	for _, what := range slices.Sorted(maps.Keys(did)) {
		require.Greater(t, did[what], 50, "too few: %s", what)
	}
	t.Logf("tried: %v", did)
	for _, id := range slices.Sorted(maps.Keys(worst)) {
		t.Logf("%-10s where nothing was missed the worst error was %.3f of both edges", id, worst[id])
	}
}

func live(t *testing.T, seed uint64, did tried, worst map[string]float64) {
	rnd := rand.New(rand.NewPCG(seed, 11))
	m := fickle{fstest.MapFS{}, map[string]error{}}
	const c = classDir + "/"
	origin := func() energy.Energy { return -energy.Energy(rnd.Int64N(int64(60_000 * energy.Joule))) }
	regs := []*register{
		{id: "package-0", unit: 61, max: 61 * math.MaxUint32, power: 375 * energy.Watt, dirs: []string{c + "intel-rapl:0", c + "intel-rapl-mmio:0"}},
		{id: "dram-0", unit: 15, max: 15 * math.MaxUint32, power: energy.Kilowatt, dirs: []string{c + "intel-rapl:0:0"}},
		{id: "package-1", unit: 15, max: 15 * math.MaxUint32, power: 600 * energy.Watt, dirs: []string{c + "intel-rapl:1"}},
	}
	for i, r := range regs {
		r.modulus = r.max + r.unit
		for range r.dirs {
			r.origins = append(r.origins, origin())
		}
		for w := range r.dirs {
			r.zone(m, w, []string{"package-0", "dram", "package-1"}[i], []energy.Power{250 * energy.Watt, 0, 400 * energy.Watt}[i])
		}
	}
	asleep := time.Duration(0)
	meter, _, err := open(m, system{slept: func() (low, high time.Duration) { return asleep, asleep }})
	require.NoError(t, err)
	defer meter.Close()
	last := byID(read(3, t, meter))
	first, latest := maps.Clone(last), last
	lastRaw, away := map[string]energy.Energy{}, 0
	for _, r := range regs {
		lastRaw[r.id] = r.value(0)
	}
	keep := meter.KeepAlive()
	for range 120 {
		d := time.Duration(math.Exp(rnd.Float64()*math.Log(float64(keep)))) + 1
		act := rnd.IntN(16)
		if act == 0 {
			d = keep + time.Duration(rnd.Int64N(int64(9*keep)))
			did["stalls"]++
		}
		time.Sleep(d)
		before := map[string]energy.Energy{}
		for _, r := range regs {
			p := energy.Power(rnd.Int64N(int64(r.power) + 1))
			r.truth += p.Over(d)
			r.shown = max(r.shown, r.truth-p.Over(time.Duration(rnd.Int64N(int64(min(tick, d)+1)))))
			before[r.id] = r.shown
		}
		one := regs[rnd.IntN(len(regs))]
		clear(m.fail)
		switch {
		case act == 1: // at a moment since it was last read
			since := time.Since(last[one.id].Time)
			after := energy.Energy(rnd.Int64N(int64(min(d.Nanoseconds()/1000*100, int64(time.Second)))+1)) * 1
			after = min(after, one.shown-one.was)
			limit := energy.Limit(one.power, since+2*time.Second)
			shows := after / one.unit * one.unit
			if w := inUse(meter, one.id); w.offset == 0 && last[one.id].State == energy.OK && limit < one.modulus && shows < lastRaw[one.id] && one.modulus-lastRaw[one.id]+shows > limit {
				one.reset(after)
				did["resets"]++
			}
		case act == 2:
			m.fail[one.dirs[0]+"/energy_uj"] = syscall.EIO
			did["errors"]++
		case act == 3:
			for _, dir := range one.dirs {
				m.fail[dir+"/energy_uj"] = syscall.EIO
			}
			did["errors of all ways"]++
		case act == 4: // deep sleep: all start again
			asleep += time.Duration(rnd.Int64N(int64(10 * time.Hour)))
			for _, r := range regs {
				r.reset(energy.Energy(rnd.Int64N(int64(r.shown-r.was)/2 + 1)))
			}
			did["deep sleeps"]++
		case act == 5: // shallow sleep: all go on
			nap := time.Duration(rnd.Int64N(int64(time.Hour)))
			for _, r := range regs {
				// What is drawn asleep is in no bound, unless the counter shows it.
				drawn := (energy.Watt / 2).Over(nap)
				if latest[r.id].State == energy.OK && inUse(meter, r.id).offset == 0 && r.value(0)+drawn < r.modulus {
					r.truth, r.shown = r.truth+drawn, r.shown+drawn
				}
			}
			asleep += nap
			did["shallow sleeps"]++
		case act == 6 && away == 0:
			away = 1 + rnd.IntN(4)
			for name := range m.MapFS {
				if strings.HasPrefix(name, regs[2].dirs[0]+"/") {
					delete(m.MapFS, name)
				}
			}
			if rnd.IntN(2) == 0 {
				regs[2].reset(0)
			}
			did["zones that went"]++
		case act == 7:
			lr := last[one.id]
			if far := lastRaw[one.id] + 2*energy.Limit(one.power, time.Since(lr.Time)+time.Second); latest[one.id].State == energy.OK && far < one.modulus && len(one.dirs) == 1 && m.MapFS[one.dirs[0]+"/energy_uj"] != nil {
				one.set(m)
				m.MapFS[one.dirs[0]+"/energy_uj"].Data = fmt.Appendf(nil, "%d\n", far)
				did["glitches"]++
				for _, r := range regs {
					if r != one {
						r.set(m)
					}
				}
				glitched := byID(read(3, t, meter))
				check(t, seed, regs, first, glitched, worst)
				last, latest = keepOK(last, glitched), glitched
				for _, r := range regs {
					if glitched[r.id].State == energy.OK {
						lastRaw[r.id], r.was = r.value(0), r.shown
					}
				}
				continue
			}
		case act == 8 && away > 0:
			if away--; away == 0 {
				regs[2].dirs[0] = c + fmt.Sprintf("intel-rapl:%x", 2+rnd.IntN(30))
				regs[2].zone(m, 0, "package-1", 400*energy.Watt)
			}
		}
		for _, r := range regs {
			r.set(m)
		}
		now := byID(read(3, t, meter))
		check(t, seed, regs, first, now, worst)
		for _, r := range regs {
			if now[r.id].State == energy.OK {
				lastRaw[r.id], r.was = r.value(0), r.shown
			}
			did["wraps"] += int(now[r.id].Wraps - last[r.id].Wraps)
		}
		last, latest = keepOK(last, now), now
	}
}

// inUse is the route by which a component is read.
func inUse(m *Meter, id string) route {
	c := m.find(id)
	return c.routes[c.in]
}

// keepOK replaces what was read now and leaves the rest.
func keepOK(last, now map[string]energy.Reading) map[string]energy.Reading {
	for id, r := range now {
		if r.State == energy.OK || r.State == energy.Dead {
			last[id] = r
		}
	}
	return last
}

func read(n int, t *testing.T, m *Meter) []energy.Reading {
	t.Helper()
	list, _ := m.Read(t.Context(), nil) // what fails is what the test makes fail
	require.Len(t, list, n)
	return list
}

func check(t *testing.T, seed uint64, regs []*register, first, now map[string]energy.Reading, worst map[string]float64) {
	t.Helper()
	for _, r := range regs {
		v := now[r.id]
		if v.State != energy.OK && v.State != energy.Dead {
			continue
		}
		truth := r.truth
		edges := first[r.id].Edge + v.Edge
		total := v.Total
		require.LessOrEqual(t, total-edges, truth, "seed %d: %s is above the truth: %+v", seed, r.id, v)
		require.LessOrEqual(t, truth, total+v.Missed+edges, "seed %d: %s is below the truth: %+v", seed, r.id, v)
		if v.Missed == 0 {
			worst[r.id] = max(worst[r.id], math.Abs(float64(total-truth))/float64(edges))
		}
	}
}

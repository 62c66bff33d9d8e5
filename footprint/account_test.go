package footprint_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

var (
	start = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	grid  = regions.Intensity{
		Zone: "FR", Name: "France", Kind: regions.AnnualAverage, Scope: regions.Lifecycle,
		Year: 2025, PerKWh: 41, Source: "a table", Licence: "CC-BY-4.0", Basis: "generation",
	}
	pkg     = measured(energy.CPU, "package-0", "")
	dram    = measured(energy.Memory, "dram-0", "")
	pkgLike = modelled(energy.CPU, "package-0")
)

func measured(k energy.Kind, id, within string) energy.Component {
	return energy.Component{
		Kind: k, ID: id, Within: within, Basis: energy.Measured, Name: id,
		Source: "rapl", Scope: "package", BandLow: 1, BandHigh: 1,
	}
}

func modelled(k energy.Kind, id string) energy.Component {
	return energy.Component{
		Kind: k, ID: id, Basis: energy.Modelled, Name: id,
		Source: "estimate", Scope: "vcpu-share", BandLow: 0.5, BandHigh: 2,
	}
}

// at gives a sample of n seconds after the start.
func at(n float64, rs ...energy.Reading) footprint.Sample {
	t := start.Add(time.Duration(n * float64(time.Second)))
	for i := range rs {
		rs[i].Time = t
	}
	return footprint.Sample{Time: t, Wall: t, Intensity: grid, Readings: rs}
}

func joules(c energy.Component, j float64) energy.Reading {
	return energy.Reading{Component: c, Total: energy.Joules(j), MaxPower: 200 * energy.Watt}
}

func in(s energy.State, r energy.Reading) energy.Reading { r.State = s; return r }

func run(samples ...footprint.Sample) footprint.Report {
	var a footprint.Account
	for _, s := range samples {
		a.Add(s)
	}
	return a.Report()
}

func line(t *testing.T, r footprint.Report, basis energy.Basis, id string) footprint.Line {
	t.Helper()
	for _, l := range r.Components {
		if l.ID == id && l.Basis == basis {
			return l
		}
	}
	t.Fatalf("no %s line %s in %v", basis, id, r.Components)
	return footprint.Line{}
}

func codes(r footprint.Report) (c []string) {
	for _, w := range r.Warnings {
		c = append(c, w.Code)
	}
	return c
}

func TestContainedAndPlatformAreNeverAdded(t *testing.T) {
	rs := func(k float64) []energy.Reading {
		return []energy.Reading{
			joules(pkg, 100*k),
			joules(measured(energy.CPU, "core-0", "package-0"), 60*k),
			joules(measured(energy.CPU, "uncore-0", "package-0"), 10*k),
			joules(dram, 20*k),
			joules(measured(energy.Platform, "psys", ""), 150*k),
		}
	}
	r := run(at(0, rs(0)...), at(10, rs(1)...))
	assert.Equal(t, 120*energy.Joule, r.MachineEnergy)
	assert.Equal(t, 120*energy.Joule, r.Energy)
	assert.Len(t, r.Components, 5, "all are shown")
	assert.Zero(t, line(t, r, energy.Measured, "psys").Charged)
	assert.Zero(t, line(t, r, energy.Measured, "core-0").Charged)
	assert.Equal(t, 1.0, *r.MeasuredShare)
	assert.Equal(t, 1.0, r.Coverage)
}

func TestEmissionsAreEnergyTimesPUETimesIntensity(t *testing.T) {
	a := footprint.Account{PUE: 1.5}
	a.Add(at(0, joules(pkg, 0)))
	a.Add(at(3600, joules(pkg, 3.6e6)))
	r := a.Report()
	assert.InDelta(t, 1.5*41, float64(r.Emissions), 1e-9)
	assert.Equal(t, "given", r.PUE.Source)
	assert.Equal(t, energy.KilowattHour, r.Energy, "the PUE is in the emissions alone")
}

func TestEmissionsFollowAnIntensityThatChanges(t *testing.T) {
	a, b := at(0, joules(pkg, 0)), at(10, joules(pkg, 3.6e6))
	b.Intensity.PerKWh = 500
	b.Intensity.Kind = regions.Live
	c := at(20, joules(pkg, 3*3.6e6))
	c.Intensity = b.Intensity
	r := run(a, b, c)
	assert.InDelta(t, 1*41+2*500, float64(r.Emissions), 1e-9)
	assert.InDelta(t, (1*41+2*500)/3.0, float64(r.Intensity.PerKWh), 1e-9)
	require.Len(t, r.Intensity.Parts, 2)
	assert.Equal(t, regions.Mixed, r.Intensity.Kind)
	assert.Equal(t, r.Energy, r.Intensity.Parts[0].Energy+r.Intensity.Parts[1].Energy)
}

// TestEmissionsOfComponents: each has those of the hours in which it used its energy.
func TestEmissionsOfComponents(t *testing.T) {
	a, b := at(0, joules(pkg, 0), joules(dram, 0)), at(10, joules(pkg, 3.6e6), joules(dram, 0))
	b.Intensity.PerKWh, b.Intensity.Kind = 500, regions.Live
	c := at(20, joules(pkg, 3.6e6), joules(dram, 2*3.6e6))
	c.Intensity = b.Intensity
	acc := footprint.Account{PUE: 1.5}
	for _, s := range []footprint.Sample{a, b, c} {
		acc.Add(s)
	}
	r := acc.Report()
	require.NotNil(t, line(t, r, energy.Measured, "package-0").Emissions)
	assert.InDelta(t, 1.5*41, float64(*line(t, r, energy.Measured, "package-0").Emissions), 1e-9)
	assert.InDelta(t, 1.5*2*500, float64(*line(t, r, energy.Measured, "dram-0").Emissions), 1e-9)

	core := measured(energy.CPU, "core-0", "package-0")
	r = run(at(0, joules(pkg, 0), joules(core, 0)), at(1, joules(pkg, 10), joules(core, 9)))
	assert.Nil(t, line(t, r, energy.Measured, "core-0").Emissions, "they are within another's")
	assert.InEpsilon(t, float64(r.Emissions), float64(*line(t, r, energy.Measured, "package-0").Emissions), 1e-12)

	one, two := at(0, joules(pkg, 0)), at(1, joules(pkg, 10))
	one.Intensity, two.Intensity = regions.Intensity{}, regions.Intensity{}
	assert.Nil(t, line(t, run(one, two), energy.Measured, "package-0").Emissions, "no intensity is known")
}

func TestAModelStandsInOnlyWhereNothingIsRead(t *testing.T) {
	// Measured at 10 W, modelled at 30 W.
	both := func(n float64, s energy.State) footprint.Sample {
		return at(n, in(s, joules(pkg, 10*n)), joules(pkgLike, 30*n))
	}
	t.Run("read throughout", func(t *testing.T) {
		r := run(both(0, energy.OK), both(1, energy.OK), both(2, energy.OK))
		assert.Equal(t, 20*energy.Joule, r.Energy)
		assert.Len(t, r.Components, 1, "a model that was never needed is not shown")
	})
	t.Run("absent", func(t *testing.T) {
		r := run(at(0, joules(pkgLike, 0)), at(2, joules(pkgLike, 60)))
		assert.Equal(t, 60*energy.Joule, r.Energy)
		assert.Equal(t, 30*energy.Joule, r.EnergyLow)
		assert.Equal(t, 120*energy.Joule, *r.EnergyHigh)
		assert.Zero(t, *r.MeasuredShare)
		assert.Contains(t, codes(r), footprint.AllModelled)
	})
	t.Run("a failed read is caught up by the next", func(t *testing.T) {
		r := run(both(0, energy.OK), both(1, energy.Held), both(2, energy.OK))
		assert.Equal(t, 20*energy.Joule, r.Energy)
		assert.Equal(t, 1.0, r.Coverage)
	})
	t.Run("held at the end", func(t *testing.T) {
		r := run(both(0, energy.OK), both(1, energy.OK), in2(both(2, energy.Held), 10))
		assert.Equal(t, 40*energy.Joule, r.Energy, "10 measured, 30 modelled")
		assert.Equal(t, 0.5, line(t, r, energy.Measured, "package-0").Coverage)
		assert.Equal(t, 1.0, r.Coverage)
		assert.Equal(t, 0.25, *r.MeasuredShare)
	})
	t.Run("lost in mid-run", func(t *testing.T) {
		r := run(both(0, energy.OK), both(1, energy.OK), in2(both(2, energy.Lost), 10), in2(both(3, energy.Lost), 10))
		assert.Equal(t, 70*energy.Joule, r.Energy, "10 measured, 60 modelled")
		assert.Equal(t, "lost", line(t, r, energy.Measured, "package-0").Status)
		assert.Contains(t, codes(r), footprint.CounterLost)
	})
	t.Run("late", func(t *testing.T) {
		r := run(at(0, joules(pkgLike, 0)), at(1, joules(pkgLike, 30)),
			at(2, joules(pkgLike, 60), joules(pkg, 0)), at(3, joules(pkgLike, 90), joules(pkg, 10)))
		assert.Equal(t, 70*energy.Joule, r.Energy, "60 modelled, 10 measured")
		assert.InDelta(t, 1.0/3, line(t, r, energy.Measured, "package-0").Coverage, 1e-9)
		assert.InDelta(t, 2.0/3, line(t, r, energy.Modelled, "package-0").Coverage, 1e-9)
	})
	t.Run("dead from the start", func(t *testing.T) {
		dead := joules(pkg, 0)
		r := run(at(0, dead, joules(pkgLike, 0)), at(1, in(energy.Dead, dead), joules(pkgLike, 30)),
			at(2, in(energy.Dead, dead), joules(pkgLike, 60)))
		assert.Equal(t, 60*energy.Joule, r.Energy)
		l := line(t, r, energy.Measured, "package-0")
		assert.Nil(t, l.Energy, "a dead counter has read nothing, not 0")
		assert.Equal(t, "dead", l.Status)
		assert.Contains(t, codes(r), footprint.CounterDead)
	})
	t.Run("dies stand for their package", func(t *testing.T) {
		die := measured(energy.CPU, "package-0-die-1", "")
		r := run(at(0, joules(die, 0), joules(pkgLike, 0)), at(1, joules(die, 5), joules(pkgLike, 30)))
		assert.Equal(t, 5*energy.Joule, r.Energy)
	})
}

// in2 sets what the first reading of a sample still shows.
func in2(s footprint.Sample, j float64) footprint.Sample {
	s.Readings[0].Total = energy.Joules(j)
	return s
}

func TestBoundsHoldEdgesMissedAndUnreadTime(t *testing.T) {
	edge := func(r energy.Reading) energy.Reading { r.Edge = energy.Joule; return r }
	t.Run("edges", func(t *testing.T) {
		r := run(at(0, edge(joules(pkg, 0))), at(1, edge(joules(pkg, 100))))
		assert.Equal(t, 98*energy.Joule, r.EnergyLow)
		assert.Equal(t, 102*energy.Joule, *r.EnergyHigh)
	})
	t.Run("never below 0", func(t *testing.T) {
		r := run(at(0, edge(joules(pkg, 0))), at(0.01, edge(joules(pkg, 0.5))))
		assert.Zero(t, r.EnergyLow)
		assert.Contains(t, codes(r), footprint.TooShort)
	})
	t.Run("a reset", func(t *testing.T) {
		after := joules(pkg, 30)
		after.Missed, after.Resets, after.Gaps = 170*energy.Joule, 1, 1
		r := run(at(0, joules(pkg, 0)), at(1, joules(pkg, 20)), at(2, after))
		assert.Equal(t, 30*energy.Joule, r.Energy)
		assert.Equal(t, 200*energy.Joule, *r.EnergyHigh)
		assert.Equal(t, 0.5, r.Coverage)
		assert.Contains(t, codes(r), footprint.CounterReset)
		assert.Contains(t, codes(r), footprint.LowCoverage)
	})
	t.Run("lost without a model", func(t *testing.T) {
		r := run(at(0, joules(pkg, 0)), at(1, joules(pkg, 20)), at(3, in(energy.Lost, joules(pkg, 20))))
		assert.Equal(t, 20*energy.Joule, r.Energy)
		assert.Equal(t, 420*energy.Joule, *r.EnergyHigh, "two seconds of 200 W more")
		assert.InDelta(t, 1.0/3, r.Coverage, 1e-9)
	})
	t.Run("a meter that is gone altogether", func(t *testing.T) {
		r := run(at(0, joules(pkg, 0)), at(1, joules(pkg, 20)), at(2))
		assert.Equal(t, 220*energy.Joule, *r.EnergyHigh)
		assert.Equal(t, 0.5, r.Coverage)
	})
}

func use(s footprint.Sample, mine, all float64) footprint.Sample {
	s.Use = []energy.Use{{Kind: energy.CPU, Mine: mine, All: all, Capacity: 1000, Known: true}}
	return s
}

func TestTheWorkPaysItsShareOfWhatAllUsed(t *testing.T) {
	samples := []footprint.Sample{
		use(at(0, joules(pkg, 0)), 5, 50),
		use(at(1, joules(pkg, 100)), 6, 54), // a quarter of 100 J
		at(2, joules(pkg, 150)),             // not known
		use(at(3, joules(pkg, 200)), 8, 56), // all of the next 100 J
	}
	t.Run("machine is charged", func(t *testing.T) {
		r := run(samples...)
		assert.Equal(t, 125*energy.Joule, *r.ProcessEnergy)
		assert.Equal(t, 200*energy.Joule, r.Energy)
		assert.InDelta(t, 0.625, *r.Components[0].Share, 1e-9)
	})
	t.Run("process is charged", func(t *testing.T) {
		a := footprint.Account{Run: footprint.Run{Charge: footprint.ChargeProcess}}
		for _, s := range samples {
			a.Add(s)
		}
		r := a.Report()
		assert.Equal(t, 125*energy.Joule, r.Energy)
		assert.Equal(t, 125*energy.Joule, r.Components[0].Charged)
		assert.Equal(t, 200*energy.Joule, r.MachineEnergy)
		assert.Equal(t, r.Energy, r.Intensity.Parts[0].Energy)
		assert.InDelta(t, 125/3.6e6*41, float64(r.Emissions), 1e-12)
	})
	t.Run("so far, what is not settled goes as before", func(t *testing.T) {
		r := run(samples[:3]...)
		assert.Equal(t, energy.Joules(37.5), *r.ProcessEnergy)
	})
	t.Run("what nobody can tell is charged whole, and said", func(t *testing.T) {
		r := run(
			use(at(0, joules(pkg, 0), joules(dram, 0)), 0, 0),
			use(at(1, joules(pkg, 100), joules(dram, 10)), 1, 2))
		assert.Equal(t, 60*energy.Joule, *r.ProcessEnergy)
		assert.Nil(t, line(t, r, energy.Measured, "dram-0").ProcessEnergy)
		assert.Contains(t, codes(r), footprint.ShareUnknown)
	})
	t.Run("no use at all", func(t *testing.T) {
		r := run(at(0, joules(pkg, 0)), at(1, joules(pkg, 100)))
		assert.Nil(t, r.ProcessEnergy)
		assert.NotContains(t, codes(r), footprint.ShareUnknown)
	})
}

func TestPublishedAttributions(t *testing.T) {
	// Known answers of the formula that charges CPU energy by the share of CPU
	// time and memory energy by the share of memory (60 W package, 10 W memory…).
	for _, c := range []struct{ pkgW, dramW, cpu, mem, want float64 }{
		{60, 10, 0.5, 0.25, 32.5},
		{60, 10, 1, 0.5, 65},
		{45, 15, 0.1, 0.9, 18},
		{45, 15, 0.9, 0.05, 41.25},
	} {
		a, b := at(0, joules(pkg, 0), joules(dram, 0)), at(1, joules(pkg, c.pkgW), joules(dram, c.dramW))
		share := func(f float64, n float64) []energy.Use {
			return []energy.Use{
				{Kind: energy.CPU, Mine: n * c.cpu, All: n, Capacity: 8 * n, Known: true},
				{Kind: energy.Memory, Mine: n * c.mem, All: n, Capacity: 8 * n, Known: true},
			}
		}
		a.Use, b.Use = share(0, 0), share(1, 1)
		r := run(a, b)
		assert.InDelta(t, c.want, r.ProcessEnergy.Joules(), 1e-6)
	}
}

func TestSharesStayWithinTheWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		a := footprint.Account{Policy: func(footprint.Span) float64 {
			return []float64{math.NaN(), math.Inf(1), -1, 0, 0.3, 1, 7}[rng.IntN(7)]
		}}
		var total, mine, all float64
		for n := range 20 {
			total += rng.Float64() * 100
			mine += rng.Float64()*2 - 0.5 // process numbers are reused: it may fall
			all += rng.Float64()
			s := at(float64(n), joules(pkg, total), joules(dram, total/7), joules(pkgLike, total*2))
			if rng.IntN(3) > 0 {
				s = use(s, mine, all)
			}
			if rng.IntN(4) == 0 {
				s.Readings[0].State = energy.State(rng.IntN(5))
			}
			a.Add(s)
			r := a.Report()
			var sum energy.Energy
			for _, l := range r.Components {
				sum += l.Charged
				if l.Energy != nil {
					require.LessOrEqual(t, *l.Low, *l.Energy)
					require.GreaterOrEqual(t, *l.High, *l.Energy)
				}
				if l.ProcessEnergy != nil {
					require.LessOrEqual(t, *l.ProcessEnergy, *l.Energy)
					require.GreaterOrEqual(t, *l.ProcessEnergy, energy.Energy(0))
				}
			}
			require.Equal(t, sum, r.Energy, "the lines add up to the headline")
			require.LessOrEqual(t, r.EnergyLow, r.Energy)
			require.GreaterOrEqual(t, *r.EnergyHigh, r.Energy)
			var parts energy.Energy
			for _, p := range r.Intensity.Parts {
				parts += p.Energy
			}
			require.Equal(t, r.Energy, parts)
			_, err := json.Marshal(r)
			require.NoError(t, err, "no infinity, no NaN")
		}
	}
}

func TestClocksThatStep(t *testing.T) {
	a, b := at(0, joules(pkg, 0)), at(10, joules(pkg, 100))
	b.Wall = b.Wall.Add(-time.Hour)
	r := run(a, b)
	assert.Equal(t, 10.0, r.DurationS)
	assert.Equal(t, 100*energy.Joule, r.Energy)
	assert.Contains(t, codes(r), footprint.ClockStep)

	r = run(a, at(-5, joules(pkg, 900)), at(10, joules(pkg, 100)))
	assert.Equal(t, 100*energy.Joule, r.Energy, "a sample from the past is left out")
}

func TestAbsentIsNotZero(t *testing.T) {
	r := run()
	assert.Nil(t, r.MeasuredShare)
	assert.Nil(t, r.ProcessEnergy)
	assert.Contains(t, codes(r), footprint.NothingCounted)
	b, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Contains(t, string(b), `"components":[]`)
	assert.Contains(t, string(b), `"epochs":[]`)

	r = run(at(0, joules(pkg, 3)))
	assert.Zero(t, r.Energy, "one sample is no span")
}

func TestNoRegionIsSaidLoudly(t *testing.T) {
	a, b := at(0, joules(pkg, 0)), at(1, joules(pkg, 1))
	world := regions.Intensity{Zone: "WORLD", Name: "World", Kind: regions.WorldDefault, Year: 2025, PerKWh: 458}
	a.Intensity, b.Intensity = world, world
	r := run(a, b)
	require.NotEmpty(t, r.Warnings)
	assert.Equal(t, footprint.RegionAssumed, r.Warnings[0].Code)
	assert.NotEmpty(t, r.Warnings[0].Hint)
}

func TestARecordingReplaysToTheLastDigit(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		a := footprint.Account{
			Run: footprint.Run{ID: "0198", Project: "p", Labels: map[string]string{"b": "1", "a": "2"}, Charge: footprint.ChargeProcess},
			PUE: 1.1, Host: footprint.Host{Name: "h", CPUThreads: 4},
		}
		var buf bytes.Buffer
		rec, err := footprint.Record(&buf, &a)
		require.NoError(t, err)
		mono := time.Now() // carries a monotonic part
		var total, mine, all float64
		for n := range 10 {
			total += rng.Float64() * 100
			mine, all = mine+rng.Float64(), all+1
			s := use(at(float64(n), joules(pkg, total), joules(pkgLike, total*2)), mine, all)
			s.Time = mono.Add(time.Duration(rng.IntN(1e6)) + time.Duration(n)*time.Second)
			s.Readings[0].State = energy.State(rng.IntN(3))
			s.Intensity.PerKWh += regions.Grams(rng.IntN(2))
			if n == 5 {
				s.Faults = []footprint.Fault{{Code: footprint.ReadFault, Text: "x"}}
			}
			a.Add(s)
			require.NoError(t, rec.Add(s))
		}
		code := 0
		a.End = footprint.End{Status: footprint.Completed, ExitCode: &code}
		require.NoError(t, rec.End(a.End))
		got, err := footprint.Replay(bytes.NewReader(buf.Bytes()))
		require.NoError(t, err)
		want, _ := json.Marshal(a.Report())
		have, _ := json.Marshal(got)
		require.JSONEq(t, string(want), string(have))
		require.Equal(t, string(want), string(have))

		// One that breaks off gives what it has, and says where.
		cut := buf.Bytes()[:buf.Len()-buf.Len()/3]
		part, err := footprint.Replay(bytes.NewReader(cut))
		assert.Error(t, err)
		assert.LessOrEqual(t, part.Energy, *a.Report().EnergyHigh)
	}
}

func FuzzReplay(f *testing.F) {
	var a footprint.Account
	var buf bytes.Buffer
	rec, _ := footprint.Record(&buf, &a)
	for n := range 3 {
		_ = rec.Add(use(at(float64(n), joules(pkg, float64(n)), joules(pkgLike, 2)), float64(n), 9))
	}
	_ = rec.Add(footprint.Sample{Time: start.Add(time.Minute), Wall: start, Forecast: []regions.Intensity{grid}, Marks: []footprint.Mark{
		{Edge: footprint.EpochStart, Index: 1 << 40, Of: 3}, {Edge: footprint.EpochEnd, Late: time.Hour},
		{Edge: footprint.EpochEnd, Whole: true, Index: -5}, {Edge: footprint.TaskStart, ID: 1, Within: 1},
	}})
	_ = rec.End(footprint.End{})
	f.Add(buf.Bytes())
	f.Add([]byte("{}"))
	f.Add([]byte(`{"schema":"carbonctl.samples/v1","account":{}}` + "\n" + `{"sample":{"readings":[{"c":-1}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, _ := footprint.Replay(bytes.NewReader(b))
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	var a footprint.Account
	s := use(at(0, joules(pkg, 0), joules(dram, 0), joules(pkgLike, 0)), 0, 0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Time = start.Add(time.Duration(i) * time.Second)
		s.Readings[0].Total += energy.Joule
		a.Add(s)
	}
}

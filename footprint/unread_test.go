package footprint_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

func TestWhatIsThereAndNotReadIsNull(t *testing.T) {
	for _, state := range []energy.State{energy.Lost, energy.Late, energy.Dead} {
		for _, limit := range []energy.Power{400 * energy.Watt, 0} {
			unread := energy.Reading{Component: gpu, State: state, MaxPower: limit}
			r := run(at(0, joules(pkg, 0), unread), at(5, joules(pkg, 100), unread), at(10, joules(pkg, 200), unread))
			l := line(t, r, energy.Measured, "GPU-1")
			assert.Nil(t, l.Energy)
			assert.Zero(t, *l.Low)
			assert.Equal(t, state.String(), l.Status)
			assert.Equal(t, 200*energy.Joule, r.Energy)
			assert.Equal(t, 200*energy.Joule, r.EnergyLow)
			assert.Equal(t, 0.5, r.Coverage)
			if limit == 0 {
				assert.Nil(t, l.High)
				assert.Nil(t, r.EnergyHigh)
				assert.Nil(t, r.EmissionsHigh)
				b, err := json.Marshal(r)
				require.NoError(t, err)
				assert.Contains(t, string(b), `"energy_high_joules":null`)
				assert.Contains(t, r.String(), "at least 200 J")
			} else {
				assert.Equal(t, 4000*energy.Joule, *l.High)
				assert.Equal(t, 4200*energy.Joule, *r.EnergyHigh)
			}
			if state != energy.Dead {
				assert.Contains(t, codes(r), footprint.ComponentUnread)
			}
		}
	}
}

// A counter that had said 200 W where its model says 3 W is not followed by 3 W.
func TestAModelIsScaledByWhatBothSaid(t *testing.T) {
	for _, tt := range []struct {
		name    string
		dies    int // s
		still   int // samples that look well while it stands still
		state   energy.State
		returns int
		want    float64 // of 60 s
	}{
		{"lost", 20, 0, energy.Lost, 0, 200 * 60},
		{"dead at once", 20, 0, energy.Dead, 0, 200 * 60},
		{"stands still, told late", 20, 5, energy.Dead, 0, 200 * 60},
		{"comes back and has counted on", 20, 0, energy.Lost, 40, 200 * 60},
		{"lost early: not scaled", 5, 0, energy.Lost, 0, 200*5 + 3*55},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var a footprint.Account
			for i := range 61 {
				r := joules(pkg, 200*float64(i))
				r.MaxPower = 300 * energy.Watt
				if i > tt.dies && (tt.returns == 0 || i < tt.returns) {
					r.Total = energy.Joules(200 * float64(tt.dies))
					if i > tt.dies+tt.still {
						r.State = tt.state
					}
				}
				a.Add(at(float64(i), r, joules(pkgLike, 3*float64(i))))
			}
			r := a.Report()
			assert.InDelta(t, tt.want, r.Energy.Joules(), 1)
			assert.Equal(t, 1.0, r.Coverage)
			assert.LessOrEqual(t, r.EnergyLow.Joules(), 200.0*60)
			assert.GreaterOrEqual(t, r.EnergyHigh.Joules(), 200.0*60)
			gap := 60.0 - float64(tt.dies)
			if tt.returns > 0 {
				gap = float64(tt.returns - tt.dies)
			}
			model := line(t, r, energy.Modelled, "package-0")
			assert.Equal(t, energy.Joules(300*gap), *model.High, "the greatest plausible power")
			assert.Equal(t, energy.Joules(3*gap/2), *model.Low, "the lower end of the band, not scaled")
			assert.InDelta(t, gap/60, model.Coverage, 1e-9)
			for _, w := range r.Warnings {
				assert.NotContains(t, w.Text, "not counted")
			}
		})
	}
}

// A module that holds the CPU and becomes known late is one relation, in the account
// and in a recording.
func TestAModuleIsKnownLate(t *testing.T) {
	for _, cpu := range []energy.Component{pkg, pkgLike} {
		var a footprint.Account
		var buf bytes.Buffer
		rec, err := footprint.Record(&buf, &a)
		require.NoError(t, err)
		for i := range 101 {
			s := at(float64(i), joules(cpu, 50*float64(i)), joules(dram, 5*float64(i)))
			if i >= 3 {
				s.Readings = append(s.Readings, energy.Reading{Component: gpu, Time: s.Time, Total: energy.Joules(500 * float64(i)), MaxPower: 900 * energy.Watt})
			}
			if i == 3 {
				s.Facts = &footprint.Facts{GPUs: []string{"GH200"}, Module: "GPU-1"}
			}
			a.Add(s)
			require.NoError(t, rec.Add(s))
		}
		require.NoError(t, rec.End(a.End))
		r := a.Report()
		assert.Len(t, r.Components, 3, "no line twice")
		assert.Equal(t, 48500*energy.Joule, r.Energy)
		assert.Equal(t, (48500+2700)*energy.Joule, *r.EnergyHigh)
		assert.Equal(t, 0.97, r.Coverage)
		assert.Equal(t, "GPU-1", *line(t, r, cpu.Basis, "package-0").Within)
		assert.Equal(t, []string{"GH200"}, r.Host.GPUs)
		again, err := footprint.Replay(&buf)
		require.NoError(t, err)
		want, _ := json.Marshal(r)
		have, _ := json.Marshal(again)
		assert.JSONEq(t, string(want), string(have))
	}
}

func TestUnknownUsersGetTheIntensityOfTheTime(t *testing.T) {
	a := footprint.Account{Run: footprint.Run{Charge: footprint.ChargeProcess}}
	for i := range 7 {
		s := use(at(1200*float64(i), joules(pkg, 0.3e6*float64(i)), joules(gpu, 6e5*float64(i))), float64(i), float64(2*i))
		if i >= 3 {
			s.Intensity.PerKWh = 900
		}
		a.Add(s)
	}
	r := a.Report()
	require.Len(t, r.Intensity.Parts, 2)
	kwh := 3 * (0.15 + 0.6) / 3.6
	assert.InDelta(t, kwh*41+kwh*900, float64(r.Emissions), 1e-6)
	assert.Equal(t, r.Intensity.Parts[0].Energy, r.Intensity.Parts[1].Energy)
}

func TestFaultsDoNotCrowdOut(t *testing.T) {
	var a footprint.Account
	for i := range 60 {
		a.Note(footprint.Fault{Code: footprint.CounterRefused, Text: fmt.Sprintf("read energy_uj: %d", i)})
		a.Note(footprint.Fault{Code: footprint.ReadFault, Component: fmt.Sprint(i), Text: fmt.Sprint(i)})
	}
	a.Note(footprint.Fault{Code: footprint.NotRecorded, Text: "no space left on device"})
	r := a.Report()
	counts := map[string]int{}
	for _, w := range r.Warnings {
		counts[w.Code]++
		if w.Code == footprint.CounterRefused {
			assert.Equal(t, "read energy_uj: 0 (60 times)", w.Text)
			assert.Equal(t, 60, w.Count)
		}
	}
	assert.Equal(t, 1, counts[footprint.CounterRefused])
	assert.Equal(t, 20, counts[footprint.ReadFault])
	assert.Equal(t, 1, counts[footprint.NotRecorded])
}

func TestIntensitiesThatCannotBe(t *testing.T) {
	with := func(n float64, f func(*regions.Intensity)) footprint.Sample {
		s := at(n, joules(pkg, 3.6e6*n))
		f(&s.Intensity)
		return s
	}
	for name, bad := range map[string]func(*regions.Intensity){
		"NaN":       func(in *regions.Intensity) { in.PerKWh = regions.Grams(math.NaN()) },
		"infinite":  func(in *regions.Intensity) { in.PerKWh = regions.Grams(math.Inf(1)) },
		"negative":  func(in *regions.Intensity) { in.PerKWh = -1 },
		"marginal":  func(in *regions.Intensity) { in.Marginal = true },
		"direct":    func(in *regions.Intensity) { in.Scope, in.PerKWh = regions.Direct, 5 },
		"not known": func(in *regions.Intensity) { *in = regions.Intensity{} },
	} {
		keep := func(*regions.Intensity) {}
		r := run(with(0, keep), with(1, bad), with(2, bad), with(3, keep))
		assert.InDelta(t, 3*41, float64(r.Emissions), 1e-9, name)
		assert.Len(t, r.Intensity.Parts, 1, name)
		_, err := json.Marshal(r)
		require.NoError(t, err, name)
		if name != "not known" {
			assert.Equal(t, name == "direct", codes(r)[0] == footprint.IntensityScope, name)
			assert.Contains(t, []string{footprint.IntensityScope, footprint.IntensityStale}, codes(r)[0], name)
		}
	}
	none := func(in *regions.Intensity) { *in = regions.Intensity{} }
	r := run(with(0, none), with(1, none), with(2, func(*regions.Intensity) {}), with(3, none))
	assert.InDelta(t, 3*41, float64(r.Emissions), 1e-9, "what came before the first answer waits for it")
	assert.Equal(t, "FR", r.Region.Zone)
}

// An account does not grow with time: a figure a second, for a day.
func TestPartsAreBounded(t *testing.T) {
	a := footprint.Account{Run: footprint.Run{Charge: footprint.ChargeProcess}}
	truth := 0.0
	for i := range 86401 {
		s := use(at(float64(i), joules(pkg, 100*float64(i)), joules(dram, 10*float64(i))), float64(i), float64(2*i))
		s.Intensity.PerKWh = regions.Grams(100 + i%977)
		if i > 0 {
			truth += 60 / 3.6e6 * float64(100+(i-1)%977)
		}
		a.Add(s)
	}
	r := a.Report()
	assert.LessOrEqual(t, len(r.Intensity.Parts), 1000)
	assert.InEpsilon(t, truth, float64(r.Emissions), 1e-9)
	var sum energy.Energy
	var grams float64
	for i, p := range r.Intensity.Parts {
		sum += p.Energy
		grams += p.Energy.KilowattHours() * float64(p.PerKWh)
		if i > 0 {
			assert.Equal(t, r.Intensity.Parts[i-1].To, p.From)
		}
	}
	assert.Equal(t, r.Energy, sum)
	assert.InEpsilon(t, truth, grams, 1e-9)
	b, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Less(t, len(b), 400_000)
}

func TestOverheadIsByCapacity(t *testing.T) {
	var a footprint.Account
	a.Host.CPUThreads = 4
	a.Add(at(0, joules(pkg, 0), joules(dram, 0), joules(gpu, 0)))
	a.Add(at(10, joules(pkg, 600), joules(dram, 40), joules(gpu, 9000)))
	o := a.Overhead(200 * time.Millisecond)
	assert.Equal(t, 0.2, o.CPUSeconds)
	assert.Equal(t, energy.Joules(640*0.2/40), o.Energy)
}

func TestAReportPrintsItself(t *testing.T) {
	r := run(at(0, joules(pkg, 0)), at(82, joules(pkg, 86400)))
	assert.Equal(t, "so far: 984 mg CO2e from 24.0 Wh in 1m 22s, measured (energy ± 0.1 %)", r.String())
	assert.Equal(t, "energy unknown, 0 ms", footprint.Report{}.String())
	assert.Equal(t, "412 mg", fmt.Sprint(regions.Grams(0.412)))
}

func TestAStretchKnowsItsComponents(t *testing.T) {
	var a footprint.Account
	a.Add(marked(at(0, joules(pkg, 0), joules(gpu, 0)), footprint.Mark{Edge: footprint.TaskStart, ID: 7, Name: "x"}))
	_, _, ok := a.Finished(7)
	assert.False(t, ok)
	a.Add(marked(at(2, joules(pkg, 50), joules(gpu, 400)), footprint.Mark{Edge: footprint.TaskEnd, ID: 7}))
	s, parts, ok := a.Finished(7)
	require.True(t, ok)
	assert.Equal(t, 450*energy.Joule, s.Energy)
	require.Len(t, parts, 2)
	assert.Equal(t, "package-0", parts[0].Component)
	assert.Equal(t, 50*energy.Joule, parts[0].Energy)
	assert.Equal(t, 400*energy.Joule, *parts[1].High)
	assert.InDelta(t, float64(s.Emissions), float64(parts[0].Emissions+parts[1].Emissions), 1e-12)
	a.Add(at(3, joules(pkg, 60), joules(gpu, 500)))
	_, _, ok = a.Finished(7)
	assert.False(t, ok, "of the latest sample alone")
}

// A counter that dies does so at any time after it was last seen to stand: the rest
// of the span in which it last moved is in the bounds of the run and of its epochs,
// also of one that was over by then. So is what was shown and refused at the end of
// an epoch.
func TestWhatACounterLosesInItsLastStep(t *testing.T) {
	for _, dies := range []float64{0.1, 0.5, 0.9} {
		var a footprint.Account
		read := func(at1 float64, j float64, s energy.State, marks ...footprint.Mark) {
			s1 := at(at1, in(s, joules(pkg, j)))
			s1.Marks = marks
			a.Add(s1)
		}
		read(0, 0, energy.OK, epoch(footprint.EpochStart))
		read(1, 150, energy.OK)
		read(2, 150+150*dies, energy.OK, epoch(footprint.EpochEnd), epoch(footprint.EpochStart))
		read(3, 150+150*dies, energy.OK, epoch(footprint.EpochEnd))
		read(5, 150+150*dies, energy.Dead)
		r := a.Report()
		within(t, "run", 750, r.EnergyLow, r.EnergyHigh)
		within(t, "the epoch in which it died", 300, r.Epochs[0].EnergyLow, r.Epochs[0].EnergyHigh)
		within(t, "the epoch after", 150, r.Epochs[1].EnergyLow, r.Epochs[1].EnergyHigh)
		require.LessOrEqual(t, *r.Epochs[0].EnergyHigh, 151*energy.Joule+200*energy.Joule)
	}
	var a footprint.Account
	for i, state := range []energy.State{energy.OK, energy.OK, energy.Refused} {
		r := joules(pkg, min(100*float64(i), 100))
		r.State, r.MaxPower = state, 120*energy.Watt
		if state == energy.Refused {
			r.Missed = 500 * energy.Joule
		}
		s := at(float64(i), r)
		switch i {
		case 0:
			s.Marks = []footprint.Mark{epoch(footprint.EpochStart)}
		case 2:
			s.Marks = []footprint.Mark{epoch(footprint.EpochEnd)}
		}
		a.Add(s)
	}
	e := a.Report().Epochs[0]
	within(t, "a refused end", 600, e.EnergyLow, e.EnergyHigh)
}

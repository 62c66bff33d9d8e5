package footprint_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

func marked(s footprint.Sample, ms ...footprint.Mark) footprint.Sample {
	s.Marks = ms
	return s
}

func epoch(e footprint.Edge) footprint.Mark { return footprint.Mark{Edge: e} }

func task(e footprint.Edge, name string) footprint.Mark { return footprint.Mark{Edge: e, Name: name} }

func TestEpochsAndBetweenAreTheRun(t *testing.T) {
	r := run(
		at(0, joules(pkg, 0)),
		marked(at(1, joules(pkg, 7)), epoch(footprint.EpochStart)),
		at(2, joules(pkg, 20)),
		marked(at(4, joules(pkg, 57)), epoch(footprint.EpochEnd)),
		marked(at(5, joules(pkg, 60)), footprint.Mark{Edge: footprint.EpochStart, Index: 2, Of: 10, Name: "fine"}),
		marked(at(7, joules(pkg, 110)), epoch(footprint.EpochEnd)),
		at(10, joules(pkg, 130)),
	)
	require.Len(t, r.Epochs, 2)
	first, second := r.Epochs[0], r.Epochs[1]
	assert.Equal(t, 50*energy.Joule, first.Energy)
	assert.Equal(t, 3.0, first.DurationS)
	assert.Equal(t, start.Add(time.Second), first.StartedAt)
	assert.Equal(t, 1, first.Index)
	assert.True(t, first.Ended)
	assert.Equal(t, 1.0, first.Coverage)
	assert.InEpsilon(t, 50/3.6e6*41, float64(first.Emissions), 1e-9)
	assert.Equal(t, first.Energy, first.EnergyLow, "a counter without a tick")
	assert.Equal(t, 50*energy.Joule, second.Energy)
	assert.Equal(t, "fine", second.Name)
	assert.Equal(t, 30*energy.Joule, r.Between.Energy)
	assert.Equal(t, 5.0, r.Between.DurationS)
	assert.Nil(t, first.PredictedTotal, "no number of epochs was known")
	assert.NotNil(t, second.PredictedTotal)
}

func TestTheResolutionCountsAtBothEdges(t *testing.T) {
	read := func(n float64) footprint.Sample {
		r := joules(pkg, 10*n)
		r.Edge = energy.Joule / 2
		return at(n, r)
	}
	r := run(read(0), marked(read(10), epoch(footprint.EpochStart)), marked(read(20), epoch(footprint.EpochEnd)), read(30))
	e := r.Epochs[0]
	assert.Equal(t, 100*energy.Joule, e.Energy)
	assert.Equal(t, 99*energy.Joule, e.EnergyLow)
	assert.Equal(t, 101*energy.Joule, *e.EnergyHigh)
}

func TestALateEdgeWidensTheBounds(t *testing.T) {
	late := epoch(footprint.EpochEnd)
	late.Late = 100 * time.Millisecond
	r := run(at(0, joules(pkg, 0)), marked(at(10, joules(pkg, 100)), epoch(footprint.EpochStart)),
		marked(at(20, joules(pkg, 200)), late), at(30, joules(pkg, 300)))
	e := r.Epochs[0]
	assert.Equal(t, 9.9, e.DurationS, "the time is that of the edge")
	assert.Equal(t, 99*energy.Joule, e.Energy, "by time between the readings around it")
	assert.Equal(t, 80*energy.Joule, e.EnergyLow, "200 W, the most that there can be, for 100 ms")
	assert.Equal(t, 100*energy.Joule, *e.EnergyHigh, "or nothing flowed in them")
	assert.Equal(t, 201*energy.Joule, r.Between.Energy)
}

func TestAFailedReadAtAnEdgeIsInTheBounds(t *testing.T) {
	// At 20 s the counter can't be read: what flowed since 19 s counts later.
	r := run(at(0, joules(pkg, 0)), marked(at(10, joules(pkg, 100)), epoch(footprint.EpochStart)), at(19, joules(pkg, 190)),
		marked(at(20, in(energy.Held, joules(pkg, 190))), epoch(footprint.EpochEnd)), at(30, joules(pkg, 300)))
	e := r.Epochs[0]
	assert.Equal(t, 90*energy.Joule, e.Energy)
	assert.GreaterOrEqual(t, *e.EnergyHigh, 100*energy.Joule)
	assert.InDelta(t, 0.9, e.Coverage, 1e-9)
	assert.Equal(t, 300*energy.Joule, r.Energy)
	assert.Equal(t, 210*energy.Joule, r.Between.Energy)
}

func TestTasksNestAndOverlap(t *testing.T) {
	r := run(
		marked(at(0, joules(pkg, 0)), footprint.Mark{Edge: footprint.TaskStart, ID: 1, Name: "all"}),
		marked(at(1, joules(pkg, 10)), footprint.Mark{Edge: footprint.TaskStart, ID: 2, Within: 1, Name: "load"}),
		marked(at(2, joules(pkg, 20)), task(footprint.TaskStart, "loose"), footprint.Mark{Edge: footprint.TaskEnd, ID: 2}),
		marked(at(3, joules(pkg, 30)), footprint.Mark{Edge: footprint.TaskEnd, ID: 1}, epoch(footprint.EpochStart), task(footprint.TaskStart, "step")),
		marked(at(4, joules(pkg, 40)), task(footprint.TaskEnd, "step"), task(footprint.TaskEnd, "loose"), epoch(footprint.EpochEnd)),
	)
	got := map[string]string{}
	for _, x := range r.Tasks {
		within := "-"
		if x.Within != nil {
			within = *x.Within
		}
		got[x.Name] = fmt.Sprintf("%v in %s", x.Energy, within)
	}
	assert.Equal(t, map[string]string{"all": "30 J in -", "load": "10 J in all", "loose": "20 J in -", "step": "10 J in epoch 1"}, got)
	assert.Empty(t, r.Prediction)
}

func TestMarksThatCannotBeRight(t *testing.T) {
	end := footprint.End{Status: footprint.Completed}
	for _, tt := range []struct {
		name  string
		marks []footprint.Mark
		code  string
	}{
		{"ended twice", []footprint.Mark{epoch(footprint.EpochStart), epoch(footprint.EpochEnd), epoch(footprint.EpochEnd)}, footprint.EpochUnmatched},
		{"never begun", []footprint.Mark{task(footprint.TaskEnd, "x")}, footprint.EpochUnmatched},
		{"never ended", []footprint.Mark{epoch(footprint.EpochStart)}, footprint.EpochOpen},
		{"at the same time", []footprint.Mark{{Edge: footprint.EpochStart, ID: 1}, {Edge: footprint.EpochStart, ID: 2}}, footprint.EpochOverlap},
		{"more than planned", []footprint.Mark{{Edge: footprint.EpochStart, Of: 1}, epoch(footprint.EpochEnd), epoch(footprint.EpochStart), epoch(footprint.EpochEnd)}, footprint.EpochBeyond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := footprint.Account{End: end}
			a.Add(at(0, joules(pkg, 0)))
			for i, m := range tt.marks {
				a.Add(marked(at(float64(i+1), joules(pkg, float64(10*(i+1)))), m))
			}
			r := a.Report()
			assert.Contains(t, codes(r), tt.code)
			assert.Equal(t, energy.Joules(float64(10*len(tt.marks))), r.Energy, "nothing is lost")
		})
	}
}

// A program that tells only of starts has epochs all the same.
func TestAStartEndsTheEpochBefore(t *testing.T) {
	r := run(at(0, joules(pkg, 0)), marked(at(1, joules(pkg, 10)), epoch(footprint.EpochStart)),
		marked(at(3, joules(pkg, 30)), epoch(footprint.EpochStart)), at(4, joules(pkg, 40)))
	require.Len(t, r.Epochs, 2)
	assert.Equal(t, 20*energy.Joule, r.Epochs[0].Energy)
	assert.Equal(t, 2, r.Epochs[1].Index)
	assert.False(t, r.Epochs[1].Ended)
	assert.Equal(t, 10*energy.Joule, r.Epochs[1].Energy)
	assert.NotContains(t, codes(r), footprint.EpochOverlap)
}

// Boosting prints each tenth round, when it is over.
func TestAnEndAloneTellsOfAllThatWasBefore(t *testing.T) {
	end := func(i int) footprint.Mark { return footprint.Mark{Edge: footprint.EpochEnd, Index: i, Whole: true} }
	var a footprint.Account
	a.Run.Epochs = 100
	for i := range 3 {
		s := at(float64(10*i), joules(pkg, float64(100*i)))
		if i > 0 {
			s.Marks = []footprint.Mark{end(10 * i)}
		}
		a.Add(s)
	}
	r := a.Report()
	require.Len(t, r.Epochs, 2)
	assert.Equal(t, 100*energy.Joule, r.Epochs[0].Energy)
	assert.Equal(t, start, r.Epochs[0].StartedAt)
	assert.Zero(t, r.Between.Energy)
	assert.Equal(t, 20, r.Prediction.AfterEpochs)
	assert.Equal(t, 1000*energy.Joule, r.Prediction.Energy.Expected)
	assert.NotContains(t, codes(r), footprint.EpochUnmatched)
}

func TestAnEdgeThatWasNone(t *testing.T) {
	again := func(e footprint.Edge, n int) footprint.Mark { return footprint.Mark{Edge: e, Index: n, Again: true} }
	whole := func(n int) footprint.Mark { return footprint.Mark{Edge: footprint.EpochEnd, Index: n, Whole: true} }
	r := run(
		at(0, joules(pkg, 0)),
		marked(at(2, joules(pkg, 20)), whole(1)),
		marked(at(3, joules(pkg, 30)), again(footprint.EpochEnd, 1)), // its validation
		marked(at(5, joules(pkg, 60)), whole(2)),
		at(6, joules(pkg, 70)),
	)
	require.Len(t, r.Epochs, 2)
	assert.Equal(t, 30*energy.Joule, r.Epochs[0].Energy)
	assert.Equal(t, 30*energy.Joule, r.Epochs[1].Energy, "it begins where the one before really ended")
	assert.Equal(t, 2.0, r.Epochs[1].DurationS)
	assert.Equal(t, 10*energy.Joule, r.Between.Energy)
	assert.Equal(t, 1.0, r.Between.DurationS)

	r = run(
		at(0, joules(pkg, 0)),
		marked(at(2, joules(pkg, 20)), footprint.Mark{Edge: footprint.EpochStart, Index: 1}), // "epoch 0: settings"
		marked(at(3, joules(pkg, 30)), again(footprint.EpochStart, 1)),
		marked(at(5, joules(pkg, 60)), footprint.Mark{Edge: footprint.EpochEnd, Index: 1}),
		at(6, joules(pkg, 70)),
	)
	require.Len(t, r.Epochs, 1)
	assert.Equal(t, 30*energy.Joule, r.Epochs[0].Energy)
	assert.Equal(t, 40*energy.Joule, r.Between.Energy)

	r = run(at(0, joules(pkg, 0)), marked(at(1, joules(pkg, 1)), again(footprint.EpochEnd, 1), again(footprint.EpochStart, 1)))
	assert.Empty(t, r.Epochs)
	require.Len(t, r.Warnings, 1)
	assert.Equal(t, footprint.EpochUnmatched, r.Warnings[0].Code)
}

func TestARunThatResumesHasTheRestOfTheEpochs(t *testing.T) {
	var a footprint.Account
	for i := range 5 {
		a.Add(marked(at(float64(i), joules(pkg, 10*float64(i))), footprint.Mark{Edge: footprint.EpochStart, Index: 51 + i, Of: 60}))
	}
	r := a.Report()
	assert.Equal(t, 4, r.Prediction.AfterEpochs)
	assert.Equal(t, 10, r.Prediction.OfEpochs)
	assert.Equal(t, 100*energy.Joule, r.Prediction.Energy.Expected)
}

func TestAReportShowsTheFirstAndTheLastEpochs(t *testing.T) {
	var a footprint.Account
	a.Run.Epochs = 3000
	a.Add(at(0, joules(pkg, 0)))
	for i := 1; i <= 2500; i++ {
		a.Add(marked(at(float64(i), joules(pkg, float64(i))), epoch(footprint.EpochStart)))
	}
	a.Add(marked(at(2501, joules(pkg, 2501)), epoch(footprint.EpochEnd)))
	r := a.Report()
	require.Len(t, r.Epochs, 1000)
	assert.Equal(t, 1500, r.EpochsOmitted)
	assert.Equal(t, 500, r.Epochs[499].Index)
	assert.Equal(t, 2001, r.Epochs[500].Index)
	assert.Equal(t, 2500, r.Epochs[999].Index)
	assert.Equal(t, energy.Joule, r.Between.Energy, "the omitted are not between")
	assert.Equal(t, 2500, r.Prediction.AfterEpochs)
	assert.InDelta(t, 3001, r.Prediction.Energy.Expected.Joules(), 2)
}

// Whatever happens to the counters, epochs and what is between them are the run.
func TestEpochsAddUpWhateverHappens(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var a footprint.Account
		if seed%2 == 1 {
			a.Run.Charge = footprint.ChargeProcess
		}
		var buf bytes.Buffer
		rec, err := footprint.Record(&buf, &a)
		require.NoError(t, err)
		var total, like, cpu, all float64
		openEpoch := false
		for i := range 60 {
			total += rnd.Float64() * 100
			like += rnd.Float64() * 100
			used := rnd.Float64()
			cpu, all = cpu+used, all+used+rnd.Float64()
			s := at(float64(i), in(energy.State(rnd.IntN(2)), joules(pkg, total)), joules(pkgLike, like), joules(dram, like/3))
			s.Use = []energy.Use{
				{Kind: energy.CPU, Mine: cpu, All: all, Capacity: 100, Known: i > 0 && rnd.IntN(5) > 0},
				{Kind: energy.Memory, Mine: cpu, All: all, Capacity: 100, Known: seed%3 == 0},
			}
			if i == 30 {
				s.Intensity.PerKWh = 300
			}
			for range rnd.IntN(3) {
				m := epoch(footprint.EpochStart)
				if openEpoch {
					m = epoch(footprint.EpochEnd)
				}
				m.Late = time.Duration(rnd.IntN(2)) * time.Millisecond
				if rnd.IntN(4) == 0 { // the edge before was none
					m.Again = true
					if m.Edge = footprint.EpochStart; !openEpoch {
						m.Edge = footprint.EpochEnd
					}
				} else {
					openEpoch = !openEpoch
				}
				s.Marks = append(s.Marks, m)
			}
			a.Add(s)
			require.NoError(t, rec.Add(s))
			if rnd.IntN(10) > 0 && i != 59 {
				continue
			}
			r := a.Report()
			if r.Between == nil {
				continue
			}
			sum, grams := r.Between.Energy, r.Between.Emissions
			for _, e := range r.Epochs {
				sum += e.Energy
				grams += e.Emissions
				assert.LessOrEqual(t, e.EnergyLow, e.Energy)
				assert.GreaterOrEqual(t, *e.EnergyHigh, e.Energy)
				assert.GreaterOrEqual(t, e.Coverage, 0.0)
			}
			require.Equal(t, r.Energy, sum, "seed %d, sample %d", seed, i)
			require.InDelta(t, float64(r.Emissions), float64(grams), 1e-9)
		}
		a.End.Status = footprint.Completed
		require.NoError(t, rec.End(a.End))
		again, err := footprint.Replay(&buf)
		require.NoError(t, err)
		want, err := json.Marshal(a.Report())
		require.NoError(t, err)
		got, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "a trace holds the marks")
	}
}

func BenchmarkMark(b *testing.B) {
	var a footprint.Account
	a.Run.Epochs = 1 << 30
	rs := []energy.Reading{joules(pkg, 0), joules(dram, 0), joules(pkgLike, 0)}
	s := footprint.Sample{Time: start, Wall: start, Intensity: grid, Readings: rs, Marks: []footprint.Mark{{}}}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Time = s.Time.Add(5 * time.Millisecond)
		for j := range rs {
			rs[j].Total += energy.Joule
		}
		s.Marks[0].Edge = footprint.EpochStart
		if i%2 == 1 {
			s.Marks[0].Edge = footprint.EpochEnd
		}
		a.Add(s)
	}
}

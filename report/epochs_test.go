package report_test

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
)

// training is a run of some epochs, of which the first is slow and each fifth is
// validated: a counter with a resolution of 2 J, and a model of the memory.
type training struct {
	epochs, of int
	budget     string
	name       string // of a task
	measured   bool   // the model is left out
	cut        bool   // it ends within one more epoch
}

func (s training) run(t testing.TB) footprint.Report {
	t.Helper()
	package0 := energy.Component{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Name: "CPU package 0", Source: "rapl", Scope: "package", BandLow: 1, BandHigh: 1}
	memory := energy.Component{Kind: energy.Memory, ID: "memory", Basis: energy.Modelled, Name: "96 GiB", Source: "estimate", Scope: "memory", BandLow: 0.4, BandHigh: 2.5}
	year := 2025
	grid := regions.Intensity{Zone: "FR", Name: "France", Kind: regions.AnnualAverage, Scope: regions.Lifecycle, Year: year, PerKWh: 41, Source: "a table"}
	a := footprint.Account{
		Run:      footprint.Run{ID: "01a20400-0000-7000-8000-000000000002", Project: "spirals", Epochs: s.of, How: "flag"},
		Versions: footprint.Versions{Tool: "test", Data: "test"},
	}
	if s.budget != "" {
		b, err := footprint.ParseBudget(s.budget, 0)
		require.NoError(t, err)
		b.Predicted, b.Action = true, "stop"
		a.Run.Budget = b
	}
	now, joules := time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC), 0.0
	tick := func(seconds, watts float64, marks ...footprint.Mark) {
		now, joules = now.Add(time.Duration(seconds*float64(time.Second))), joules+seconds*watts
		readings := []energy.Reading{{Component: package0, Time: now, Total: energy.Joules(joules), Edge: 2 * energy.Joule, MaxPower: 300 * energy.Watt}}
		if !s.measured {
			readings = append(readings, energy.Reading{Component: memory, Time: now, Total: energy.Joules(joules / 10)})
		}
		a.Add(footprint.Sample{Time: now, Wall: now, Readings: readings, Intensity: grid, Marks: marks})
	}
	tick(0, 0, footprint.Mark{Edge: footprint.TaskStart, Name: "load"})
	tick(4, 60, footprint.Mark{Edge: footprint.TaskEnd, Name: "load"})
	for i := 1; i <= s.epochs; i++ {
		tick(0.5, 40, footprint.Mark{Edge: footprint.EpochStart, Index: i})
		watts := 150 + 10*math.Sin(float64(i))
		tick(10, watts)
		if i == 1 {
			tick(8, 90) // it warms up
		}
		if i%5 == 0 {
			tick(0.1, watts, footprint.Mark{Edge: footprint.TaskStart, Name: s.name})
			tick(3, 80, footprint.Mark{Edge: footprint.TaskEnd, Name: s.name})
		}
		tick(0.1, watts, footprint.Mark{Edge: footprint.EpochEnd})
	}
	if s.cut {
		tick(0.5, 40, footprint.Mark{Edge: footprint.EpochStart})
		tick(4, 150)
	} else {
		tick(1, 40)
	}
	r := a.Report()
	exit := 0
	r.Status, r.ExitCode = footprint.Completed, &exit
	return r
}

// partial is a run that was ended by its budget, in the middle of an epoch.
func partial(t testing.TB) footprint.Report {
	r := training{epochs: 6, of: 20, budget: "3.3Wh", name: "validate", cut: true}.run(t)
	exit := 143
	r.Status, r.ExitCode = footprint.Interrupted, &exit
	require.NotNil(t, r.Budget.TrippedAt, "a case of a budget that is reached")
	r.Epochs[4].Coverage = 0.91
	return r
}

func TestEpochPages(t *testing.T) {
	many := training{epochs: 2600, of: 2600, name: "validate", measured: true}.run(t)
	require.Len(t, many.Epochs, 2*footprint.HalfShown)
	for name, r := range map[string]footprint.Report{
		"completed": training{epochs: 10, of: 10, budget: "1h", name: "check <b>|_\\"}.run(t),
		"partial":   partial(t), "many": many,
	} {
		for ext, write := range runFormats {
			var b bytes.Buffer
			require.NoError(t, write(&b, r))
			reporttest.Golden(t, "testdata/run-"+name+"."+ext, b.Bytes())
		}
		var b bytes.Buffer
		require.NoError(t, report.Text(&b, r))
		reporttest.Golden(t, "testdata/run-"+name+".txt", b.Bytes())
	}
}

func pages(t testing.TB, r footprint.Report) map[string]string {
	t.Helper()
	all := map[string]string{}
	for ext, write := range runFormats {
		var b bytes.Buffer
		require.NoError(t, write(&b, r))
		all[ext] = b.String()
	}
	return all
}

// drawn is a dot of an epoch, or of several.
var drawn = regexp.MustCompile(`<g><title>epochs? [\d a-z,]+: `)

// However many epochs and tasks there are, a page has some hundred lines, and
// its picture dots that can be told apart.
func TestAPageIsBounded(t *testing.T) {
	for n, want := range map[int]int{1: 0, 10: 10, 50: 50, 51: 26, 500: 50, 999: 50, 1000: 50, 3000: 50} {
		r := training{epochs: n, of: n, name: "validate"}.run(t)
		assert.Len(t, drawn.FindAllString(pages(t, r)["html"], -1), want, "dots of %d epochs", n)
		for range 3000 { // a report of another hand may hold any number
			r.Tasks = append(r.Tasks, footprint.Task{Name: strings.Repeat("x", 4096)})
		}
		for ext, page := range pages(t, r) {
			assert.Less(t, strings.Count(page, "\n"), 700, "%s of %d epochs", ext, n)
			assert.Less(t, len(page), 150_000, "%s of %d epochs", ext, n)
			assert.Equal(t, n > 20, strings.Contains(page, fmt.Sprintf("%d more", n-20)), "%s of %d epochs says how many it leaves out", ext, n)
		}
	}
}

// Hostile names change nothing of what is around them.
func TestHostileNamesOfEpochsAndTasks(t *testing.T) {
	with := func(name string) map[string]string {
		r := training{epochs: 6, of: 10, budget: "1h", name: "x" + name}.run(t)
		r.Epochs[1].Name, r.Epochs[2].Name = "x"+name, "y"
		within := "x" + name
		r.Tasks[1].Within = &within
		r.Prediction.Method, r.Budget.Limit, r.Budget.Action, r.Budget.Basis = within, within, within, within
		return pages(t, r)
	}
	want := with("x")
	for _, name := range []string{reporttest.Hostile, "", " ", "a|b\\|c", "`", "<!--", "</script>", "\x1b[2J\x00\x07", "a\nb\r\nc", "\u202e", "\xff", "\\end{tabular}", "_a_ *b*", "@team #1", strings.Repeat("<", 5000)} {
		got := with(name)
		assert.Equal(t, tags(want["html"]), tags(got["html"]), "%.20q", name)
		assert.Equal(t, lines(want["md"]), lines(got["md"]), "%.20q", name)
		wanted := strings.Split(want["md"], "\n")
		for i, l := range strings.Split(got["md"], "\n") {
			if strings.HasPrefix(l, "|") {
				assert.Equal(t, bars(wanted[i]), bars(l), "cells of %q", l)
			}
		}
		assert.Equal(t, lines(want["tex"]), lines(got["tex"]), "%.20q", name)
		tex(t, got["tex"])
		for ext, page := range got {
			for _, c := range page {
				assert.False(t, unicode.IsControl(c) && c != '\n' || unicode.Is(unicode.Bidi_Control, c), "%q in %s", c, ext)
			}
		}
	}
}

// A program that tells of each hundredth epoch has had as many as it says.
func TestEpochsThatStandForSeveral(t *testing.T) {
	r := training{epochs: 6, of: 10, name: "validate"}.run(t)
	r.Prediction.AfterEpochs, r.Prediction.OfEpochs = 600, 1000
	all := pages(t, r)
	assert.Contains(t, all["md"], "600 of 1,000, each 120 ms, ")
	r.Epochs[5].Ended = false
	r.Prediction.AfterEpochs = 500
	assert.Contains(t, pages(t, r)["md"], "500 of 1,000, each ")
}

// Energy that nobody knows is never 0.
func TestUnknownEnergyOfEpochs(t *testing.T) {
	r := training{epochs: 6, of: 10, name: "validate"}.run(t)
	r.MeasuredShare, r.MachineEnergy, r.Energy, r.Emissions = nil, 0, 0, 0
	for i := range r.Epochs {
		e := &r.Epochs[i]
		e.Energy, e.EnergyLow, e.EnergyHigh, e.Emissions, e.Coverage = 0, 0, new(energy.Energy(0)), 0, 0
	}
	for ext, page := range pages(t, r) {
		assert.NotRegexp(t, `[^.\d]0 (J|g)\b`, page, ext)
	}
	all := pages(t, r)
	assert.Contains(t, all["md"], "6 of 10, each 11.9 s, energy unknown")
	assert.Contains(t, all["md"], "**2m 4s** for 10 epochs, after 6", "time is known")
	assert.NotContains(t, all["html"], "Energy of each epoch")
	var b bytes.Buffer
	require.NoError(t, report.Text(&b, r))
	assert.NotRegexp(t, `[^.\d]0 (J|g)\b`, b.String())

	// One that nobody has seen in a run that is known.
	r = training{epochs: 6, of: 6, name: "validate"}.run(t)
	r.Epochs[2].Energy, r.Epochs[2].EnergyLow, r.Epochs[2].EnergyHigh, r.Epochs[2].Emissions, r.Epochs[2].Coverage = 0, 0, new(900*energy.Joule), 0, 0
	assert.Contains(t, pages(t, r)["md"], "| 3 | 10.1 s | unknown | at most 0.250 Wh | unknown | 0 % |")
}

// What was predicted is judged only where all of it has been.
func TestPredictionsAreJudgedByTheTruth(t *testing.T) {
	r := training{epochs: 10, of: 10, name: "validate"}.run(t)
	off, ok := r.Prediction.History[0].Energy.Off(r.Energy)
	require.True(t, ok)
	page := pages(t, r)["md"]
	row := regexp.MustCompile(`\| energy \| 1 \|.*`).FindString(page)
	assert.Contains(t, row, strings.TrimPrefix(format.Percent(math.Abs(off)), "−"))
	assert.Contains(t, row, map[bool]string{true: "| yes |", false: "| no |"}[r.Prediction.History[0].Spread.Energy.Holds(r.Energy)])
	assert.NotContains(t, page, "Whole run, predicted")
	assert.NotRegexp(t, `\| (time|energy|CO2e) \| 10 \|`, page, "nothing was left to be predicted")

	for _, status := range []footprint.Status{footprint.Running, footprint.Failed, footprint.Interrupted, footprint.Recovered} {
		r.Status = status
		assert.NotContains(t, pages(t, r)["md"], "held", status)
	}
	early := training{epochs: 4, of: 10, name: "validate"}.run(t)
	page = pages(t, early)["md"]
	assert.Contains(t, page, "Whole run, predicted")
	assert.Contains(t, page, "ended after 4 of them")
	assert.NotContains(t, page, "held")

	// A method without an interval has no bounds, and holds nothing.
	r.Status, r.Prediction.Level = footprint.Completed, nil
	for i := range r.Prediction.History {
		p := &r.Prediction.History[i]
		p.Energy.Low, p.Energy.High = p.Energy.Expected, new(p.Energy.Expected)
	}
	page = pages(t, r)["md"]
	assert.Contains(t, page, "| off |")
	assert.NotContains(t, page, "held")
	assert.NotContains(t, page, "| low |")
}

func TestARunWithoutPartsHasNoSectionsOfThem(t *testing.T) {
	r := training{}.run(t)
	r.Tasks = nil
	for ext, page := range pages(t, r) {
		for _, title := range []string{"Epochs", "Tasks", "Prediction", "Budget"} {
			assert.NotContains(t, page, title, ext)
		}
	}
}

// Within the first epoch the prediction says how much of that it knows.
func TestAPredictionWithinTheFirstEpoch(t *testing.T) {
	r := training{epochs: 1, of: 10, name: "validate"}.run(t)
	q := r.Prediction
	q.AfterEpochs, q.Fraction, q.History = 0, new(0.05), []footprint.Earlier{}
	assert.Contains(t, facts.Predicted(*q), "in 3m 6s for 10 epochs, provisional after 5.0 % of the first")
	page := pages(t, r)["md"]
	assert.Contains(t, page, "for 10 epochs, provisional after 5.0 % of the first")
	assert.NotContains(t, page, "## Prediction")
}

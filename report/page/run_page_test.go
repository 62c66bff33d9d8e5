package page_test

import (
	"bytes"
	"fmt"
	"html/template"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

// A script is a run as it is made up for a page: some GPUs, a CPU and modelled memory.
type script struct {
	gpus, steps int
	length      time.Duration
	epochs      int
	watts       func(gpu, step int) float64 // of each GPU
	hours       []regions.Grams             // of the grid, of equal length; one is a yearly mean
}

// play is the report of a script.
func (s script) play() footprint.Report {
	start := time.Date(2026, 11, 27, 8, 24, 0, 0, time.UTC)
	step := s.length.Seconds() / float64(s.steps)
	share, exit, zone := 0.98, 0, "DE"
	r := footprint.Report{
		Schema: footprint.Schema, RunID: "01a2253c-77a1-7e02-8e10-5a3c9b1d0001", Project: "llm-finetune", Labels: map[string]string{"model": "7b"},
		Status: footprint.Completed, ExitCode: &exit, StartedAt: start, EndedAt: start.Add(s.length), DurationS: s.length.Seconds(),
		Host:   footprint.Host{Name: "node-07", OS: "linux", CPUModel: "AMD EPYC 9454 48-Core Processor", CPUThreads: 192, MemoryBytes: 755 << 30},
		Region: footprint.Region{Zone: zone, Name: "Germany", How: "flag"}, PUE: footprint.PUE{Value: 1.12, Source: "given"},
		Charge: footprint.ChargeMachine, MeasuredShare: &share, Coverage: 1, Versions: footprint.Versions{Tool: "1.0", Data: "2026.2"},
	}
	add := func(kind energy.Kind, basis energy.Basis, id, name string, watts func(step int) float64, low, high float64) {
		p := footprint.Power{Component: id, Kind: kind, Basis: basis, StepS: step}
		joules := 0.0
		for i := range s.steps {
			w := float32(watts(i))
			p.Low, p.Mean, p.High = append(p.Low, w), append(p.Mean, w), append(p.High, w)
			joules += float64(w) * step
		}
		r.Power = append(r.Power, p)
		e := func(f float64) *energy.Energy { return new(energy.Joules(joules * f)) }
		source := "estimate"
		if basis == energy.Measured {
			source = map[energy.Kind]string{energy.GPU: "nvml", energy.CPU: "rapl"}[kind]
		}
		r.Components = append(r.Components, footprint.Line{Kind: kind, ID: id, Name: name, Source: source, Basis: basis, Energy: e(1), Low: e(low), High: e(high), Charged: *e(1), Coverage: 1, Status: "ok"})
		r.Energy, r.EnergyLow = r.Energy.Plus(*e(1)), r.EnergyLow.Plus(*e(low))
		if r.EnergyHigh == nil {
			r.EnergyHigh = new(energy.Energy(0))
		}
		*r.EnergyHigh = r.EnergyHigh.Plus(*e(high))
	}
	for g := range s.gpus {
		add(energy.GPU, energy.Measured, fmt.Sprintf("GPU-%08d", g), "NVIDIA H100 80GB HBM3", func(i int) float64 { return s.watts(g, i) }, 0.996, 1.004)
	}
	add(energy.CPU, energy.Measured, "package-0", "package-0", func(i int) float64 { return 220 + 12*math.Sin(float64(i)) }, 0.995, 1.005)
	add(energy.Memory, energy.Modelled, "dram-0", "755 GiB of memory", func(int) float64 { return 44 }, 0.5, 2)
	r.MachineEnergy = r.Energy
	year, mean := 2025, regions.Grams(0)
	for i, g := range s.hours {
		part := s.length / time.Duration(len(s.hours))
		r.Intensity.Parts = append(r.Intensity.Parts, footprint.Part{From: start.Add(time.Duration(i) * part), To: start.Add(time.Duration(i+1) * part), PerKWh: g, Kind: regions.Profile, Scope: regions.Lifecycle, Energy: r.Energy.Scale(1 / float64(len(s.hours)))})
		mean += g / regions.Grams(len(s.hours))
	}
	r.Intensity.PerKWh, r.Intensity.Kind, r.Intensity.Scope, r.Intensity.Year = mean, regions.AnnualAverage, regions.Lifecycle, &year
	r.Intensity.Source, r.Intensity.Licence = "Our World in Data, with data of Ember and the Energy Institute, 2026", "CC-BY-4.0"
	if len(s.hours) > 1 {
		r.Intensity.Kind = regions.Profile
	}
	grams := func(e energy.Energy) regions.Grams { return regions.Grams(e.KilowattHours()*1.12) * mean }
	r.Emissions, r.EmissionsLow, r.EmissionsHigh = grams(r.Energy), grams(r.EnergyLow), new(grams(*r.EnergyHigh))
	for i := range s.epochs {
		each := r.Energy.Scale(1 / float64(s.epochs)).Scale(1 + 0.04*math.Sin(float64(3*i)))
		length := s.length / time.Duration(s.epochs)
		r.Epochs = append(r.Epochs, footprint.Epoch{Index: i + 1, Stretch: footprint.Stretch{
			StartedAt: start.Add(time.Duration(i) * length), DurationS: length.Seconds(), Energy: each, EnergyLow: each.Scale(0.99), EnergyHigh: new(each.Scale(1.02)), Emissions: grams(each), Coverage: 1, Ended: true,
		}})
	}
	if s.epochs > 1 {
		level := 0.9
		q := &footprint.Prediction{Method: "median", Level: &level, AfterEpochs: s.epochs, OfEpochs: s.epochs, DurationS: footprint.Range[float64]{Expected: r.DurationS}, Energy: footprint.Range[energy.Energy]{Low: r.Energy, Expected: r.Energy, High: new(r.Energy)}, Emissions: footprint.Range[regions.Grams]{Low: r.Emissions, Expected: r.Emissions, High: new(r.Emissions)}}
		q.Spread = footprint.Spread{Energy: q.Energy, Emissions: q.Emissions}
		for _, n := range []int{1, 2, 3, 5, 8, 10} {
			if n < s.epochs {
				off := regions.Grams(0.4 / float64(n) * (1 - float64(n)/float64(s.epochs)))
				mid := r.Emissions * (1 - off/4)
				e := footprint.Earlier{AfterEpochs: n, DurationS: q.DurationS, Energy: q.Energy, Emissions: footprint.Range[regions.Grams]{Low: mid * (1 - off), Expected: mid, High: new(mid * (1 + off))}}
				e.Spread = footprint.Spread{Energy: q.Energy, Emissions: e.Emissions}
				q.History = append(q.History, e)
			}
		}
		r.Prediction = q
	}
	return r
}

// finetune is a run of twelve epochs on four GPUs, with a stall in the seventh.
func finetune() footprint.Report {
	return script{gpus: 4, steps: 480, length: 3*time.Hour + 12*time.Minute, epochs: 12, hours: []regions.Grams{412, 377, 301, 268}, watts: func(g, i int) float64 {
		switch {
		case i >= 246 && i < 270:
			return 98
		case i%40 < 4:
			return 190
		}
		return 560 + 10*math.Sin(float64(i*(g+1)))
	}}.play()
}

// allRuns are runs of all sorts.
func allRuns(t *testing.T) map[string]footprint.Report {
	all := map[string]footprint.Report{
		"finetune": finetune(), "vm": reporttest.Replay(t, "vm.jsonl"), "server": reporttest.Replay(t, "server.jsonl"), "trouble": reporttest.Replay(t, "trouble.jsonl"), "full": reporttest.Full(t), "empty": {},
	}
	change := func(name string, f func(r *footprint.Report)) {
		r := finetune()
		f(&r)
		all[name] = r
	}
	change("failed", func(r *footprint.Report) {
		r.Status, r.ExitCode, r.Prediction = footprint.Failed, new(137), nil
	})
	change("killed", func(r *footprint.Report) {
		r.Status, r.Signal = footprint.Interrupted, new("KILL")
		r.Prediction.AfterEpochs, r.Epochs = 5, r.Epochs[:5]
		r.Prediction.History = r.Prediction.History[:3]
	})
	change("recovered", func(r *footprint.Report) { r.Status, r.ExitCode = footprint.Recovered, nil })
	change("running", func(r *footprint.Report) {
		r.Status, r.ExitCode = footprint.Running, nil
		q := r.Prediction
		q.AfterEpochs, r.Epochs = 5, r.Epochs[:5]
		q.Emissions = footprint.Range[regions.Grams]{Low: 6100, Expected: 6600, High: new(regions.Grams(7200))}
		q.Spread.Emissions = q.Emissions
		for i := range q.History {
			g := &q.History[i].Spread.Emissions
			g.Low, g.Expected, g.High = g.Low*2.4, g.Expected*2.4, new(*g.High*2.4)
		}
		r.Prediction.History = r.Prediction.History[:3]
	})
	change("budget", func(r *footprint.Report) {
		r.Status, r.ExitCode = footprint.Interrupted, new(143)
		r.Budget = &footprint.Spending{Limit: "2.5kg", Basis: "measured", Action: "stop", TrippedAt: new(r.StartedAt.Add(3 * time.Hour))}
	})
	change("process", func(r *footprint.Report) {
		r.Charge, r.ProcessEnergy = footprint.ChargeProcess, new(r.Energy.Scale(0.3))
		r.Energy, r.EnergyLow, r.EnergyHigh = r.Energy.Scale(0.3), r.EnergyLow.Scale(0.29), new(r.EnergyHigh.Scale(0.31))
		r.Emissions, r.EmissionsLow, r.EmissionsHigh = r.Emissions*0.3, r.EmissionsLow*0.29, new(*r.EmissionsHigh*0.31)
		for i := range r.Components {
			l := &r.Components[i]
			l.Charged = l.Energy.Scale(0.3)
			l.ProcessEnergy, l.ProcessLow, l.ProcessHigh = &l.Charged, new(l.Low.Scale(0.29)), new(l.High.Scale(0.31))
		}
	})
	change("gaps", func(r *footprint.Report) { // a GPU was lost in the middle, and one never read
		for i := range r.Power[:1] {
			p := &r.Power[i]
			second := *p
			second.StartS, second.Low, second.Mean, second.High = 360*p.StepS, p.Low[360:], p.Mean[360:], p.High[360:]
			p.Low, p.Mean, p.High = p.Low[:200], p.Mean[:200], p.High[:200]
			r.Power = append(r.Power, second)
		}
		r.Components = append(r.Components, footprint.Line{Kind: energy.GPU, ID: "GPU-9", Name: "NVIDIA H100 80GB HBM3", Source: "nvml", Basis: energy.Measured, Low: new(energy.Energy(0)), High: new(2 * energy.KilowattHour), Status: "lost"})
		r.Warnings = []footprint.Warning{{Code: footprint.ComponentUnread, Text: "NVIDIA H100 80GB HBM3 was not read: its energy is not known", Hint: `"carbonctl devices" shows why`}}
		r.EnergyHigh, r.EmissionsHigh = new(r.EnergyHigh.Plus(2*energy.KilowattHour)), new(*r.EmissionsHigh+740)
	})
	change("clock-step", func(r *footprint.Report) { // the clock was set back by a day in the fifth epoch
		r.EndedAt = r.EndedAt.Add(-24 * time.Hour)
		for i := range r.Epochs[5:] {
			e := &r.Epochs[5+i]
			e.StartedAt = e.StartedAt.Add(-24 * time.Hour)
		}
		r.Warnings = []footprint.Warning{{Code: footprint.ClockStep, Text: "the clock was set during the run"}}
	})
	change("evening", func(r *footprint.Report) {
		r.StartedAt = time.Date(2026, 1, 12, 22, 10, 0, 0, time.UTC)
		r.Intensity.Kind, r.Intensity.Parts = regions.AnnualAverage, nil
	})
	change("hostile", func(r *footprint.Report) {
		r.Project, r.Host.Name = "\u202e<script>alert(1)</script> "+strings.Repeat("x", 200), "مضيف <b>"
		r.Labels = map[string]string{strings.Repeat("k", 200): "</style><script>alert(2)</script>"}
		r.Components[0].Name, r.Region.Name = "</svg><script>alert(3)</script>", `"><img src=x onerror=alert(4)>`
		r.Warnings = []footprint.Warning{{Code: "x", Text: "<script>alert(5)</script>", Hint: reporttest.Hostile}}
	})
	many := script{gpus: 64, steps: 1000, length: 9 * time.Hour, epochs: 300, hours: []regions.Grams{330}, watts: func(g, i int) float64 {
		if g == 63 {
			return 70
		}
		return 500 + float64(g) + 30*math.Sin(float64(i)/9)
	}}.play()
	all["64-gpus"] = many
	hours := make([]regions.Grams, 720)
	for i := range hours {
		hours[i] = regions.Grams(330 + 80*math.Sin(float64(i)/24*2*math.Pi))
	}
	all["30-days"] = script{gpus: 8, steps: 1000, length: 30 * 24 * time.Hour, epochs: 90, hours: hours, watts: func(g, i int) float64 { return 400 + 200*math.Sin(float64(i)/40) }}.play()
	all["row"] = report.OfRow(runs.Row{RunID: "07c6ef4c", Project: "mnist", Status: footprint.Completed, DurationS: 3600, Zone: "FR", PerKWh: 800, IntensitySource: "CodeCarbon 2.3.4", Charge: footprint.ChargeMachine, Energy: 150 * energy.WattHour, MachineEnergy: 150 * energy.WattHour, Emissions: 120, Coverage: 1, Warnings: "imported"})
	one := script{gpus: 0, steps: 1, length: 2 * time.Second, hours: []regions.Grams{330}}.play()
	all["one-sample"] = one
	return all
}

func runPage(t *testing.T, r footprint.Report) string {
	var b bytes.Buffer
	require.NoError(t, page.Run{Run: report.Run{Report: r}}.Advised(regions.Builtin()).HTML(&b))
	return b.String()
}

func TestRunPage(t *testing.T) {
	for name, r := range allRuns(t) {
		t.Run(name, func(t *testing.T) {
			got := runPage(t, r)
			if dir := os.Getenv("PAGES"); dir != "" { // to be looked at
				require.NoError(t, os.WriteFile(dir+"/"+name+".html", []byte(got), 0o644))
			}
			if slices.Contains([]string{"finetune", "killed", "gaps", "hostile", "64-gpus", "row"}, name) {
				reporttest.Golden(t, "testdata/run-"+name+".html", []byte(got))
			}
			assert.Less(t, len(got), 100_000, "a page of 100 kB at most")
			for _, bad := range []string{"<script", "<img", "NaN", "Inf", "ZgotmplZ", " style=", "%!"} {
				assert.NotContains(t, got, bad)
			}
		})
	}
}

// What a page says of a run is true of that run.
func TestRunPagesAreHonest(t *testing.T) {
	all := map[string]string{}
	for name, r := range allRuns(t) {
		all[name] = runPage(t, r)
	}
	for name, want := range map[string][]string{
		"finetune":   {"The run drew ", "9m 36s stall: GPUs at 392 W", "The stall lies in epoch 7", "It held the truth 6 of 6 times"},
		"failed":     {"✗ failed (exit 137)", "Until it failed (exit 137), the run drew ", "Avoid the lost attempt"},
		"killed":     {"✗ killed by SIGKILL", "Until it was killed by SIGKILL", "the truth is unknown", "5 of 12 epochs"},
		"budget":     {"✗ stopped at the budget of 2.5 kg", "Until it was stopped at the budget of 2.5 kg", "budget 2.5 kg reached"},
		"recovered":  {"recovered: the tracker was killed", "Until its last checkpoint the run drew "},
		"running":    {"… running", "So far the run drew ", "All 12 epochs are expected to emit ", "Prediction of the whole run"},
		"process":    {"The command’s share of the machine was ", "this command is charged a share of it"},
		"gaps":       {"GPU (1 of 4) not read from 1h 20m to 2h 24m", "GPU, not read"},
		"trouble":    {"5 more"},
		"clock-step": {"27 Nov 2026, 08:24 UTC", "the clock was set during the run"},
		"evening":    {"rather than 22:10 on 12 January UTC"},
		"vm":         {"by a model: no counter was read"},
		"row":        {"how that was found is unknown", "no bounds known", "measured or modelled: unknown", "PUE not recorded"},
		"empty":      {"The energy of this run is unknown."},
		"64-gpus":    {"GPUs beside each other", "Leave out 1 of 64 GPUs"},
		"one-sample": {"One reading"},
	} {
		for _, w := range want {
			assert.True(t, strings.Contains(all[name], template.HTMLEscapeString(w)), "%s: %s", name, w)
		}
	}
	for name, never := range map[string][]string{
		"budget": {"Avoid the lost attempt"}, "process": {"stall"}, "gaps": {"stall"}, "killed": {"held the truth", "How good the prediction was"}, "failed": {"held the truth"},
		"row": {"no counter was read", "Elsewhere", "<path", "at least 0"}, "empty": {"0 g", "0 J", "Elsewhere"}, "vm": {"GPU", "What you could do"},
	} {
		for _, n := range never {
			assert.False(t, strings.Contains(all[name], template.HTMLEscapeString(n)), "%s: %s", name, n)
		}
	}
}

// The journal takes the power up to a minute later than the energy: the end of a run that goes
// on, or was recovered, was read all the same.
func TestPowerThatIsNotRecordedYet(t *testing.T) {
	s := script{gpus: 4, steps: 100, length: 100 * time.Minute, epochs: 1, hours: []regions.Grams{412}, watts: func(int, int) float64 { return 500 }}
	for status, want := range map[footprint.Status]string{
		footprint.Running:   "Outlined with dashes: the power after 1h 20m is not recorded yet.",
		footprint.Recovered: "Outlined with dashes: the power after 1h 20m was not recorded.",
		footprint.Completed: "not read from 1h 20m to 1h 40m",
	} {
		r := s.play()
		r.Status = status
		for i := range r.Power {
			p := &r.Power[i]
			n := int(float64(len(p.Mean))*0.8 + 0.5)
			p.Low, p.Mean, p.High = p.Low[:n], p.Mean[:n], p.High[:n]
		}
		got := runPage(t, r)
		assert.Contains(t, got, want, status)
		assert.Equal(t, status == footprint.Completed, strings.Contains(got, "not read from"), status)
	}
}

// A page is written while a command that has ended waits for it.
func BenchmarkRunPage(b *testing.B) {
	for _, steps := range []int{1, 100, 1000} {
		s := script{gpus: 4, steps: steps, length: 3 * time.Hour, epochs: min(12, steps), hours: []regions.Grams{412, 377}, watts: func(g, i int) float64 { return 500 + float64(i%7) }}
		r := s.play()
		b.Run(fmt.Sprintf("steps=%d", steps), func(b *testing.B) {
			var n int
			for b.Loop() {
				var w bytes.Buffer
				require.NoError(b, page.Run{Run: report.Run{Report: r}}.Advised(regions.Builtin()).HTML(&w))
				n = w.Len()
			}
			b.ReportMetric(float64(n), "B/page")
		})
	}
}

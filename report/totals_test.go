package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

var totalsFormats = map[string]func(report.Totals, io.Writer) error{
	"txt": report.Totals.Text, "json": totalsAs("json"), "csv": totalsAs("csv"), "md": totalsAs("markdown"), "tex": totalsAs("latex"),
	"html": func(t report.Totals, w io.Writer) error { return page.Team{Totals: t}.Write(w, "html") },
}

func totalsAs(format string) func(report.Totals, io.Writer) error {
	return func(t report.Totals, w io.Writer) error { return t.Write(w, format) }
}

// month is a quarter of a team's runs: three projects, one of them with a name
// that every format must keep from running.
func month() []runs.Row {
	var rows []runs.Row
	for i := range 27 {
		r := reporttest.Row(0)
		start := time.Date(2026, time.Month(9+i/9), 1+i, 8, 0, 0, 0, time.UTC)
		r.StartedAt, r.EndedAt, r.DurationS = runs.Stamp{Time: start}, runs.Stamp{Time: start.Add(2 * time.Hour)}, 7200
		r.RunID, r.Host, r.User = fmt.Sprintf("run-%02d", i), []string{"node1", "node2"}[i%2], "ada"
		r.Project = []string{"vision", "a very long project name that no table has room for", reporttest.Hostile}[i%3]
		r.Labels = fmt.Sprintf(`{"model":"%s"}`, []string{"A", "B"}[i/3%2])
		joules := []float64{2.4e6, 1.9e6, 36e3}[i%3] * (1 + 0.02*float64(i%5))
		share := runs.Number([]float64{0.96, 1, 0}[i%3])
		r.Energy, r.MeasuredShare = energy.Joules(joules), &share
		r.EnergyLow, r.EnergyHigh = new(energy.Joules(joules*0.97)), new(energy.Joules(joules*1.08))
		year := 2025
		r.Zone, r.PerKWh, r.PUE, r.IntensityYear, r.IntensityKind, r.IntensityScope = "FR", 41, new(runs.Number(1.2)), &year, "annual-average", "lifecycle"
		r.IntensitySource = "Our World in Data, carbon intensity of electricity (Ember; Energy Institute), series to 2025"
		if i%3 == 2 {
			r.Zone, r.PerKWh, r.PUE, r.IntensityYear, r.IntensityKind, r.IntensityScope, r.IntensitySource = "", 458, new(runs.Number(1)), &year, "world-default", "lifecycle", "source, with | and <b>"
			r.Warnings = "region-assumed modelled"
		}
		g := r.Energy.KilowattHours() * float64(*r.PUE) * float64(r.PerKWh)
		r.Emissions, r.EmissionsLow, r.EmissionsHigh = runs.Number(g), new(runs.Number(g*0.97)), new(runs.Number(g*1.08))
		if i%3 == 0 {
			m := runs.Number(g / 4)
			r.MarketEmissions = &m
		}
		r.Charge, r.ToolVersion, r.DataVersion = footprint.ChargeMachine, "v0.1.0", "2026.1"
		if i == 13 {
			r.Status = footprint.Failed
			r.CountedBy = "run-12"
		}
		rows = append(rows, r)
	}
	return rows
}

func totals(rows []runs.Row, by ...runs.Key) report.Totals {
	t := report.Totals{Groups: &runs.Groups{By: by}}
	for _, r := range rows {
		t.Groups.Add(r)
	}
	return t
}

func TestTotalsPages(t *testing.T) {
	rows := month()
	whole := totals(rows)
	whole.Latest = runs.Rows(rows[24:])
	var largest runs.Largest
	largest.Most = 3
	for i := range rows {
		largest.Add(&rows[i])
	}
	overview := totals(rows, runs.ByProject)
	overview.Overview, overview.Largest = true, largest.Of("lifecycle")
	projects := totals(rows, runs.ByProject)
	projects.Spread = true
	projects.Budget = runs.Allowance{Emissions: 180}
	projects.Filter = runs.Filter{From: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), Labels: map[string]string{"a|b": reporttest.Hostile}}
	for name, v := range map[string]report.Totals{
		"whole": whole, "overview": overview, "projects": projects, "months": totals(rows, runs.ByMonth, "label:model"), "none": totals(nil, runs.ByProject),
	} {
		for ext, write := range totalsFormats {
			var b bytes.Buffer
			require.NoError(t, write(v, &b))
			reporttest.Golden(t, "testdata/totals-"+name+"."+ext, b.Bytes())
			switch ext {
			case "json":
				assert.True(t, json.Valid(b.Bytes()))
			case "csv":
				all, err := csv.NewReader(&b).ReadAll()
				require.NoError(t, err)
				assert.Len(t, all, 1+max(1-len(v.Groups.By), len(v.Groups.List())))
			case "txt":
				for line := range strings.Lines(b.String()) {
					if !strings.Contains(line, "cmd|") && !strings.Contains(line, "very long") {
						assert.LessOrEqual(t, len([]rune(line)), layout.Width+1, line)
					}
				}
			}
		}
	}
}

// Where the largest runs are all that there are, they are listed once.
func TestRunsAreListedOnce(t *testing.T) {
	rows := month()[:3]
	for n, want := range map[int]int{1: 2, 3: 1} { // listed one by one: lists
		v := totals(rows)
		v.Latest, v.Largest = runs.Rows(rows[:n]), runs.Rows(rows)
		var b bytes.Buffer
		require.NoError(t, v.Write(&b, "markdown"))
		assert.Equal(t, want, strings.Count(b.String(), "| `run-00` "), b.String())
	}
}

func TestTotalsWriteErrorsAreTold(t *testing.T) {
	for ext, write := range totalsFormats {
		assert.ErrorIs(t, write(totals(month(), runs.ByProject), &broken{10}), errFull, ext)
	}
}

// Rows that other programs wrote may hold anything: the picture stays one.
func TestOddFigures(t *testing.T) {
	for _, by := range []runs.Key{runs.ByProject, runs.ByMonth} {
		v := report.Totals{Groups: &runs.Groups{By: []runs.Key{by}}, Budget: runs.Allowance{Emissions: 1, Energy: 1}}
		for i, x := range []runs.Number{0, -5, 1e300, 1e-300, 3, runs.Number(math.Inf(1)), runs.Number(math.NaN())} {
			r := reporttest.Row(i)
			share := -x
			r.Project, r.Emissions, r.EmissionsLow, r.EmissionsHigh, r.MeasuredShare = fmt.Sprint(i), x, new(2*x), new(-x), &share
			r.StartedAt.Time = r.StartedAt.AddDate(0, i, 0)
			v.Groups.Add(r)
		}
		for i := range 60 {
			r := reporttest.Row(0)
			r.Project = fmt.Sprint("p", i)
			r.StartedAt.Time = r.StartedAt.AddDate(0, i, 0)
			v.Groups.Add(r)
		}
		var b bytes.Buffer
		require.NoError(t, page.Team{Totals: v}.Write(&b, "html"))
		assert.NotRegexp(t, `(width|height|x|y|x1|x2|y1|y2)="(-|NaN|[+]?Inf)`, b.String())
		for _, write := range totalsFormats {
			b.Reset()
			if err := write(v, &b); err != nil {
				assert.ErrorContains(t, err, "unsupported value", "JSON has no infinity: an error, not a wrong number")
			}
		}
	}
}

// No sum is not no run.
func TestRunsThatAreAllInsideOthers(t *testing.T) {
	var b strings.Builder
	require.NoError(t, totals([]runs.Row{{RunID: "a", CountedBy: "outer"}, {RunID: "b", CountedBy: "outer"}}).Text(&b))
	assert.Equal(t, "nothing to add up: 2 runs inside others, whose records are not here\n", b.String())
}

// What another tool has recorded has neither bounds nor a basis, and is not said
// to have them.
func TestWhatRowsDoNotTell(t *testing.T) {
	own, foreign := reporttest.Row(0), reporttest.Row(1)
	foreign.MeasuredShare = nil
	text := func(rows ...runs.Row) string {
		groups := runs.Groups{By: []runs.Key{runs.ByProject}}
		for _, r := range rows {
			groups.Add(r)
		}
		var b bytes.Buffer
		require.NoError(t, report.Totals{Groups: &groups}.Text(&b))
		return b.String()
	}
	assert.Contains(t, text(foreign), "bounds unknown")
	assert.Contains(t, text(foreign), "basis not recorded")
	assert.NotContains(t, text(foreign), "all modelled")
	assert.Contains(t, text(own, foreign), "; some runs have no bounds")
	assert.Contains(t, text(own, foreign), "50 % not recorded")
	assert.NotContains(t, text(own), "bounds unknown")
	assert.NotRegexp(t, "no bounds (CO2e|by)", strings.Join(strings.Fields(text(own, foreign)), " "), "the note stands last")

	// Nor is a bound of it in any form that machines read.
	groups := runs.Groups{By: []runs.Key{runs.ByProject}}
	foreign.Project, foreign.EnergyLow, foreign.EnergyHigh, foreign.EmissionsLow, foreign.EmissionsHigh = "foreign", nil, nil, nil, nil
	groups.Add(own)
	groups.Add(foreign)
	all := report.Totals{Groups: &groups}
	write := func(format string) string {
		var b bytes.Buffer
		require.NoError(t, all.Write(&b, format))
		return b.String()
	}
	var got struct {
		Total struct {
			High  *float64 `json:"energy_high_joules"`
			Grams *float64 `json:"emissions_high_g"`
		} `json:"total"`
	}
	require.NoError(t, json.Unmarshal([]byte(write("json")), &got))
	assert.Nil(t, got.Total.High)
	assert.Nil(t, got.Total.Grams)
	assert.Regexp(t, `(?m)^carbonctl_ledger_energy_high_joules\{project="foreign"\} \+Inf$`, write("openmetrics"))
	assert.Regexp(t, `(?m)^carbonctl_ledger_emissions_high_grams\{project="foreign",.*\} \+Inf$`, write("openmetrics"))
	assert.NotRegexp(t, `(?m)^carbonctl_ledger_energy_high_joules\{project="(demo|p).*\+Inf$`, write("openmetrics"))
	team, b := page.Team{Totals: all}, bytes.Buffer{}
	require.NoError(t, team.Write(&b, "json"))
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	assert.Nil(t, got.Total.High)
}

// What was predicted stands beside what it then took, in each quantity that is known.
func TestTotalsJudgePredictions(t *testing.T) {
	row := func(scope string, energyWh, predictedWh energy.Energy, details string) runs.Row {
		return runs.Row{
			Status: footprint.Completed, Epochs: 10, DurationS: 3600, Energy: energyWh * energy.WattHour, Emissions: 40, IntensityScope: scope, Charge: footprint.ChargeMachine,
			PredictedEnergy: new(predictedWh * energy.WattHour), PredictedEmissions: new(runs.Number(50)), Details: `{"planned_epochs":10,` + details + `}`,
		}
	}
	all := totals([]runs.Row{
		row("lifecycle", 100, 90, `"predicted_duration_s":1800`),
		row("direct", 100, 130, `"imported":{"car_km":10,"predicted":{"duration_s":7200,"car_km":12}}`),
	})
	var b strings.Builder
	require.NoError(t, all.Text(&b))
	_, section, _ := strings.Cut(b.String(), "\npredictions\n")
	section, _, _ = strings.Cut(section, "\n\n")
	var words [][]string
	for line := range strings.Lines(section) {
		words = append(words, strings.Fields(line))
	}
	assert.Equal(t, [][]string{
		strings.Fields("after the first epochs  runs predicted actual mean error lowest highest"),
		strings.Fields("energy                  2    220 Wh    200 Wh    +10 %   −10 %  +30 %"),
		strings.Fields("CO2e lifecycle          1    50.0 g    40.0 g    +25 %   +25 %  +25 %"),
		strings.Fields("CO2e direct             1    50.0 g    40.0 g    +25 %   +25 %  +25 %"),
		strings.Fields("time                    2    2h 30m    2h 0m     +25 %   −50 %  +100 %"),
		strings.Fields("by car 1   12 km   10 km   +20 %   +20 %  +20 %"),
	}, words)
	b.Reset()
	require.NoError(t, all.Write(&b, "json"))
	var answer struct {
		Predictions []struct {
			Quantity         string
			Scope            *string
			Runs             int
			Predicted, Taken float64
			Error            struct{ Mean, Least, Most float64 }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(b.String()), &answer))
	require.Len(t, answer.Predictions, 5)
	assert.Nil(t, answer.Predictions[0].Scope)
	assert.Equal(t, "direct", *answer.Predictions[2].Scope)
	assert.Equal(t, "car_km", answer.Predictions[4].Quantity)
	assert.InDelta(t, 0.2, answer.Predictions[4].Error.Mean, 1e-9)
}

package report_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

func about(t *testing.T) report.About {
	run := reporttest.Replay(t, "server.jsonl")
	run.Host.GPUs = []string{"NVIDIA H200", "NVIDIA L4", "NVIDIA H200"}
	return report.About{
		Subject: "training the models of table 2 & their baselines", Run: &run, Stage: "fine-tuning", Family: "text classification", Data: "text",
		Unit: "request", Units: 1000, Date: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC),
	}
}

func extension(f report.Form) string {
	return map[report.Form]string{report.Paper: "tex", report.ModelCard: "yaml", report.BoAmps: "json"}[f]
}

func TestStatements(t *testing.T) {
	one := totals(month()[:1]).Groups.Total
	known := month()[:3]
	for i := range known {
		m, e := runs.Number(2), runs.Number(10)
		known[i].MarketEmissions, known[i].Embodied = &m, &e
		known[i].IntensityScope = []string{"direct", "lifecycle", ""}[i]
		known[i].IntensityKind = []string{"live", "own", "annual-average"}[i]
		known[i].Charge = []footprint.Charge{"machine", "process", "machine"}[i]
	}
	for name, c := range map[string]struct {
		total runs.Total
		about report.About
	}{
		"many": {totals(month()).Groups.Total, about(t)}, "one": {one, about(t)}, "known": {totals(known).Groups.Total, about(t)},
	} {
		for _, form := range report.Forms() {
			var b bytes.Buffer
			require.NoError(t, report.Statement(&b, form, c.total, c.about), form)
			ext := extension(form)
			if ext == "" {
				ext = "md"
			}
			reporttest.Golden(t, "testdata/"+string(form)+"-"+name+"."+ext, b.Bytes())
			assert.False(t, strings.Contains(b.String(), "%!"), "a verb without its value: %s", b.String())
		}
	}
}

// What nobody told is named, and nothing is made up in its place.
func TestStatementNeeds(t *testing.T) {
	total := totals(month()).Groups.Total
	for form, want := range map[report.Form][]string{
		report.SCI: {"unit", "units"}, report.BoAmps: {"stage", "family", "data", "run"},
	} {
		var need *report.NeedError
		require.ErrorAs(t, report.Statement(io.Discard, form, total, report.About{}), &need)
		assert.Equal(t, want, need.Needs)
	}
	for _, form := range []report.Form{report.Paper, report.ModelCard, report.GHG, report.Summary} {
		assert.NoError(t, report.Statement(io.Discard, form, total, report.About{}), form)
	}
	for _, form := range report.Forms() {
		assert.ErrorIs(t, report.Statement(io.Discard, form, runs.Total{}, about(t)), report.ErrNoRuns)
		assert.ErrorIs(t, report.Statement(&broken{3}, form, total, about(t)), errFull)
	}
	a := about(t)
	a.Data = "poems"
	assert.ErrorContains(t, report.Statement(io.Discard, report.BoAmps, total, a), "poems")
	assert.Error(t, report.Statement(io.Discard, "haiku", total, a))
}

// The score of SCI is (O + M) per R, and there is none without M.
func TestSCI(t *testing.T) {
	rows := month()[:2]
	var b bytes.Buffer
	require.NoError(t, report.Statement(&b, report.SCI, totals(rows).Groups.Total, about(t)))
	assert.Contains(t, b.String(), "unknown: M is missing")
	for i := range rows {
		e := runs.Number(500)
		rows[i].Embodied, rows[i].Emissions = &e, 1000
	}
	b.Reset()
	require.NoError(t, report.Statement(&b, report.SCI, totals(rows).Groups.Total, about(t)))
	assert.Contains(t, b.String(), "**3.00 g CO2e per request**", "(2 x 1000 g + 2 x 500 g) / 1000 requests")
}

// The keys of a BoAmps report that its schema requires.
func TestBoAmpsRequired(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.Statement(&b, report.BoAmps, totals(month()).Groups.Total, about(t)))
	var v map[string]any
	require.NoError(t, json.Unmarshal(b.Bytes(), &v))
	for path, kind := range map[string]any{
		"header.reportDatetime": "", "task.taskStage": "", "task.taskFamily": "", "task.algorithms.0": map[string]any{}, "task.dataset.0.dataUsage": "",
		"task.dataset.0.dataType": "", "measures.0.measurementMethod": "", "measures.0.powerConsumption": 0.0, "infrastructure.infraType": "",
		"infrastructure.components.0.componentType": "", "infrastructure.components.0.nbComponent": 0.0, "system.os": "",
	} {
		var at any = v
		for key := range strings.SplitSeq(path, ".") {
			if list, ok := at.([]any); ok {
				require.NotEmpty(t, list, path)
				at = list[0]
				continue
			}
			at = at.(map[string]any)[key]
		}
		assert.IsType(t, kind, at, path)
	}
	assert.InDelta(t, 10.7, v["measures"].([]any)[0].(map[string]any)["powerConsumption"].(float64), 0.05, "kWh")
}

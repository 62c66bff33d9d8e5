package report_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

func replay(t *testing.T, trace string) footprint.Report {
	t.Helper()
	f, err := os.Open(filepath.Join("../testdata/traces", trace))
	require.NoError(t, err)
	defer f.Close()
	r, err := footprint.Replay(f)
	require.NoError(t, err)
	return r
}

// full is a report that has all that a report can have, with names that every
// format must keep from running.
func full(t *testing.T) footprint.Report {
	r := replay(t, "trouble.jsonl")
	exit, share := 3, 0.62
	e := func(j float64) *energy.Energy { v := energy.Joules(j); return &v }
	embodied, provider, region, within := regions.Grams(1.25), "aws", "eu-central-1", "module-0"
	start := time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	r.Project, r.Status, r.ExitCode = hostile, footprint.Failed, &exit
	r.Labels = map[string]string{"model": "=2+5", "paper|key": `\input{x}`}
	r.StartedAt, r.EndedAt, r.DurationS = start, start.Add(3*time.Hour), 3*3600
	r.Energy, r.EnergyLow, r.EnergyHigh = 9*energy.KilowattHour, 8*energy.KilowattHour, new(11*energy.KilowattHour)
	r.Emissions, r.EmissionsLow, r.EmissionsHigh, r.MeasuredShare, r.Coverage = 3708, 3296, new(regions.Grams(4532)), &share, 0.97
	r.Market = &footprint.Market{PerKWh: 12, Emissions: 135, Source: "own contract <b>"}
	r.Embodied = &embodied
	r.Region.Provider, r.Region.CloudRegion = &provider, &region
	r.Host.GPUs = []string{"NVIDIA H200", "NVIDIA H200"}
	r.Job = &footprint.Job{System: "slurm", ID: "4711"}
	r.Command = []string{"python", "train.py", "--name", "<script>alert(1)</script>"}
	r.Components = append(r.Components,
		footprint.Line{Kind: energy.GPU, ID: "GPU-1", Name: "NVIDIA H200", Source: "nvml", Basis: energy.Measured, Energy: e(2e7), Low: e(1.99e7), High: e(2.01e7), Charged: *e(2e7), Coverage: 1, Status: "ok"},
		footprint.Line{Kind: energy.GPU, ID: "GPU-2", Name: "", Source: "estimate", Basis: energy.Modelled, Energy: e(1.2e7), Low: e(0.8e7), High: e(1.9e7), Charged: *e(1.2e7), Coverage: 0.9, Status: "partial"},
		footprint.Line{Kind: energy.CPU, ID: "grace", Name: "inside the module", Within: &within, Source: "nvml", Basis: energy.Measured, Energy: e(1e6), Coverage: 1, Status: "ok"})
	r.Ledger = &footprint.Receipt{Path: "/data/ada's runs.csv", LedgerID: "01a20400", Rows: 7, Hash: strings.Repeat("ab", 32)}
	return r
}

// hostile is a name that means something in every format.
const hostile = "=cmd|' /C calc'!A0 <script>alert(1)</script> \\input{/etc/passwd} $x$ `id` [a](b) @all #1 100%_&~^\"{}\n--> | x"

var runFormats = map[string]func(io.Writer, footprint.Report) error{
	"md": written("markdown"), "tex": written("latex"), "html": written("html"),
}

func written(format string) func(io.Writer, footprint.Report) error {
	return func(w io.Writer, r footprint.Report) error { return report.Run{Report: r}.Write(w, format) }
}

func TestRunPages(t *testing.T) {
	for name, r := range map[string]footprint.Report{
		"vm": replay(t, "vm.jsonl"), "server": replay(t, "server.jsonl"), "full": full(t), "empty": {},
	} {
		for ext, write := range runFormats {
			var b bytes.Buffer
			require.NoError(t, write(&b, r))
			golden(t, "testdata/run-"+name+"."+ext, b.Bytes())
		}
	}
}

func TestParse(t *testing.T) {
	r := full(t)
	var b, again bytes.Buffer
	require.NoError(t, report.JSON(&b, r))
	back, err := report.Parse(bytes.NewReader(b.Bytes()))
	require.NoError(t, err)
	require.NoError(t, report.JSON(&again, back))
	assert.Equal(t, b.String(), again.String())
	for _, bad := range []string{"", "{}", "[]", `{"schema":"carbonctl.run/v2"}`, "run_id,project", `{"schema":"carbonctl.run/v1","energy_joules":"x"}`} {
		_, err := report.Parse(strings.NewReader(bad))
		assert.ErrorIs(t, err, report.ErrNotRun, bad)
	}
}

// broken takes n bytes and then no more, as a full disk or a closed pipe.
type broken struct{ n int }

var errFull = errors.New("full")

func (w *broken) Write(b []byte) (int, error) {
	if w.n -= len(b); w.n < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteErrorsAreTold(t *testing.T) {
	for ext, write := range runFormats {
		assert.ErrorIs(t, write(&broken{10}, full(t)), errFull, ext)
	}
}

// Whatever a file holds, reading it and showing it ends in an error or a page.
func FuzzParse(f *testing.F) {
	for _, trace := range []string{"vm", "server", "trouble", "client"} {
		b, err := os.ReadFile("../testdata/traces/" + trace + ".json")
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"schema":"carbonctl.run/v1","components":[{"energy_joules":-1,"low_joules":null,"name":"\u0000"}],"market":{},"embodied_g":-1,"intensity":{"parts":null}}`))
	f.Add([]byte(`{"schema":"carbonctl.run/v1","duration_s":1e300,"emissions_g":1e308,"emissions_high_g":-1e308,"measured_share":7,"warnings":[{"code":"a b"}],"labels":{"":""}}`))
	f.Add([]byte(`{"schema":"carbonctl.run/v1","energy_joules":5,"duration_s":-1,"epochs":[{"index":-1,"energy_joules":-5,"energy_high_joules":9e9,"ended":true},{"coverage":-1},{"ended":true,"duration_s":1e300,"emissions_g":1e308}],"epochs_omitted":-3,"tasks":[{"name":"","within":"|"}],"tasks_omitted":-1,"between":{},
		"prediction":{"method":"<","level":-1e300,"after_epochs":-1,"of_epochs":5,"emissions_g":{"low":2,"expected":1,"high":-1},"history":[{"after_epochs":-7},{"emissions_g":{"high":1e308}}]},"budget":{"limit":"1e-300g","tripped_at":"0001-01-01T00:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := report.Parse(bytes.NewReader(b))
		if err != nil {
			assert.ErrorIs(t, err, report.ErrNotRun)
			return
		}
		var total runs.Total
		total.Add(runs.FromReport(r))
		for _, format := range report.Formats() {
			if format != "csv" && format != "openmetrics" && format != "prometheus" {
				assert.NoError(t, report.Run{Report: r}.Write(io.Discard, format), format)
			}
			if format != "json" { // it has no infinity, which a sum may reach
				assert.NoError(t, report.Totals{Groups: &runs.Groups{Total: total}}.Write(io.Discard, format), format)
			}
		}
		for _, form := range report.Forms() {
			var need *report.NeedError
			if err := report.Statement(io.Discard, form, total, report.About{Run: &r}); err != nil && !errors.As(err, &need) {
				assert.ErrorIs(t, err, report.ErrNoRuns, form)
			}
		}
	})
}

func TestFormats(t *testing.T) {
	r, v := full(t), totals(month())
	for _, format := range report.Formats() {
		assert.NoError(t, v.Write(io.Discard, format))
		assert.Equal(t, format == "csv" || format == "openmetrics" || format == "prometheus", report.Run{Report: r}.Write(io.Discard, format) != nil, "a single run is a row of its ledger already")
	}
	assert.ErrorContains(t, v.Write(io.Discard, "pdf"), "latex")
	assert.Error(t, report.Run{Report: r}.Write(io.Discard, "pdf"))
}

// The commit that a run was of is in the text and on the pages.
func TestTheRevisionIsShown(t *testing.T) {
	r := training{epochs: 2, of: 2}.run(t)
	for _, page := range pages(t, r) {
		assert.NotContains(t, page, "revision")
	}
	r.Revision = strings.Repeat("ab12", 10) + "+dirty"
	all := pages(t, r)
	assert.Contains(t, all["md"], "| revision | "+r.Revision+" |")
	assert.Contains(t, all["html"], strings.Repeat("ab12", 10)+"&#43;dirty")
	var b bytes.Buffer
	require.NoError(t, report.Run{Report: r}.Write(&b, "text"))
	assert.Contains(t, b.String(), "  revision   "+r.Revision+"\n")
}

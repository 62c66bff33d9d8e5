package report_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

var runFormats = map[string]func(io.Writer, footprint.Report) error{
	"md": written("markdown"), "tex": written("latex"), "html": func(w io.Writer, r footprint.Report) error { return page.Run{Run: report.Run{Report: r}}.HTML(w) },
}

func written(format string) func(io.Writer, footprint.Report) error {
	return func(w io.Writer, r footprint.Report) error { return report.Run{Report: r}.Write(w, format) }
}

func TestRunPages(t *testing.T) {
	for name, r := range map[string]footprint.Report{
		"vm": reporttest.Replay(t, "vm.jsonl"), "server": reporttest.Replay(t, "server.jsonl"), "full": reporttest.Full(t), "empty": {},
	} {
		for ext, write := range runFormats {
			var b bytes.Buffer
			require.NoError(t, write(&b, r))
			reporttest.Golden(t, "testdata/run-"+name+"."+ext, b.Bytes())
		}
	}
}

func TestParse(t *testing.T) {
	r := reporttest.Full(t)
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
		assert.ErrorIs(t, write(&broken{10}, reporttest.Full(t)), errFull, ext)
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
		assert.NoError(t, page.Run{Run: report.Run{Report: r}}.HTML(io.Discard))
		assert.NoError(t, page.Team{Totals: report.Totals{Groups: &runs.Groups{Total: total}}}.Write(io.Discard, "html"))
		for _, form := range report.Forms() {
			var need *report.NeedError
			if err := report.Statement(io.Discard, form, total, report.About{Run: &r}); err != nil && !errors.As(err, &need) {
				assert.ErrorIs(t, err, report.ErrNoRuns, form)
			}
		}
	})
}

func TestFormats(t *testing.T) {
	r, v := reporttest.Full(t), totals(month())
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

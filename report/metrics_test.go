package report_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

func TestOpenMetrics(t *testing.T) {
	groups := runs.Groups{By: []runs.Key{runs.ByProject, "label:team"}}
	for n, project := range []string{"demo", "demo", "a \"quoted\"\nname\\"} {
		r := reporttest.Row(n)
		r.Project, r.Labels = project, `{"team":"x"}`
		groups.Add(r)
	}
	var b bytes.Buffer
	require.NoError(t, report.Totals{Groups: &groups}.Write(&b, "openmetrics"))
	reporttest.Golden(t, "testdata/totals.openmetrics", b.Bytes())

	var text bytes.Buffer
	require.NoError(t, report.Totals{Groups: &groups}.Write(&text, "prometheus"))
	assert.Contains(t, text.String(), "# TYPE carbonctl_ledger_energy_joules_total counter\n")
	values := func(s string) (all []string) {
		for line := range strings.Lines(s) {
			if !strings.HasPrefix(line, "#") {
				all = append(all, line)
			}
		}
		return all
	}
	assert.Equal(t, values(b.String()), values(text.String()), "both formats have the same series")

	page, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	for line := range strings.Lines(b.String()) {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(strings.TrimSpace(name), " ")
			assert.Contains(t, string(page), "| `"+name+"` | "+kind+" |", "docs/metrics.md")
		}
	}

	b.Reset()
	require.NoError(t, report.Totals{Groups: &runs.Groups{}}.Write(&b, "openmetrics"))
	assert.Contains(t, b.String(), "carbonctl_ledger_runs_total 0\n")
}

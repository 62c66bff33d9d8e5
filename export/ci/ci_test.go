package ci_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/export/ci"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
)

var _, _ carbon.Sink = ci.Workflow{}, ci.Pipeline{}

func replay(t *testing.T) footprint.Report {
	f, err := os.Open("../../testdata/traces/server.jsonl")
	require.NoError(t, err)
	defer f.Close()
	r, err := footprint.Replay(f)
	require.NoError(t, err)
	r.RunID = "0198c0de-0000-7000-8000-000000000001"
	return r
}

func env(all map[string]string) func(string) string {
	return func(name string) string { return all[name] }
}

func read(t *testing.T, path string) string {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want ci.System
	}{
		{"auto", nil, ci.None},
		{"auto", map[string]string{"CI": "true"}, ci.None},
		{"auto", map[string]string{"GITHUB_ACTIONS": "true"}, ci.GitHub},
		{"auto", map[string]string{"GITLAB_CI": "true"}, ci.GitLab},
		{"github", nil, ci.GitHub},
		{"gitlab", map[string]string{"GITHUB_ACTIONS": "true"}, ci.GitLab},
	} {
		got, err := ci.Parse(c.name, env(c.env))
		require.NoError(t, err)
		assert.Equal(t, c.want, got, c.name)
	}
	for _, bad := range []string{"", "GitHub", "jenkins", strings.Repeat("x", 99)} {
		_, err := ci.Parse(bad, env(nil))
		require.Error(t, err)
		assert.Less(t, len(err.Error()), 100)
	}
}

func TestWorkflow(t *testing.T) {
	dir, r := t.TempDir(), replay(t)
	w, err := ci.WorkflowOf(env(map[string]string{"GITHUB_STEP_SUMMARY": filepath.Join(dir, "summary"), "GITHUB_OUTPUT": filepath.Join(dir, "output")}), report.Car{})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(w.Summary, []byte("# tests\n"), 0o600))
	require.NoError(t, os.WriteFile(w.Output, []byte("mine=1"), 0o600))
	require.NoError(t, w.Report(t.Context(), r))

	var markdown bytes.Buffer
	require.NoError(t, report.Run{Report: r}.Write(&markdown, "markdown"))
	assert.Equal(t, "# tests\n\n"+markdown.String(), read(t, w.Summary))
	out := read(t, w.Output)
	assert.True(t, strings.HasPrefix(out, "mine=1\ncarbon_run_id="+r.RunID+"\n"), out)
	assert.Contains(t, out, "\ncarbon_energy_joules="+strings.TrimSuffix(r.Energy.String(), " J")+"\n")
	assert.Equal(t, float64(r.Emissions), number(t, out, "carbon_emissions_g="))

	_, err = ci.WorkflowOf(env(nil), report.Car{})
	assert.Error(t, err)
	w.Summary = filepath.Join(dir, "gone", "summary")
	err = w.Report(t.Context(), r)
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Equal(t, 2, strings.Count(read(t, w.Output), "carbon_run_id="), "one that fails leaves the other alone")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, w.Report(ctx, r), context.Canceled)
}

func number(t *testing.T, text, after string) float64 {
	_, rest, ok := strings.Cut(text, after)
	require.True(t, ok, after)
	line, _, _ := strings.Cut(rest, "\n")
	v, err := strconv.ParseFloat(line, 64)
	require.NoError(t, err)
	return v
}

// TestSummaryHasALimit beyond which GitHub shows nothing of it.
func TestSummaryHasALimit(t *testing.T) {
	r := replay(t)
	for used, want := range map[int]string{ci.SummaryLimit - 300: "`carbonctl`: ", ci.SummaryLimit - 10: "no room left"} {
		w := ci.Workflow{Summary: filepath.Join(t.TempDir(), "summary")}
		require.NoError(t, os.WriteFile(w.Summary, bytes.Repeat([]byte("x\n"), used/2), 0o600))
		err := w.Report(t.Context(), r)
		text := read(t, w.Summary)
		if err != nil {
			text = err.Error()
		}
		assert.Contains(t, text, want)
		info, err := os.Stat(w.Summary)
		require.NoError(t, err)
		assert.LessOrEqual(t, info.Size(), int64(ci.SummaryLimit))
	}
}

func TestAnnotations(t *testing.T) {
	assert.Equal(t, "::notice title=a%3A b%2C%0A::100%25%0D%0A:: x, y\n", ci.Command("notice", "a: b,\n", "100%\r\n:: x, y"))
	r := replay(t)
	show := func() string {
		var b bytes.Buffer
		require.NoError(t, ci.Annotate(&b, r))
		return b.String()
	}
	assert.Equal(t, "::notice title=Carbon footprint::"+strings.ReplaceAll(r.String(), "%", "%25")+"\n", show())
	r.Warnings = append(r.Warnings, footprint.Warning{Code: footprint.NotRecorded, Text: "no room\n::error::mine"})
	r.Budget = &footprint.Spending{Limit: "1g", TrippedAt: new(time.Unix(1, 0))}
	lines := strings.Split(show(), "\n")
	require.Len(t, lines, 3)
	assert.True(t, strings.HasPrefix(lines[0], "::warning title=Carbon footprint::"))
	assert.Equal(t, "::warning title=carbonctl::no room%0A::error::mine", lines[1])
	for range 20 {
		r.Warnings = append(r.Warnings, footprint.Warning{Code: footprint.NotRecorded, Text: "again"})
	}
	assert.Equal(t, 6, strings.Count(show(), "\n"))
}

func TestPipeline(t *testing.T) {
	dir, r := t.TempDir(), replay(t)
	share := 0.5
	r.Energy, r.Emissions, r.MeasuredShare, r.Intensity.Scope = energy.Joules(86412.3456), 0.0140623, &share, regions.Lifecycle
	p := ci.PipelineOf(env(map[string]string{"CI_PROJECT_DIR": dir, "CI_JOB_NAME": "train \"7b\"\n[1/2]"}))
	require.NoError(t, p.Report(t.Context(), r))
	text := read(t, filepath.Join(dir, ci.MetricsFile))
	assert.Contains(t, text, "\ncarbonctl_energy_joules_total{job=\"train \\\"7b\\\"\\n[1/2]\",basis=\"mixed\"} 86400\n")
	assert.Contains(t, text, "basis=\"mixed\",scope=\"lifecycle\"} 0.0141\n")
	assert.True(t, strings.HasSuffix(text, "\n# EOF\n"))
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(t, err)
	require.Len(t, families, 2)
	for name, f := range families {
		assert.NotEmpty(t, f.GetHelp(), "%s: promtool check metrics asks for it", name)
	}
	vars := read(t, filepath.Join(dir, ci.DotenvFile))
	assert.Contains(t, vars, "\nCARBON_ENERGY_JOULES=86412.3456\n")
	assert.Contains(t, vars, "\nCARBON_EMISSIONS_G=0.0140623\n")
	assert.Less(t, len(vars), 5<<10)
	assert.NotContains(t, vars, "CARBONCTL_", "a later job's own carbonctl must not take them for settings")

	require.NoError(t, p.Report(t.Context(), footprint.Report{RunID: "x"}))
	assert.Equal(t, "# EOF\n", read(t, filepath.Join(dir, ci.MetricsFile)), "what is not known is not 0")
	assert.NotContains(t, read(t, filepath.Join(dir, ci.DotenvFile)), "JOULES")

	p.Dir = filepath.Join(dir, "gone")
	t.Chdir(dir)
	require.NoError(t, os.Remove(ci.DotenvFile))
	require.NoError(t, p.Report(t.Context(), r))
	assert.FileExists(t, ci.DotenvFile)
}

// FuzzCommand checks that no text begins a command of its own, and none is lost.
func FuzzCommand(f *testing.F) {
	f.Add("a", "b\n::set-output name=x::y")
	f.Fuzz(func(t *testing.T, title, text string) {
		s := ci.Command("notice", title, text)
		if strings.Count(s, "\n") != 1 || strings.Contains(s, "\r") || !strings.HasSuffix(s, "\n") {
			t.Errorf("%q", s)
		}
		head, data, _ := strings.Cut(strings.TrimPrefix(s, "::notice title="), "::")
		if strings.ContainsAny(head, ":,") {
			t.Errorf("%q", head)
		}
		back := strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace(strings.TrimSuffix(data, "\n"))
		if back != text {
			t.Errorf("%q is read as %q", text, back)
		}
	})
}

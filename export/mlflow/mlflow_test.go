package mlflow

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

var _ carbon.Checkpointer = (*Sink)(nil)

var start = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

// finished is the report of a run with so many epochs of a second, and two components.
func finished(epochs int) footprint.Report {
	r := (&footprint.Account{}).Report()
	r.RunID, r.Project, r.Status = "0198c0de-0000-7000-8000-000000000001", "night", footprint.Completed
	r.StartedAt, r.EndedAt, r.DurationS = start, start.Add(time.Duration(epochs)*time.Second), float64(epochs)
	r.Labels = map[string]string{"team/a=b": "two\nlines", "ünïcode": "x"}
	r.Region.Zone, r.Intensity.PerKWh, r.Intensity.Source = "FR", 41, "a table"
	high, share, code := 1300*energy.Joule, 0.75, 0
	r.Energy, r.EnergyLow, r.EnergyHigh, r.MachineEnergy = 1234567891*energy.Microjoule, 1200*energy.Joule, &high, 1300*energy.Joule
	r.Emissions, r.EmissionsLow, r.MeasuredShare, r.Coverage, r.ExitCode = 0.01406012345, 0.014, &share, 1, &code
	r.EmissionsHigh, r.ProcessEnergy = nil, nil
	for i := range epochs {
		r.Epochs = append(r.Epochs, footprint.Epoch{Index: i + 1, Stretch: footprint.Stretch{
			StartedAt: start.Add(time.Duration(i) * time.Second), DurationS: 1, Ended: true, Coverage: 1,
			Energy: energy.Energy(i)*energy.Joule + 123456, Emissions: 0.001,
		}})
	}
	for _, c := range []string{"package-0", "../GPU:0"} {
		e := 600 * energy.Joule
		r.Components = append(r.Components, footprint.Line{Kind: energy.CPU, ID: c, Basis: energy.Measured, Energy: &e})
		p := footprint.Power{Component: c, Kind: energy.CPU, Basis: energy.Measured, StepS: 1}
		for i := range epochs {
			p.Mean = append(p.Mean, float32(i)+0.3)
		}
		r.Power = append(r.Power, p)
	}
	r.Components = append(r.Components, footprint.Line{Kind: energy.GPU, ID: "dead", Basis: energy.Measured})
	return r
}

// environment is one of a test.
func environment(more ...string) func(string) string {
	vars := map[string]string{envURI: "http://tracking:5000/base/"}
	for i := 0; i+1 < len(more); i += 2 {
		vars[more[i]] = more[i+1]
	}
	return func(name string) string { return vars[name] }
}

// sink is one that talks to a stub, below its path.
func sink(t *testing.T, s *stub, more ...string) *Sink {
	t.Helper()
	k, err := New(environment(more...))
	require.NoError(t, err)
	k.client.Transport = based{s}
	return k
}

// based takes the path away that the address has.
type based struct{ http.RoundTripper }

func (b based) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, "/base/api/2.0/") || r.URL.Host != "tracking:5000" {
		return nil, fmt.Errorf("asked for %s", r.URL)
	}
	c := r.Clone(r.Context())
	c.URL.Path = strings.TrimPrefix(r.URL.Path, "/base")
	return b.RoundTripper.RoundTrip(c)
}

// of gives the only run of a stub.
func (s *stub) only(t *testing.T) *stubRun {
	t.Helper()
	require.Len(t, s.runs, 1)
	for _, r := range s.runs {
		return r
	}
	return nil
}

// values are those of a metric by step.
func (r *stubRun) values(key string) map[int64]string {
	all := map[int64]string{}
	for _, m := range r.metrics {
		if m.Key == key {
			all[m.Step] = string(m.Value)
		}
	}
	return all
}

func TestARunOfOurs(t *testing.T) {
	s, r := newStub(), finished(3)
	k := sink(t, s, envName, "nights & days")
	require.NoError(t, k.Report(t.Context(), r))
	run := s.only(t)
	assert.Equal(t, s.experiments["nights & days"], run.experiment)
	assert.Equal(t, "FINISHED", run.status)
	assert.Equal(t, r.EndedAt.UnixMilli(), run.end)
	assert.Equal(t, map[int64]string{1: "0.123456", 2: "1.123456", 3: "2.123456"}, run.values("carbonctl/epoch/energy_joules"))
	assert.Equal(t, map[int64]string{3: "1234.567891"}, run.values("carbonctl/energy_joules"), "to the last digit")
	assert.Equal(t, map[int64]string{3: "0.01406012345"}, run.values("carbonctl/emissions_g"))
	assert.Equal(t, map[int64]string{0: "0.3", 1: "1.3", 2: "2.3"}, run.values("carbonctl/power_watts/package-0"))
	assert.Equal(t, map[int64]string{3: "600"}, run.values("carbonctl/component_energy_joules/.._GPU_0"))
	assert.Empty(t, run.values("carbonctl/component_energy_joules/dead"), "unknown is no 0")
	assert.Empty(t, run.values("carbonctl/process_energy_joules"))
	assert.Empty(t, run.values("carbonctl/emissions_high_g"))
	for key, want := range map[string]string{
		"carbonctl.run_id": r.RunID, "carbonctl.label.team_a_b": "two\nlines", "carbonctl.label._n_code": "x",
		"carbonctl.energy_basis": "mixed: 0.75 of it measured", "carbonctl.zone": "FR", "mlflow.runName": "night 00000001",
		"carbonctl.page": "carbonctl/" + r.RunID + ".html", "carbonctl.exit_code": "0",
	} {
		assert.Equal(t, want, run.tags[key], key)
	}
	assert.Contains(t, run.tags["mlflow.note.content"], "|")
	page := string(s.artifacts["0/"+run.id+"/artifacts/carbonctl/"+r.RunID+".html"])
	assert.True(t, strings.HasPrefix(strings.ToLower(page), "<!doctype html"), "%.40s", page)
}

// TestWorkAndResults: what was done and what the program told of an epoch stand beside the energy.
func TestWorkAndResults(t *testing.T) {
	s, r := newStub(), finished(1)
	r.Epochs[0].Metrics = map[string]float64{"val:loss": 0.25}
	r.Work = []footprint.Work{
		{Unit: "output_token", How: footprint.ByCounter, Count: 26, Energy: new(0.5), Emissions: new(1e-6), Cost: new(2e-7)},
		{Unit: "output_token", How: footprint.ByEvent, Count: 20}, {Unit: "request"},
	}
	require.NoError(t, sink(t, s).Report(t.Context(), r))
	run := s.only(t)
	for key, want := range map[string]map[int64]string{
		"carbonctl/epoch/val_loss": {1: "0.25"}, "carbonctl/work/output_token": {1: "26"},
		"carbonctl/energy_joules_per/output_token": {1: "0.5"}, "carbonctl/emissions_g_per/output_token": {1: "0.000001"},
		"carbonctl/cost_per/output_token": {1: "2e-7"}, "carbonctl/work/request": {1: "0"}, "carbonctl/energy_joules_per/request": {},
	} {
		assert.Equal(t, want, run.values(key), key)
	}
}

func TestWhatAStatusBecomes(t *testing.T) {
	term := "TERM"
	for want, r := range map[string]footprint.Report{
		"FINISHED": {Status: footprint.Completed}, "FAILED": {Status: footprint.Failed}, "KILLED": {Status: footprint.Interrupted},
	} {
		assert.Equal(t, want, status(r))
	}
	assert.Equal(t, "KILLED", status(footprint.Report{Status: footprint.Failed, Signal: &term}))
	assert.Equal(t, "KILLED", status(footprint.Report{Status: footprint.Recovered}))
}

// A run of the application's own is logged into, and neither ended nor described by us.
func TestTheirRun(t *testing.T) {
	s := newStub()
	s.runs["abc"] = &stubRun{id: "abc", experiment: "0", status: "FINISHED", stage: "active", tags: map[string]string{"mlflow.note.content": "theirs"}}
	require.NoError(t, sink(t, s, envRun, "abc", envName, "ignored").Report(t.Context(), finished(2)))
	assert.Equal(t, "FINISHED", s.runs["abc"].status)
	assert.Zero(t, s.runs["abc"].end)
	assert.Equal(t, "theirs", s.runs["abc"].tags["mlflow.note.content"])
	assert.NotContains(t, s.runs["abc"].tags, tagMade)
	assert.Len(t, s.runs["abc"].values("carbonctl/epoch/energy_joules"), 2)
	assert.NotContains(t, s.experiments, "ignored")

	s.runs["abc"].stage = "deleted"
	err := sink(t, s, envRun, "abc").Report(t.Context(), finished(2))
	require.ErrorContains(t, err, "run abc is deleted on the server")
	assert.False(t, deliver.Keep(err))
	err = sink(t, s, envRun, "none").Report(t.Context(), finished(2))
	require.ErrorContains(t, err, `MLFLOW_RUN_ID: the server has no run "none"`)
	assert.False(t, deliver.Keep(err))
}

// What follows the run sends everything once, and a fresh sink the same again.
func TestItFollows(t *testing.T) {
	s := newStub()
	k := sink(t, s)
	for n := 1; n <= 4; n++ {
		r := finished(n)
		r.Status, r.Epochs[n-1].Ended = footprint.Running, false
		require.NoError(t, k.Checkpoint(r))
	}
	run := s.only(t)
	assert.Equal(t, "RUNNING", run.status)
	assert.Len(t, run.values("carbonctl/epoch/energy_joules"), 3)
	r := finished(5)
	r.Epochs[0].Emissions = 0.5 // its factor came late
	require.NoError(t, k.Report(t.Context(), r))
	assert.Equal(t, "FINISHED", run.status)
	once := map[string]int{}
	for _, m := range run.metrics {
		if strings.HasPrefix(m.Key, "carbonctl/epoch/") || strings.HasPrefix(m.Key, "carbonctl/power_watts/") {
			once[fmt.Sprint(m.Key, m.Step)]++
		}
	}
	for key, n := range once {
		want := 1
		if strings.HasPrefix(key, "carbonctl/epoch/") && strings.HasSuffix(key, "1") {
			want = 2
		}
		assert.Equal(t, want, n, key)
	}
	assert.Equal(t, "0.5", run.values("carbonctl/epoch/emissions_g")[1])
	all := func() map[string]string {
		m := map[string]string{}
		for _, x := range run.metrics {
			m[fmt.Sprint(x.Key, " ", x.Step, " ", x.At)] = string(x.Value)
		}
		return m
	}
	before := all()
	again := Redo(k.Target(), environment())
	again.client.Transport = based{s}
	require.NoError(t, again.Report(t.Context(), r))
	require.Len(t, s.runs, 1, "it finds the run that was made")
	assert.Equal(t, before, all(), "and logs the same")
}

// An answer that gets lost makes no second run.
func TestALostAnswer(t *testing.T) {
	for _, path := range []string{"mlflow/runs/create", "mlflow/experiments/create", "mlflow/runs/log-batch", "mlflow/runs/update"} {
		s := newStub()
		s.lose = path
		k := sink(t, s, envName, "n")
		k.client.Temporary = func(int) bool { return false }
		_ = k.Checkpoint(finished(1))
		require.NoError(t, k.Report(t.Context(), finished(1)), path)
		assert.Equal(t, "FINISHED", s.only(t).status)
	}
}

func TestTheLimitsOfABatch(t *testing.T) {
	s, r := newStub(), finished(1000)
	for c := range 9 {
		p := r.Power[0]
		p.Component = fmt.Sprint("gpu-", c)
		r.Power = append(r.Power, p)
	}
	r.Labels = map[string]string{"..": "x", "/": "y", "": "z", strings.Repeat("k", 500): "long"}
	for i := range 300 {
		r.Labels[fmt.Sprint("key", i)] = strings.Repeat("\u0001é", 4000) // six bytes and two each in JSON
	}
	require.NoError(t, sink(t, s).Report(t.Context(), r))
	run := s.only(t)
	assert.Len(t, run.values("carbonctl/epoch/energy_joules"), 1000)
	assert.Len(t, run.values("carbonctl/power_watts/gpu-8"), 1000)
	assert.Equal(t, 5000, len([]rune(run.tags["carbonctl.label.key299"])))
	assert.Greater(t, run.batches, 15)
}

func TestABusyServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStub()
		s.wrong = func(_ string, n int) (int, string, http.Header) {
			if n%2 == 1 {
				return 429, `{"error_code":"REQUEST_LIMIT_EXCEEDED","message":"slow down"}`, http.Header{"Retry-After": {"2"}}
			}
			return 0, "", nil
		}
		begun := time.Now()
		require.NoError(t, sink(t, s).Report(t.Context(), finished(2)))
		assert.Equal(t, time.Duration(len(s.asked)/2)*2*time.Second, time.Since(begun))
		assert.Equal(t, "FINISHED", s.only(t).status)
	})
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status  int
		body    string
		want    string
		keep    bool
		oneTime bool
	}{
		{401, "You are not authenticated.", "tracking:5000: 401 Unauthorized: You are not authenticated.", true, true},
		{403, `{"error_code":"PERMISSION_DENIED","message":"no"}`, "tracking:5000: 403 Forbidden: PERMISSION_DENIED: no", true, true},
		{400, `{"error_code":"INVALID_PARAMETER_VALUE","message":"no"}`, "tracking:5000: 400 Bad Request: INVALID_PARAMETER_VALUE: no", false, true},
		{500, `{"error_code":"INTERNAL_ERROR","message":"oh"}`, "tracking:5000: 500 Internal Server Error: INTERNAL_ERROR: oh", true, false},
		{200, "<html>a login page</html>", "tracking:5000: 200 OK: a web page, as a login shows, and no answer of the service", true, true},
		{200, "hello", "tracking:5000: the answer to runs/search is not MLflow's", true, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStub()
			s.wrong = func(string, int) (int, string, http.Header) { return c.status, c.body, nil }
			err := sink(t, s).Report(t.Context(), finished(1))
			require.EqualError(t, err, c.want)
			assert.Equal(t, c.keep, deliver.Keep(err))
			assert.Equal(t, c.oneTime, len(s.asked) == 1)
			n := len(s.asked)
			require.EqualError(t, sink(t, s).Checkpoint(finished(1)), c.want)
			assert.Len(t, s.asked, n+1, "a checkpoint is one try")
		})
	}
}

func TestArtifacts(t *testing.T) {
	for where, want := range map[string]string{
		"mlflow-artifacts:/0/%s/artifacts":                "carbonctl/",
		"mlflow-artifacts://tracking:5000/0/%s/artifacts": "carbonctl/",
		"mlflow-artifacts://elsewhere:1/0/%s/artifacts":   "not uploaded: artifacts are on another host, elsewhere:1",
		"https://elsewhere/0/%s":                          "not uploaded: artifacts are on another host, elsewhere",
		"s3://bucket/0/%s":                                "not uploaded: artifacts are in s3, which the server does not proxy",
		"/mlruns/0/%s/artifacts":                          "not uploaded: artifacts are in , which the server does not proxy",
		"":                                                "not uploaded: the server names no place for artifacts",
		"http://tracking:5000/base/api/2.0/mlflow-artifacts/artifacts/0/%s/artifacts": "carbonctl/",
	} {
		s := newStub()
		s.where = where
		require.NoError(t, sink(t, s).Report(t.Context(), finished(1)), where)
		assert.True(t, strings.HasPrefix(s.only(t).tags["carbonctl.page"], want), "%s: %s", where, s.only(t).tags["carbonctl.page"])
		assert.Len(t, s.artifacts, map[bool]int{true: 1}[want == "carbonctl/"], where)
	}
	for status, kept := range map[int]bool{404: false, 403: false, 413: false, 500: false, 503: true} {
		synctest.Test(t, func(t *testing.T) {
			s := newStub()
			s.wrong = func(p string, _ int) (int, string, http.Header) {
				if strings.HasPrefix(p, "mlflow-artifacts/") {
					return status, `{"error_code":"ENDPOINT_NOT_FOUND","message":"artifacts are not served"}`, nil
				}
				return 0, "", nil
			}
			err := sink(t, s).Report(t.Context(), finished(1))
			assert.Equal(t, kept, err != nil && deliver.Keep(err), status)
			if !kept {
				require.NoError(t, err)
				assert.Contains(t, s.only(t).tags["carbonctl.page"], fmt.Sprintf("not uploaded: the server refuses: %d ENDPOINT_NOT_FOUND", status))
			}
			assert.Equal(t, "FINISHED", s.only(t).status, "whatever becomes of the page")
		})
	}
}

func TestCredentials(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("from-a-file\n"), 0o600))
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{envUser, "ada", envPassword, "pw", envToken, "t"}, "Basic YWRhOnB3"},
		{[]string{envToken, "t"}, "Bearer t"},
		{[]string{envToken + "_FILE", token}, "Bearer from-a-file"},
		{[]string{envURI, "http://ada:pw@tracking:5000/base"}, "Basic YWRhOnB3"},
		{nil, ""},
	} {
		k, err := New(environment(c.env...))
		require.NoError(t, err)
		assert.Equal(t, c.want, k.header.Get("Authorization"))
		assert.NotContains(t, k.Target(), "pw")
		assert.Contains(t, k.Target(), `"uri":"http://tracking:5000/base"`)
	}
	s := newStub()
	s.password = "pw"
	require.NoError(t, sink(t, s, envUser, "ada", envPassword, "pw").Report(t.Context(), finished(1)))
	k, err := New(environment(envWorkspace, "team"))
	require.NoError(t, err)
	assert.Equal(t, "team", k.header.Get("X-MLFLOW-WORKSPACE"))

	other := environment(envURI, "http://elsewhere:5000", envToken, "t")
	assert.Nil(t, Redo(k.Target(), other), "no token for another server")
	assert.Nil(t, Redo("garbage", environment()))
	assert.NotNil(t, Redo(k.Target(), environment()))
}

func TestBadEnvironment(t *testing.T) {
	for want, env := range map[string][]string{
		envURI + " is not set: give it the address of the tracking server": {envURI, ""},
		`"file" is not a tracking server`:                                  {envURI, "file:///tmp/mlruns"},
		`"databricks" is not a tracking server`:                            {envURI, "databricks"},
		`"sqlite" is not a tracking server`:                                {envURI, "sqlite:///x.db"},
		envInsecure + `: invalid value "maybe"`:                            {envInsecure, "maybe"},
		"no such file or directory":                                        {envAuthority, "/nowhere/ca.pem"},
		envToken + "_FILE: open /nowhere/token":                            {envToken + "_FILE", "/nowhere/token"},
	} {
		_, err := New(environment(env...))
		require.ErrorContains(t, err, want)
	}
}

func TestUnknownIsLeftOut(t *testing.T) {
	s, r := newStub(), finished(1)
	r.Energy, r.MachineEnergy, r.MeasuredShare, r.Emissions = 0, 0, nil, 0
	require.NoError(t, sink(t, s).Report(t.Context(), r))
	run := s.only(t)
	assert.Empty(t, run.values("carbonctl/energy_joules"))
	assert.Empty(t, run.values("carbonctl/epoch/energy_joules"))
	assert.Equal(t, "unknown", run.tags["carbonctl.energy_basis"])
	require.Error(t, sink(t, s).Report(context.Background(), footprint.Report{RunID: "x"}))
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"", ".", "..", "a/b", "é", strings.Repeat("x", 999), " a ", "a//b", "%()=:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, prefix := range []string{"carbonctl/power_watts/", "carbonctl.label."} {
			assert.True(t, named(cut(prefix+sanitize(s), maxKey)), strconv.Quote(sanitize(s)))
		}
		r := finished(1)
		r.Labels = map[string]string{s: s}
		for _, e := range tags(r) {
			b, err := json.Marshal(e)
			require.NoError(t, err)
			assert.Empty(t, fits(nil, []tag{*e.Tag}, b))
		}
	})
}

// A batch that ends within an epoch loses none of its metrics, whatever becomes of the next.
func TestABatchEndsWithinAnEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newStub(), finished(600)
		r.Power = nil
		k := sink(t, s)
		batches := 0
		s.wrong = func(p string, _ int) (int, string, http.Header) {
			if p == "mlflow/runs/log-batch" {
				if batches++; batches > 1 && batches < 9 {
					return 503, "", nil
				}
			}
			return 0, "", nil
		}
		require.Error(t, k.Report(t.Context(), r))
		batches = 9
		require.NoError(t, k.Report(t.Context(), r))
		for _, name := range []string{"energy_joules", "emissions_g", "power_watts", "duration_s"} {
			assert.Len(t, s.only(t).values("carbonctl/epoch/"+name), 600, name)
		}
	})
}

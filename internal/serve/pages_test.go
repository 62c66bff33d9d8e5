package serve

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/internal/serve/store"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

// A shelf is a ledger and who serves it.
type shelf struct {
	t    *testing.T
	path string
	*Handler
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{t: t, path: filepath.Join(t.TempDir(), "runs.csv")}
	st := store.New(store.Options{Ledger: s.path, Now: func() time.Time { return now }})
	s.Handler = New(Config{Table: regions.Builtin(), Version: "test", Now: func() time.Time { return now },
		Pages: &Pages{Store: st, Budget: runs.Allowance{Emissions: 1000}, Title: "NLP team"}})
	st.Look()
	return s
}

// finished is a run of an hour, so many hours before now.
func finished(id string, hours int, change ...func(*footprint.Report)) footprint.Report {
	start := now.Add(-time.Duration(hours) * time.Hour)
	r := footprint.Report{
		Schema: footprint.Schema, RunID: id, Project: "vision", Status: footprint.Completed, StartedAt: start, EndedAt: start.Add(time.Hour), DurationS: 3600, Coverage: 1,
		Host: footprint.Host{Name: "node-1", Machine: "m1"}, Region: footprint.Region{Zone: "FR", Name: "France"}, Charge: footprint.ChargeMachine, MeasuredShare: new(1.0),
		Energy: energy.Joules(3.6e6), EnergyLow: energy.Joules(3.5e6), EnergyHigh: new(energy.Joules(3.7e6)), MachineEnergy: energy.Joules(3.6e6),
		Emissions: 41, EmissionsLow: 40, EmissionsHigh: new(regions.Grams(42)), PUE: footprint.PUE{Value: 1, Source: "given"},
		Intensity: footprint.Intensity{PerKWh: 41, Kind: regions.AnnualAverage, Scope: regions.Lifecycle, Source: "a table"},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

// record adds runs, and looks.
func (s *shelf) record(all ...footprint.Report) {
	s.t.Helper()
	w := ledger.Writer{Path: s.path, User: "ada"}
	for _, r := range all {
		require.NoError(s.t, w.Report(s.t.Context(), r))
	}
	s.pages.Store.Look()
}

func (s *shelf) get(path string) (code int, body string) {
	w := ask(s, here+path)
	return w.Code, w.Body.String()
}

func TestThePageOfAllRuns(t *testing.T) {
	s := newShelf(t)
	code, body := s.get("/")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, body, "NLP team", "an empty ledger is a page too")
	s.record(finished("0198c0de-0001", 30), finished("0198c0de-0002", 3, func(r *footprint.Report) {
		r.Project, r.Labels = "<script>alert(1)</script>", map[string]string{"team": "nlp"}
	}))
	w := ask(s, here+"/")
	body = w.Body.String()
	assert.Contains(t, body, `href="/runs/0198c0de-0001"`)
	assert.NotContains(t, body, "<script>alert")
	assert.Contains(t, body, "2 runs read, as of 22 Nov 2026, 17:30:20 UTC")
	assert.Contains(t, body, `new EventSource("/events")`)
	policy := w.Header().Get("Content-Security-Policy")
	assert.Contains(t, policy, "connect-src 'self'")
	assert.Contains(t, policy, "form-action 'self'")
	assert.Contains(t, policy, "frame-ancestors 'none'")
	for _, field := range []string{"from", "to", "project", "label", "user", "host", "region", "status"} {
		assert.Contains(t, body, `name="`+field+`"`)
	}
	again := ask(s, here+"/", "If-None-Match", w.Header().Get("ETag"))
	assert.Equal(t, http.StatusNotModified, again.Code)
	s.record(finished("0198c0de-0003", 2))
	assert.Equal(t, http.StatusOK, ask(s, here+"/", "If-None-Match", w.Header().Get("ETag")).Code)
}

func TestFiltersStandInTheAddress(t *testing.T) {
	s := newShelf(t)
	s.record(
		finished("0198c0de-0001", 30, func(r *footprint.Report) { r.Labels = map[string]string{"team": "nlp"} }),
		finished("0198c0de-0002", 3, func(r *footprint.Report) { r.Project, r.Region.Zone, r.Status = "speech", "PL", footprint.Failed }),
		finished("0198c0de-0003", 24*60, func(r *footprint.Report) { r.Host.Name = "node-2" }),
	)
	for query, want := range map[string]int{
		"": 3, "project=speech": 1, "project=speech&project=vision": 3, "label=team%3Dnlp": 1, "user=ada": 3, "user=eve": 0, "host=node-2": 1,
		"region=Poland": 1, "status=failed": 1, "from=2026-11&project=vision": 1, "to=2026-10": 1, "from=-2d&to=today&region=FR": 1,
	} {
		code, body := s.get("/?format=json&" + query)
		require.Equal(t, http.StatusOK, code, body)
		assert.Equal(t, want, runsIn(t, body), query)
	}
	_, body := s.get("/?format=runs.csv&region=PL")
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	assert.Contains(t, rows[1], "0198c0de-0002")
	w := ask(s, here+"/?project=&from=2026-11&label=&host=node-1&to=")
	assert.Equal(t, http.StatusSeeOther, w.Code, "fields that nobody filled in are no filter")
	assert.Equal(t, "/?from=2026-11&host=node-1", w.Header().Get("Location"))
	for query, want := range map[string]string{
		"from=never": "from: invalid time", "status=lost": "status: ", "label=team": "label: ", "colour=red": `unknown parameter "colour": use project, label, user, host, region, status, from, to, format`,
		"format=pdf": `format: unknown format "pdf": use one of html, json, csv, runs.csv`, "from=2026-02&to=2026-01": "to: 2026-01 is not after 2026-02",
		"x=%zz": "not well formed", "format=json&project=a;b": "not well formed", // not what "format=json" was before strings.Repeat("host=a&", 101): "the maximum is 100",
	} {
		code, body := s.get("/?" + query)
		assert.Equal(t, http.StatusBadRequest, code, query)
		assert.Contains(t, strings.ReplaceAll(body, "&#34;", `"`), want, query)
		w := ask(s, here+"/?"+query, "Accept", "*/*")
		assert.Equal(t, "application/problem+json; charset=utf-8", w.Header().Get("Content-Type"))
	}
}

// What the picture and the table of projects show narrows the page: by its address alone, and
// with the filters that are there.
func TestThePictureNarrowsThePage(t *testing.T) {
	s := newShelf(t)
	s.record(finished("0198c0de-0001", 3), finished("0198c0de-0002", 5, func(r *footprint.Report) { r.Project = "a&b <c>" }), finished("0198c0de-0003", 24*60), finished("0198c0de-0004", 24*60, func(r *footprint.Report) { r.Project = "" }))
	ask := func(path string) (runs int, body string) {
		code, body := s.get(path)
		require.Equal(t, http.StatusOK, code, body)
		_, data := s.get(path + "&format=json")
		var v struct {
			Total struct{ Runs int }
		}
		require.NoError(t, json.Unmarshal([]byte(data), &v), data)
		return v.Total.Runs, html.UnescapeString(body)
	}
	_, body := ask("/?region=FR")
	for path, want := range map[string]int{
		"/?from=2026-11&region=FR&to=2026-11":                       2,
		"/?from=2026-09&project=vision&region=FR&to=2026-09":        1,
		"/?project=vision&region=FR":                                2,
		"/?project=a%26b+%3Cc%3E&region=FR":                         1,
		"/?from=2026-11&project=a%26b+%3Cc%3E&region=FR&to=2026-11": 1,
	} {
		assert.True(t, strings.Contains(body, `href="`+path+`"`), path)
		n, _ := ask(path)
		assert.Equal(t, want, n, path)
	}
	assert.False(t, strings.Contains(body, "project=&"), "runs without a project have no filter")
}

func TestMetricsAreTheTotals(t *testing.T) {
	s := newShelf(t)
	s.record(finished("0198c0de-0001", 30), finished("0198c0de-0002", 3, func(r *footprint.Report) { r.Project = "speech" }))
	w := ask(s, here+"/metrics", "Accept", "*/*")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Header().Get("Content-Type"), "text/plain; version=0.0.4")
	assert.Contains(t, w.Body.String(), `carbonctl_ledger_energy_joules_total{project="speech"} 3.6e+06`)
	w = ask(s, here+"/metrics", "Accept", "application/openmetrics-text;version=1.0.0")
	assert.Contains(t, w.Header().Get("Content-Type"), "application/openmetrics-text")
	assert.True(t, strings.HasSuffix(w.Body.String(), "# EOF\n"))
}

// runsIn is how many runs the JSON of a page adds up.
func runsIn(t *testing.T, body string) int {
	var sums struct {
		Total struct {
			Runs int `json:"runs"`
		} `json:"total"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &sums))
	return sums.Total.Runs
}

func TestThePageOfARun(t *testing.T) {
	s := newShelf(t)
	kept := finished("0198c0de-0001", 3, func(r *footprint.Report) {
		r.Components = []footprint.Line{{Kind: energy.CPU, ID: "package-0", Name: "The very CPU", Source: "rapl", Basis: energy.Measured, Energy: new(r.Energy), Charged: r.Energy, Coverage: 1}}
	})
	s.record(kept)
	alone := ledger.Writer{Path: s.path, Keep: ledger.Keep{Runs: -1}}
	require.NoError(t, alone.Report(t.Context(), finished("0198c0de-0002", 2)))
	s.pages.Store.Look()
	code, body := s.get("/runs/0198c0de-0001")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, body, "The very CPU")
	code, body = s.get("/runs/0198c0de-0002")
	assert.Equal(t, http.StatusOK, code, "its row alone is kept")
	assert.Contains(t, body, "0198c0de-0002")
	_, body = s.get("/runs/0198c0de-0001?format=json")
	run, err := report.Parse(strings.NewReader(body))
	require.NoError(t, err)
	assert.Equal(t, kept.Energy, run.Energy)
	require.NotNil(t, run.Ledger)
	assert.Len(t, run.Ledger.Hash, 64)

	for _, id := range []string{"0198c0de", "none", "..", "..%2f..%2fetc%2fpasswd", "%2e%2e%2fruns.csv", "0198c0de-0001.json.gz", "0198c0de-0001%00", "%3Cscript%3E", strings.Repeat("a", 3000)} {
		code, body := s.get("/runs/" + id)
		assert.Contains(t, []int{http.StatusNotFound, http.StatusTemporaryRedirect}, code, id)
		assert.NotContains(t, body, "<script>")
		assert.NotContains(t, body, "root:")
	}
}

func TestRunsAreCompared(t *testing.T) {
	s := newShelf(t)
	s.record(finished("0198c0de-0001", 9), finished("0198c0de-0002", 3, func(r *footprint.Report) {
		r.Energy, r.EnergyLow, r.EnergyHigh, r.MachineEnergy = r.Energy/2, r.EnergyLow/2, new(*r.EnergyHigh/2), r.MachineEnergy/2
	}))
	code, body := s.get("/compare?run=0198c0de-0001&run=0198c0de-0002")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, body, "The second run drew 50\u00a0% less")
	code, body = s.get("/compare")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, body, `<option value="0198c0de-0002" selected>`)
	code, _ = s.get("/compare?run=0198c0de-0001&run=none")
	assert.Equal(t, http.StatusNotFound, code)
	code, _ = s.get("/compare?format=json&run=0198c0de-0001")
	assert.Equal(t, http.StatusBadRequest, code)
	code, _ = s.get("/compare?" + strings.Repeat("run=0198c0de-0001&", 9))
	assert.Equal(t, http.StatusBadRequest, code)
}

// A run that goes on is known by its journal, is in no sum, and is only read.
func TestARunThatGoesOn(t *testing.T) {
	s := newShelf(t)
	s.record(finished("0198c0de-0001", 3))
	w := &ledger.Writer{Path: s.path, User: "ada"}
	going := finished("0198c0de-0009", 1, func(r *footprint.Report) { r.Status, r.Project = footprint.Running, "underway" })
	require.NoError(t, w.Checkpoint(going))
	s.pages.Store.Look()
	_, body := s.get("/")
	assert.Contains(t, body, "underway")
	assert.Contains(t, body, "/runs/0198c0de-0009")
	code, body := s.get("/runs/0198c0de-0009")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, body, "… running")
	assert.Contains(t, body, "new EventSource")
	assert.Contains(t, ask(s, here+"/runs/0198c0de-0009").Header().Get("Content-Security-Policy"), "connect-src 'self'")
	_, body = s.get("/?format=json")
	assert.Equal(t, 1, runsIn(t, body))
	_, body = s.get("/?project=vision")
	assert.NotContains(t, body, "underway</bdi>", "the filter leaves it out")
	going.Status = footprint.Completed
	require.NoError(t, w.Report(t.Context(), going))
	s.pages.Store.Look()
	_, body = s.get("/runs/0198c0de-0009")
	assert.Contains(t, body, "✓ completed")
	assert.NotContains(t, body, "EventSource")
}

// TestTheSumsAreThoseOfReport adds runs to two ledgers in a random order, with runs that
// overlap, and compares each page with what report reads from the files.
func TestTheSumsAreThoseOfReport(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 17))
		dir := t.TempDir()
		st := store.New(store.Options{Args: []string{dir}})
		h := New(Config{Table: regions.Builtin(), Now: func() time.Time { return now }, Pages: &Pages{Store: st}})
		filters := []url.Values{{}, {"project": {"a"}}, {"host": {"node-1"}, "from": {"2026-11-20"}}, {"region": {"PL"}}}
		for step := range 6 {
			for range 1 + rnd.IntN(8) {
				id := fmt.Sprintf("0198c0de-%04d-%04d", step, rnd.IntN(10000))
				r := finished(id, 1+rnd.IntN(100), func(r *footprint.Report) {
					r.Project, r.Host.Name = string(rune('a'+rnd.IntN(3))), fmt.Sprintf("node-%d", rnd.IntN(2))
					r.Host.Machine, r.EndedAt = r.Host.Name, r.StartedAt.Add(time.Duration(rnd.IntN(300))*time.Minute)
					r.Emissions = regions.Grams(40 + rnd.Float64()) // no two the same: the first of two is of the files' order
					r.Region.Zone = []string{"FR", "PL"}[rnd.IntN(2)]
				})
				w := ledger.Writer{Path: filepath.Join(dir, []string{"a.csv", "b.csv"}[rnd.IntN(2)]), Keep: ledger.Keep{Runs: -1}}
				require.NoError(t, w.Report(t.Context(), r))
			}
			st.Look()
			for _, values := range filters {
				w := ask(h, here+"/?format=json&"+values.Encode())
				require.Equal(t, http.StatusOK, w.Code, w.Body)
				f, err := input.Filter{From: values.Get("from"), Projects: values["project"], Hosts: values["host"], Zones: values["region"]}.Parse(now)
				require.NoError(t, err)
				want := page.Team{Totals: report.Totals{Groups: &runs.Groups{}, Filter: f}, Now: now, Table: regions.Builtin(), Link: func(r runs.Row) string { return runAddress(r.RunID) }}
				reader := input.Reader{}
				files, err := reader.Files([]string{dir})
				require.NoError(t, err)
				require.NoError(t, reader.Rows(files, want.Add))
				want.Settle()
				require.JSONEq(t, rounded(t, func(b *bytes.Buffer) error { return want.Write(b, "json") }), rounded(t, func(b *bytes.Buffer) error { _, err := b.Write(w.Body.Bytes()); return err }), "seed %d, step %d, %v", seed, step, values)
			}
		}
	}
}

// rounded is JSON with its numbers to twelve digits: sums in another order differ in the last.
func rounded(t *testing.T, write func(*bytes.Buffer) error) string {
	var b bytes.Buffer
	require.NoError(t, write(&b))
	var v any
	require.NoError(t, json.Unmarshal(b.Bytes(), &v))
	var round func(v any) any
	round = func(v any) any {
		switch v := v.(type) {
		case float64:
			return fmt.Sprintf("%.12g", v)
		case []any:
			for i := range v {
				v[i] = round(v[i])
			}
		case map[string]any:
			for k := range v {
				v[k] = round(v[k])
			}
		}
		return v
	}
	out, err := json.Marshal(round(v))
	require.NoError(t, err)
	return string(out)
}

// FuzzPage: no question of a page makes the server fail, or leaves a page open to what stands
// in it.
func FuzzPage(f *testing.F) {
	for _, seed := range [][2]string{
		{"/", "project=vision&from=2026-01&to=-1d&label=team=nlp"}, {"/", "format=json&region=FR"}, {"/runs/0198c0de-0001", "format=json"},
		{"/runs/..%2f..", ""}, {"/compare", "run=0198c0de-0001&run=0198c0de-0002"}, {"/", "project=%3Cscript%3E"}, {"/", "token=x"}, {"/runs/", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	w := ledger.Writer{Path: filepath.Join(f.TempDir(), "fuzz.csv")}
	for i := range 3 {
		if err := w.Report(f.Context(), finished(fmt.Sprintf("0198c0de-%04d", i), 3*i+1)); err != nil {
			f.Fatal(err)
		}
	}
	st := store.New(store.Options{Args: []string{w.Path}})
	st.Look()
	h := New(Config{Table: regions.Builtin(), Now: func() time.Time { return now }, Pages: &Pages{Store: st}})
	f.Fuzz(func(t *testing.T, path, query string) {
		if strings.HasPrefix(path, "/events") {
			return // it has no end
		}
		r := httptest.NewRequest(http.MethodGet, here+"/", nil)
		r.URL.Path, r.URL.RawQuery = "/"+strings.TrimPrefix(path, "/"), query
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
		if to := w.Header().Get("Location"); w.Code == http.StatusSeeOther && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
			t.Fatalf("it sends to %q", to)
		}
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Fatalf("no policy: %v", w.Header())
		}
	})
}

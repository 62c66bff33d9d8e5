package metrics_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/export/metrics"
	"github.com/carbonctl/carbonctl/footprint"
)

// run is the report of a run that has used some joules by now.
func run(id string, joules float64, status footprint.Status) footprint.Report {
	e := energy.Joules(joules)
	return footprint.Report{
		RunID: id, Status: status, StartedAt: time.Unix(1_795_000_000, 0), Energy: e, Components: []footprint.Line{{
			Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Status: "ok", Energy: &e, Charged: e,
		}},
	}
}

const series = `carbonctl_energy_joules_total{component="cpu",device="package-0",basis="measured"}`

func get(h http.Handler, method, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestTheClientChoosesTheFormat(t *testing.T) {
	h := metrics.Handler(func() footprint.Report { return run("r", 7, footprint.Running) })
	w := get(h, "GET", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
	assert.Equal(t, "application/openmetrics-text; version=1.0.0; charset=utf-8", w.Header().Get("Content-Type"))
	assert.True(t, strings.HasSuffix(w.Body.String(), "# EOF\n"))
	assert.Contains(t, w.Body.String(), "# TYPE carbonctl_energy_joules counter\n")
	w = get(h, "HEAD", "")
	assert.Equal(t, "text/plain; version=0.0.4; charset=utf-8", w.Header().Get("Content-Type"))
	w = get(h, "GET", "")
	assert.Contains(t, w.Body.String(), "# TYPE carbonctl_energy_joules_total counter\n")
	assert.Contains(t, w.Body.String(), "\n"+series+" 7\n")
	w = get(h, "POST", "")
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
	assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
}

// TestAScrapeCostsTheRunLittle: whoever asks often gets the same reading, and one that
// hangs holds nobody up.
func TestAScrapeCostsTheRunLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		hang := make(chan struct{})
		hung := false
		joules := 0.0
		h := metrics.Handler(func() footprint.Report {
			calls.Add(1)
			joules++
			if hung {
				<-hang
			}
			return run("r", joules, footprint.Running)
		})
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { assert.Contains(t, get(h, "GET", "").Body.String(), series+" 1\n") })
		}
		all.Wait()
		assert.EqualValues(t, 1, calls.Load())
		time.Sleep(metrics.Fresh)
		assert.Contains(t, get(h, "GET", "").Body.String(), series+" 2\n")

		time.Sleep(metrics.Fresh)
		hung = true
		for range 3 {
			begun := time.Now()
			assert.Contains(t, get(h, "GET", "").Body.String(), series+" 2\n", "the latest that there is")
			assert.LessOrEqual(t, time.Since(begun), 100*time.Millisecond)
		}
		assert.EqualValues(t, 3, calls.Load(), "one at a time")
		close(hang)
		synctest.Wait()
		assert.Contains(t, get(h, "GET", "").Body.String(), series+" 3\n")
	})
}

// TestAFirstReadingThatHangs: no figure is better than a wrong one.
func TestAFirstReadingThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		h := metrics.Handler(func() footprint.Report { <-hang; return run("r", 1, footprint.Running) })
		assert.Equal(t, http.StatusServiceUnavailable, get(h, "GET", "").Code)
		close(hang)
		synctest.Wait()
		assert.Equal(t, http.StatusOK, get(h, "GET", "").Code)
	})
}

func TestCountersNeverFall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := []float64{5, 9, 8, 10}
		id := "r"
		h := metrics.Handler(func() footprint.Report {
			v := values[0]
			values = values[1:]
			return run(id, v, footprint.Running)
		})
		for _, want := range []string{" 5\n", " 9\n", " 9\n", " 10\n"} {
			assert.Contains(t, get(h, "GET", "").Body.String(), series+want)
			time.Sleep(metrics.Fresh)
		}
		values, id = []float64{1}, "another run"
		assert.Contains(t, get(h, "GET", "").Body.String(), series+" 1\n")
	})
}

func TestTextfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "night build.prom")
	sink, err := metrics.NewTextfile(path)
	require.NoError(t, err)
	read := func() string {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range strings.Lines(string(b)) {
			if !strings.HasPrefix(line, "#") {
				assert.Len(t, strings.Fields(strings.ReplaceAll(line, "night build", "x")), 2, "no times: %s", line)
				assert.Contains(t, line, `textfile="night build"`)
			}
		}
		return string(b)
	}
	with := strings.TrimSuffix(series, "}") + `,textfile="night build"}`
	for _, s := range []struct {
		joules float64
		want   string
	}{{0, " 0\n"}, {9, " 9\n"}, {8, " 9\n"}} {
		require.NoError(t, sink.Checkpoint(run("r", s.joules, footprint.Running)))
		assert.Contains(t, read(), with+s.want)
	}
	require.NoError(t, sink.Report(t.Context(), run("r", 8.5, footprint.Completed)))
	assert.Contains(t, read(), with+" 8.5\n", "the last figure is the report's")
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, left, 1, "nothing else is left")

	for _, bad := range []string{"run.txt", "run", ".prom", filepath.Join(path, "x.prom")} {
		sink, err := metrics.NewTextfile(bad)
		if err == nil {
			err = sink.Checkpoint(run("r", 1, footprint.Running))
		}
		assert.Error(t, err, bad)
	}
}

// TestALateTextfile is what a later run writes for one that was killed: not over what
// somebody has written since.
func TestALateTextfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.prom")
	r := run("r", 7, footprint.Recovered)
	r.EndedAt = time.Now().Add(-time.Hour)
	require.NoError(t, metrics.RedoTextfile(path).Report(t.Context(), r))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(b), " 7\n")

	require.NoError(t, os.WriteFile(path, []byte("newer"), 0o600))
	require.NoError(t, metrics.RedoTextfile(path).Report(t.Context(), r))
	b, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "newer", string(b))
	assert.Nil(t, metrics.RedoTextfile("a.txt"))
}

func TestWrite(t *testing.T) {
	var b strings.Builder
	require.NoError(t, metrics.Write(&b, run("r", 3, footprint.Completed)))
	assert.Contains(t, b.String(), series+" 3\n")
	require.NoError(t, metrics.Write(io.Discard, footprint.Report{}))
}

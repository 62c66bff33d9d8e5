package otlp_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/export/otlp"
	"github.com/carbonctl/carbonctl/footprint"
)

var _ interface {
	carbon.Checkpointer
	Every() time.Duration
} = (*otlp.Sink)(nil)

func replay(t testing.TB, trace string) footprint.Report {
	t.Helper()
	f, err := os.Open(filepath.Join("../../testdata/traces", trace))
	require.NoError(t, err)
	defer f.Close()
	r, err := footprint.Replay(f)
	require.NoError(t, err)
	r.RunID = "0198c0de-0000-7000-8000-000000000001"
	return r
}

// A receiver keeps what it is sent, and answers as it is told to.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    map[string][]map[string]any // by path
	header http.Header
	answer func(w http.ResponseWriter, path string)
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{got: map[string][]map[string]any{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body := io.Reader(q.Body)
		if q.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(body)
			if !assert.NoError(t, err) {
				return
			}
			body = z
		}
		var m map[string]any
		assert.NoError(t, json.NewDecoder(body).Decode(&m))
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got[q.URL.Path] = append(r.got[q.URL.Path], m)
		r.header = q.Header
		if r.answer != nil {
			r.answer(w, q.URL.Path)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) sink(t *testing.T, pairs ...string) *otlp.Sink {
	s, problems, err := otlp.FromEnv(r.URL, fstest.MapFS{}, env(pairs...))
	require.NoError(t, err)
	require.Empty(t, problems)
	return s
}

// env is an environment of names and values.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// metrics are those of the latest message, by name; points have their attributes as a map.
func (r *receiver) metrics() map[string][]point { return r.metricsAt(len(r.got["/v1/metrics"]) - 1) }

func (r *receiver) metricsAt(i int) map[string][]point {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string][]point{}
	if i < 0 {
		return all
	}
	scope := dig(r.got["/v1/metrics"][i], "resourceMetrics", 0, "scopeMetrics", 0)
	for _, m := range scope.(map[string]any)["metrics"].([]any) {
		kind := "sum"
		if dig(m, "gauge") != nil {
			kind = "gauge"
		}
		for _, p := range dig(m, kind, "dataPoints").([]any) {
			q := point{Attributes: named(dig(p, "attributes"))}
			q.Value, _ = dig(p, "asDouble").(float64)
			q.Start, _ = dig(p, "startTimeUnixNano").(string)
			q.Time, _ = dig(p, "timeUnixNano").(string)
			q.Unit, _ = dig(m, "unit").(string)
			q.Monotonic = dig(m, kind, "isMonotonic") == true && dig(m, kind, "aggregationTemporality") == 2.0
			all[dig(m, "name").(string)] = append(all[dig(m, "name").(string)], q)
		}
	}
	return all
}

type point struct {
	Attributes        map[string]any
	Value             float64
	Start, Time, Unit string
	Monotonic         bool
}

func (r *receiver) span() map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.got["/v1/traces"]
	return dig(list[len(list)-1], "resourceSpans", 0, "scopeSpans", 0, "spans", 0).(map[string]any)
}

// dig follows keys and indexes into JSON; nil is not there.
func dig(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// named are attributes by their keys.
func named(list any) map[string]any {
	all := map[string]any{}
	for _, a := range list.([]any) {
		for _, v := range dig(a, "value").(map[string]any) {
			all[dig(a, "key").(string)] = v
		}
	}
	return all
}

func TestReportIsSentWhole(t *testing.T) {
	for _, trace := range []string{"server.jsonl", "vm.jsonl", "client.jsonl", "trouble.jsonl"} {
		r, to := replay(t, trace), newReceiver(t)
		require.NoError(t, to.sink(t).Report(t.Context(), r))
		assert.Equal(t, "application/json", to.header.Get("Content-Type"))
		assert.Equal(t, "gzip", to.header.Get("Content-Encoding"))
		m := to.metrics()
		want := map[string]float64{}
		for _, l := range r.Components {
			if l.Energy == nil || l.Within != nil {
				continue
			}
			name := "hw.energy"
			if l.Kind == energy.Platform {
				name = "hw.host.energy"
			}
			want[name+" "+l.ID+" "+string(l.Basis)] = l.Energy.Joules()
			if l.ProcessEnergy != nil && l.Counted() {
				want["carbonctl.process.energy "+l.ID+" "+string(l.Basis)] = l.ProcessEnergy.Joules()
			}
		}
		require.NotEmpty(t, want)
		got, machine := map[string]float64{}, 0.0
		for _, name := range []string{"hw.energy", "hw.host.energy", "carbonctl.process.energy"} {
			for _, p := range m[name] {
				got[name+" "+p.Attributes["hw.id"].(string)+" "+p.Attributes["carbonctl.basis"].(string)] = p.Value
				assert.Equal(t, "J", p.Unit)
				assert.True(t, p.Monotonic)
				assert.Equal(t, nano(r.StartedAt), p.Start)
				assert.Equal(t, nano(r.EndedAt), p.Time)
				if name == "hw.energy" {
					machine += p.Value
					assert.Contains(t, []any{"cpu", "memory", "gpu"}, p.Attributes["hw.type"])
				}
			}
		}
		assert.Equal(t, want, got, trace)
		assert.InDelta(t, r.MachineEnergy.Joules(), machine, 1e-6, trace)
		require.Len(t, m["carbonctl.emissions"], 1)
		assert.Equal(t, float64(r.Emissions), m["carbonctl.emissions"][0].Value)
		assert.Equal(t, "g", m["carbonctl.emissions"][0].Unit)
		assert.NotEmpty(t, m["hw.power"])
		for _, p := range m["hw.power"] {
			assert.Positive(t, p.Value)
			assert.Empty(t, p.Start)
		}

		span := to.span()
		assert.Equal(t, "carbonctl.run", span["name"])
		assert.Equal(t, "0198c0de000070008000000000000001", span["traceId"])
		assert.Regexp(t, `^[0-9a-f]{16}$`, span["spanId"])
		assert.Nil(t, span["parentSpanId"])
		a := named(span["attributes"])
		assert.Equal(t, r.Energy.Joules(), a["carbonctl.energy_joules"])
		assert.Equal(t, float64(r.Emissions), a["carbonctl.emissions_g"])
		events := span["events"].([]any)
		require.Len(t, events, len(r.Epochs))
		for i, e := range r.Epochs {
			a := named(dig(events[i], "attributes"))
			assert.Equal(t, e.Energy.Joules(), a["carbonctl.epoch.energy_joules"])
			assert.Equal(t, nano(e.StartedAt.Add(time.Duration(e.DurationS*1e9))), dig(events[i], "timeUnixNano"))
		}
	}
}

func nano(t time.Time) string {
	b, _ := json.Marshal(t.UnixNano())
	return string(b)
}

// TestUnknownIsAbsent sends a run of which nothing is known.
func TestUnknownIsAbsent(t *testing.T) {
	to := newReceiver(t)
	r := footprint.Report{RunID: "x", Components: []footprint.Line{{Kind: energy.GPU, ID: "GPU-1", Basis: energy.Measured, Status: "lost"}}}
	require.NoError(t, to.sink(t).Report(t.Context(), r))
	assert.Empty(t, to.metrics())
	a := named(to.span()["attributes"])
	for _, key := range []string{"energy_joules", "energy_high_joules", "process_energy_joules", "emissions_g", "measured_share"} {
		assert.NotContains(t, a, "carbonctl."+key)
	}
	assert.Regexp(t, `^[0-9a-f]{32}$`, to.span()["traceId"])
}

// TestModules checks that nothing is in one metric twice: cores are in their package, and a
// module of CPU and GPU has the metric of a host.
func TestModules(t *testing.T) {
	to := newReceiver(t)
	j := func(v float64) *energy.Energy { return new(energy.Joules(v)) }
	line := func(kind energy.Kind, id, scope, within string, joules float64) footprint.Line {
		l := footprint.Line{Kind: kind, ID: id, Scope: scope, Basis: energy.Measured, Source: "nvml", Energy: j(joules), ProcessEnergy: j(1), Status: "ok"}
		if within != "" {
			l.Within = &within
		}
		return l
	}
	r := footprint.Report{RunID: "x", Components: []footprint.Line{
		line(energy.GPU, "GPU-1-module", "module", "", 100), line(energy.GPU, "GPU-1", "gpu", "GPU-1-module", 60),
		line(energy.CPU, "package-0", "package", "GPU-1-module", 30), line(energy.CPU, "core-0", "core", "package-0", 20),
		line(energy.Platform, "psys-0", "platform", "", 150), line(energy.CPU, "package-1", "package", "psys-0", 10),
	}}
	require.NoError(t, to.sink(t).Report(t.Context(), r))
	got := map[string]any{}
	for name, all := range to.metrics() {
		for _, p := range all {
			got[name+" "+p.Attributes["hw.id"].(string)] = p.Attributes["hw.parent"]
		}
	}
	assert.Equal(t, map[string]any{
		"carbonctl.process.energy GPU-1-module": nil,
		"hw.host.energy GPU-1-module":           nil, "hw.host.energy psys-0": nil,
		"hw.energy GPU-1": "GPU-1-module", "hw.energy package-0": "GPU-1-module", "hw.energy package-1": "psys-0",
	}, got)
}

// steady is a run of one component whose power in W is its second of the run.
func steady(length float64, watts func(second int) float32) footprint.Report {
	start := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	p := footprint.Power{Component: "package-0", Kind: energy.CPU, Basis: energy.Measured, StepS: 1}
	sum := 0.0
	for i := range int(length) {
		p.Mean = append(p.Mean, watts(i))
		sum += float64(watts(i))
	}
	return footprint.Report{
		RunID: "x", StartedAt: start, EndedAt: start.Add(time.Duration(length * 1e9)), DurationS: length, Power: []footprint.Power{p},
		Components: []footprint.Line{{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Energy: new(energy.Joules(sum))}},
	}
}

// TestPowerAsTheRunGoesOn has a point for each message, of the time since the one before, also
// where a receiver was not there. No message has a point that is older than one before it.
func TestPowerAsTheRunGoesOn(t *testing.T) {
	to := newReceiver(t)
	s := to.sink(t, "OTEL_METRIC_EXPORT_INTERVAL", "10000")
	assert.Equal(t, 10*time.Second, s.Every())
	watts := func(second int) float32 { return float32(second / 10) }
	values := func() (list []float64) {
		for _, p := range to.metrics()["hw.power"] {
			list = append(list, p.Value)
		}
		return list
	}
	require.NoError(t, s.Checkpoint(steady(10, watts)))
	assert.Equal(t, []float64{0}, values())
	to.answer = func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusServiceUnavailable) }
	require.Error(t, s.Checkpoint(steady(20, watts)))
	to.answer = nil
	require.NoError(t, s.Checkpoint(steady(30, watts)))
	assert.Equal(t, []float64{1.5}, values())
	r := steady(45, watts)
	require.NoError(t, s.Report(t.Context(), r))
	assert.Equal(t, []float64{(3*10 + 4*5) / 15.0}, values())
	assert.Equal(t, nano(r.EndedAt), to.metrics()["hw.power"][0].Time)
	last := ""
	for i := range to.got["/v1/metrics"] {
		times := map[string]bool{}
		for _, all := range to.metricsAt(i) {
			for _, p := range all {
				times[p.Time] = true
				assert.Greater(t, p.Time, last)
			}
		}
		require.Len(t, times, 1)
		for at := range times {
			last = at
		}
	}
}

// TestPowerOfALaterRun is that of each interval, in a message before that of the end.
func TestPowerOfALaterRun(t *testing.T) {
	to := newReceiver(t)
	r := steady(45, func(second int) float32 { return float32(second / 10) })
	require.NoError(t, to.sink(t, "OTEL_METRIC_EXPORT_INTERVAL", "10000").Report(t.Context(), r))
	require.Len(t, to.got["/v1/metrics"], 2)
	history := to.metricsAt(0)
	assert.Len(t, history, 1, "power alone")
	for i, p := range history["hw.power"] {
		assert.Equal(t, float64(i), p.Value)
		assert.Equal(t, nano(r.StartedAt.Add(time.Duration(i+1)*10*time.Second)), p.Time)
	}
	assert.Len(t, history["hw.power"], 4)
	end := to.metricsAt(1)
	assert.Equal(t, 4.0, end["hw.power"][0].Value)
	assert.Equal(t, nano(r.EndedAt), end["hw.power"][0].Time)

	// A receiver that has later points refuses it, and takes the end.
	to.answer = func(w http.ResponseWriter, path string) {
		if path == "/v1/metrics" && len(to.got[path]) == 3 {
			w.WriteHeader(http.StatusBadRequest)
		}
	}
	require.NoError(t, to.sink(t, "OTEL_METRIC_EXPORT_INTERVAL", "10000").Report(t.Context(), r))
	require.Len(t, to.got["/v1/metrics"], 4)
	assert.Equal(t, end["hw.energy"], to.metrics()["hw.energy"])
	assert.Equal(t, end["hw.power"], to.metrics()["hw.power"])
}

func TestPowerGapsHaveNoPoint(t *testing.T) {
	to := newReceiver(t)
	r := steady(120, func(int) float32 { return 7 })
	p := r.Power[0]
	early, late := p, p
	early.Mean = p.Mean[:30]
	late.Mean, late.StartS = p.Mean[60:], 60
	r.Power = []footprint.Power{early, late}
	require.NoError(t, to.sink(t, "OTEL_METRIC_EXPORT_INTERVAL", "30000").Report(t.Context(), r))
	power := to.metricsAt(0)["hw.power"]
	require.Len(t, power, 2)
	assert.Equal(t, nano(r.StartedAt.Add(30*time.Second)), power[0].Time)
	assert.Equal(t, nano(r.StartedAt.Add(90*time.Second)), power[1].Time)
	assert.Equal(t, 7.0, power[1].Value)

	// Steps that are longer than the interval, as those of a day are.
	r.Power[0].StepS, r.Power[1].StepS, r.DurationS = 40, 40, 4860
	require.NoError(t, to.sink(t, "OTEL_METRIC_EXPORT_INTERVAL", "30000").Report(t.Context(), r))
	assert.Equal(t, nano(r.StartedAt.Add(40*time.Second)), to.metricsAt(2)["hw.power"][0].Time)
}

// TestSumsNeverFall lets an account be corrected downwards.
func TestSumsNeverFall(t *testing.T) {
	to := newReceiver(t)
	s := to.sink(t)
	r := steady(70, func(int) float32 { return 1 })
	require.NoError(t, s.Checkpoint(r))
	r.Components[0].Energy = new(energy.Joules(60))
	require.NoError(t, s.Report(t.Context(), r))
	assert.Equal(t, 70.0, to.metrics()["hw.energy"][0].Value)
	require.NoError(t, to.sink(t).Report(t.Context(), r))
	assert.Equal(t, 60.0, to.metrics()["hw.energy"][0].Value)
}

func TestSpanOfAParent(t *testing.T) {
	for name, c := range map[string]struct {
		parent, trace, span string
		sent                bool
	}{
		"sampled":   {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true},
		"unsampled": {parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"},
		"newer":     {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true},
	} {
		to := newReceiver(t)
		require.NoError(t, to.sink(t, "TRACEPARENT", c.parent, "TRACESTATE", "vendor=1").Report(t.Context(), replay(t, "server.jsonl")), name)
		require.NotEmpty(t, to.metrics(), name)
		if !c.sent {
			assert.NotContains(t, to.got, "/v1/traces", name)
			continue
		}
		assert.Equal(t, c.trace, to.span()["traceId"], name)
		assert.Equal(t, c.span, to.span()["parentSpanId"], name)
		assert.Equal(t, "vendor=1", to.span()["traceState"], name)
	}
	for _, bad := range []string{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "x",
	} {
		_, err := otlp.ParseParent(bad, "")
		assert.ErrorIs(t, err, otlp.ErrTraceparent, bad)
	}
}

func TestSpanStatus(t *testing.T) {
	for want, change := range map[string]func(r *footprint.Report){
		"":                  func(r *footprint.Report) { r.Status = footprint.Completed },
		"exit code 3":       func(r *footprint.Report) { r.Status, r.ExitCode = footprint.Failed, new(3) },
		"killed by SIGKILL": func(r *footprint.Report) { r.Status, r.Signal = footprint.Interrupted, new("KILL") },
	} {
		to := newReceiver(t)
		r := replay(t, "vm.jsonl")
		r.EpochsOmitted = 12
		change(&r)
		require.NoError(t, to.sink(t).Report(t.Context(), r))
		got, _ := dig(to.span(), "status", "message").(string)
		assert.Equal(t, want, got)
		assert.Equal(t, 12.0, to.span()["droppedEventsCount"])
		assert.Equal(t, want != "", dig(to.span(), "status", "code") == 2.0)
	}
}

package integration

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlpcommon "go.opentelemetry.io/proto/otlp/common/v1"
	otlpmetrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	otlptraces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/export/otlp"
	"github.com/carbonctl/carbonctl/footprint"
)

// An otlpReceiver takes OTLP over HTTP as a collector does: what is not exactly the message
// of OpenTelemetry's own definition is refused.
type otlpReceiver struct {
	*httptest.Server
	mu      sync.Mutex
	metrics []*otlpmetrics.ResourceMetrics
	spans   []*otlptraces.ResourceSpans
	refused []string
}

func newOTLPReceiver(d desk) *otlpReceiver {
	r := &otlpReceiver{}
	take := func(w http.ResponseWriter, q *http.Request, m, answer proto.Message, keep func()) {
		err := func() error {
			if t := q.Header.Get("Content-Type"); q.Method != http.MethodPost || t != "application/json" {
				return fmt.Errorf("%s with content type %q", q.Method, t)
			}
			z, err := gzip.NewReader(q.Body)
			if err != nil {
				return err
			}
			body, err := io.ReadAll(z)
			if err != nil {
				return err
			}
			return otlpJSON(body, m)
		}()
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil {
			r.refused = append(r.refused, err.Error())
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		keep()
		w.Header().Set("Content-Type", "application/json")
		b, _ := protojson.Marshal(answer)
		w.Write(b)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/metrics", func(w http.ResponseWriter, q *http.Request) {
		var m collectormetrics.ExportMetricsServiceRequest
		take(w, q, &m, &collectormetrics.ExportMetricsServiceResponse{}, func() { r.metrics = append(r.metrics, m.ResourceMetrics...) })
	})
	mux.HandleFunc("/v1/traces", func(w http.ResponseWriter, q *http.Request) {
		var m collectortraces.ExportTraceServiceRequest
		take(w, q, &m, &collectortraces.ExportTraceServiceResponse{}, func() { r.spans = append(r.spans, m.ResourceSpans...) })
	})
	r.Server = httptest.NewServer(mux)
	d.Cleanup(r.Close)
	return r
}

// otlpJSON reads the JSON form of OTLP, in which IDs are hexadecimal and not base64 as in
// other JSON of protobuf: they are read apart.
func otlpJSON(body []byte, m proto.Message) error {
	return protojson.Unmarshal(hexIDs(body), m)
}

func (r *otlpReceiver) seen() ([]*otlpmetrics.ResourceMetrics, []*otlptraces.ResourceSpans, []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.metrics, r.spans, r.refused
}

// texts are attributes by their keys.
func texts(list []*otlpcommon.KeyValue) map[string]string {
	all := map[string]string{}
	for _, a := range list {
		switch v := a.Value.Value.(type) {
		case *otlpcommon.AnyValue_StringValue:
			all[a.Key] = v.StringValue
		case *otlpcommon.AnyValue_IntValue:
			all[a.Key] = fmt.Sprint(v.IntValue)
		}
	}
	return all
}

func doubles(list []*otlpcommon.KeyValue) map[string]float64 {
	all := map[string]float64{}
	for _, a := range list {
		if v, ok := a.Value.Value.(*otlpcommon.AnyValue_DoubleValue); ok {
			all[a.Key] = v.DoubleValue
		}
	}
	return all
}

// same compares what was received with the report, to the last digit.
func (r *otlpReceiver) same(d desk, want footprint.Report) {
	d.Helper()
	sent, spans, refused := r.seen()
	require.Empty(d, refused)
	require.NotEmpty(d, sent)
	require.Len(d, spans, 1)
	last := sent[len(sent)-1]
	about := texts(last.Resource.Attributes)
	assert.Equal(d, want.RunID, about["service.instance.id"])
	assert.Equal(d, want.Host.Name, about["host.name"])
	amounts := map[string]float64{}
	for _, m := range last.ScopeMetrics[0].Metrics {
		if m.GetSum() == nil {
			continue
		}
		assert.True(d, m.GetSum().IsMonotonic)
		assert.Equal(d, otlpmetrics.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE, m.GetSum().AggregationTemporality)
		for _, p := range m.GetSum().DataPoints {
			a := texts(p.Attributes)
			amounts[strings.TrimSpace(m.Name+" "+a["hw.id"]+" "+a["carbonctl.basis"])] = p.GetAsDouble()
			assert.EqualValues(d, want.StartedAt.UnixNano(), p.StartTimeUnixNano)
			assert.EqualValues(d, want.EndedAt.UnixNano(), p.TimeUnixNano)
		}
	}
	n := 0
	for _, l := range want.Components {
		if l.Energy != nil && l.Within == nil && l.Kind != energy.Platform {
			n++
			assert.Equal(d, l.Energy.Joules(), amounts["hw.energy "+l.ID+" "+string(l.Basis)])
		}
	}
	require.NotZero(d, n)
	assert.Equal(d, float64(want.Emissions), amounts["carbonctl.emissions"])

	span := spans[0].ScopeSpans[0].Spans[0]
	assert.Equal(d, "carbonctl.run", span.Name)
	assert.Equal(d, want.Energy.Joules(), doubles(span.Attributes)["carbonctl.energy_joules"])
	require.Len(d, span.Events, len(want.Epochs))
	for i, e := range want.Epochs {
		assert.Equal(d, e.Energy.Joules(), doubles(span.Events[i].Attributes)["carbonctl.epoch.energy_joules"])
		assert.Equal(d, float64(e.Emissions), doubles(span.Events[i].Attributes)["carbonctl.epoch.emissions_g"])
	}
}

// TestOTLPTakesARun lets the command send a run to a receiver of OpenTelemetry's own
// definition.
func TestOTLPTakesARun(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	r := newOTLPReceiver(d)
	c := d.command("carbonctl", "wrap", "-q", "--region", "FR", "--otlp", r.URL, "--flush-wait", "20s", "--json-file", "run.json", "--label", "team=a\nb",
		"--epochs", "3", "--interval", "20ms", "--", "sh", "-c", "for i in 1 2 3; do echo Epoch $i/3; sleep 0.2; done; exit 3")
	c.Env = append(c.Env, "TRACEPARENT=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test", "OTEL_METRIC_EXPORT_INTERVAL=100")
	out, _ := c.CombinedOutput()
	require.Equal(t, 3, c.ProcessState.ExitCode(), "%s", out)
	r.same(d, d.report("run.json"))

	sent, spans, _ := r.seen()
	assert.Greater(t, len(sent), 2, "it follows the run")
	about := texts(spans[0].Resource.Attributes)
	assert.Equal(t, "test", about["deployment.environment.name"])
	assert.Equal(t, "a\nb", about["carbonctl.label.team"])
	assert.NotEmpty(t, about["process.pid"])
	span := spans[0].ScopeSpans[0].Spans[0]
	assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", fmt.Sprintf("%x", span.TraceId))
	assert.Equal(t, "00f067aa0ba902b7", fmt.Sprintf("%x", span.ParentSpanId))
	assert.Equal(t, otlptraces.Status_STATUS_CODE_ERROR, span.Status.Code)
	assert.Len(t, span.Events, 3)
	last := map[string]float64{} // no sum falls
	newest := uint64(0)          // no point is older than one of the message before: a Prometheus refuses those
	for _, m := range sent {
		before := newest
		for _, m := range m.ScopeMetrics[0].Metrics {
			for _, p := range append(m.GetSum().GetDataPoints(), m.GetGauge().GetDataPoints()...) {
				assert.Greater(t, p.TimeUnixNano, before, m.Name)
				newest = max(newest, p.TimeUnixNano)
			}
			for _, p := range m.GetSum().GetDataPoints() {
				key := m.Name + fmt.Sprint(texts(p.Attributes))
				assert.GreaterOrEqual(t, p.GetAsDouble(), last[key], key)
				last[key] = p.GetAsDouble()
			}
		}
	}
}

// TestOTLPOfADeadReceiver has the next run deliver what the first could not.
func TestOTLPOfADeadReceiver(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	r := newOTLPReceiver(d)
	address := r.URL
	gone := httptest.NewServer(nil)
	gone.Close()
	start := time.Now()
	_, messages, _ := d.try("", "carbonctl", "wrap", "--json", "--region", "FR", "--otlp", gone.URL, "--", "true")
	assert.Less(t, time.Since(start), 10*time.Second)
	d.write("run.json", messages)
	assert.Contains(t, fmt.Sprint(d.report("run.json").Warnings), "connection refused; the next run retries")

	// The same address comes to life.
	front := httptest.NewUnstartedServer(r.Config.Handler)
	l, err := listen(strings.TrimPrefix(gone.URL, "http://"))
	require.NoError(t, err)
	front.Listener.Close()
	front.Listener = l
	front.Start()
	defer front.Close()
	d.run("carbonctl", "wrap", "-q", "--region", "FR", "--otlp", address, "--flush-wait", "20s", "--", "sleep", "1")
	_, spans, _ := r.seen()
	require.NotEmpty(t, spans)
	var found bool
	want := d.report("run.json")
	for _, s := range spans {
		if texts(s.Resource.Attributes)["service.instance.id"] == want.RunID {
			found = true
			assert.EqualValues(t, want.EndedAt.UnixNano(), s.ScopeSpans[0].Spans[0].EndTimeUnixNano)
		}
	}
	assert.True(t, found, "the first run is delivered by the second")
}

// TestOTLPOfTheLibrary sends runs of all sorts: with epochs, lost counters, process shares.
func TestOTLPOfTheLibrary(t *testing.T) {
	t.Parallel()
	for _, trace := range []string{"server", "client", "vm", "trouble"} {
		d := newDesk(t)
		r := newOTLPReceiver(d)
		f, err := os.Open("../testdata/traces/" + trace + ".jsonl")
		require.NoError(t, err)
		run, err := footprint.Replay(f)
		f.Close()
		require.NoError(t, err)
		run.Labels, run.Command = map[string]string{"team": "a\xffb\n"}, []string{"python", "train.py"}
		sink := otlp.Sink{Metrics: otlp.Route{URL: r.URL + "/v1/metrics"}, Traces: otlp.Route{URL: r.URL + "/v1/traces"}}
		require.NoError(t, sink.Report(t.Context(), run))
		r.same(d, run)
	}
}

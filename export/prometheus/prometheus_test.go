package prometheus_test

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	dto "github.com/prometheus/client_model/go"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/energy/energytest"
	"github.com/carbonctl/carbonctl/export/metrics"
	"github.com/carbonctl/carbonctl/export/prometheus"
	"github.com/carbonctl/carbonctl/footprint"
)

// start starts a run whose counter adds 50 J at each reading.
func start(t *testing.T, labels map[string]string) *carbon.Tracker {
	pkg := energy.Component{
		Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Name: "a package",
		Source: "test", Scope: "package", BandLow: 1, BandHigh: 1,
	}
	meter := &energytest.Meter{}
	for i := range 1000 {
		meter.Steps = append(meter.Steps, energytest.Step{Readings: []energy.Reading{{Component: pkg, Total: energy.Energy(i) * 50 * energy.Joule}}})
	}
	tracker, err := carbon.Start(context.Background(), carbon.Config{
		Region: "FR", Meters: []energy.Meter{meter}, Host: carbon.Host{Root: fstest.MapFS{}}, Every: time.Minute,
		Run: footprint.Run{Project: "p", Labels: labels},
	})
	require.NoError(t, err)
	return tracker
}

func gather(t *testing.T, r *client.Registry) map[string]*dto.MetricFamily {
	all, err := r.Gather()
	require.NoError(t, err)
	byName := map[string]*dto.MetricFamily{}
	for _, f := range all {
		byName[f.GetName()] = f
	}
	return byName
}

func joules(f *dto.MetricFamily) (sum float64) {
	for _, m := range f.GetMetric() {
		sum += m.GetCounter().GetValue()
	}
	return sum
}

// TestTheOfficialClientAndOursSayTheSame reads what the registry and our own encoder write
// with one parser.
func TestTheOfficialClientAndOursSayTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := start(t, map[string]string{"team": "a\"b\n", "a-b": "x"})
		registry := client.NewPedanticRegistry()
		require.NoError(t, registry.Register(prometheus.New(tracker)))
		time.Sleep(10 * time.Second)
		report, err := tracker.Stop()
		require.NoError(t, err)

		server := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(server, httptest.NewRequest("GET", "/metrics", nil))
		var own bytes.Buffer
		require.NoError(t, metrics.Write(&own, report))
		theirs, ours := parse(t, server.Body), parse(t, bytes.NewReader(own.Bytes()))
		assert.Equal(t, theirs, ours)
		assert.InDelta(t, report.Energy.Joules(), joules(ours["carbonctl_energy_joules_total"]), 0)
		assert.Positive(t, report.Energy)

		problems, err := promlint.New(&own).Lint()
		require.NoError(t, err)
		assert.Empty(t, problems)
	})
}

func parse(t *testing.T, from io.Reader) map[string]*dto.MetricFamily {
	p := expfmt.NewTextParser(model.LegacyValidation)
	got, err := p.TextToMetricFamilies(from)
	require.NoError(t, err)
	for _, f := range got {
		for _, m := range f.Metric { // in the order of their names
			for i := range m.Label {
				for j := range i {
					if m.Label[j].GetName() > m.Label[i].GetName() {
						m.Label[i], m.Label[j] = m.Label[j], m.Label[i]
					}
				}
			}
		}
	}
	return got
}

// TestAScrapeReads checks that a scrape sees the joules up to now, though the tracker
// itself reads once a minute, and that a second has one reading at most.
func TestAScrapeReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := start(t, nil)
		defer tracker.Stop()
		registry := client.NewRegistry()
		registry.MustRegister(prometheus.New(tracker))
		energy := func() float64 { return joules(gather(t, registry)["carbonctl_energy_joules_total"]) }
		time.Sleep(10 * time.Second)
		first := energy()
		assert.Positive(t, first)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { assert.InDelta(t, first, energy(), 0) })
		}
		all.Wait()
		time.Sleep(time.Second)
		assert.InDelta(t, first+50, energy(), 0)
	})
}

// TestNoRun is a program that was told not to track.
func TestNoRun(t *testing.T) {
	registry := client.NewPedanticRegistry()
	require.NoError(t, registry.Register(prometheus.New((*carbon.Tracker)(nil))))
	assert.Empty(t, gather(t, registry))
}

func TestTwoRunsOfAProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := client.NewPedanticRegistry()
		for _, name := range []string{"train", "evaluate"} {
			tracker := start(t, nil)
			defer tracker.Stop()
			require.NoError(t, client.WrapRegistererWith(client.Labels{"part": name}, registry).Register(prometheus.New(tracker)))
		}
		assert.Len(t, gather(t, registry)["carbonctl_run_info"].Metric, 2)
	})
}

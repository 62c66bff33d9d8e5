// Package prometheus gives the metrics of a run to the official client, for a program
// that has metrics of its own:
//
//	tracker, err := carbon.Start(ctx, carbon.Config{Region: "FR"})
//	registry.MustRegister(prometheus.New(tracker))
//
// Names, labels and values are those of docs/metrics.md, as everywhere. A program without
// other metrics needs nothing of this: see export/metrics.
package prometheus

import (
	"sync"
	"time"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/carbonctl/carbonctl/export/internal/runmetrics"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/exposition"
)

// A Source gives a run so far: a *carbon.Tracker. Fresh must be safe for concurrent use,
// and reads the meters where the latest reading is older than age.
type Source interface {
	Fresh(age time.Duration) footprint.Report
}

// A Collector gives the metrics of one run. Make it with [New]; it is safe for concurrent
// use. A registry takes one; two runs of a process need one registry each, or
// prometheus.WrapRegistererWith.
type Collector struct {
	source Source
	hold   exposition.Hold
	descs  map[string]*client.Desc

	mu     sync.Mutex
	report footprint.Report
	taken  time.Time
}

// every is how old a report may be: a reading at a scrape is taken at most once a second.
const every = time.Second

// New makes a collector of a run. The labels of the run's own are those that it has now.
// Counters never fall as the run goes on, and stay when it has ended.
func New(source Source) *Collector {
	c := &Collector{source: source, descs: map[string]*client.Desc{}}
	own := source.Fresh(every).Labels
	for _, f := range runmetrics.All() {
		c.descs[f.Name] = client.NewDesc(f.Series(), f.Help, runmetrics.Names(f.Name, own), nil)
	}
	return c
}

// Describe implements the client's Collector.
func (c *Collector) Describe(to chan<- *client.Desc) {
	for _, d := range c.descs {
		to <- d
	}
}

// Collect implements the client's Collector.
func (c *Collector) Collect(to chan<- client.Metric) {
	r := c.latest()
	families := runmetrics.Of(r)
	c.hold.Apply(r.RunID, families)
	for _, f := range families {
		for _, s := range f.Samples {
			values := make([]string, len(s.Labels))
			for i, l := range s.Labels {
				values[i] = l.Value
			}
			to <- metric(c.descs[f.Name], f.Kind, s.Value, r.StartedAt, values)
		}
	}
}

func metric(d *client.Desc, kind exposition.Kind, value float64, created time.Time, labels []string) client.Metric {
	var m client.Metric
	var err error
	if kind == exposition.Counter {
		m, err = client.NewConstMetricWithCreatedTimestamp(d, client.CounterValue, value, created, labels...)
	} else {
		m, err = client.NewConstMetric(d, client.GaugeValue, value, labels...)
	}
	if err != nil {
		return client.NewInvalidMetric(d, err)
	}
	return m
}

// latest gives the run so far.
func (c *Collector) latest() footprint.Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken.IsZero() || time.Since(c.taken) >= every {
		c.taken = time.Now()
		c.report = c.source.Fresh(every)
	}
	return c.report
}

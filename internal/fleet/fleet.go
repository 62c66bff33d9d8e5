// Package fleet reads the runs of many machines from a store that answers PromQL over HTTP:
// Prometheus, Mimir, Thanos, VictoriaMetrics. What the metrics of docs/metrics.md say of a
// run becomes a row, as of a ledger, which everything else then treats alike.
//
// A run's energy is the last value of its counters less the first, with resets, and never
// what increase() extrapolates: a lower bound, since nobody sees what a run uses after it
// was scraped last. Seen says what that can be.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/runs"
)

// Prefix begins the name of a store among those of files: "prometheus:http://HOST:9090".
const Prefix = "prometheus:"

// Is reports whether a name is that of a store.
func Is(name string) bool { return strings.HasPrefix(name, Prefix) }

// The steps that a range has by default, and between which times of two steps.
const (
	steps     = 720
	minStep   = 15 * time.Second
	maxStep   = time.Hour
	ofChunk   = 240 // steps of one question
	leastLeft = 1   // of one that was too much for the store
)

// A Store is where to read, and what. URL and To are needed.
type Store struct {
	URL  string // with Prefix or without
	Auth Auth
	// Runs that began From on and before To are read, as far as they had got by To.
	From, To time.Time
	// Step is how far apart the values lie that are asked for; 0 is a 720th of the range,
	// from 15 s to 1 h. Runs shorter than a step are found all the same; of those that follow
	// each other within one on the same target only what the counters show.
	Step      time.Duration
	Transport http.RoundTripper // nil: http.DefaultTransport
}

// Seen is what reading a store has shown besides the runs.
type Seen struct {
	Runs, Before int // that were read; that began before From, and are left out
	// Cut are runs of which no scrape has seen the end; Missed is about what they can have used
	// after their last one, in joules: their mean power over Interval, the time between two.
	Cut      int
	Missed   float64
	Interval time.Duration // 0: not known
	Unnamed  int           // series of energy and emissions without carbonctl_run_info: not counted
	// Mixed are runs that went on at once with the same labels of their target, so that nobody
	// can tell whose energy is whose: it is unknown. MixedAt are the instances, sorted.
	Mixed    int
	MixedAt  []string
	Hosts    []string // of the runs, sorted
	Silent   []string // targets that were up, or tried, and had no run: instance names, sorted
	Step     time.Duration
	Warnings []string // what the store has said of its answers: they may be in part
}

// Read gives the runs of a store as rows, each once, in no order. Memory grows with the
// runs that go on at the same time. The error is that of a store that gives no answer.
func (s Store) Read(ctx context.Context, add func(runs.Row)) (Seen, error) {
	if !s.From.Before(s.To) {
		return Seen{}, errors.New("the range is empty")
	}
	c, err := newClient(strings.TrimPrefix(s.URL, Prefix), s.Auth, s.Transport)
	if err != nil {
		return Seen{}, err
	}
	step := s.Step
	if step == 0 {
		step = min(max(s.To.Sub(s.From)/steps, minStep), maxStep)
	}
	step = max(step.Truncate(time.Second), time.Second)
	r := &reader{client: c, from: s.From, step: step, add: add, runs: map[string]*run{}, hosts: map[string]bool{}, jobs: map[string]bool{}, instances: map[string]bool{}, mixed: map[string]bool{},
		counters: map[string]*counter{}}
	r.seen.Step = step
	if err := r.chunks(ctx, s.From, s.To); err != nil {
		return r.seen, err
	}
	r.flush(true)
	if r.seen.Interval, err = r.interval(ctx); err != nil {
		return r.seen, err
	}
	r.seen.Missed = r.cutPower * r.seen.Interval.Seconds()
	if r.seen.Silent, err = r.silent(ctx, s.From, s.To); err != nil {
		return r.seen, err
	}
	r.seen.Warnings = c.warnings
	r.seen.MixedAt = slices.Sorted(maps.Keys(r.mixed))
	r.seen.Hosts = slices.Sorted(maps.Keys(r.hosts))
	return r.seen, nil
}

// chunks asks for the range piece by piece, and for shorter ones where that is too much.
func (r *reader) chunks(ctx context.Context, from, to time.Time) error {
	n := ofChunk
	for at := from; at.Before(to); {
		step := r.step
		end := at.Add(time.Duration(min(n, int(to.Sub(at)/step))) * step)
		if end.Equal(at) { // less than a step is left
			if step = to.Sub(at).Truncate(time.Second); step == 0 {
				return nil
			}
			end = at.Add(step)
		}
		err := r.chunk(ctx, at, end, step)
		if e := (*Error)(nil); errors.As(err, &e) && e.tooMuch() && n > leastLeft {
			n = max(n/4, leastLeft)
			continue // nothing of it was counted
		}
		if err != nil {
			return err
		}
		r.flush(false)
		at = end
	}
	return nil
}

// interval is the time between two scrapes, as most have it of some of the runs whose end was
// not seen; 0 if none was scraped twice.
func (r *reader) interval(ctx context.Context) (time.Duration, error) {
	var gaps []float64
	for _, run := range r.cut {
		query := fmt.Sprintf("%s%s[%ds]", infoName, selector(run.labels), beforeEnd)
		err := r.client.at(ctx, query, time.UnixMilli(int64((run.last+r.step.Seconds())*1e3)), func(s series) error {
			for i := 1; i < len(s.points); i++ {
				gaps = append(gaps, s.points[i].at-s.points[i-1].at)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	if len(gaps) == 0 {
		return 0, nil
	}
	slices.Sort(gaps)
	return time.Duration(gaps[len(gaps)/2] * float64(time.Second)).Round(time.Second), nil
}

const (
	asked     = 10       // runs of which the scrapes are looked at
	beforeEnd = 2 * 3600 // s of each: two scrapes lie within
)

// selector picks the series that has these labels.
func selector(labels map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != "__name__" {
			all = append(all, name+"="+strconv.Quote(labels[name]))
		}
	}
	return "{" + strings.Join(all, ",") + "}"
}

// silent are the targets of the jobs that runs were scraped by, without any run.
func (r *reader) silent(ctx context.Context, from, to time.Time) ([]string, error) {
	if len(r.jobs) == 0 {
		return nil, nil
	}
	var quiet []string
	query := fmt.Sprintf("group by (job, instance) (last_over_time(up[%ds]))", int(to.Sub(from).Seconds()))
	err := r.client.at(ctx, query, to, func(s series) error {
		if i := s.labels["instance"]; r.jobs[s.labels["job"]] && !r.instances[i] {
			quiet = append(quiet, i)
		}
		return nil
	})
	slices.Sort(quiet)
	return slices.Compact(quiet), err
}

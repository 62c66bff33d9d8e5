// Package otlp sends a run to OpenTelemetry: energy, power and emissions as metrics, the run
// as a span with its epochs as events, by OTLP over HTTP in its JSON form. Names are those of
// OpenTelemetry's semantic conventions for hardware where there are any.
//
// A Sink is for carbon.Config.Sinks. [FromEnv] makes one as the OTEL_* variables say; one of
// your own needs a URL alone:
//
//	sink := &otlp.Sink{Metrics: otlp.Route{URL: "http://localhost:4318/v1/metrics"}}
package otlp

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

// A Route is where and how one signal is sent. The zero value is nowhere.
type Route struct {
	URL    string      // whole, with /v1/metrics or /v1/traces; "" sends nothing
	Header http.Header // what the receiver asks for, such as its key; nil: nothing
	// Timeout of one message; 0 is 10 seconds.
	Timeout time.Duration
	// Plain sends what is otherwise compressed by gzip as it is.
	Plain bool
	// Transport makes the connections; nil is Go's default, with proxies of the environment.
	Transport http.RoundTripper
}

// The defaults, as OpenTelemetry's specification of the exporters has them.
const (
	defaultEvery   = time.Minute
	defaultTimeout = 10 * time.Second
)

// A Sink sends metrics as the run goes on, and at its end what is still to be sent. Its
// exported fields must not change once it is in use. It is for one run, and safe for
// concurrent use.
type Sink struct {
	Metrics, Traces Route
	// Resource are attributes over those that follow from the report: service.name,
	// k8s.pod.name. An empty value takes one away; nil adds none.
	Resource map[string]string
	// Parent is the span that the run is a part of. Where that says that the trace is not
	// sampled, no span is sent.
	Parent Parent
	// Interval is the time between two points of a metric; 0 is a minute.
	Interval time.Duration

	endpoint string // as FromEnv was given it

	mu      sync.Mutex
	clients map[*Route]*deliver.Client
	sent    map[string]float64 // of each sum, so far
	until   float64            // s of the run, up to which metrics were taken
	last    nanos              // before which no point may be
	partial error              // what a receiver has refused meanwhile
	done    [2]bool            // metrics, traces: taken whole
}

// Every is the time between two checkpoints; see carbon.Checkpointer.
func (s *Sink) Every() time.Duration { return cmp.Or(s.Interval, defaultEvery) }

// Checkpoint sends the metrics so far, once: the next one holds all that this one does. It
// takes at most the route's timeout.
func (s *Sink) Checkpoint(r footprint.Report) error {
	if s.Metrics.URL == "" || len(r.Components) == 0 {
		return nil
	}
	s.mu.Lock()
	from := s.until
	s.mu.Unlock()
	m := s.metricsOf(r, from)
	if len(m.ResourceMetrics[0].ScopeMetrics[0].Metrics) == 0 {
		return nil
	}
	err := s.send(context.Background(), &s.Metrics, (*deliver.Client).Once, m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.As(err, new(*RejectedError)) {
		s.partial = cmp.Or(s.partial, err)
		err = nil // it has been taken; the end tells of it
	}
	if err == nil {
		s.until = r.DurationS
	}
	return err
}

// Report sends what a finished report holds and was not sent: the sums as of its end, the
// power since the last checkpoint, or of all the run, and the span. It may be called again
// after an error: what was taken is not sent again. An error is a *[RejectedError], a
// *[NoSpansError], that of a service that does not answer or refuses, or several.
func (s *Sink) Report(ctx context.Context, r footprint.Report) error {
	s.mu.Lock()
	from, done, partial := s.until, s.done, s.partial
	s.partial = nil
	s.mu.Unlock()
	var errs [2]error
	var both sync.WaitGroup
	give := func(i int, to *Route, send func() error) {
		if to.URL == "" || done[i] {
			return
		}
		both.Go(func() {
			errs[i] = send()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.done[i] = errs[i] == nil || errors.As(errs[i], new(*RejectedError))
		})
	}
	give(0, &s.Metrics, func() error { return s.sendMetrics(ctx, r, from) })
	if !s.Parent.unsampled() {
		give(1, &s.Traces, func() error { return s.send(ctx, &s.Traces, (*deliver.Client).Do, s.tracesOf(r)) })
	}
	both.Wait()
	switch m, t := errs[0], errs[1]; {
	case m != nil && t != nil && m.Error() == t.Error():
		return joined(m, partial) // a service that is not there, as a rule
	case m == nil && s.Metrics.URL != "" && statusOf(t) == http.StatusNotFound:
		return joined(&NoSpansError{host(s.Traces.URL)}, partial) // nor later
	case deliver.Keep(t):
		return joined(t, m, partial) // whoever asks whether to try again sees this one
	default:
		return joined(m, t, partial)
	}
}

// sendMetrics sends the end of a run, after the power that nobody was sent before.
func (s *Sink) sendMetrics(ctx context.Context, r footprint.Report, from float64) error {
	if history, begins, ok := s.historyOf(r); ok && from == 0 {
		err := s.send(ctx, &s.Metrics, (*deliver.Client).Do, history)
		if statusOf(err) != http.StatusBadRequest && !errors.As(err, new(*RejectedError)) && err != nil {
			return err
		}
		// Refused: it is older than what the receiver has of this run, from another process
		// that followed it. The sums are what matters.
		from = begins
	}
	return s.send(ctx, &s.Metrics, (*deliver.Client).Do, s.metricsOf(r, from))
}

// statusOf is the HTTP status of what a service has refused, 0 for any other error.
func statusOf(err error) int {
	if refused := (*deliver.Error)(nil); errors.As(err, &refused) {
		return refused.Status
	}
	return 0
}

// A NoSpansError is a receiver that takes metrics and has no place for spans, as a Prometheus.
type NoSpansError struct{ Host string }

func (e *NoSpansError) Error() string { return e.Host + ": accepts metrics, but no spans (404)" }

// failures are errors on one line.
type failures []error

func joined(errs ...error) error {
	switch all := failures(slices.DeleteFunc(errs, func(e error) bool { return e == nil })); len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	default:
		return all
	}
}

func (f failures) Error() string {
	var text []string
	for _, e := range f {
		text = append(text, e.Error())
	}
	return strings.Join(text, "; ")
}

func (f failures) Unwrap() []error { return f }

// A RejectedError is what a receiver has taken only in part. It must not be sent again.
type RejectedError struct {
	Host  string
	Count string // how many points or spans, "" for none: the text is a warning
	Text  string
}

func (e *RejectedError) Error() string {
	s := e.Host + ": warns"
	if e.Count != "" {
		s = e.Host + ": rejected " + e.Count + " of what was sent"
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// send sends a message and reads what the receiver has not taken of it.
func (s *Sink) send(ctx context.Context, to *Route, by func(*deliver.Client, context.Context, deliver.Request) (deliver.Response, error), message any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("otlp: %w", err)
	}
	h := to.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Content-Type", "application/json")
	if !to.Plain {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err = z.Write(body); err == nil {
			err = z.Close()
		}
		if err != nil {
			return fmt.Errorf("otlp: %w", err)
		}
		body = b.Bytes()
		h.Set("Content-Encoding", "gzip")
	}
	got, err := by(s.client(to), ctx, deliver.Request{URL: to.URL, Header: h, Body: body})
	if err != nil {
		return err
	}
	var a answer
	if json.Unmarshal(got.Body, &a) != nil { // no JSON, or nothing: all is taken
		return nil
	}
	if n := cmp.Or(string(a.Partial.Points), string(a.Partial.Spans)); n != "" || a.Partial.Message != "" {
		return &RejectedError{host(to.URL), n, oneLine(a.Partial.Message)}
	}
	return nil
}

// client is that of a route.
func (s *Sink) client(to *Route) *deliver.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[to] == nil {
		if s.clients == nil {
			s.clients = map[*Route]*deliver.Client{}
		}
		s.clients[to] = &deliver.Client{Timeout: cmp.Or(to.Timeout, defaultTimeout), Transport: to.Transport, Temporary: temporary}
	}
	return s.clients[to]
}

// temporary are the answers after which OTLP allows another try.
func temporary(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// Name is that by which a later run knows what is to be sent; see [Redo].
const Name = "otlp"

// target is what a later run needs and cannot know: secrets are those of its environment.
type target struct {
	Endpoint string            `json:"endpoint"`
	Place    string            `json:"place,omitempty"` // of Environment: a hash, since such a URL may hold secrets
	Resource map[string]string `json:"resource,omitempty"`
	Parent   Parent            `json:"parent,omitzero"`
}

// Target is what [Redo] makes the same sink of, for one that [FromEnv] has made. It holds no
// headers and no certificates.
func (s *Sink) Target() string {
	b, _ := json.Marshal(target{s.endpoint, s.place(), s.Resource, s.Parent}) // it always can be
	return string(b)
}

// place tells where Environment leads from where it leads elsewhere.
func (s *Sink) place() string {
	if s.endpoint != Environment {
		return ""
	}
	return fmt.Sprintf("%.16x", sha256.Sum256([]byte(s.Metrics.URL+"\n"+s.Traces.URL)))
}

// Redo makes a sink by its Target, with headers and certificates of this environment. It
// returns nil where that sends nothing, or leads elsewhere.
func Redo(text string, env func(string) string) *Sink {
	var t target
	if json.Unmarshal([]byte(text), &t) != nil {
		return nil
	}
	s, _, err := FromEnv(t.Endpoint, nothing{}, env)
	if err != nil || s.Metrics.URL == "" && s.Traces.URL == "" || s.place() != t.Place {
		return nil
	}
	s.Resource, s.Parent = maps.Clone(t.Resource), t.Parent
	return s
}

// nothing is a file system without files.
type nothing struct{}

func (nothing) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

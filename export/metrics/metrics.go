// Package metrics gives the metrics of a run in the text formats of Prometheus and
// OpenMetrics, with nothing but the standard library: over HTTP, to a file for the
// textfile collector of a node exporter, and to a Pushgateway. docs/metrics.md has the
// names. A program that has metrics of its own registers export/prometheus instead.
package metrics

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/export/internal/runmetrics"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/exposition"
)

// Fresh is how old an answer of [Handler] may be: whoever asks more often gets the
// same one again, and costs the run nothing.
const Fresh = time.Second

// Write writes the metrics of a report in the text format 0.0.4 of Prometheus.
func Write(w io.Writer, r footprint.Report) error {
	return exposition.Text.Write(w, runmetrics.Of(r))
}

// Handler answers with the metrics of a run so far, in the format that the client
// accepts. report gives the run so far, such as the method Fresh of a carbon.Tracker; it
// is called at most once a second and never twice at a time, and no answer waits for it
// longer than 100 ms where there is an older one. Counters never fall. It is safe for
// concurrent use.
func Handler(report func() footprint.Report) http.Handler {
	return &handler{report: report}
}

// patience is how long an answer waits for a report that is being made.
const patience = 100 * time.Millisecond

type handler struct {
	report func() footprint.Report
	hold   exposition.Hold

	mu       sync.Mutex
	families []exposition.Family
	made     time.Time
	making   chan struct{} // closed when the report that is being made is there; nil: none is
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	families, ok := h.latest(r)
	if !ok {
		http.Error(w, "no reading yet", http.StatusServiceUnavailable)
		return
	}
	format := exposition.Accepted(r.Header.Get("Accept"))
	var b bytes.Buffer
	_ = format.Write(&b, families) // a buffer takes all
	w.Header().Set("Content-Type", format.ContentType())
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Vary", "Accept")
	_, _ = w.Write(b.Bytes())
}

// latest gives the families of a report that is no older than Fresh, or of the latest
// where the next one takes too long; ok is false where there is none.
func (h *handler) latest(r *http.Request) (_ []exposition.Family, ok bool) {
	h.mu.Lock()
	if !h.made.IsZero() && time.Since(h.made) < Fresh {
		defer h.mu.Unlock()
		return h.families, true
	}
	making := h.making
	if making == nil {
		making = make(chan struct{})
		h.making = making
		go h.make(making)
	}
	wait := patience
	if h.made.IsZero() {
		wait = Fresh
	}
	h.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-making:
	case <-timer.C:
	case <-r.Context().Done():
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.families, !h.made.IsZero()
}

func (h *handler) make(done chan struct{}) {
	begun := time.Now()
	report := h.report()
	families := runmetrics.Of(report)
	h.hold.Apply(report.RunID, families)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.families, h.made, h.making = families, begun, nil
	close(done)
}

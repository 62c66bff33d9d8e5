// Package jsonlines writes what happens in a run as lines of JSON, as it happens: nested
// for log shippers, or flat for those who take each line as metrics.
package jsonlines

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// Name is that of the sink, by which a later run knows what one has left undelivered.
const Name = "json-lines"

// A Form is how a line looks.
type Form string

// The forms.
const (
	// Nested is a line for each event, with "time", "message" and the event's own keys in
	// objects; at the end one with the totals and each component.
	Nested Form = "nested"
	// Flat is a line for each epoch, and one at the end, whose values are numbers and
	// words: {"epoch":3,"energy_wh":0.41,…}. Nothing but what is known is in it.
	Flat Form = "flat"
)

// A Sink writes to a writer, each line with one Write. It follows a run, writes at its end
// what is missing, and is for one run.
type Sink struct {
	to   io.Writer
	form Form

	mu     sync.Mutex
	epochs map[[2]int64]bool // that were written, by index and start
	ended  bool
	broken error // of a line that was written in part
}

// New makes a sink for a writer.
func New(to io.Writer, form Form) *Sink {
	return &Sink{to: to, form: form, epochs: map[[2]int64]bool{}}
}

// ParseForm reads a form; "" is Nested.
func ParseForm(s string) (Form, error) {
	switch f := Form(s); f {
	case "":
		return Nested, nil
	case Nested, Flat:
		return f, nil
	}
	return "", fmt.Errorf("invalid form %.40q: use %s or %s", s, Nested, Flat)
}

// File is a sink that adds to a file, which it makes when there is something to write.
func File(path string, form Form) *Sink { return New(&appender{path: path}, form) }

// appender opens a file for each write: what rotates it takes it away.
type appender struct{ path string }

func (a *appender) Write(b []byte) (int, error) {
	f, err := os.OpenFile(a.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return 0, err
	}
	n, err := f.Write(b)
	return n, errors.Join(err, f.Close())
}

// Event implements carbon.EventSink.
func (s *Sink) Event(e footprint.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e.Event == footprint.EventEnd: // the report says more
		return nil
	case e.Event == footprint.EventEpoch && e.Epoch != nil:
		return s.epoch(e.RunID, *e.Epoch, &e)
	case s.form == Flat:
		return nil
	}
	return s.write(nested(e))
}

// Report implements carbon.Sink: it writes the epochs that no event told of, and the end.
func (s *Sink) Report(_ context.Context, r footprint.Report) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	for _, e := range r.Epochs {
		if err := s.epoch(r.RunID, e, nil); err != nil {
			return err
		}
	}
	line := any(flatEnd(r))
	if s.form == Nested {
		line = nestedEnd(r)
	}
	err := s.write(line)
	s.ended = err == nil
	return err
}

func (s *Sink) epoch(run string, e footprint.Epoch, event *footprint.Event) error {
	key := [2]int64{int64(e.Index), e.StartedAt.UnixNano()}
	if s.epochs[key] {
		return nil
	}
	var line any
	switch {
	case s.form == Flat:
		line = flatEpoch(e)
	case event != nil:
		line = nested(*event)
	default:
		line = record{At: ended(e.Stretch), Message: epochText(e), Event: footprint.EventEpoch, RunID: run, Epoch: &e}
	}
	err := s.write(line)
	if err == nil {
		s.epochs[key] = true
	}
	return err
}

// write writes a line at once. After one that was written in part nothing more can be.
func (s *Sink) write(line any) error {
	if s.broken != nil {
		return s.broken
	}
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	n, err := s.to.Write(append(b, '\n'))
	if err != nil && n > 0 {
		s.broken = fmt.Errorf("a line was written in part: %w", err)
	}
	return err
}

// ended is when a stretch was over.
func ended(s footprint.Stretch) time.Time {
	return s.StartedAt.Add(time.Duration(s.DurationS * float64(time.Second))).Truncate(time.Millisecond)
}

// wattHours are those of joules.
func wattHours(e energy.Energy) float64 { return float64(e) / float64(3600*energy.Joule) }

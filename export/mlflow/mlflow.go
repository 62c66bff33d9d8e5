// Package mlflow is a sink for the tracking server of MLflow, over its REST API.
//
// It logs into the run of MLFLOW_RUN_ID, or into one that it makes in the experiment of
// MLFLOW_EXPERIMENT_ID or _NAME, and ends only a run that it has made. Metrics:
//
//	carbonctl/energy_joules, emissions_g …       totals; step: seconds since the start
//	carbonctl/epoch/energy_joules …              of each epoch; step: its number
//	carbonctl/power_watts/COMPONENT              step: seconds since the start
//	carbonctl/component_energy_joules/COMPONENT  totals
//
// Where the numbers come from is in tags, carbonctl.*; the page of the run is an artifact
// where the server takes artifacts itself.
package mlflow

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

// Name is that of the sink, by which a later run knows what one has left undelivered.
const Name = "mlflow"

// A Sink logs one run. New makes it; it may be used by one goroutine at a time.
type Sink struct {
	place  place
	header http.Header // with secrets
	client *deliver.Client

	mu   sync.Mutex
	run  string // "" until it is known
	ours bool   // we have made it
	uri  string // of its artifacts
	sent taken
}

// send is deliver.Client.Once or Do.
type send func(context.Context, deliver.Request) (deliver.Response, error)

// Checkpoint implements carbon.Checkpointer: it logs what has come since the last one.
func (s *Sink) Checkpoint(r footprint.Report) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.StartedAt.IsZero() {
		return nil
	}
	ctx := context.Background()
	if err := s.open(ctx, r, s.client.Once); err != nil {
		return err
	}
	return s.log(ctx, s.sent.entries(r, false), s.client.Once)
}

// Report implements carbon.Sink: it logs all that was not taken so far with the tags, ends
// the run if it is ours, and uploads its page.
func (s *Sink) Report(ctx context.Context, r footprint.Report) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.StartedAt.IsZero() {
		return errors.New("the run has not begun")
	}
	if err := s.open(ctx, r, s.client.Do); err != nil {
		return err
	}
	list := append(tags(r), s.sent.entries(r, true)...)
	if s.ours {
		list = append(list, entry{Tag: &tag{"mlflow.note.content", note(r)}})
	}
	if err := s.log(ctx, list, s.client.Do); err != nil {
		return err
	}
	if s.ours {
		err := s.call(ctx, s.client.Do, http.MethodPost, "runs/update", map[string]any{
			"run_id": s.run, "status": status(r), "end_time": r.EndedAt.UnixMilli(),
		}, nil)
		if err != nil {
			return err
		}
	}
	page, err := s.upload(ctx, r)
	if err != nil {
		return err
	}
	return s.log(ctx, []entry{{Tag: &tag{"carbonctl.page", page}}}, s.client.Do)
}

// status is how a run of ours ended, in MLflow's words.
func status(r footprint.Report) string {
	switch {
	case r.Status == footprint.Completed:
		return "FINISHED"
	case r.Status == footprint.Failed && r.Signal == nil:
		return "FAILED"
	}
	return "KILLED"
}

// The limits of one runs/log-batch: https://mlflow.org/docs/latest/rest-api.html#log-batch,
// and mlflow/utils/validation.py of 2.0 to 3.4.
const (
	maxTags    = 100
	maxEntries = 1000
	maxBytes   = 1_000_000
	maxValue   = 5000 // characters of a tag; newer servers take 8,000
	maxKey     = 250
)

// log sends entries in as few batches as the limits allow, and notes what was taken.
func (s *Sink) log(ctx context.Context, list []entry, to send) error {
	for len(list) > 0 {
		body := batch{Run: s.run}
		bytes, n := 200, 0 // what stands around them
		for ; n < len(list) && n < maxEntries && len(body.Tags) < maxTags; n++ {
			b, err := json.Marshal(list[n])
			if err != nil {
				return err
			}
			if bytes += len(b) + 1; bytes > maxBytes && n > 0 {
				break
			}
			if list[n].Tag != nil {
				body.Tags = append(body.Tags, *list[n].Tag)
			} else {
				body.Metrics = append(body.Metrics, *list[n].Metric)
			}
		}
		if err := s.call(ctx, to, http.MethodPost, "runs/log-batch", body, nil); err != nil {
			return err
		}
		s.sent.add(list[:n])
		list = list[n:]
	}
	return nil
}

type batch struct {
	Run     string   `json:"run_id"`
	Metrics []metric `json:"metrics,omitempty"`
	Tags    []tag    `json:"tags,omitempty"`
}

// call asks the API. A refusal has MLflow's own code in front of its text.
func (s *Sink) call(ctx context.Context, to send, method, path string, in, out any) error {
	req := deliver.Request{Method: method, URL: s.place.URI + "/api/2.0/mlflow/" + path, Header: s.header}
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		req.Body = b
	}
	resp, err := to(ctx, req)
	if err != nil {
		return err
	}
	if out != nil {
		if err := json.Unmarshal(resp.Body, out); err != nil {
			u, _ := url.Parse(s.place.URI)
			return &deliver.Error{Host: u.Host, Text: "the answer to " + path + " is not MLflow's"} // a login page
		}
	}
	return nil
}

// refusedAs reports whether the server refused with a code of MLflow's.
func refusedAs(err error, code string) bool {
	failed := (*deliver.Error)(nil)
	return errors.As(err, &failed) && (failed.Text == code || strings.HasPrefix(failed.Text, code+": "))
}

// cut leaves the first so many characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}

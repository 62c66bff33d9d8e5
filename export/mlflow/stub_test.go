package mlflow

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

// stub is a tracking server that takes what MLflow's REST contract allows, and nothing
// else: names, limits and error shapes as of mlflow/utils/validation.py and its handlers.
// It is reached without a network, so that time can be a test's own.
type stub struct {
	experiments map[string]string // name: ID
	runs        map[string]*stubRun
	artifacts   map[string][]byte
	where       string // artifact_uri of runs, with %s for their ID
	password    string // of user "ada"; "": everybody may
	asked       []string
	// wrong answers in place of the server; 0 lets it.
	wrong func(path string, n int) (status int, body string, header http.Header)
	lose  string // the first answer to this path gets lost, after it was done
}

type stubRun struct {
	id, experiment, status, stage string
	end                           int64
	tags                          map[string]string
	metrics                       []metricIn
	batches                       int
}

type metricIn struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
	At    int64           `json:"timestamp"`
	Step  int64           `json:"step"`
}

func newStub() *stub {
	return &stub{experiments: map[string]string{"Default": "0"}, runs: map[string]*stubRun{}, artifacts: map[string][]byte{}, where: "mlflow-artifacts:/0/%s/artifacts"}
}

// RoundTrip implements http.RoundTripper.
func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p := strings.TrimPrefix(r.URL.Path, "/api/2.0/")
	s.asked = append(s.asked, p)
	if s.wrong != nil {
		if status, body, h := s.wrong(p, len(s.asked)); status != 0 {
			for k, v := range h {
				w.Header()[k] = v
			}
			w.WriteHeader(status)
			_, _ = w.WriteString(body)
			return w.Result(), nil
		}
	}
	if user, pass, _ := r.BasicAuth(); s.password != "" && (user != "ada" || pass != s.password) {
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(401)
		_, _ = w.WriteString("You are not authenticated. Please see https://www.mlflow.org/docs/latest/auth")
		return w.Result(), nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	out, code, status := s.serve(r.Method, p, r, body)
	if s.lose == p {
		s.lose = ""
		return nil, io.ErrUnexpectedEOF
	}
	w.Header().Set("Content-Type", "application/json")
	if status != 0 {
		w.WriteHeader(status)
		out = map[string]string{"error_code": code, "message": fmt.Sprint(out)}
	}
	_ = json.NewEncoder(w).Encode(out)
	return w.Result(), nil
}

const (
	invalid = "INVALID_PARAMETER_VALUE"
	missing = "RESOURCE_DOES_NOT_EXIST"
	exists  = "RESOURCE_ALREADY_EXISTS"
)

var (
	names  = regexp.MustCompile(`^[/\w.\- ]*$`)
	filter = regexp.MustCompile("^tags\\.`carbonctl\\.run_id` = '([^']*)' and tags\\.`carbonctl\\.created_run` = 'true'$")
)

// named reports whether MLflow takes a name of a metric or tag.
func named(s string) bool {
	return names.MatchString(s) && len(s) <= 250 && s != "" && path.Clean(s) == s && !strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "..") && s != "."
}

func (s *stub) serve(method, p string, r *http.Request, body []byte) (out any, code string, status int) {
	if rest, ok := strings.CutPrefix(p, "mlflow-artifacts/artifacts/"); ok {
		if method != http.MethodPut || r.Header.Get("Content-Type") != "text/html" {
			return "bad artifact request", "BAD_REQUEST", 400
		}
		s.artifacts[rest] = body
		return map[string]any{}, "", 0
	}
	var in struct {
		ID          string     `json:"run_id"`
		Experiment  string     `json:"experiment_id"`
		Experiments []string   `json:"experiment_ids"`
		Name        string     `json:"name"`
		RunName     string     `json:"run_name"`
		Start       int64      `json:"start_time"`
		End         int64      `json:"end_time"`
		Status      string     `json:"status"`
		Filter      string     `json:"filter"`
		Max         int        `json:"max_results"`
		Tags        []tag      `json:"tags"`
		Metrics     []metricIn `json:"metrics"`
	}
	if method == http.MethodPost {
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil || r.Header.Get("Content-Type") != "application/json" {
			return err, "BAD_REQUEST", 400
		}
	}
	get := func(id string) (*stubRun, bool) { run, ok := s.runs[id]; return run, ok }
	switch method + " " + strings.TrimPrefix(p, "mlflow/") {
	case "GET experiments/get-by-name":
		name := r.URL.Query().Get("experiment_name")
		id, ok := s.experiments[name]
		if !ok {
			return "Could not find experiment with name '" + name + "'", missing, 404
		}
		return map[string]any{"experiment": map[string]string{"experiment_id": id, "name": name, "lifecycle_stage": "active"}}, "", 0
	case "POST experiments/create":
		if in.Name == "" {
			return "Missing value for required parameter 'name'", invalid, 400
		}
		if _, ok := s.experiments[in.Name]; ok {
			return "Experiment already exists", exists, 400
		}
		s.experiments[in.Name] = fmt.Sprint(len(s.experiments))
		return map[string]string{"experiment_id": s.experiments[in.Name]}, "", 0
	case "POST runs/create":
		if !s.known(in.Experiment) {
			return "No Experiment with id=" + in.Experiment + " exists", missing, 404
		}
		run := &stubRun{id: fmt.Sprintf("%032x", len(s.runs)+1), experiment: in.Experiment, status: "RUNNING", stage: "active", tags: map[string]string{}}
		for _, t := range in.Tags {
			run.tags[t.Key] = t.Value
		}
		s.runs[run.id] = run
		return map[string]any{"run": s.show(run)}, "", 0
	case "GET runs/get":
		run, ok := get(r.URL.Query().Get("run_id"))
		if !ok {
			return "Run with id=" + r.URL.Query().Get("run_id") + " not found", missing, 404
		}
		return map[string]any{"run": s.show(run)}, "", 0
	case "POST runs/search":
		m := filter.FindStringSubmatch(in.Filter)
		if m == nil || len(in.Experiments) == 0 || in.Max < 1 {
			return "Invalid filter string", invalid, 400
		}
		found := []any{}
		for _, run := range s.runs {
			if run.experiment == in.Experiments[0] && run.stage == "active" && run.tags["carbonctl.run_id"] == m[1] && run.tags["carbonctl.created_run"] == "true" {
				found = append(found, s.show(run))
			}
		}
		return map[string]any{"runs": found}, "", 0
	case "POST runs/update":
		run, ok := get(in.ID)
		switch {
		case !ok:
			return "no run", missing, 404
		case in.Status != "FINISHED" && in.Status != "FAILED" && in.Status != "KILLED":
			return "Invalid status", invalid, 400
		}
		run.status, run.end = in.Status, in.End
		return map[string]any{}, "", 0
	case "POST runs/log-batch":
		run, ok := get(in.ID)
		if !ok || run.stage == "deleted" {
			return "The run " + in.ID + " must be in the 'active' state.", invalid, 400
		}
		if why := fits(in.Metrics, in.Tags, body); why != "" {
			return why, invalid, 400
		}
		run.batches++
		run.metrics = append(run.metrics, in.Metrics...)
		for _, t := range in.Tags {
			run.tags[t.Key] = t.Value
		}
		return map[string]any{}, "", 0
	}
	return "no such endpoint: " + method + " " + p, "ENDPOINT_NOT_FOUND", 404
}

// fits says which limit of a batch is exceeded, "" for none.
func fits(metrics []metricIn, tags []tag, body []byte) string {
	switch {
	case len(metrics) > 1000, len(tags) > 100, len(metrics)+len(tags) > 1000, len(body) > 1_000_000:
		return fmt.Sprintf("A batch logging request can contain at most 1000: %d, %d, %d bytes", len(metrics), len(tags), len(body))
	}
	for _, m := range metrics {
		var x float64
		if err := json.Unmarshal(m.Value, &x); err != nil || math.IsNaN(x) || m.At < 0 || !named(m.Key) {
			return "Invalid metric " + m.Key + " " + string(m.Value)
		}
	}
	for _, t := range tags {
		if !named(t.Key) || utf8.RuneCountInString(t.Value) > 5000 {
			return "Invalid tag " + t.Key
		}
	}
	return ""
}

func (s *stub) known(experiment string) bool {
	for _, id := range s.experiments {
		if id == experiment {
			return true
		}
	}
	return false
}

func (s *stub) show(run *stubRun) any {
	where := s.where
	if strings.Contains(where, "%s") {
		where = fmt.Sprintf(where, run.id)
	}
	var tags []tag
	for k, v := range run.tags {
		tags = append(tags, tag{k, v})
	}
	return map[string]any{
		"info": map[string]any{"run_id": run.id, "experiment_id": run.experiment, "status": run.status, "lifecycle_stage": run.stage, "artifact_uri": where},
		"data": map[string]any{"tags": tags},
	}
}

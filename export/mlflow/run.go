package mlflow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

// Tags that find a run of ours again, after a crash or from another process.
const (
	tagRun  = "carbonctl.run_id"
	tagMade = "carbonctl.created_run"
)

// info is what MLflow says of a run.
type info struct {
	Info struct {
		ID        string `json:"run_id"`
		Artifacts string `json:"artifact_uri"`
		Stage     string `json:"lifecycle_stage"`
	} `json:"info"`
	Data struct {
		Tags []tag `json:"tags"`
	} `json:"data"`
}

// open finds the run, or makes it, once.
func (s *Sink) open(ctx context.Context, r footprint.Report, to send) error {
	if s.run != "" {
		return nil
	}
	if s.place.Run != "" {
		return s.openTheirs(ctx, to)
	}
	experiment, err := s.experiment(ctx, to)
	if err != nil {
		return err
	}
	var found struct {
		Runs []info `json:"runs"`
	}
	err = s.call(ctx, to, http.MethodPost, "runs/search", map[string]any{
		"experiment_ids": []string{experiment}, "max_results": 1,
		"filter": "tags.`" + tagRun + "` = '" + strings.ReplaceAll(r.RunID, "'", "") + "' and tags.`" + tagMade + "` = 'true'",
	}, &found)
	if err != nil {
		return err
	}
	if len(found.Runs) > 0 {
		return s.take(found.Runs[0], true)
	}
	var made struct {
		Run info `json:"run"`
	}
	name := r.Project
	if name == "" {
		name = "carbonctl"
	}
	name = cut(name, 200) + " " + r.RunID[max(len(r.RunID)-8, 0):]
	err = s.call(ctx, to, http.MethodPost, "runs/create", map[string]any{
		"experiment_id": experiment, "start_time": max(r.StartedAt.UnixMilli(), 0), "run_name": name,
		"tags": []tag{{tagRun, r.RunID}, {tagMade, "true"}, {"mlflow.runName", name}, {"mlflow.source.name", "carbonctl"}},
	}, &made)
	if err != nil {
		return err
	}
	return s.take(made.Run, true)
}

// openTheirs opens the run of MLFLOW_RUN_ID. It may have ended: metrics are taken all the
// same.
func (s *Sink) openTheirs(ctx context.Context, to send) error {
	var got struct {
		Run info `json:"run"`
	}
	err := s.call(ctx, to, http.MethodGet, "runs/get?run_id="+url.QueryEscape(s.place.Run), nil, &got)
	if refusedAs(err, "RESOURCE_DOES_NOT_EXIST") || refusedAs(err, "INVALID_PARAMETER_VALUE") {
		return fmt.Errorf("MLFLOW_RUN_ID: the server has no run %.40q", s.place.Run) // nor will it
	}
	if err != nil {
		return err
	}
	return s.take(got.Run, false)
}

func (s *Sink) take(i info, ours bool) error {
	switch {
	case i.Info.ID == "":
		return errors.New("the answer of the server has no run")
	case i.Info.Stage == "deleted":
		return fmt.Errorf("run %s is deleted on the server", i.Info.ID)
	}
	s.run, s.ours, s.uri = i.Info.ID, ours, i.Info.Artifacts
	return nil
}

// experiment finds the experiment, or makes the one that is named.
func (s *Sink) experiment(ctx context.Context, to send) (string, error) {
	switch {
	case s.place.Experiment != "":
		return s.place.Experiment, nil
	case s.place.Name == "":
		return "0", nil // "Default"
	}
	id, err := s.named(ctx, to)
	if !refusedAs(err, "RESOURCE_DOES_NOT_EXIST") {
		return id, err
	}
	var made struct {
		ID string `json:"experiment_id"`
	}
	err = s.call(ctx, to, http.MethodPost, "experiments/create", map[string]any{"name": s.place.Name}, &made)
	switch {
	case refusedAs(err, "RESOURCE_ALREADY_EXISTS"): // somebody was faster
		return s.named(ctx, to)
	case err != nil:
		return "", err
	case made.ID == "":
		return "", errors.New("the answer of the server has no experiment")
	}
	return made.ID, nil
}

func (s *Sink) named(ctx context.Context, to send) (string, error) {
	var got struct {
		Experiment struct {
			ID    string `json:"experiment_id"`
			Stage string `json:"lifecycle_stage"`
		} `json:"experiment"`
	}
	err := s.call(ctx, to, http.MethodGet, "experiments/get-by-name?experiment_name="+url.QueryEscape(s.place.Name), nil, &got)
	switch {
	case err != nil:
		return "", err
	case got.Experiment.Stage == "deleted":
		return "", fmt.Errorf("experiment %.100q is deleted on the server: restore it, or name another in %s", s.place.Name, envName)
	case got.Experiment.ID == "":
		return "", errors.New("the answer of the server has no experiment")
	}
	return got.Experiment.ID, nil
}

// upload puts the page of the run among its artifacts, where the server takes them itself,
// and returns what its tag says. Where it does not, that is no failure.
func (s *Sink) upload(ctx context.Context, r footprint.Report) (said string, err error) {
	to, why := s.artifacts()
	if why != "" {
		return "not uploaded: " + why, nil
	}
	page, err := pageOf(r)
	if err != nil {
		return "", err
	}
	name := "carbonctl/" + sanitize(r.RunID) + ".html"
	h := s.header.Clone()
	h.Set("Content-Type", "text/html")
	_, err = s.client.Do(ctx, deliver.Request{Method: http.MethodPut, URL: to + "/" + name, Header: h, Body: page})
	failed := (*deliver.Error)(nil)
	switch {
	case err == nil:
		return name, nil
	case errors.As(err, &failed) && failed.Status >= 400 && (!failed.Temporary || failed.Status == http.StatusInternalServerError):
		return cut(fmt.Sprintf("not uploaded: the server refuses: %d %s", failed.Status, failed.Text), maxValue), nil
	}
	return "", err
}

// artifacts is where the run's artifacts are put, or why they can't be.
func (s *Sink) artifacts() (to, why string) {
	u, err := url.Parse(s.uri)
	own, ownErr := url.Parse(s.place.URI)
	if err != nil || ownErr != nil || s.uri == "" {
		return "", "the server names no place for artifacts"
	}
	switch u.Scheme {
	case "mlflow-artifacts":
		if u.Host != "" && u.Host != own.Host {
			return "", "artifacts are on another host, " + cut(u.Host, 100)
		}
		return s.place.URI + "/api/2.0/mlflow-artifacts/artifacts/" + strings.Trim(u.EscapedPath(), "/"), ""
	case "http", "https":
		if u.Host != own.Host || u.Scheme != own.Scheme {
			return "", "artifacts are on another host, " + cut(u.Host, 100)
		}
		u.User = nil
		return strings.TrimRight(u.String(), "/"), ""
	}
	return "", "artifacts are in " + cut(strings.ToValidUTF8(u.Scheme, ""), 20) + ", which the server does not proxy"
}

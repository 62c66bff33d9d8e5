package mlflow

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/internal/deliver"
)

// MLflow's own variables. Secrets may also be in a file, NAME_FILE.
const (
	envURI        = "MLFLOW_TRACKING_URI"
	envUser       = "MLFLOW_TRACKING_USERNAME"
	envPassword   = "MLFLOW_TRACKING_PASSWORD"
	envToken      = "MLFLOW_TRACKING_TOKEN"
	envInsecure   = "MLFLOW_TRACKING_INSECURE_TLS"
	envAuthority  = "MLFLOW_TRACKING_SERVER_CERT_PATH"
	envCert       = "MLFLOW_TRACKING_CLIENT_CERT_PATH"
	envRun        = "MLFLOW_RUN_ID"
	envExperiment = "MLFLOW_EXPERIMENT_ID"
	envName       = "MLFLOW_EXPERIMENT_NAME"
	envWorkspace  = "MLFLOW_WORKSPACE"
)

// place is where a run goes, without secrets; as JSON it is the target of the sink.
type place struct {
	URI        string `json:"uri"` // http://host:5000, without a final slash
	Run        string `json:"run_id,omitempty"`
	Experiment string `json:"experiment_id,omitempty"`
	Name       string `json:"experiment_name,omitempty"`
	Workspace  string `json:"workspace,omitempty"`
}

// New makes a sink from MLflow's own variables. An error names the variable that is wrong.
func New(env func(string) string) (*Sink, error) {
	u, user, err := server(env(envURI))
	if err != nil {
		return nil, err
	}
	return connect(place{
		URI: u.String(), Run: env(envRun), Experiment: env(envExperiment), Name: env(envName), Workspace: env(envWorkspace),
	}, user, env)
}

// Redo makes a sink for a run that could not be delivered, by its target; nil where env
// does not name that server: its credentials would be for another.
func Redo(target string, env func(string) string) *Sink {
	var p place
	if json.Unmarshal([]byte(target), &p) != nil {
		return nil
	}
	u, user, err := server(env(envURI))
	if err != nil || u.String() != p.URI {
		return nil
	}
	sink, err := connect(p, user, env)
	if err != nil {
		return nil
	}
	return sink
}

// server reads the address of a tracking server, and takes the user out of it.
func server(s string) (*url.URL, *url.Userinfo, error) {
	if s == "" {
		return nil, nil, errors.New(envURI + " is not set: give it the address of the tracking server, http://HOST:5000")
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		scheme, _, _ := strings.Cut(s, ":")
		return nil, nil, fmt.Errorf("%s: %.20q is not a tracking server: use http://HOST:5000 or https://HOST", envURI, scheme)
	}
	user := u.User
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}, user, nil
}

func connect(p place, user *url.Userinfo, env func(string) string) (*Sink, error) {
	s := &Sink{place: p, header: http.Header{"Content-Type": {"application/json"}}, client: &deliver.Client{}}
	name, nameErr := deliver.Secret(env, envUser)
	password, passwordErr := deliver.Secret(env, envPassword)
	token, tokenErr := deliver.Secret(env, envToken)
	if err := errors.Join(nameErr, passwordErr, tokenErr); err != nil {
		return nil, err
	}
	if name == "" && user != nil {
		name = user.Username()
		password, _ = user.Password()
	}
	switch {
	case name != "":
		s.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(name+":"+password)))
	case token != "":
		s.header.Set("Authorization", "Bearer "+token)
	}
	if p.Workspace != "" {
		s.header.Set("X-Mlflow-Workspace", p.Workspace)
	}
	insecure, err := strconv.ParseBool(cmp.Or(env(envInsecure), "false"))
	if err != nil {
		return nil, fmt.Errorf("%s: invalid value %.20q: use true or false", envInsecure, env(envInsecure))
	}
	if insecure || env(envAuthority) != "" || env(envCert) != "" {
		if s.client.Transport, err = deliver.TLS(env(envAuthority), env(envCert), "", insecure); err != nil {
			return nil, fmt.Errorf("MLFLOW_TRACKING_…_CERT_PATH: %w", err)
		}
	}
	return s, nil
}

// Target is where the run goes, for Redo.
func (s *Sink) Target() string {
	b, _ := json.Marshal(s.place) // texts always encode
	return string(b)
}

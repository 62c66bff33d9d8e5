// Package influx is a sink for InfluxDB, versions 1 to 3, and all that takes its line
// protocol over HTTP: VictoriaMetrics, Telegraf, QuestDB.
//
// Five measurements: carbonctl (the run so far, cumulative), carbonctl_component (the same
// of a component), carbonctl_work (what was counted of a unit), carbonctl_epoch (an epoch,
// at its end) and carbonctl_power (at the start of each step). All fields are floats; what is unknown is left out. Tags: run_id, host,
// project, zone, counted_by of a run whose energy is in another's too, each label as
// label_KEY, and component, kind, basis, unit, how where they apply.
package influx

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

// Name is that of the sink, by which a later run knows what one has left undelivered.
const Name = "influx"

// Where secrets and defaults come from; the first three may also be named by a file,
// NAME_FILE.
const (
	envToken    = "INFLUX_TOKEN"
	envUser     = "INFLUX_USERNAME" // of version 1
	envPassword = "INFLUX_PASSWORD"
	envOrg      = "INFLUX_ORG"
	envBucket   = "INFLUX_BUCKET"
	envHost     = "INFLUX_HOST" // of the tokens, if it is set
)

// A Sink writes the run to a database as it goes on, and at its end what is missing. New
// makes it. One Sink is for one run, and may be used by one goroutine at a time.
type Sink struct {
	Client *deliver.Client // nil: one with the usual bounds

	write  string // where lines are posted
	target string
	header http.Header

	mu   sync.Mutex
	sent taken
}

// Check reads the URL of a database: http://HOST:8086/?db=NAME (version 1, and
// VictoriaMetrics; rp= names a retention policy) or http://HOST:8086/?org=ORG&bucket=BUCKET
// (version 2 and 3). A path before it is kept.
func Check(s string) (string, error) {
	u, err := deliver.URL(s, envToken+", or "+envUser+" and "+envPassword+",")
	if err != nil {
		return "", err
	}
	for key := range u.Query() {
		switch key {
		case "db", "rp", "org", "bucket":
		default:
			return "", fmt.Errorf("unknown key %.40q in the URL: use db, rp, or org and bucket", key)
		}
	}
	if u.Query().Has("db") && u.Query().Has("bucket") {
		return "", errors.New("the URL has db and bucket: use db for version 1, bucket for 2 and 3")
	}
	return u.String(), nil
}

// New makes a sink for a URL that Check takes. env gives the token or user, and the
// organization and bucket where the URL names no database; nil gives none. An error names
// what is missing.
func New(s string, env func(string) string) (*Sink, error) {
	if env == nil {
		env = func(string) string { return "" }
	}
	if _, err := Check(s); err != nil {
		return nil, err
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	if !q.Has("db") {
		if !q.Has("bucket") {
			q.Set("bucket", env(envBucket))
		}
		if !q.Has("org") && env(envOrg) != "" {
			q.Set("org", env(envOrg))
		}
		if q.Get("bucket") == "" {
			return nil, errors.New("no database in the URL: add ?db=NAME, or ?org=ORG&bucket=BUCKET for version 2 and 3")
		}
	}
	u.RawQuery = q.Encode()
	sink := &Sink{target: u.String(), header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}
	if err := sink.authorize(u, env); err != nil {
		return nil, err
	}
	path := "/api/v2/write"
	if q.Has("db") {
		path = "/write"
	}
	q.Set("precision", "ns")
	u.Path = strings.TrimSuffix(u.Path, "/") + path
	u.RawQuery = q.Encode()
	sink.write = u.String()
	return sink, nil
}

// authorize reads who we are, unless that is for another host.
func (s *Sink) authorize(u *url.URL, env func(string) string) error {
	if h, err := url.Parse(env(envHost)); err == nil && h.Host != "" && h.Host != u.Host {
		return nil
	}
	token, err := deliver.Secret(env, envToken)
	user, userErr := deliver.Secret(env, envUser)
	password, passwordErr := deliver.Secret(env, envPassword)
	if err := errors.Join(err, userErr, passwordErr); err != nil {
		return err
	}
	switch {
	case token != "":
		s.header.Set("Authorization", "Token "+token)
	case user != "":
		s.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	}
	return nil
}

// Target is the database without secrets, for New in a later run.
func (s *Sink) Target() string { return s.target }

func (s *Sink) client() *deliver.Client {
	if s.Client == nil {
		s.Client = &deliver.Client{}
	}
	return s.Client
}

// The bounds of one request.
const (
	maxLines = 5000
	maxBody  = 1 << 20
)

// Every is what carbon.Checkpointer asks for: a run that is shorter is written once, at its
// end.
func (*Sink) Every() time.Duration { return 10 * time.Second }

// Checkpoint implements carbon.Checkpointer: it writes what has come since the last one
// that was taken, as much as one request holds.
func (s *Sink) Checkpoint(r footprint.Report) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch, _ := take(s.sent.lines(r))
	if len(batch) == 0 {
		return nil
	}
	return s.post(context.Background(), batch, s.client().Once)
}

// Report implements carbon.Sink: it writes all that was not taken so far. What a server
// refuses is told after the rest was tried.
func (s *Sink) Report(ctx context.Context, r footprint.Report) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var refused error
	for left := s.sent.lines(r); len(left) > 0; {
		var batch []item
		batch, left = take(left)
		err := s.post(ctx, batch, s.client().Do)
		switch {
		case err == nil:
		case deliver.Keep(err):
			return err
		case refused == nil:
			refused = err
		}
	}
	return refused
}

// take takes as many lines as a request holds.
func take(all []item) (batch, rest []item) {
	bytes := 0
	for n, it := range all {
		if bytes += len(it.line); n == maxLines || n > 0 && bytes > maxBody {
			return all[:n], all[n:]
		}
	}
	return all, nil
}

// post sends a batch, and notes what was taken.
func (s *Sink) post(ctx context.Context, batch []item, send func(context.Context, deliver.Request) (deliver.Response, error)) error {
	var body bytes.Buffer
	for _, it := range batch {
		if err := check(it.line); err != nil {
			return fmt.Errorf("a line that no database would take: %w: %.200q", err, it.line)
		}
		body.Write(it.line)
	}
	_, err := send(ctx, deliver.Request{URL: s.write, Header: s.header, Body: body.Bytes()})
	if err != nil {
		return err
	}
	s.sent.add(batch)
	return nil
}

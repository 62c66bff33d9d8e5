package metrics

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
	"github.com/carbonctl/carbonctl/internal/exposition"
)

// NamePush is the name of the sink [Push] for a later run.
const NamePush = "pushgateway"

// A Push is a sink that leaves the metrics of a run that has ended at a Pushgateway, from
// which Prometheus takes them: for batch jobs, which no scrape would find. It replaces
// the group of its URL, so that doing it again changes nothing. Make it with [NewPush].
type Push struct {
	url    *url.URL
	header http.Header
	client *deliver.Client
}

// Auth is what a Pushgateway behind a proxy asks for: a token, or a user and a password;
// the zero Auth is nothing.
type Auth struct{ Token, User, Password string }

// NewPush makes a sink for a gateway: the URL of its root, or of a group,
// ".../metrics/job/NAME/LABEL/VALUE". Without a group each run has one of its own,
// job="carbonctl", run_id="…". A gateway keeps a group until somebody deletes it.
func NewPush(address string, auth Auth) (*Push, error) {
	u, err := deliver.URL(address, "CARBONCTL_PUSHGATEWAY_USER and CARBONCTL_PUSHGATEWAY_PASSWORD")
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" {
		return nil, errors.New("a Pushgateway takes no query in its URL")
	}
	if _, group, ok := strings.Cut(u.EscapedPath(), "/metrics/job"); ok && !strings.HasPrefix(group, "/") && !strings.HasPrefix(group, "@base64/") {
		return nil, errors.New("invalid group in the URL: use …/metrics/job/NAME/LABEL/VALUE")
	}
	header := http.Header{"Content-Type": {exposition.Text.ContentType()}}
	switch {
	case auth.User != "" || auth.Password != "":
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(auth.User+":"+auth.Password)))
	case auth.Token != "":
		header.Set("Authorization", "Bearer "+auth.Token)
	}
	return &Push{u, header, &deliver.Client{}}, nil
}

// Report implements carbon.Sink.
func (p *Push) Report(ctx context.Context, r footprint.Report) error {
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		return err
	}
	_, err := p.client.Do(ctx, deliver.Request{Method: http.MethodPut, URL: p.group(r.RunID), Header: p.header, Body: b.Bytes()})
	return err
}

// group is the URL of the group of a run.
func (p *Push) group(run string) string {
	u := *p.url
	if !strings.Contains(u.EscapedPath(), "/metrics/job") {
		u = *u.JoinPath("metrics/job/carbonctl/run_id", run)
	}
	return u.String()
}

var _ carbon.Sink = (*Push)(nil)

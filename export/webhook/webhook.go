// Package webhook posts a message about a run to a web service, signed as Standard Webhooks
// 1.0 has it (https://www.standardwebhooks.com), for which receivers find libraries in most
// languages.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

// Name is that of the sink, by which a later run knows what one has left undelivered.
const Name = "webhook"

// Schema names the shape of a Message. Keys are only ever added to it.
const Schema = "carbonctl.webhook/v1"

// SecretVariable holds the secret that signs messages; SecretVariable_FILE may name a file
// instead.
const SecretVariable = "CARBONCTL_WEBHOOK_SECRET"

// The events.
const (
	EventFinished = "run.finished" // the command ended with code 0
	EventFailed   = "run.failed"   // with another, or by a signal, or the run was recovered
	EventBudget   = "run.budget"   // the budget is reached
)

// A Message is the JSON that is posted.
type Message struct {
	Schema string    `json:"schema"`
	Event  string    `json:"event"`
	At     time.Time `json:"at"`
	RunID  string    `json:"run_id"`
	Text   string    `json:"text"` // one line for people
	// Report is the run as "wrap --json" prints it, without power and command; nil while
	// it goes on.
	Report *footprint.Report `json:"report,omitempty"`
}

// A Sink posts one message when the run has ended. It is safe for concurrent use.
type Sink struct {
	URL    string
	Secret []byte          // see [ParseSecret]; nil: not signed
	Client *deliver.Client // nil: one with the usual bounds
}

// New makes a sink with the secret that env gives. An error names what is wrong with it.
func New(url string, env func(string) string) (*Sink, error) {
	s, err := deliver.Secret(env, SecretVariable)
	if err != nil {
		return nil, err
	}
	secret, err := ParseSecret(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", SecretVariable, err)
	}
	return &Sink{URL: url, Secret: secret}, nil
}

// ParseSecret reads a secret: "whsec_" and base64, as Standard Webhooks writes them, or any
// other text as it is; nil for "".
func ParseSecret(s string) ([]byte, error) {
	coded, ok := strings.CutPrefix(s, "whsec_")
	if !ok {
		if s == "" {
			return nil, nil
		}
		return []byte(s), nil
	}
	b, err := base64.StdEncoding.DecodeString(coded)
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("what follows whsec_ is not base64")
	}
	return b, nil
}

// maxProject is how many characters of a project's name stand in a text for people.
const maxProject = 100

// Report implements carbon.Sink.
func (s *Sink) Report(ctx context.Context, r footprint.Report) error {
	m := Message{Event: EventFinished, RunID: r.RunID, At: r.EndedAt, Text: r.String()}
	if r.Status != footprint.Completed {
		m.Event = EventFailed
	}
	if r.Project != "" {
		m.Text = deliver.Line(r.Project, maxProject) + ": " + m.Text
	}
	r.Power, r.Command = nil, nil
	m.Report = &r
	return s.Send(ctx, m)
}

// Send posts a message, and again after a temporary failure. Its ID is the same whenever
// and by whomever it is sent, so that a receiver can tell one that comes twice.
func (s *Sink) Send(ctx context.Context, m Message) error {
	m.Schema = Schema
	if m.At.IsZero() {
		m.At = time.Now().UTC().Truncate(time.Millisecond)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	id, now := m.RunID+"."+strings.TrimPrefix(m.Event, "run."), strconv.FormatInt(time.Now().Unix(), 10)
	h := http.Header{"Content-Type": {"application/json"}, "Webhook-Id": {id}, "Webhook-Timestamp": {now}}
	if s.Secret != nil {
		h.Set("Webhook-Signature", Sign(s.Secret, id, now, body))
	}
	client := s.Client
	if client == nil {
		client = &deliver.Client{}
	}
	_, err = client.Do(ctx, deliver.Request{URL: s.URL, Header: h, Body: body, Private: true, AnyAnswer: true})
	return err
}

// Sign is the signature of a message: "v1," and the base64 of HMAC-SHA256 over ID, time and
// body, joined by dots.
func Sign(secret []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

var _ carbon.Sink = (*Sink)(nil)

func report() footprint.Report {
	r := (&footprint.Account{}).Report()
	r.RunID, r.Project, r.Status = "run-1", "night", footprint.Completed
	r.StartedAt = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	r.EndedAt, r.DurationS = r.StartedAt.Add(time.Second), 1
	r.Energy, r.Emissions = 1234567891*energy.Microjoule, 0.01406012345
	r.Command, r.Power = []string{"secret"}, []footprint.Power{{Component: "x"}}
	r.Labels = map[string]string{"a": "two\nlines"}
	return r
}

// receiver checks a message as docs/sinks.md tells receivers to.
type receiver struct {
	t      *testing.T
	secret string
	status []int // of the first answers
	got    []Message
	ids    []string
	raw    string
}

func (s *receiver) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	require.NoError(s.t, err)
	id, at, signature := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), r.Header.Get("webhook-signature")
	if s.secret == "" {
		assert.Empty(s.t, signature)
	} else {
		mac := hmac.New(sha256.New, []byte(s.secret))
		mac.Write([]byte(id + "." + at + "." + string(body)))
		assert.Equal(s.t, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)), signature)
	}
	sec, err := strconv.ParseInt(at, 10, 64)
	require.NoError(s.t, err)
	assert.LessOrEqual(s.t, time.Since(time.Unix(sec, 0)).Abs(), time.Minute)
	s.ids = append(s.ids, id)
	w := httptest.NewRecorder()
	if n := len(s.ids); n <= len(s.status) {
		w.WriteHeader(s.status[n-1])
		return w.Result(), nil
	}
	var m Message
	require.NoError(s.t, json.Unmarshal(body, &m))
	s.got, s.raw = append(s.got, m), string(body)
	return w.Result(), nil
}

func sink(t *testing.T, to *receiver, env map[string]string) *Sink {
	t.Helper()
	s, err := New("https://h/secret?key=secret", func(name string) string { return env[name] })
	require.NoError(t, err)
	to.t, s.Client = t, &deliver.Client{Transport: to}
	return s
}

func TestAMessage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("hush\n"), 0o600))
	for _, c := range []struct {
		env    map[string]string
		secret string
	}{
		{nil, ""}, {map[string]string{SecretVariable: "hush"}, "hush"}, {map[string]string{SecretVariable + "_FILE": file}, "hush"},
		{map[string]string{SecretVariable: "whsec_aHVzaA=="}, "hush"},
	} {
		to := &receiver{secret: c.secret}
		require.NoError(t, sink(t, to, c.env).Report(t.Context(), report()))
		require.Len(t, to.got, 1)
		m := to.got[0]
		assert.Equal(t, "carbonctl.webhook/v1 run.finished run-1", m.Schema+" "+m.Event+" "+m.RunID)
		assert.Equal(t, "run-1.finished", to.ids[0])
		assert.True(t, strings.HasPrefix(m.Text, "night: "), m.Text)
		assert.Equal(t, report().Energy, m.Report.Energy)
		assert.Equal(t, report().Emissions, m.Report.Emissions)
		assert.Contains(t, to.raw, `"energy_joules":1234.567891`)
		assert.NotContains(t, to.raw, "secret")
	}
	to := &receiver{}
	r := report()
	r.Status, r.Project = footprint.Interrupted, "night\r\n"+strings.Repeat("x", 1000)
	require.NoError(t, sink(t, to, nil).Report(t.Context(), r))
	assert.Equal(t, EventFailed, to.got[0].Event)
	assert.Regexp(t, `^night x{94}…: interrupted: 14[^\n]*$`, to.got[0].Text, "one line, and how it ended once")
	assert.Equal(t, "run-1.failed", to.ids[0])
}

func TestAReceiverThatIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receiver{status: []int{500, 429}, secret: "s"}
		require.NoError(t, sink(t, to, map[string]string{SecretVariable: "s"}).Report(t.Context(), report()))
		assert.Len(t, to.got, 1)
		assert.Equal(t, []string{"run-1.finished", "run-1.finished", "run-1.finished"}, to.ids, "it can tell that it is the same")
		to = &receiver{status: []int{400}}
		err := sink(t, to, nil).Report(t.Context(), report())
		require.EqualError(t, err, "h: 400 Bad Request")
		assert.Len(t, to.ids, 1)
	})
}

func TestSecrets(t *testing.T) {
	_, err := ParseSecret("whsec_!")
	require.ErrorContains(t, err, "not base64")
	_, err = New("http://h", func(name string) string { return map[string]string{SecretVariable: "whsec_"}[name] })
	require.ErrorContains(t, err, SecretVariable+": ")
	_, err = New("http://h", func(name string) string { return map[string]string{SecretVariable + "_FILE": "/nowhere"}[name] })
	require.ErrorContains(t, err, SecretVariable+"_FILE: open /nowhere")
	// The example of the specification's own libraries.
	key, err := ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	assert.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", Sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)))
}

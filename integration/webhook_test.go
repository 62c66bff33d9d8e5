package integration

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReceiversVerify checks a message with the library of Standard Webhooks, and with the
// Python of docs/sinks.md.
func TestReceiversVerify(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	type message struct {
		header http.Header
		body   []byte
	}
	got := make(chan message, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		got <- message{r.Header, b}
	}))
	defer server.Close()
	d.run("env", "CARBONCTL_WEBHOOK_SECRET="+secret, "carbonctl", "wrap", "-q", "--region", "FR", "--flush-wait", "20s", "--webhook", server.URL, "--", "true")
	m := <-got
	w, err := webhooks.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, w.Verify(m.body, m.header))
	require.Error(t, w.Verify(append([]byte(" "), m.body...), m.header))

	page, err := os.ReadFile("../docs/sinks.md")
	require.NoError(t, err)
	code := regexp.MustCompile("(?s)```python\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, code)
	d.write("receiver.py", string(code[1])+`
import sys
headers = {k: sys.argv[i + 1] for i, k in enumerate(["webhook-id", "webhook-timestamp", "webhook-signature"])}
body = base64.b64decode(sys.argv[4])
print(verified(headers, body), verified(headers, body + b" "), verified(headers | {"webhook-timestamp": "1"}, body))
`)
	out := d.run("env", "CARBONCTL_WEBHOOK_SECRET="+secret, "python3", "receiver.py", m.header.Get("webhook-id"), m.header.Get("webhook-timestamp"),
		m.header.Get("webhook-signature"), base64.StdEncoding.EncodeToString(m.body))
	assert.Equal(t, "True False False\n", out)
}

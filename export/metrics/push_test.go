package metrics_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/export/metrics"
	"github.com/carbonctl/carbonctl/footprint"
)

func TestPush(t *testing.T) {
	type message struct{ method, path, auth, kind, body string }
	var got []message
	refuse := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		got = append(got, message{r.Method, r.URL.EscapedPath(), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body)})
		if refuse {
			http.Error(w, "pushed metrics are invalid or inconsistent", http.StatusBadRequest)
		}
	}))
	defer server.Close()
	for _, c := range []struct {
		url, path string
		auth      metrics.Auth
		header    string
	}{
		{"", "/metrics/job/carbonctl/run_id/0198c0de", metrics.Auth{}, ""},
		{"/", "/metrics/job/carbonctl/run_id/0198c0de", metrics.Auth{Token: "t0k"}, "Bearer t0k"},
		{"/gateway/", "/gateway/metrics/job/carbonctl/run_id/0198c0de", metrics.Auth{User: "ada", Password: "x"}, "Basic YWRhOng="},
		{"/metrics/job/nightly/instance/node-1", "/metrics/job/nightly/instance/node-1", metrics.Auth{}, ""},
		{"/metrics/job@base64/YS9i", "/metrics/job@base64/YS9i", metrics.Auth{}, ""},
		{"/metrics/job/a%2Fb", "/metrics/job/a%2Fb", metrics.Auth{}, ""},
	} {
		p, err := metrics.NewPush(server.URL+c.url, c.auth)
		require.NoError(t, err, c.url)
		got = nil
		for range 2 { // it may be done again
			require.NoError(t, p.Report(t.Context(), run("0198c0de", 7, footprint.Completed)))
		}
		require.Len(t, got, 2)
		assert.Equal(t, got[0], got[1])
		assert.Equal(t, message{"PUT", c.path, c.header, "text/plain; version=0.0.4; charset=utf-8", got[0].body}, got[0])
		assert.Contains(t, got[0].body, series+" 7\n")
		assert.True(t, strings.HasSuffix(got[0].body, "\n"))
	}
	refuse = true
	p, err := metrics.NewPush(server.URL, metrics.Auth{Token: "t0k"})
	require.NoError(t, err)
	err = p.Report(t.Context(), run("r", 7, footprint.Completed))
	require.ErrorContains(t, err, "400 Bad Request: pushed metrics are invalid")
	assert.NotContains(t, err.Error(), "t0k")

	for _, bad := range []string{"", "127.0.0.1:9091", "ftp://h/", "http://u:p@h/", "http://h/?token=x", "http://h/metrics/jobs", "http://h/metrics/job", "http://%zz/"} {
		_, err := metrics.NewPush(bad, metrics.Auth{})
		assert.Error(t, err, bad)
	}
}

package metadata

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cloud plays the three services: each answers only what it is asked as its
// documentation says.
func cloud(t *testing.T, answers map[string]string) (*httptest.Server, Servers) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		switch {
		case r.URL.Path == "/aws/latest/api/token" && r.Method == http.MethodPut && h.Get("X-aws-ec2-metadata-token-ttl-seconds") != "" && answers["aws"] != "":
			_, _ = io.WriteString(w, "AQAEA-token_==")
		case r.URL.Path == "/aws/latest/meta-data/placement/region" && h.Get("X-aws-ec2-metadata-token") == "AQAEA-token_==":
			_, _ = io.WriteString(w, answers["aws"])
		case r.URL.Path == "/gcp/computeMetadata/v1/instance/zone" && h.Get("Metadata-Flavor") == "Google" && answers["gcp"] != "":
			if answers["flavour"] == "" {
				w.Header().Set("Metadata-Flavor", "Google")
			}
			_, _ = io.WriteString(w, answers["gcp"])
		case r.URL.Path == "/azure/metadata/instance/compute/location" && h.Get("Metadata") == "true" && r.URL.Query().Get("format") == "text" && answers["azure"] != "":
			_, _ = io.WriteString(w, answers["azure"])
		case answers["redirect"] != "":
			http.Redirect(w, r, answers["redirect"], http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s, Servers{AWS: s.URL + "/aws", GCP: s.URL + "/gcp", Azure: s.URL + "/azure"}
}

func TestRegion(t *testing.T) {
	for want, answers := range map[string]map[string]string{
		"aws:eu-west-1":      {"aws": "eu-west-1"},
		"gcp:europe-west6-a": {"gcp": "projects/123456789/zones/europe-west6-a"},
		"azure:westeurope":   {"azure": "westeurope\n"},
	} {
		s, servers := cloud(t, answers)
		got, err := Region(context.Background(), s.Client(), servers)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestNoRegion(t *testing.T) {
	for _, answers := range []map[string]string{
		{},
		{"aws": "<html>hello</html>"},
		{"gcp": "projects/1/zones/"},
		{"gcp": "projects/1/zones/europe-west6-a", "flavour": "none"}, // a hotel's portal
		{"azure": strings.Repeat("x", 100)},
		{"azure": "west europe"},
		{"redirect": "http://192.0.2.1/"},
	} {
		s, servers := cloud(t, answers)
		_, err := Region(context.Background(), s.Client(), servers)
		require.Error(t, err, "%v", answers)
		for _, provider := range []string{"aws: ", "gcp: ", "azure: "} {
			assert.ErrorContains(t, err, provider)
		}
		assert.Less(t, len(err.Error()), 500)
	}
}

type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Where nothing answers it ends in time, and leaves no goroutine.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := Region(context.Background(), &http.Client{Transport: silent{}}, Servers{})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, Patience, time.Since(start))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err = Region(ctx, &http.Client{Transport: silent{}}, Servers{})
		assert.True(t, errors.Is(err, context.Canceled))
		assert.Equal(t, Patience, time.Since(start))
	})
}

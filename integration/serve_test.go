package integration

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCurlAsksServe asks as somebody would from a shell.
func TestCurlAsksServe(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	serve, address := d.server(`^serving on (http://\S+)$`, "carbonctl", "serve", "--listen", "127.0.0.1:0")

	// ask gives the answer's status, type and JSON.
	ask := func(args ...string) (code, kind string, v any) {
		out := d.run("curl", append([]string{"--silent", "--show-error", "--noproxy", "*", "--write-out", "\n%{http_code} %{content_type}"}, args...)...)
		cut := strings.LastIndexByte(out, '\n')
		code, kind, _ = strings.Cut(out[cut+1:], " ")
		if body := out[:cut]; body != "" {
			require.NoError(t, json.Unmarshal([]byte(body), &v), body)
		}
		return code, kind, v
	}

	code, kind, v := ask(address + "/v1/intensity?region=FR")
	assert.Equal(t, "200", code)
	assert.Contains(t, kind, "application/json")
	fr := v.(map[string]any)
	assert.Equal(t, "FR", fr["zone"])
	assert.Greater(t, fr["g_per_kwh"], 1.0)
	assert.NotEmpty(t, fr["source"])

	code, _, v = ask(address+"/v1/emissions", "--get", "--data-urlencode", "region=France", "--data-urlencode", "energy=1.2kWh")
	assert.Equal(t, "200", code)
	assert.InDelta(t, 1.2*fr["g_per_kwh"].(float64), v.(map[string]any)["emissions_g"], 1e-6)

	code, _, v = ask(address + "/emissions/bylocation?location=westeurope")
	assert.Equal(t, "200", code)
	ratings := v.([]any)
	require.NotEmpty(t, ratings)
	assert.Equal(t, "westeurope", ratings[0].(map[string]any)["location"])
	assert.Greater(t, ratings[0].(map[string]any)["rating"], 1.0)

	for _, bad := range []struct {
		code string
		args []string
	}{
		{"404", []string{address + "/v1/intensity?region=Atlantis"}},
		{"404", []string{address + "/nothing/here"}},
		{"400", []string{address + "/v1/intensity"}},
		{"400", []string{address + "/v1/emissions?region=FR&energy=much"}},
		{"400", []string{address + "/emissions/bylocation?location=westeurope&time=yesterday"}},
		{"405", []string{address + "/v1/intensity?region=FR", "--request", "POST", "--data", "x"}},
		{"400", []string{address + "/v1/intensity?region=%zz"}},
	} {
		code, kind, v := ask(bad.args...)
		assert.Equal(t, bad.code, code, "%q", bad.args)
		assert.Contains(t, kind, "application/problem+json", "%q", bad.args)
		assert.NotEmpty(t, v.(map[string]any)["detail"], "%q", bad.args)
	}
	code, _, _ = ask("--head", "--output", "/dev/null", address+"/v1/intensity?region=FR")
	assert.Equal(t, "200", code)

	// TERM ends it, in order: a client that keeps its connection holds nothing up.
	idle, err := http.Get(address + "/health")
	require.NoError(t, err)
	defer idle.Body.Close()
	require.NoError(t, serve.Process.Signal(syscall.SIGTERM))
	require.NoError(t, serve.Wait())
	_, messages, refused := d.try("", "curl", "--silent", "--show-error", "--noproxy", "*", address+"/health")
	assert.Equal(t, 7, refused, messages) // curl's code for a connection that is refused
}

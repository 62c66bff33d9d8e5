package serve

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/serve/store"
	"github.com/carbonctl/carbonctl/regions"
)

const token = "correct-horse-battery"

// pagesOf is a handler of an empty ledger that is open to whom access says.
func pagesOf(t *testing.T, access Access) *Handler {
	s := store.New(store.Options{Ledger: filepath.Join(t.TempDir(), "runs.csv")})
	s.Look()
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("metrics")) })
	return New(Config{Table: regions.Builtin(), Pages: &Pages{Store: s, Access: access, Metrics: metrics}})
}

// ask asks as a browser does, with further headers.
func ask(h http.Handler, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Accept", "text/html,*/*")
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const here = "http://127.0.0.1:9106"

func TestWhoSeesThePages(t *testing.T) {
	closed, wide, local := pagesOf(t, Access{Wide: true}), pagesOf(t, Access{Wide: true, Token: token}), pagesOf(t, Access{})
	for _, path := range []string{"/", "/runs/x", "/compare", "/events", "/metrics", "/?format=json"} {
		assert.Equal(t, http.StatusForbidden, ask(closed, "http://10.1.2.3:9106"+path).Code, path)
		assert.Equal(t, http.StatusUnauthorized, ask(wide, "http://10.1.2.3:9106"+path).Code, path)
		for _, wrong := range []string{"Bearer x", "Bearer " + token + "x", "Basic " + token, token, "Bearer", ""} {
			assert.Equal(t, http.StatusUnauthorized, ask(wide, here+path, "Authorization", wrong).Code, "%s %q", path, wrong)
		}
		if path != "/events" { // it has no end
			assert.NotEqual(t, http.StatusUnauthorized, ask(wide, here+path, "Authorization", "bearer "+token).Code, path)
			assert.NotEqual(t, http.StatusUnauthorized, ask(local, here+path).Code, path)
		}
	}
	for _, h := range []*Handler{closed, wide, local} {
		for _, path := range []string{"/healthz", "/v1/", "/v1/intensity?region=FR", "/locations"} {
			assert.Equal(t, http.StatusOK, ask(h, here+path).Code, "%s is open", path)
		}
	}
	w := ask(wide, here+"/", "Accept", "application/json")
	assert.Equal(t, "application/problem+json; charset=utf-8", w.Header().Get("Content-Type"))
	assert.Equal(t, `Bearer realm="carbonctl"`, w.Header().Get("WWW-Authenticate"))
	assert.Contains(t, ask(wide, here+"/").Body.String(), `name="token"`)
}

func TestTheTokenBecomesACookieOnce(t *testing.T) {
	h := pagesOf(t, Access{Wide: true, Token: token})
	w := ask(h, here+"/?token=wrong-wrong-wrong-wrong&project=a")
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Empty(t, w.Result().Cookies())
	assert.NotContains(t, w.Body.String(), "wrong-wrong")

	w = ask(h, here+"/compare?project=a&token="+token)
	require.Equal(t, http.StatusSeeOther, w.Code)
	assert.Equal(t, "/compare?project=a", w.Header().Get("Location"), "the token is in no address that is kept")
	cookies := w.Result().Cookies()
	require.Len(t, cookies, 1)
	c := cookies[0]
	assert.True(t, c.HttpOnly)
	assert.Equal(t, http.SameSiteStrictMode, c.SameSite)
	assert.Equal(t, "/", c.Path)
	assert.False(t, c.Secure, "there is no TLS here")
	assert.NotContains(t, c.Value, token)
	assert.Equal(t, http.StatusOK, ask(h, here+"/", "Cookie", c.Name+"="+c.Value).Code)
	assert.Equal(t, http.StatusUnauthorized, ask(h, here+"/", "Cookie", c.Name+"="+c.Value+"0").Code)
	assert.Equal(t, http.StatusUnauthorized, ask(pagesOf(t, Access{Wide: true, Token: token + "x"}), here+"/", "Cookie", c.Name+"="+c.Value).Code)

	assert.True(t, ask(h, here+"/?token="+token, "X-Forwarded-Proto", "https").Result().Cookies()[0].Secure)
	for _, path := range []string{"//evil.example/", "/%2f%2fevil.example", "/\\evil.example"} {
		w := httptest.NewRecorder()
		h.pages.Access.exchange(w, &http.Request{URL: &url.URL{Path: path, RawQuery: "token=" + token}, Header: http.Header{}})
		to := w.Header().Get("Location")
		assert.True(t, strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.HasPrefix(to, "/\\"), to)
	}
	// A strict cookie is not sent on a redirect that began at another site.
	w = ask(h, here+"/?token="+token, "Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `content="0;url=/"`)
	assert.NotContains(t, w.Body.String(), token)
}

// The form comes by POST: a token in an address would stand in the logs of proxies.
func TestTheFormOfTheToken(t *testing.T) {
	h := pagesOf(t, Access{Wide: true, Token: token})
	w := ask(h, here+"/compare?run=a&run=%22b")
	assert.Contains(t, w.Body.String(), `<form method="post" action="/login">`)
	assert.Contains(t, w.Body.String(), `name="to" value="/compare?run=a&amp;run=%22b"`)
	assert.Equal(t, "same-origin", w.Header().Get("Referrer-Policy"), "else the form has Origin: null, and is refused")
	post := func(h *Handler, form url.Values, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, here+"/login", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", "text/html")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for to, want := range map[string]string{
		"/compare?run=a&run=%22b": "/compare?run=a&run=%22b", "": "/", "/?token=x&project=a": "/?project=a", "//evil.example/": "/",
		"https://evil.example/x": "/x", "/\\evil.example": "/evil.example", "%zz": "/", "\r\nX: y": "/", "javascript:alert(1)": "/",
	} {
		w := post(h, url.Values{"token": {token}, "to": {to}}, "Origin", here)
		assert.Equal(t, http.StatusSeeOther, w.Code, to)
		assert.Equal(t, want, w.Header().Get("Location"), to)
		require.Len(t, w.Result().Cookies(), 1)
		c := w.Result().Cookies()[0]
		assert.Equal(t, http.StatusOK, ask(h, here+"/", "Cookie", c.Name+"="+c.Value).Code)
	}
	w = post(h, url.Values{"token": {"wrong-wrong-wrong-wrong"}, "to": {`/"><script>`}})
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Empty(t, w.Result().Cookies())
	assert.Contains(t, w.Body.String(), "That is not the token.")
	assert.NotContains(t, w.Body.String(), "wrong-wrong")
	assert.NotContains(t, w.Body.String(), `"><script>`)
	assert.Equal(t, http.StatusForbidden, post(h, url.Values{"token": {token}}, "Origin", "http://evil.example").Code)
	assert.Equal(t, http.StatusBadRequest, post(h, url.Values{"token": {token}, "to": {strings.Repeat("x", 1<<20)}}).Code)
	assert.Equal(t, http.StatusNotFound, post(pagesOf(t, Access{Wide: true}), url.Values{"token": {""}}).Code)
}

func TestOtherSitesAreTurnedAway(t *testing.T) {
	local := pagesOf(t, Access{Hosts: []string{"carbon.example.org"}})
	wide := pagesOf(t, Access{Wide: true, Token: token})
	own, err := os.Hostname()
	require.NoError(t, err)
	for host, code := range map[string]int{
		"127.0.0.1:9106": 200, "localhost": 200, "LOCALHOST:1": 200, "[::1]:9106": 200, "carbon.example.org": 200, "Carbon.Example.Org.:443": 200,
		"evil.example": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "": 421, own + ".evil": 421,
	} {
		assert.Equal(t, code, ask(local, here+"/", "Host", host).Code, host)
		assert.Equal(t, code, ask(local, here+"/v1/intensity?region=FR", "Host", host).Code, "%s: what only this machine reaches", host)
	}
	assert.Equal(t, http.StatusOK, ask(local, here+"/healthz", "Host", "").Code, "a load balancer names no host")
	bearer := []string{"Authorization", "Bearer " + token}
	assert.Equal(t, http.StatusOK, ask(wide, here+"/", append(bearer, "Host", own)...).Code)
	assert.Equal(t, http.StatusMisdirectedRequest, ask(wide, here+"/", append(bearer, "Host", "evil.example")...).Code)
	assert.Equal(t, http.StatusOK, ask(wide, here+"/v1/intensity?region=FR", "Host", "some-service").Code, "it is public")
	for origin, code := range map[string]int{
		"http://127.0.0.1:9106": 200, "https://carbon.example.org": 200, "http://evil.example": 403, "null": 403, "http://127.0.0.1:8080": 403, "http://localhost:9106": 403,
	} {
		assert.Equal(t, code, ask(local, here+"/", "Host", "127.0.0.1:9106", "Origin", origin).Code, origin)
	}
}

func TestEveryAnswerIsSecured(t *testing.T) {
	h := pagesOf(t, Access{})
	for _, path := range []string{"/", "/runs/none", "/compare", "/nope", "/v1/", "/v1/intensity?region=FR", "/healthz", "/?format=json", "/?from=never"} {
		header := ask(h, here+path).Header()
		assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
		assert.Equal(t, "no-referrer", header.Get("Referrer-Policy"), path)
		assert.Equal(t, "DENY", header.Get("X-Frame-Options"), path)
		policy := header.Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'", path)
		assert.Contains(t, policy, "frame-ancestors 'none'", path)
		assert.NotContains(t, policy, "unsafe", path)
	}
}

func TestOnlyQuestionsAreAnswered(t *testing.T) {
	h := pagesOf(t, Access{})
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
		for _, path := range []string{"/", "/runs/x", "/compare", "/events", "/metrics", "/healthz", "/v1/intensity"} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(method, here+"/", nil)
			r.URL.Path = path
			h.ServeHTTP(w, r)
			assert.Equal(t, http.StatusMethodNotAllowed, w.Code, "%s %s", method, path)
			assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
		}
	}
	r := httptest.NewRequest(http.MethodHead, here+"/", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	assert.Equal(t, http.StatusOK, w.Code)
}

func TestParseToken(t *testing.T) {
	got, err := ParseToken([]byte(" " + token + "\n"))
	require.NoError(t, err)
	assert.Equal(t, token, got)
	for _, bad := range []string{"", "short", "two words are no token", "sixteen-characters-é", strings.Repeat("x", 1025), "first-line-of-token\nsecond"} {
		_, err := ParseToken([]byte(bad))
		assert.Error(t, err, bad)
	}
}

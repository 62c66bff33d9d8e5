package deliver

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// trip answers without a network, so that time can be a test's own.
type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func TestWhatMayPassIsRepeated(t *testing.T) {
	for status, again := range map[int]bool{
		200: false, 204: false, 400: false, 401: false, 403: false, 404: false, 408: true, 409: false, 413: false,
		422: false, 429: true, 500: true, 501: false, 502: true, 503: true, 504: true, 505: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			c := Client{Transport: trip(func(*http.Request) (*http.Response, error) { tries++; return answer(status, ""), nil })}
			_, err := c.Do(t.Context(), Request{URL: "http://h/secret"})
			want := 1
			if again {
				want = maxTries
			}
			assert.Equal(t, want, tries, status)
			assert.Equal(t, status >= 300, err != nil, status)
			if err != nil {
				assert.NotContains(t, err.Error(), "secret")
				assert.True(t, strings.HasPrefix(err.Error(), "h: "+strconv.Itoa(status)+" "), err)
			}
		})
	}
}

func TestTheGapsBetweenTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		c := Client{Transport: trip(func(*http.Request) (*http.Response, error) {
			at = append(at, time.Since(start))
			if len(at) == 2 {
				return answer(429, "", "Retry-After", "7"), nil
			}
			return answer(503, ""), nil
		})}
		_, err := c.Do(t.Context(), Request{URL: "http://h"})
		require.Error(t, err)
		require.Len(t, at, maxTries)
		assert.Equal(t, 7*time.Second, at[2]-at[1])
		assert.Less(t, at[1], firstGap)
		assert.GreaterOrEqual(t, at[4]-at[3], 4*firstGap/2)

		// Nobody waits beyond a deadline for what can't come any more.
		start, at = time.Now(), nil
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = c.Do(ctx, Request{URL: "http://h"})
		failed := (*Error)(nil)
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, 7*time.Second, failed.After)
		assert.Less(t, time.Since(start), firstGap+1)
	})
}

func TestRetryAfter(t *testing.T) {
	skewed := time.Now().Add(48 * time.Hour) // its clock, or ours, is wrong
	for _, c := range []struct {
		header []string
		want   time.Duration
	}{
		{nil, 0},
		{[]string{"Retry-After", "3"}, 3 * time.Second},
		{[]string{"Retry-After", "-3"}, 0},
		{[]string{"Retry-After", "99999999"}, time.Hour},
		{[]string{"Retry-After", "soon"}, 0},
		{[]string{"Retry-After", skewed.Add(time.Minute).UTC().Format(http.TimeFormat), "Date", skewed.UTC().Format(http.TimeFormat)}, time.Minute},
		{[]string{"Retry-After", skewed.Add(-time.Minute).UTC().Format(http.TimeFormat), "Date", skewed.UTC().Format(http.TimeFormat)}, 0},
	} {
		assert.Equal(t, c.want, after(answer(429, "", c.header...).Header), c.header)
	}
}

func TestTheAnswersOfARefusal(t *testing.T) {
	for body, want := range map[string]string{
		`{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"Run '1' not found"}`: "h: 404 Not Found: RESOURCE_DOES_NOT_EXIST: Run '1' not found",
		`{"error":"database not found: \"x\""}`:                                  `h: 404 Not Found: database not found: "x"`,
		`{"code":"not found","message":"bucket"}`:                                "h: 404 Not Found: bucket",
		`{"error":{"type":"x"}}`:                                                 "h: 404 Not Found",
		"<html><body>no</body></html>":                                           "h: 404 Not Found",
		"no such\r\nthing\x1b[31m":                                               "h: 404 Not Found: no such thing [31m",
		"":                                                                       "h: 404 Not Found",
		strings.Repeat("x", 300):                                                 "h: 404 Not Found: " + strings.Repeat("x", 200) + "…",
	} {
		c := Client{Transport: trip(func(*http.Request) (*http.Response, error) { return answer(404, body), nil })}
		_, err := c.Once(t.Context(), Request{URL: "http://h/"})
		require.EqualError(t, err, want)
	}
}

// TestAnAnswerThatTakesNothing: what stands between us and the service says 200 as well.
func TestAnAnswerThatTakesNothing(t *testing.T) {
	const page = "h: 200 OK: a web page, as a login shows, and no answer of the service"
	for _, c := range []struct {
		body, kind, want string
	}{
		{"<!DOCTYPE html><title>Sign in</title>", "text/html; charset=utf-8", page},
		{"\r\n<HTML><body>log in</body>", "", page},
		{`{"error":"write failed: timeout of secret-token"}`, "application/json", "h: 200 OK: write failed: timeout of …"},
		{`{"error":{"message":"no"}}`, "application/json", "h: 200 OK"},
		{`{"error":null,"error_code":""}`, "application/json", ""},
		{`{"error":""}`, "", ""},
		{`{"partialSuccess":{}}`, "application/json", ""},
		{"[]", "application/json", ""},
		{"ok", "text/plain", ""},
		{"", "", ""},
	} {
		client := Client{Transport: trip(func(*http.Request) (*http.Response, error) {
			return answer(200, c.body, "Content-Type", c.kind), nil
		})}
		r := Request{URL: "http://h/", Header: http.Header{"Authorization": {"Token secret-token"}}}
		_, err := client.Once(t.Context(), r)
		r.AnyAnswer = true
		_, whatever := client.Once(t.Context(), r)
		require.NoError(t, whatever, "whoever takes a webhook answers as it likes")
		if c.want == "" {
			require.NoError(t, err, c.body)
			continue
		}
		require.EqualError(t, err, c.want)
		assert.True(t, Keep(err), "it may be delivered later")
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"error":"x"}`), "3")
	f.Fuzz(func(t *testing.T, body []byte, retry string) {
		c := Client{Transport: trip(func(*http.Request) (*http.Response, error) {
			return answer(503, string(body), "Retry-After", retry), nil
		})}
		_, err := c.Once(t.Context(), Request{URL: "http://h/"})
		failed := (*Error)(nil)
		require.ErrorAs(t, err, &failed)
		assert.NotContains(t, err.Error(), "\n")
		assert.True(t, utf8.ValidString(err.Error()))
		assert.True(t, failed.After >= 0 && failed.After <= time.Hour)
	})
}

func TestRedirects(t *testing.T) {
	var got []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, "other "+r.Header.Get("Authorization"))
	}))
	defer other.Close()
	var to string
	status := 307
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/there" {
			b, _ := io.ReadAll(r.Body)
			got = append(got, r.Method+" "+string(b))
			return
		}
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	}))
	defer server.Close()
	var c Client
	defer c.Close()
	send := func() error {
		got = nil
		_, err := c.Once(t.Context(), Request{URL: server.URL + "/secret", Body: []byte("x"), Header: http.Header{"Authorization": {"Token t"}}})
		return err
	}
	to = "/there"
	require.NoError(t, send())
	assert.Equal(t, []string{"POST x"}, got)
	status = 302 // would become a GET
	err := send()
	require.ErrorContains(t, err, "302 Found: redirects, which is not followed")
	assert.Empty(t, got)
	status, to = 308, other.URL+"/there"
	err = send()
	require.ErrorContains(t, err, "redirects to "+strings.TrimPrefix(other.URL, "http://"))
	assert.Empty(t, got, "no token for another host")
	assert.NotContains(t, err.Error(), "secret")
	assert.True(t, Keep(err))
	to = "/secret"
	assert.ErrorContains(t, send(), "redirects, which is not followed", "a ring")
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	server.Config.ErrorLog = nil
	var c Client
	_, err := c.Do(t.Context(), Request{URL: server.URL})
	require.ErrorContains(t, err, "TLS: the certificate is signed by an unknown authority")
	assert.True(t, Keep(err))

	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	transport, err := TLS(ca, "", "", false)
	require.NoError(t, err)
	known := Client{Transport: transport}
	defer known.Close()
	_, err = known.Do(t.Context(), Request{URL: server.URL})
	require.NoError(t, err)

	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	_, err = known.Do(t.Context(), Request{URL: "https://localhost:" + port})
	require.ErrorContains(t, err, "localhost:"+port+": TLS: the certificate is not for this host, but for example.com")
	failed := (*Error)(nil)
	require.ErrorAs(t, err, &failed)
	assert.False(t, failed.Temporary)

	_, err = c.Do(t.Context(), Request{URL: strings.Replace(server.URL, "https", "http", 1)})
	require.ErrorContains(t, err, "400 Bad Request")
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	_, err = c.Do(t.Context(), Request{URL: strings.Replace(plain.URL, "http", "https", 1)})
	require.ErrorContains(t, err, "does not speak TLS on this port")

	_, err = TLS(filepath.Join(t.TempDir(), "none"), "", "", false)
	require.ErrorIs(t, err, os.ErrNotExist)
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, []byte("x"), 0o600))
	_, err = TLS(empty, "", "", false)
	require.ErrorContains(t, err, "no certificate in it")
	_, err = TLS("", empty, "", false)
	require.ErrorContains(t, err, "no certificate and key in it")
}

func TestNobodyAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	slow := Client{Timeout: 20 * time.Millisecond}
	_, err = slow.Once(t.Context(), Request{URL: "http://u:secret@" + addr + "/secret"}) // nobody accepts
	require.EqualError(t, err, addr+": no answer within 20ms")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = slow.Once(ctx, Request{URL: "http://" + addr})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, l.Close())
	var c Client
	_, err = c.Once(t.Context(), Request{URL: "http://" + addr})
	require.EqualError(t, err, addr+": connection refused")
	assert.True(t, Keep(err))
	_, err = c.Once(t.Context(), Request{URL: "http://h\x7f/secret"})
	require.EqualError(t, err, "the URL cannot be read")
	assert.False(t, Keep(err))
	assert.False(t, Keep(errors.New("disk full")))
}

// An endless answer is not read to its end, and what was taken is taken.
func TestAnEndlessAnswer(t *testing.T) {
	c := Client{Transport: trip(func(*http.Request) (*http.Response, error) {
		r := answer(200, "")
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(make([]byte, 10<<20)), broken{}))
		return r, nil
	})}
	got, err := c.Once(t.Context(), Request{URL: "http://h"})
	require.NoError(t, err)
	assert.Len(t, got.Body, maxAnswer)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("read too far") }

func TestURL(t *testing.T) {
	for _, bad := range []string{"", "h", "h:80", "ftp://h", "http://", "http://h\x7f", "file:///x"} {
		_, err := URL(bad, "X")
		require.ErrorContains(t, err, "invalid URL: use http://", bad)
	}
	_, err := URL("http://me:secret@h/", "INFLUX_TOKEN")
	require.ErrorContains(t, err, "set INFLUX_TOKEN in the environment")
	assert.NotContains(t, err.Error(), "secret")
	u, err := URL("https://h:1/p?db=x#f", "X")
	require.NoError(t, err)
	assert.Equal(t, "https://h:1/p?db=x", u.String())
}

// Many services say what they were asked for. What of it may be a secret is not repeated.
func TestAServiceThatRepeatsSecrets(t *testing.T) {
	const url = "http://h/services/T0B0/s3cretpath?token=t0ken&v=1"
	says := func(r Request, text string) string {
		c := Client{Transport: trip(func(*http.Request) (*http.Response, error) {
			return answer(404, text), nil
		})}
		_, err := c.Once(t.Context(), r)
		return err.Error()
	}
	r := Request{URL: url, Header: http.Header{"Authorization": {"Bearer abc.def/ghi"}, "Content-Type": {"text/plain"}}}
	assert.Equal(t, "h: 404 Not Found: Cannot POST …", says(r, `{"statusCode":404,"message":"Cannot POST /services/T0B0/s3cretpath?token=t0ken&v=1"}`))
	assert.Equal(t, "h: 404 Not Found: no route …", says(r, "no route /services/T0B0/s3cretpath"))
	assert.Equal(t, `h: 404 Not Found: bad token "…"`, says(r, `bad token "abc.def/ghi"`))
	assert.Equal(t, "h: 404 Not Found: no text/plain", says(r, "no text/plain"))
	assert.Equal(t, "h: 404 Not Found: hook s3cretpath", says(r, "hook s3cretpath"))
	r.Private = true
	assert.Equal(t, "h: 404 Not Found: hook …", says(r, "hook s3cretpath"))
	assert.Equal(t, "h: 404 Not Found: not here", says(Request{URL: "http://h/"}, "not here"))
}

// What a service says stands in the error also where there is no time for another answer.
func TestTheLastAnswerIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
			if n++; n == 1 {
				return answer(503, "busy"), nil
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := c.Do(ctx, Request{URL: "http://h/"})
		require.EqualError(t, err, "h: 503 Service Unavailable: busy")
		assert.Equal(t, 2, n)
	})
}

func TestWhatIsKept(t *testing.T) {
	for status, want := range map[int]bool{
		0: true, 200: true, 302: true, 400: false, 401: true, 403: true, 404: true, 407: true, 408: true, 409: false, 413: false,
		422: false, 429: true, 500: true, 501: true, 502: true, 503: true, 504: true, 505: true,
	} {
		assert.Equal(t, want, Keep(&Error{Host: "h", Status: status}), status)
	}
	assert.False(t, Keep(&Error{Text: "the URL cannot be read"}))
}

func TestAProxyThatIsDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	proxy := &url.URL{Scheme: "http", Host: l.Addr().String(), User: url.UserPassword("u", "s3cret")}
	require.NoError(t, l.Close())
	c := Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}
	_, err = c.Once(t.Context(), Request{URL: "http://h.example/"})
	require.EqualError(t, err, "h.example: proxy: connection refused")
}

func TestSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("one\r\ntwo\n"), 0o600))
	env := map[string]string{"A": "a", "A_FILE": "no/such", "B_FILE": file, "C_FILE": "no/such"}
	for name, want := range map[string]string{"A": "a", "B": "one", "D": ""} {
		got, err := Secret(func(k string) string { return env[k] }, name)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := Secret(func(k string) string { return env[k] }, "C")
	require.ErrorContains(t, err, "C_FILE: open no/such")
}

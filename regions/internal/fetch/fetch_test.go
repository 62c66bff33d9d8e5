package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/internal/fetch"
	"github.com/carbonctl/carbonctl/regions/internal/fetchtest"
)

// get asks and gives the answer as text.
func get(c *fetch.Client, r fetch.Request) (string, error) {
	var text string
	err := c.Get(context.Background(), r, func(body []byte) error {
		text = string(body)
		return nil
	})
	return text, err
}

// script answers in turn.
func script(t *testing.T, answers ...func(w http.ResponseWriter)) (*fetchtest.Service, *fetch.Client, *[]time.Duration) {
	var n atomic.Int32
	s := fetchtest.Handle(t, func(w http.ResponseWriter, _ *http.Request) {
		answers[min(int(n.Add(1)), len(answers))-1](w)
	})
	var waits []time.Duration
	c := &fetch.Client{Base: s.URL, HTTP: s.Client(), Now: fetchtest.Clock, Wait: func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		return nil
	}}
	return s, c, &waits
}

func say(code int, text string, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

func TestRetry(t *testing.T) {
	ok := say(200, "fine")
	for name, c := range map[string]struct {
		answers []func(http.ResponseWriter)
		asked   int
		want    string // of the error, "" for none
	}{
		"at once":              {[]func(http.ResponseWriter){ok}, 1, ""},
		"down for a moment":    {[]func(http.ResponseWriter){say(503, ""), ok}, 2, ""},
		"twice":                {[]func(http.ResponseWriter){say(500, ""), say(502, ""), ok}, 3, ""},
		"down":                 {[]func(http.ResponseWriter){say(500, "no")}, 3, "/x: status 500 Internal Server Error: no"},
		"a broken connection":  {[]func(http.ResponseWriter){func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, ok}, 2, ""},
		"not ours to repeat":   {[]func(http.ResponseWriter){say(401, "who are you"), ok}, 1, "status 401 Unauthorized: who are you"},
		"nothing":              {[]func(http.ResponseWriter){say(204, ""), ok}, 1, "the answer holds no data"},
		"busy":                 {[]func(http.ResponseWriter){say(429, "", "Retry-After", "7"), ok}, 2, ""},
		"busy until":           {[]func(http.ResponseWriter){say(429, "", "Retry-After", fetchtest.Now.Add(5*time.Second).Format(http.TimeFormat)), ok}, 2, ""},
		"busy for long":        {[]func(http.ResponseWriter){say(429, "", "Retry-After", "3600"), ok}, 1, "status 429 Too Many Requests; it asks to wait 1h0m0s"},
		"a nonsensical header": {[]func(http.ResponseWriter){say(429, "", "Retry-After", "soon"), ok}, 2, ""},
		"a lengthy answer":     {[]func(http.ResponseWriter){say(200, strings.Repeat("x", 5<<20)), ok}, 1, "the answer has more than"},
	} {
		t.Run(name, func(t *testing.T) {
			s, client, waits := script(t, c.answers...)
			text, err := get(client, fetch.Request{Path: "/x"})
			if c.want == "" {
				require.NoError(t, err)
				assert.Equal(t, "fine", text)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
			assert.Len(t, s.Requests(), c.asked)
			if name != "busy for long" {
				assert.Len(t, *waits, c.asked-1)
			}
			switch name {
			case "busy":
				assert.Equal(t, 7*time.Second, (*waits)[0])
			case "busy until":
				assert.Equal(t, 5*time.Second, (*waits)[0])
			case "down":
				assert.GreaterOrEqual(t, (*waits)[0], 200*time.Millisecond)
				assert.Less(t, (*waits)[0], 400*time.Millisecond)
				assert.GreaterOrEqual(t, (*waits)[1], 400*time.Millisecond)
			}
		})
	}
}

func TestGivesUpWithItsContext(t *testing.T) {
	s, client, _ := script(t, say(500, ""))
	ctx, cancel := context.WithCancel(context.Background())
	client.Wait = func(context.Context, time.Duration) error { cancel(); return ctx.Err() }
	err := client.Get(ctx, fetch.Request{}, func([]byte) error { return nil })
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "status 500")
	assert.Len(t, s.Requests(), 1)
	// Without a clock of the test's own, the waiting is a timer.
	synctest.Test(t, func(t *testing.T) {
		client := &fetch.Client{Base: "http://example.org", HTTP: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("no route")
		})}}
		start := time.Now()
		_, err := get(client, fetch.Request{})
		assert.EqualError(t, err, "example.org/: no route")
		assert.Greater(t, time.Since(start), 500*time.Millisecond)
		assert.Less(t, time.Since(start), 1300*time.Millisecond)
		// A deadline that would pass while we wait is not waited for.
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		start = time.Now()
		err = client.Get(ctx, fetch.Request{}, func([]byte) error { return nil })
		assert.ErrorContains(t, err, "no route")
		assert.Zero(t, time.Since(start))
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// No token goes to another host, in the clear, into an error or into the cache.
func TestSecrets(t *testing.T) {
	const token = "s3cret-token"
	other := fetchtest.Handle(t, func(w http.ResponseWriter, _ *http.Request) {})
	for _, target := range []string{other.URL + "/take", "//192.0.2.1/x"} {
		s, client, _ := script(t, say(302, "", "Location", target))
		_, err := get(client, fetch.Request{Path: "/x", Header: http.Header{"Auth-Token": {token}}, Secret: url.Values{"securityToken": {token}}})
		assert.ErrorContains(t, err, "redirects to another host")
		assert.NotContains(t, err.Error(), token)
		assert.Len(t, s.Requests(), 1)
	}
	assert.Empty(t, other.Requests())

	s, client, _ := script(t, say(302, "", "Location", "/there"), say(200, "fine"))
	text, err := get(client, fetch.Request{Header: http.Header{"Auth-Token": {token}}})
	require.NoError(t, err)
	assert.Equal(t, "fine", text)
	assert.Equal(t, token, s.Requests()[1].Header.Get("auth-token"), "within the host it is followed")

	for _, bad := range []string{"http://example.org", "ftp://u:" + token + "@example.org/?key=" + token, "u:" + token + "@example.org", "ftp://example.org", "example.org", "", "http://", "http://a b"} {
		_, err := get(&fetch.Client{Base: bad}, fetch.Request{Header: http.Header{"Auth-Token": {token}}})
		require.Error(t, err)
		assert.NotContains(t, err.Error(), token)
	}
	_, err = get(&fetch.Client{Base: "http://example.org"}, fetch.Request{Secret: url.Values{"token": {token}}})
	assert.EqualError(t, err, "base address http://example.org: a token would be sent in the clear")

	_, client, _ = script(t, say(400, "bad token "+token+"\nand Bearer "+token))
	_, err = get(client, fetch.Request{Header: http.Header{"Authorization": {"Bearer " + token}}})
	assert.ErrorContains(t, err, "status 400 Bad Request: bad token … and Bearer …")

	dir := t.TempDir()
	_, client, _ = script(t, say(200, "fine"))
	client.Cache = dir
	_, err = get(client, fetch.Request{Path: "/a", Secret: url.Values{"token": {token}}, Fresh: time.Hour})
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	assert.NotContains(t, files[0], token)
}

func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "below", "cache")
	now := fetchtest.Now
	s, client, _ := script(t, say(200, "1"), say(200, "2"), say(200, "3"), say(200, "4"))
	client.Cache, client.Now = dir, func() time.Time { return now }
	half := fetch.Request{Path: "/a", Query: url.Values{"zone": {"FR"}}, Fresh: 30 * time.Minute}
	expect := func(r fetch.Request, want string) {
		t.Helper()
		text, err := get(client, r)
		require.NoError(t, err)
		assert.Equal(t, want, text)
	}
	expect(half, "1")
	expect(half, "1")
	now = now.Add(9*time.Minute + 59*time.Second)
	expect(half, "1")
	now = now.Add(time.Second) // 10:30: the next slot
	expect(half, "2")
	other := half
	other.Query = url.Values{"zone": {"DE"}}
	expect(other, "3")
	expect(half, "2")
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	assert.Len(t, files, 2, "an earlier slot's file is gone")
	// An answer that can't be read is not taken from the cache, nor kept.
	for _, f := range files {
		require.NoError(t, os.WriteFile(f, []byte("{"), 0o600))
	}
	picky := func(body []byte) error {
		if string(body) == "{" {
			return errors.New("broken")
		}
		return nil
	}
	require.NoError(t, client.Get(context.Background(), half, picky))
	assert.Len(t, s.Requests(), 4)
	_, client, _ = script(t, say(200, "{"))
	client.Cache = t.TempDir()
	assert.ErrorContains(t, client.Get(context.Background(), half, picky), "/a: broken")
	files, _ = filepath.Glob(filepath.Join(client.Cache, "*"))
	assert.Empty(t, files)
	// A folder that can't be is no failure.
	_, client, _ = script(t, say(200, "fine"))
	client.Cache = filepath.Join(dir, filepath.Base(first(dir)), "file", "below")
	expect2, err := get(client, half)
	require.NoError(t, err)
	assert.Equal(t, "fine", expect2)
}

func first(dir string) string {
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	return files[0]
}

// What many want at once is asked once.
func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		client := &fetch.Client{Base: "http://example.org", HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			n := asked.Add(1)
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(fmt.Sprint(n))), Header: http.Header{}}, nil
		})}}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				text, err := get(client, fetch.Request{})
				assert.NoError(t, err)
				assert.Equal(t, "1", text)
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, asked.Load())
		// Where the one that asks gives up, another takes over.
		ctx, cancel := context.WithCancel(context.Background())
		wg.Go(func() {
			err := client.Get(ctx, fetch.Request{}, func([]byte) error { return nil })
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		wg.Go(func() {
			text, err := get(client, fetch.Request{})
			assert.NoError(t, err)
			assert.Equal(t, "3", text)
		})
		gone, stop := context.WithCancel(context.Background())
		wg.Go(func() {
			assert.ErrorIs(t, client.Get(gone, fetch.Request{}, func([]byte) error { return nil }), context.Canceled)
		})
		synctest.Wait()
		stop()
		synctest.Wait()
		cancel()
		wg.Wait()
		assert.EqualValues(t, 3, asked.Load())
	})
}

func TestSeries(t *testing.T) {
	at := func(h int) time.Time { return fetchtest.Now.Truncate(time.Hour).Add(time.Duration(h) * time.Hour) }
	in := func(h int) regions.Intensity {
		return regions.Intensity{From: at(h), To: at(h + 1), PerKWh: regions.Grams(h)}
	}
	series, err := fetch.Order([]regions.Intensity{in(2), in(0), in(1)})
	require.NoError(t, err)
	assert.Equal(t, []regions.Intensity{in(0), in(1), in(2)}, series)
	_, err = fetch.Order([]regions.Intensity{in(2), in(2)})
	assert.ErrorContains(t, err, "two figures for 2026-01-05T12:00:00Z")
	_, err = fetch.Order(nil)
	assert.ErrorIs(t, err, fetch.ErrNoData)
	got, err := fetch.Holding(series, at(1))
	require.NoError(t, err)
	assert.Equal(t, in(1), got)
	_, err = fetch.Holding(series, at(3))
	assert.ErrorIs(t, err, fetch.ErrNoData)
	part, err := fetch.Between(series, at(0).Add(time.Minute), at(2))
	require.NoError(t, err)
	assert.Equal(t, []regions.Intensity{in(0), in(1)}, part)
	assert.Len(t, series, 3)
	_, err = fetch.Between(series, at(3), at(5))
	assert.ErrorIs(t, err, regions.ErrNoForecast)

	for _, s := range []string{"2018-01-20T12:00Z", "2026-01-05T10:15:00+01:00", "2026-08-22T17:00:00.000Z"} {
		_, err := fetch.Stamp(s)
		assert.NoError(t, err, s)
	}
	for _, s := range []string{"", "yesterday", "0001-01-01T00:00:00Z", "2026-01-05", strings.Repeat("9", 1000)} {
		_, err := fetch.Stamp(s)
		require.Error(t, err)
		assert.Less(t, len(err.Error()), 100)
	}
	v := 75.5
	g, ok, err := fetch.Grams(&v)
	assert.True(t, ok && err == nil && g == 75.5)
	_, ok, err = fetch.Grams(nil)
	assert.True(t, !ok && err == nil)
	for _, bad := range []float64{-1, 3001} {
		_, _, err := fetch.Grams(&bad)
		assert.Error(t, err)
	}
}

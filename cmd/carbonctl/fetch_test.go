//go:build unix

package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// playCloud: cloud REGION plays AWS's metadata service, in that region. Without one
// no service answers.
func playCloud(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: cloud [REGION]")
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case len(args) == 0:
			http.NotFound(w, r)
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token":
			_, _ = io.WriteString(w, "token")
		case r.URL.Path == "/latest/meta-data/placement/region":
			_, _ = io.WriteString(w, args[0])
		default:
			http.NotFound(w, r)
		}
	}))
	ts.Defer(s.Close)
	ts.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", s.URL)
	ts.Setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", s.URL)
	ts.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(s.URL, "http://"))
}

// playForecast: forecast TIME plays the Carbon Aware SDK's service, by which the
// grid is three times as green a time after it was first asked; until then it is at 300 g/kWh.
func playForecast(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: forecast TIME")
	}
	after, err := time.ParseDuration(args[0])
	ts.Check(err)
	asked := sync.OnceValue(time.Now)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/bylocation") {
			_ = json.NewEncoder(w).Encode([]any{map[string]any{
				"location": r.URL.Query().Get("location"), "time": time.Now().Add(-time.Hour), "duration": "23:00:00", "rating": 300,
			}})
			return
		}
		green := asked().Add(after)
		minutes := after.Truncate(time.Minute).Minutes() + 2
		start := green.Add(-time.Duration(minutes) * time.Minute)
		type point struct {
			Time    time.Time `json:"timestamp"`
			Minutes float64   `json:"duration"`
			Value   float64   `json:"value"`
		}
		_ = json.NewEncoder(w).Encode([]any{map[string]any{
			"location": r.URL.Query().Get("location"),
			"forecastData": []point{
				{start, minutes, 300},
				{green, 24 * 60, 100},
			},
		}})
	}))
	ts.Defer(s.Close)
	ts.Setenv("CARBONCTL_CARBONAWARE_URL", s.URL)
}

// playService: service STATUS plays a web service that answers every request so; $SERVICE is
// its URL.
func playService(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: service STATUS")
	}
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
	}))
	ts.Defer(s.Close)
	ts.Setenv("SERVICE", s.URL)
}

// fetch: [!] fetch ADDRESS PATH FILE asks the server whose address is the last
// word of the file ADDRESS, and writes what it answers into FILE. With "!" the
// answer is no success, or there is none.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: fetch ADDRESS PATH FILE [HEADER=VALUE…]")
	}
	words := strings.Fields(ts.ReadFile(args[0]))
	if len(words) == 0 {
		ts.Fatalf("%s holds no address", args[0])
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, words[len(words)-1]+args[1], nil)
	ts.Check(err)
	for _, header := range args[3:] {
		name, value, _ := strings.Cut(header, "=")
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		if !neg {
			ts.Fatalf("%v", err)
		}
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), body, 0o644))
	if (res.StatusCode == http.StatusOK) == neg {
		ts.Fatalf("%s: %s\n%s", args[1], res.Status, body)
	}
}

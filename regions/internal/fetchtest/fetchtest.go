// Package fetchtest gives tests of live providers a service that answers as
// told, and the bad answers that every provider must survive.
package fetchtest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
)

// Now is the time that tests take for now.
var Now = time.Date(2026, 1, 5, 10, 20, 0, 0, time.UTC)

// A Service answers by path, and remembers what it was asked.
type Service struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

// Serve starts a service that answers each path with a text; others are 404.
// Its clients reach it through its Client and URL.
func Serve(t testing.TB, answers map[string]string) *Service {
	return Handle(t, func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	})
}

// Handle starts a service of any kind.
func Handle(t testing.TB, h http.HandlerFunc) *Service {
	t.Helper()
	s := &Service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Clone(context.Background()))
		s.mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// Requests are all that it was asked so far.
func (s *Service) Requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request(nil), s.requests...)
}

// Clock stands still.
func Clock() time.Time { return Now }

// Ask asks a provider at a service about one thing.
type Ask func(ctx context.Context, base string, client *http.Client) error

// Bad checks that a provider takes none of the bad answers that a service may
// give, panics on none, and shows no secret in an error.
func Bad(t *testing.T, secret string, ask Ask) {
	t.Helper()
	for name, answer := range map[string]func(w http.ResponseWriter){
		"empty":           body(""),
		"null":            body("null"),
		"empty object":    body("{}"),
		"empty list":      body("[]"),
		"number":          body("7"),
		"text":            body(`"busy"`),
		"list of null":    body("[null]"),
		"nulls":           body(`{"data":null,"history":null,"forecast":null,"results":null,"zone":null,"carbonIntensity":null,"datetime":null}`),
		"list of nulls":   body(`{"data":[null],"history":[null],"forecast":[null],"results":[null]}`),
		"page":            body("<!DOCTYPE html><title>Sign in to the hotel</title>"),
		"cut":             body(`{"data":[{"from":"2026-01-05T10:00Z"`),
		"binary":          body("\x1f\x8b\x08\x00\xff\xfe"),
		"wrong types":     body(`{"data":"none","zone":7,"carbonIntensity":"75","results":{}}`),
		"deep":            body(strings.Repeat(`{"data":[`, 20000)),
		"huge":            body(`{"data":"` + strings.Repeat("x", 5<<20) + `"}`),
		"no content":      status(http.StatusNoContent, ""),
		"bad request":     status(http.StatusBadRequest, `{"error":{"code":"400 Bad Request","message":"no such zone"}}`),
		"unauthorized":    status(http.StatusUnauthorized, `{"error":"Invalid auth-token `+secret+`"}`),
		"forbidden":       status(http.StatusForbidden, `{"message":"not in your plan"}`),
		"not found":       status(http.StatusNotFound, ""),
		"too many":        status(http.StatusTooManyRequests, ""),
		"server error":    status(http.StatusInternalServerError, "<html>oops "+secret+"</html>"),
		"not implemented": status(http.StatusNotImplemented, ""),
		"elsewhere":       elsewhere,
		"hangs up":        func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			s := Handle(t, func(w http.ResponseWriter, _ *http.Request) { answer(w) })
			err := ask(context.Background(), s.URL, s.Client())
			require.Error(t, err)
			assert.Less(t, len(err.Error()), 1000)
			assert.NotContains(t, err.Error(), "\n")
			if secret != "" {
				assert.NotContains(t, err.Error(), secret)
			}
		})
	}
	t.Run("slow", func(t *testing.T) {
		stop := make(chan struct{})
		s := Handle(t, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-stop:
			}
		})
		defer close(stop)
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		assert.ErrorIs(t, ask(ctx, s.URL, s.Client()), context.DeadlineExceeded)
		assert.Less(t, time.Since(start), 3*time.Second)
	})
}

func body(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { _, _ = io.WriteString(w, text) }
}

func status(code int, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

func elsewhere(w http.ResponseWriter) {
	w.Header().Set("Location", "http://192.0.2.1/")
	w.WriteHeader(http.StatusFound)
}

// Soon does not wait.
func Soon(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// InOrder checks what a Forecaster promises.
func InOrder(t *testing.T, series []regions.Intensity) {
	t.Helper()
	require.NotEmpty(t, series)
	for i, in := range series {
		assert.True(t, in.From.Before(in.To))
		assert.NotEmpty(t, in.Source)
		if i > 0 {
			assert.False(t, in.From.Before(series[i-1].To))
		}
	}
}

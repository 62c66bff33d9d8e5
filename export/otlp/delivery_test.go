package otlp_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/export/otlp"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

// TestPartialSuccess is told, and nothing is sent again for it.
func TestPartialSuccess(t *testing.T) {
	to := newReceiver(t)
	to.answer = func(w http.ResponseWriter, path string) {
		if path == "/v1/metrics" {
			io.WriteString(w, `{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too\nold"}}`)
		} else {
			io.WriteString(w, `{"partialSuccess":{}}`)
		}
	}
	s := to.sink(t)
	r := steady(61, func(int) float32 { return 1 })
	require.NoError(t, s.Checkpoint(r), "the run goes on")
	err := s.Report(t.Context(), r)
	rejected := (*otlp.RejectedError)(nil)
	require.ErrorAs(t, err, &rejected)
	assert.Equal(t, "3", rejected.Count)
	assert.Equal(t, strings.TrimPrefix(to.URL, "http://")+": rejected 3 of what was sent: too old", rejected.Error())
	assert.False(t, deliver.Keep(err))
	require.NoError(t, s.Report(t.Context(), r))
	assert.Len(t, to.got["/v1/metrics"], 2)
	assert.Len(t, to.got["/v1/traces"], 1)
}

// TestPartialSuccessOfACheckpoint is told at the end, although all went well since.
func TestPartialSuccessOfACheckpoint(t *testing.T) {
	to := newReceiver(t)
	to.answer = func(w http.ResponseWriter, _ string) {
		io.WriteString(w, `{"partialSuccess":{"rejectedDataPoints":2}}`)
	}
	s, r := to.sink(t), steady(61, func(int) float32 { return 1 })
	require.NoError(t, s.Checkpoint(r))
	to.answer = nil
	require.ErrorAs(t, s.Report(t.Context(), r), new(*otlp.RejectedError))
	require.NoError(t, s.Report(t.Context(), r))
}

// TestNoPlaceForSpans is how a Prometheus answers.
func TestNoPlaceForSpans(t *testing.T) {
	to := newReceiver(t)
	to.answer = func(w http.ResponseWriter, path string) {
		if path == "/v1/traces" {
			w.WriteHeader(http.StatusNotFound)
		}
	}
	err := to.sink(t).Report(t.Context(), replay(t, "vm.jsonl"))
	require.ErrorAs(t, err, new(*otlp.NoSpansError))
	assert.False(t, deliver.Keep(err), "it would be refused for ever")
	to.answer = func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusNotFound) }
	err = to.sink(t).Report(t.Context(), replay(t, "vm.jsonl"))
	require.ErrorContains(t, err, "404 Not Found")
	assert.True(t, deliver.Keep(err), "a wrong address can be mended")
}

// TestEitherMayBeTakenLater has one signal refused for good, the other not.
func TestEitherMayBeTakenLater(t *testing.T) {
	for _, later := range []string{"/v1/metrics", "/v1/traces"} {
		to := newReceiver(t)
		to.answer = func(w http.ResponseWriter, path string) {
			w.WriteHeader(map[bool]int{true: http.StatusUnauthorized, false: http.StatusBadRequest}[path == later])
		}
		err := to.sink(t).Report(t.Context(), replay(t, "vm.jsonl"))
		require.ErrorContains(t, err, "400 Bad Request")
		require.ErrorContains(t, err, "401 Unauthorized")
		assert.NotContains(t, err.Error(), "\n")
		assert.True(t, deliver.Keep(err), later)
	}
}

// TestOnlySomeAnswersAreTriedAgain has the list of OTLP, which is shorter than others'.
func TestOnlySomeAnswersAreTriedAgain(t *testing.T) {
	for status, again := range map[int]bool{429: true, 502: true, 503: true, 504: true, 400: false, 408: false, 413: false, 500: false, 501: false} {
		to := newReceiver(t)
		n := 0
		to.answer = func(w http.ResponseWriter, path string) {
			if n++; n == 1 {
				w.WriteHeader(status)
			}
		}
		s := to.sink(t, "OTEL_TRACES_EXPORTER", "none")
		err := s.Report(t.Context(), replay(t, "vm.jsonl"))
		if again {
			assert.NoError(t, err, status)
			assert.Equal(t, 2, n, status)
			continue
		}
		failed := (*deliver.Error)(nil)
		require.ErrorAs(t, err, &failed, status)
		assert.Equal(t, status, failed.Status)
		assert.Equal(t, status == 408 || status >= 500, deliver.Keep(err), "%d: a later run may be luckier", status)
		assert.Equal(t, 1, n, status)
	}
}

// TestWhatIsLeftIsSentLater has the traces fail: the metrics are not sent twice, and whoever
// keeps what failed is told that it may be taken later.
func TestWhatIsLeftIsSentLater(t *testing.T) {
	to := newReceiver(t)
	to.answer = func(w http.ResponseWriter, path string) {
		if path == "/v1/traces" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	s, r := to.sink(t), replay(t, "vm.jsonl")
	err := s.Report(t.Context(), r)
	require.ErrorContains(t, err, "401 Unauthorized")
	assert.True(t, deliver.Keep(err))
	to.answer = nil
	require.NoError(t, s.Report(t.Context(), r))
	assert.Len(t, to.got["/v1/metrics"], 1)
	assert.Len(t, to.got["/v1/traces"], 2)
}

// TestSecretsStayOnTheirHost has a receiver redirect elsewhere.
func TestSecretsStayOnTheirHost(t *testing.T) {
	other := newReceiver(t)
	to := newReceiver(t)
	to.answer = func(w http.ResponseWriter, path string) {
		w.Header().Set("Location", strings.Replace(other.URL, "127.0.0.1", "localhost", 1)+path)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
	err := to.sink(t, "OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret").Report(t.Context(), replay(t, "vm.jsonl"))
	require.ErrorContains(t, err, "redirects to localhost")
	assert.NotContains(t, err.Error(), "s3cret")
	assert.Empty(t, other.got)
}

// TestAskedToWaitLonger has a receiver ask for more time than there is.
func TestAskedToWaitLonger(t *testing.T) {
	to := newReceiver(t)
	n := 0
	to.answer = func(w http.ResponseWriter, _ string) {
		n++
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	err := to.sink(t, "OTEL_TRACES_EXPORTER", "none").Report(t.Context(), replay(t, "vm.jsonl"))
	failed := (*deliver.Error)(nil)
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 2*time.Minute, failed.After)
	assert.True(t, deliver.Keep(err))
	assert.Equal(t, 1, n, "it is not asked before")
}

// TestWork counts what was done.
func TestWork(t *testing.T) {
	to := newReceiver(t)
	r := replay(t, "vm.jsonl")
	r.Work = []footprint.Work{{Unit: "output_token", Count: 51200, How: footprint.ByCounter}, {Unit: "request", Count: 0, How: footprint.ByCounter}}
	require.NoError(t, to.sink(t).Report(t.Context(), r))
	got := map[any]float64{}
	for _, p := range to.metrics()["carbonctl.work"] {
		got[p.Attributes["carbonctl.work.unit"]] = p.Value
	}
	assert.Equal(t, map[any]float64{"output_token": 51200, "request": 0}, got)
}

func TestReportKeepsItsDeadline(t *testing.T) {
	to := newReceiver(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	to.answer = func(http.ResponseWriter, string) { <-release }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := to.sink(t).Report(ctx, replay(t, "vm.jsonl"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.True(t, deliver.Keep(err))
}

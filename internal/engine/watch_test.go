package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// wire answers in place of a network.
type wire func(*http.Request) (status int, body string, err error)

func (f wire) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body, err := f(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}, Request: r}, nil
}

// meter is 100 W.
type meter struct{ start time.Time }

func (m *meter) Read(_ context.Context, to []energy.Reading) ([]energy.Reading, error) {
	now := time.Now()
	if m.start.IsZero() {
		m.start = now
	}
	return append(to, energy.Reading{
		Component: energy.Component{Kind: energy.GPU, ID: "gpu-0", Basis: energy.Measured, Source: "fake", BandLow: 1, BandHigh: 1},
		Time:      now, Total: (100 * energy.Watt).Over(now.Sub(m.start)), MaxPower: 200 * energy.Watt,
	}), nil
}

func (*meter) Close() error { return nil }

// job is the work of a tracker, whose last look is a Watch's.
type job struct{ watch *Watch }

func (*job) Used() carbon.Used { return carbon.Used{} }

func (j *job) Counted() []footprint.Count {
	return j.watch.Last(time.Now().Add(90 * time.Millisecond))
}

// track looks at engines for so long, beside 100 W.
func track(t *testing.T, length time.Duration, answer wire, targets ...string) (footprint.Report, []footprint.Warning) {
	t.Helper()
	j := &job{}
	tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{&meter{}}, Work: j})
	require.NoError(t, err)
	var list []Target
	for _, s := range targets {
		list = append(list, target(t, s))
	}
	j.watch = start(list, tracker.Counted, &http.Client{Transport: answer})
	time.Sleep(length)
	j.watch.End(time.Now().Add(90 * time.Millisecond))
	r, err := tracker.Stop()
	require.NoError(t, err)
	warned := j.watch.Warnings()
	<-j.watch.last
	return r, warned
}

// tokens are what an engine has generated at 512 a second, after a time.
func tokens(from time.Time, ready time.Duration) int {
	return int(512 * max(time.Since(from)-ready, 0).Seconds())
}

func counted(t *testing.T, r footprint.Report, unit string) footprint.Work {
	t.Helper()
	for _, w := range r.Work {
		if w.Unit == unit {
			return w
		}
	}
	require.Fail(t, "not counted: "+unit)
	return footprint.Work{}
}

// Joules per token, exact to a token and a tick: an engine at 512 tokens a second and 100 W.
func TestJoulesPerTokenOfAnEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Now()
		r, warned := track(t, 32*time.Second, func(r *http.Request) (int, string, error) {
			assert.Equal(t, "text/plain;version=0.0.4", r.Header.Get("Accept"))
			return 200, fmt.Sprintf("vllm:generation_tokens_total{engine=\"0\"} %d\nvllm:generation_tokens_total{engine=\"1\"} 1000\n", 777+tokens(from, 0)), nil
		}, "vllm")
		assert.Empty(t, warned)
		w := counted(t, r, "output_token")
		assert.Equal(t, 32*512.0, w.Count)
		assert.Equal(t, 2, w.Series)
		assert.Equal(t, footprint.CountExact, w.Bound)
		assert.Equal(t, footprint.ByCounter, w.How)
		assert.Equal(t, "vllm:generation_tokens_total", w.Source)
		assert.Equal(t, 3200*energy.Joule, r.Energy)
		assert.Equal(t, 3200/(32*512.0), *w.Energy)
		assert.Equal(t, r.Energy, r.Activity.Busy.Energy)
		assert.Zero(t, r.Activity.Idle.Energy)
	})
}

// An engine that loads for 12 s, works for 10 s and waits for 10 s.
func TestAnEngineThatStartsLateAndIsIdleThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Now()
		up := float64(from.UnixMilli())/1e3 + 2
		r, warned := track(t, 32*time.Second, func(*http.Request) (int, string, error) {
			if time.Since(from) < 12*time.Second {
				return 0, "", errors.New("connection refused")
			}
			return 200, fmt.Sprintf("process_start_time_seconds %f\nvllm:generation_tokens_total %d\n", up, min(tokens(from, 12*time.Second), 5120)), nil
		}, "vllm")
		assert.Empty(t, warned)
		w := counted(t, r, "output_token")
		assert.Equal(t, 5120.0, w.Count)
		assert.Equal(t, footprint.CountExact, w.Bound)
		assert.Equal(t, 3200/5120.0, *w.Energy, "loading is the run's energy too")
		assert.Equal(t, 1000*energy.Joule, r.Activity.Busy.Energy, "the windows from 15 to 25 s")
		assert.InDelta(t, 1500, r.Activity.Unseen.Energy.Joules(), 1)
		assert.Equal(t, r.Energy, r.Activity.Busy.Energy+r.Activity.Idle.Energy+r.Activity.Unseen.Energy)
	})
}

// What an engine shows first, between two regular looks, is not lost: neither what it has
// done since its start, nor that something may be missing.
func TestTheFirstAnswerBetweenTwoLooks(t *testing.T) {
	for name, tt := range map[string]struct {
		up    string
		count float64
		bound string
	}{
		"started in the run": {"process_start_time_seconds %f\n", 20 * 512, footprint.CountExact},
		"of an unknown age":  {"other_seconds %f\n", 19 * 512, footprint.CountLower},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from := time.Now()
				up := float64(from.UnixMilli())/1e3 + 1
				r, warned := track(t, 22*time.Second, func(*http.Request) (int, string, error) {
					if time.Since(from) < 2500*time.Millisecond {
						return 0, "", errors.New("connection refused")
					}
					return 200, fmt.Sprintf(tt.up+"vllm:generation_tokens_total %d\n", up, tokens(from, 2*time.Second)), nil
				}, "vllm", "vllm=http://b#{engine=\"none\"}")
				assert.Empty(t, warned)
				w := counted(t, r, "output_token")
				assert.Equal(t, tt.count, w.Count)
				assert.Equal(t, tt.bound, w.Bound)
			})
		})
	}
}

// An engine that never answers in time is not counted, and that is what is said.
func TestAnEngineThatNeverAnswersInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, warned := track(t, 11*time.Second, func(r *http.Request) (int, string, error) {
			<-r.Context().Done()
			return 0, "", r.Context().Err()
		}, "vllm")
		assert.Empty(t, r.Work)
		require.Len(t, warned, 1)
		assert.Equal(t, footprint.WorkUnseen, warned[0].Code)
		assert.Equal(t, "vllm at http://localhost:8000/metrics was not counted: no answer in time", warned[0].Text)
	})
}

// A counter that shows no number at the end may have moved.
func TestNoNumberAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Now()
		r, _ := track(t, 12*time.Second, func(*http.Request) (int, string, error) {
			if time.Since(from) > 11*time.Second {
				return 200, "vllm:generation_tokens_total NaN\n", nil
			}
			return 200, fmt.Sprintf("vllm:generation_tokens_total %d\n", tokens(from, 0)), nil
		}, "vllm")
		w := counted(t, r, "output_token")
		assert.Equal(t, 10*512.0, w.Count)
		assert.Equal(t, footprint.CountLower, w.Bound)
	})
}

// An engine that ends before the last look: what it had done at the one before.
func TestAnEngineThatEndsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Now()
		r, warned := track(t, 33*time.Second, func(*http.Request) (int, string, error) {
			if time.Since(from) > 32*time.Second {
				return 0, "", errors.New("connection refused")
			}
			return 200, fmt.Sprintf("vllm:generation_tokens_total %d\n", tokens(from, 0)), nil
		}, "vllm")
		w := counted(t, r, "output_token")
		assert.Equal(t, 30*512.0, w.Count)
		assert.Equal(t, footprint.CountLower, w.Bound)
		assert.Equal(t, 30*time.Second, w.LastAt.Sub(w.FirstAt))
		require.Len(t, warned, 1)
		assert.Equal(t, footprint.WorkPartial, warned[0].Code)
		assert.Equal(t, "vllm at http://localhost:8000/metrics did not answer at the end (connection refused): its counts are lower bounds", warned[0].Text)
		assert.InDelta(t, 300, r.Activity.Unseen.Energy.Joules(), 1)
	})
}

// One that hangs at the end costs the run no time and no energy.
func TestAnEngineThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Now()
		r, warned := track(t, 11*time.Second, func(r *http.Request) (int, string, error) {
			if time.Since(from) > 6*time.Second {
				<-r.Context().Done()
				return 0, "", r.Context().Err()
			}
			return 200, fmt.Sprintf("vllm:generation_tokens_total %d\n", tokens(from, 0)), nil
		}, "vllm")
		assert.Less(t, time.Since(from), 11*time.Second+100*time.Millisecond)
		assert.Equal(t, 1100*energy.Joule, r.Energy)
		w := counted(t, r, "output_token")
		assert.Equal(t, 5*512.0, w.Count)
		assert.Equal(t, footprint.CountLower, w.Bound)
		require.Len(t, warned, 1)
		assert.Equal(t, footprint.WorkPartial, warned[0].Code)
	})
}

// Two engines add up, and one that never answers is told.
func TestSeveralEngines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Now()
		r, warned := track(t, 20*time.Second, func(r *http.Request) (int, string, error) {
			switch r.URL.Host {
			case "a":
				return 200, fmt.Sprintf("vllm:generation_tokens_total %d\n", tokens(from, 0)), nil
			case "b":
				return 200, fmt.Sprintf("sglang:generation_tokens_total %d\n", tokens(from, 3*time.Second)), nil
			}
			return 0, "", errors.New("connection refused")
		}, "vllm=http://a", "sglang=http://b", "llamacpp=http://c")
		w := counted(t, r, "output_token")
		assert.Equal(t, 37*512.0, w.Count)
		assert.Equal(t, 2, w.Series)
		assert.Equal(t, "vllm:generation_tokens_total + sglang:generation_tokens_total", w.Source)
		require.Len(t, warned, 1)
		assert.Equal(t, footprint.WorkUnseen, warned[0].Code)
		assert.Equal(t, "llamacpp at http://c/metrics was not counted: connection refused", warned[0].Text)
		assert.Equal(t, "start it with --metrics", warned[0].Hint)
	})
}

// No work is a result.
func TestAnEngineWithoutWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, warned := track(t, 20*time.Second, func(*http.Request) (int, string, error) {
			return 200, "# TYPE vllm:generation_tokens_total counter\nvllm:generation_tokens_total 5\n# TYPE vllm:request_success_total counter\n", nil
		}, "vllm")
		assert.Empty(t, warned)
		for _, unit := range []string{"output_token", "request"} {
			w := counted(t, r, unit)
			assert.Zero(t, w.Count)
			assert.Nil(t, w.Energy)
		}
		assert.Equal(t, r.Energy, r.Activity.Idle.Energy)
	})
}

// What real servers do wrong, over loopback: each is one line, and never a secret.
func TestBadServers(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed a redirect") }))
	defer other.Close()
	for name, tt := range map[string]struct {
		serve http.HandlerFunc
		want  string
	}{
		"not found": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "was not counted: HTTP status 404"},
		"redirects": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/there?key=secret", http.StatusFound)
		}, "was not counted: HTTP status 302: it redirects to \"" + other.URL + "/there\", which is not followed; give that address if it is right"},
		"asks who we are": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, "was not counted: HTTP status 401: it asks for credentials, and none are sent"},
		"a page":          {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>\n<b>hello</b>") }, "was not counted: not metrics in the Prometheus text format"},
		"too much": {func(w http.ResponseWriter, _ *http.Request) {
			line := strings.Repeat("x 1\n", 1<<14)
			for range 9 << 20 / len(line) {
				if _, err := io.WriteString(w, line); err != nil {
					return
				}
			}
		}, "was not counted: more than 8 MiB of metrics"},
		"another engine": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "up 1\n") }, "shows none of its counters: vllm:generation_tokens_total"},
		"a gauge": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "# TYPE vllm:generation_tokens_total gauge\nvllm:generation_tokens_total 5\n")
		}, "vllm:generation_tokens_total is a gauge, and no counter"},
		"gzip": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "\x1f\x8b")
		}, "was not counted: unexpected compression (gzip)"},
		"breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "vllm:generation_tokens_total 5\n")
		}, "was not counted: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.serve)
			defer server.Close()
			w := New([]Target{target(t, "vllm="+server.URL+"/metrics?token=secret")}, func(_ time.Time, all ...footprint.Count) {
				t.Errorf("counted %v", all)
			})
			w.End(time.Now().Add(20 * time.Second))
			list := w.Last(time.Now().Add(20 * time.Second))
			assert.Empty(t, list)
			warned := w.Warnings()
			require.Len(t, warned, 1)
			assert.Contains(t, warned[0].Text, tt.want)
			assert.NotContains(t, warned[0].Text, "secret")
		})
	}
}

// A look that End interrupts loses nothing that it has seen.
func TestEndWhileLooking(t *testing.T) {
	var mu sync.Mutex
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		n += 10
		fmt.Fprintf(w, "process_start_time_seconds %f\nvllm:generation_tokens_total %d\n", float64(time.Now().UnixMilli())/1e3, n)
	}))
	defer server.Close()
	for range 20 {
		mu.Lock()
		n = 0
		mu.Unlock()
		sum := 0.0
		w := New([]Target{target(t, "vllm="+server.URL)}, func(_ time.Time, all ...footprint.Count) {
			for _, c := range all {
				sum += c.N
			}
		})
		w.End(time.Now().Add(10 * time.Second))
		for _, c := range w.Last(time.Now().Add(10 * time.Second)) {
			sum += c.N
		}
		assert.LessOrEqual(t, sum, 20.0)
		assert.Empty(t, w.Warnings())
	}
}

// Over loopback and by the clock, J per token is right within 1 %: 100 W, and 20,000 tokens
// a second for a second. A machine that is too busy for that now gets a few tries.
func TestJoulesPerTokenOverLoopback(t *testing.T) {
	const rate, watts = 20_000, 100
	var off float64
	for range 8 {
		from := time.Now()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, "vllm:generation_tokens_total{engine=\"0\"} %d\n", int(rate*time.Since(from).Seconds()))
		}))
		j := &job{}
		tracker, err := carbon.Start(t.Context(), carbon.Config{Meters: []energy.Meter{&meter{}}, Work: j})
		require.NoError(t, err)
		j.watch = New([]Target{target(t, "vllm="+server.URL)}, tracker.Counted)
		<-time.After(time.Second)
		j.watch.End(time.Now().Add(90 * time.Millisecond))
		r, err := tracker.Stop()
		require.NoError(t, err)
		server.Close()
		if w := counted(t, r, "output_token"); w.Energy != nil {
			if off = *w.Energy/(float64(watts)/rate) - 1; off > -0.01 && off < 0.01 {
				return
			}
		}
	}
	t.Errorf("J per token was off by %.2f %% in the last of 8 tries", 100*off)
}

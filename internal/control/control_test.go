package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/control"
)

// watts is a counter of constant power that answers after a while, as a GPU's does.
type watts struct {
	component energy.Component
	power     energy.Power
	takes     time.Duration
	start     time.Time
}

func (w *watts) Read(_ context.Context, to []energy.Reading) ([]energy.Reading, error) {
	now := time.Now()
	if w.start.IsZero() {
		w.start = now
	}
	time.Sleep(w.takes)
	return append(to, energy.Reading{
		Component: w.component, Before: now, Time: now, Total: w.power.Over(now.Sub(w.start)), MaxPower: 1000 * energy.Watt,
	}), nil
}

func (*watts) Close() error { return nil }

func component(kind energy.Kind, id string) energy.Component {
	return energy.Component{Kind: kind, ID: id, Basis: energy.Measured, Name: id, Source: "fake", BandLow: 1, BandHigh: 1}
}

// client is the other side.
type client struct {
	t       *testing.T
	tracker *carbon.Tracker
	server  *control.Server
	in      *io.PipeWriter
	out     *bufio.Reader
	close   func()
	stopped chan bool
}

// serve starts a run of 100 W of CPU and 300 W of a GPU.
func serve(t *testing.T) *client {
	t.Helper()
	tracker, err := carbon.Start(context.Background(), carbon.Config{
		Region: "FR", Host: carbon.Host{Root: fstest.MapFS{}}, Run: carbon.Run{Charge: footprint.ChargeMachine},
		Meters: []energy.Meter{
			&watts{component: component(energy.CPU, "package-0"), power: 100 * energy.Watt},
			&watts{component: component(energy.GPU, "GPU-5e"), power: 300 * energy.Watt, takes: 4 * time.Millisecond},
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = tracker.Stop() })
	in, requests := io.Pipe()
	answers, out := io.Pipe()
	c := &client{t: t, tracker: tracker, in: requests, out: bufio.NewReader(answers), stopped: make(chan bool, 1)}
	c.close = func() { _ = answers.Close() }
	t.Cleanup(func() {
		_ = requests.Close()
		c.close()
		c.server.End(control.InputClosed, footprint.Report{}, time.Second)
	})
	c.server = control.New(tracker, out, func(failed bool) { c.stopped <- failed })
	ledger := "/l.csv"
	hello := make(chan error, 1)
	go func() { hello <- c.server.Hello(control.Hello{Version: "1", RunID: "run", PID: 7, Ledger: &ledger}) }()
	h := c.read()
	require.NoError(t, <-hello)
	for key, want := range map[string]any{
		"op": "hello", "protocol": "carbonctl.control/v1", "version": "1", "run_id": "run", "pid": 7.0, "ready": true,
		"charge": "machine", "region": "FR", "ledger": "/l.csv",
	} {
		assert.Equal(t, want, h[key], key)
	}
	assert.Greater(t, h["t"], 0.0)
	go c.server.Serve(in)
	return c
}

func (c *client) read() map[string]any {
	c.t.Helper()
	line, err := c.out.ReadBytes('\n')
	require.NoError(c.t, err)
	var v map[string]any
	require.NoError(c.t, json.Unmarshal(line, &v), "%s", line)
	return v
}

func (c *client) ask(format string, args ...any) map[string]any {
	c.t.Helper()
	_, err := fmt.Fprintf(c.in, format+"\n", args...)
	require.NoError(c.t, err)
	return c.read()
}

func joules(t *testing.T, v any, want, within float64) {
	t.Helper()
	m := v.(map[string]any)
	assert.InDelta(t, want, m["energy_joules"], within)
	got := m["energy_joules"].(float64)
	assert.LessOrEqual(t, first(m, "energy_low_joules", "low_joules"), got)
	assert.GreaterOrEqual(t, first(m, "energy_high_joules", "high_joules"), got)
}

func first(m map[string]any, keys ...string) float64 {
	for _, k := range keys {
		if v, ok := m[k].(float64); ok {
			return v
		}
	}
	return -1
}

func TestAnswersHoldWhatWasUsedByThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t)
		time.Sleep(10 * time.Second)
		a := c.ask(`{"op":"epoch-start","index":3,"of":5}`)
		assert.Equal(t, 1.0, a["n"])
		assert.Equal(t, "epoch-start", a["op"])
		joules(t, a, 4000, 5)
		assert.Nil(t, a["prediction"])
		assert.NotContains(t, a, "epoch")
		assert.Equal(t, map[string]any{}, a["counts"])
		parts := a["components"].([]any)
		require.Len(t, parts, 2)
		joules(t, parts[0], 1000, 1)
		joules(t, parts[1], 3000, 4)
		assert.InDelta(t, 10, a["duration_s"], 0.02)

		time.Sleep(2 * time.Second)
		c.ask(`{"op":"task-start","name":"load","id":"a"}`)
		time.Sleep(time.Second)
		c.ask(`{"op":"task-start","name":"load","id":"b"}`)
		time.Sleep(time.Second)
		a = c.ask(`{"op":"task-end","id":"a"}`)
		task := a["task"].(map[string]any)
		joules(t, task, 800, 4)
		assert.Equal(t, "load", task["name"])
		assert.Equal(t, "epoch 3", task["within"])
		list := task["components"].([]any)
		require.Len(t, list, 2)
		joules(t, list[1], 600, 4)
		assert.Equal(t, "GPU-5e", list[1].(map[string]any)["id"])

		a = c.ask(`{"op":"count","unit":"samples","n":50}`)
		assert.Equal(t, map[string]any{"sample": 50.0}, a["counts"])
		c.ask(`{"op":"count","unit":"sample","n":7}`)

		a = c.ask(`{"op":"epoch-end"}`)
		e := a["epoch"].(map[string]any)
		assert.Equal(t, 3.0, e["index"])
		joules(t, e, 1600, 30)
		assert.NotNil(t, e["predicted_total_g"])
		prediction := a["prediction"].(map[string]any)
		assert.Equal(t, 3.0, prediction["of_epochs"], "from the third on")
		assert.NotContains(t, prediction, "history")

		time.Sleep(1500 * time.Millisecond)
		a = c.ask(`{"op":"report"}`)
		joules(t, a, 400*a["duration_s"].(float64), 8)
		assert.InDelta(t, 15.5, a["duration_s"], 0.1)
		a = c.ask(`{"op":"ready"}`)
		assert.Equal(t, true, a["ready"])
		_, _ = io.WriteString(c.in, `{"op":"stop","status":"failed"}`+"\n")
		assert.True(t, <-c.stopped)
		r, _ := c.tracker.Stop()
		go c.server.End(control.Stopped, r, time.Second)
		last := c.read()
		assert.Equal(t, "end", last["op"])
		assert.Equal(t, "stop", last["why"])
		assert.Equal(t, 10.0, last["n"])
		whole := last["report"].(map[string]any)
		assert.Equal(t, r.RunID, whole["run_id"])
		assert.Equal(t, 57.0, whole["work"].([]any)[0].(map[string]any)["count"])
		require.Len(t, whole["tasks"], 2, "the open one is ended with the run")
	})
}

// What is said late counts from its own time, within bounds.
func TestTheClientsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t)
		time.Sleep(10 * time.Second)
		from := time.Now()
		time.Sleep(500 * time.Millisecond)
		c.ask(`{"op":"task-start","name":"x","t":%f}`, float64(from.UnixMicro())/1e6)
		time.Sleep(500 * time.Millisecond)
		task := c.ask(`{"op":"task-end","t":%f}`, float64(time.Now().Add(time.Hour).Unix()))["task"].(map[string]any)
		joules(t, task, 400, 8)
		assert.InDelta(t, 1, task["duration_s"], 0.01)
	})
}

func TestWrongRequestsChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t)
		n := 0.0
		for _, w := range []struct {
			line, code, text string
			op               any
		}{
			{`hello`, "bad-json", "line 1: not a JSON object", nil},
			{`[1]`, "bad-json", "line 2: not a JSON object", nil},
			{`null`, "bad-json", "line 3: not a JSON object", nil},
			{"{\"op\":\"report\",\"x\":\"\xff\"}", "bad-json", "line 4: not a JSON object", nil},
			{`{}`, "unknown-op", "no op: use one of epoch-start, epoch-end, task-start, task-end, count, report, ready, stop", nil},
			{`{"op":"epoch_start"}`, "unknown-op", `unknown op "epoch_start": use one of epoch-start, epoch-end, task-start, task-end, count, report, ready, stop`, "epoch_start"},
			{`{"op":7}`, "unknown-op", "no op: use one of epoch-start, epoch-end, task-start, task-end, count, report, ready, stop", nil},
			{`{"op":"epoch-start","index":0}`, "bad-key", "epoch-start: index: not a whole number from 1 to 1000000000", "epoch-start"},
			{`{"op":"epoch-start","of":1.5}`, "bad-key", "epoch-start: of: not a whole number from 1 to 1000000000", "epoch-start"},
			{`{"op":"epoch-start","index":"3"}`, "bad-key", "epoch-start: index: not a whole number from 1 to 1000000000", "epoch-start"},
			{`{"op":"epoch-end"}`, "no-epoch", "epoch-end: no open epoch", "epoch-end"},
			{`{"op":"epoch-end","index":2}`, "no-epoch", "epoch-end: no open epoch with index 2", "epoch-end"},
			{`{"op":"task-start"}`, "bad-key", "task-start: name: a task needs one", "task-start"},
			{`{"op":"task-start","name":""}`, "bad-key", "task-start: name: 0 bytes: use 1 to 256", "task-start"},
			{`{"op":"task-start","name":"a\nb"}`, "bad-key", "task-start: name: holds a character that cannot be printed", "task-start"},
			{`{"op":"task-end"}`, "no-task", "task-end: no open task", "task-end"},
			{`{"op":"task-end","id":"8"}`, "no-task", `task-end: no open task with id "8"`, "task-end"},
			{`{"op":"task-end","name":"v"}`, "no-task", `task-end: no open task "v"`, "task-end"},
			{`{"op":"count","n":1}`, "bad-key", "count: unit: not lower case letters, digits and _, such as output_token", "count"},
			{`{"op":"count","unit":"step"}`, "bad-key", "count: n: a count needs one", "count"},
			{`{"op":"count","unit":"step","n":null}`, "bad-key", "count: n: a count needs one", "count"},
			{`{"op":"count","unit":"step","n":-1}`, "bad-key", "count: n: not a whole number from 0 to 9007199254740992", "count"},
			{`{"op":"count","unit":"step","n":1e400}`, "bad-key", "count: n: not a whole number from 0 to 9007199254740992", "count"},
			{`{"op":"stop","status":"done"}`, "bad-key", "stop: status: neither completed nor failed", "stop"},
			{`{"op":"report","t":"now"}`, "bad-key", "report: t: not seconds since 1970", "report"},
			{`{"op":"report","x":"` + strings.Repeat("y", control.MaxLine) + `"}`, "too-long", "line 26: longer than 65536 bytes", nil},
		} {
			a := c.ask("%s", w.line)
			n++
			assert.Equal(t, map[string]any{"n": n, "op": w.op, "code": w.code, "error": w.text}, a)
		}
		c.ask("\n  \n%s", `{"op":"task-start","name":"x","id":"1"}`)
		a := c.ask(`{"op":"task-start","name":"x","id":"1"}`)
		assert.Equal(t, "task-open", a["code"])
		assert.Equal(t, 28.0, a["n"], "empty lines do not count")
		r, _ := c.tracker.Stop()
		require.Len(t, r.Tasks, 1)
		assert.Empty(t, r.Epochs)
		assert.Empty(t, r.Work)
	})
}

func TestOpenOnesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t)
		for range 1000 {
			_, err := io.WriteString(c.in, `{"op":"task-start","name":"x"}`+"\n")
			require.NoError(t, err)
			_, err = c.out.ReadBytes('\n')
			require.NoError(t, err)
		}
		a := c.ask(`{"op":"epoch-start"}`)
		assert.Equal(t, "too-many", a["code"])
		assert.Equal(t, "epoch-start: 1000 epochs and tasks are open", a["error"])
		c.ask(`{"op":"task-end"}`)
		assert.NotContains(t, c.ask(`{"op":"epoch-start"}`), "code")
	})
}

// Who does not read the answers is not waited for: requests are carried out, and what was
// left out is told.
func TestAClientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t)
		for i := range 1500 {
			_, err := io.WriteString(c.in, `{"op":"count","unit":"step","n":1}`+"\n")
			require.NoError(t, err)
			if i == 0 {
				synctest.Wait() // until its answer is being written
			}
		}
		synctest.Wait()
		told := 0.0
		for range 1001 { // one is being written
			a := c.read()
			if d, ok := a["dropped"].(float64); ok {
				told += d
			}
		}
		assert.Equal(t, 499.0, told)
		assert.Equal(t, 1500.0, c.ask(`{"op":"report"}`)["counts"].(map[string]any)["step"])
	})
}

// A reader that is there and does not read, or has gone, holds up no end.
func TestTheEndWithoutAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t)
		_, _ = io.WriteString(c.in, `{"op":"report"}`+"\n")
		synctest.Wait()
		began := time.Now()
		c.server.End(control.ProcessEnded, footprint.Report{}, 2*time.Second)
		assert.Equal(t, 2*time.Second, time.Since(began))
		c.close()

		c = serve(t)
		c.close()
		_, _ = io.WriteString(c.in, `{"op":"count","unit":"step","n":4}`+"\n")
		_ = c.in.Close()
		c.server.Drain(time.Second)
		began = time.Now()
		r, _ := c.tracker.Stop()
		c.server.End(control.InputClosed, r, 2*time.Second)
		assert.Less(t, time.Since(began), 200*time.Millisecond)
		require.Len(t, r.Work, 1)
		assert.Equal(t, 4.0, r.Work[0].Count)
	})
}

// The last line may have no newline.
func TestTheLastRequestNeedsNoNewline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t)
		go func() {
			_, _ = io.WriteString(c.in, `{"op":"count","unit":"step","n":4}`)
			_ = c.in.Close()
		}()
		assert.Equal(t, "count", c.read()["op"])
		<-c.server.Read()
	})
}

func TestRefuse(t *testing.T) {
	var b strings.Builder
	require.NoError(t, control.Refuse(&b, "no-process", "no process 7 <a>"))
	assert.Equal(t, `{"op":"hello","protocol":"carbonctl.control/v1","code":"no-process","error":"no process 7 <a>"}`+"\n", b.String())
}

// Whatever is written, each line that is not empty gets one line of JSON, and nothing
// panics.
func FuzzRequests(f *testing.F) {
	for _, s := range []string{
		`{"op":"epoch-start","index":1,"of":2}` + "\n" + `{"op":"epoch-end"}`, `{"op":"task-start","name":"a"}` + "\r\n{\"op\":\"task-end\"}\n",
		`{"op":"count","unit":"step","n":1e3}`, "\n\n[]\n", `{"op":null}`, `{"op":"report","t":1e300}`, `{"op":"epoch-start","index":1e9}`, strings.Repeat("[", 20000),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "stop") || strings.Contains(s, "ready") {
			return // one ends, one waits
		}
		tracker, err := carbon.Start(context.Background(), carbon.Config{Region: "FR", Host: carbon.Host{Root: fstest.MapFS{}}, Meters: []energy.Meter{&watts{component: component(energy.CPU, "p"), power: energy.Watt}}})
		require.NoError(t, err)
		defer func() { _, _ = tracker.Stop() }()
		var out lockedBuffer
		server := control.New(tracker, &out, func(bool) {})
		server.Serve(strings.NewReader(s))
		want := 1
		for line := range strings.SplitSeq(s, "\n") {
			if strings.TrimSpace(line) != "" || len(line) >= control.MaxLine {
				want++
			}
		}
		server.End(control.InputClosed, footprint.Report{}, 10*time.Second)
		got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if want < 1000 {
			require.Len(t, got, want)
		}
		for _, line := range got {
			require.True(t, json.Valid([]byte(line)), "%s", line)
		}
	})
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

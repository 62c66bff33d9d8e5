//go:build unix

package session_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/ledger"
)

// A test binary is also the helper that sends messages.
func TestMain(m *testing.M) {
	if session.IsHelper(os.Args) {
		os.Exit(session.Help())
	}
	os.Exit(m.Run())
}

// inTime is far below what is waited for where nothing bounds it, and far above
// what the bounds are, on a machine that is busy.
const inTime = 5 * time.Second

// order notes what happens.
type order struct {
	mu  sync.Mutex
	all []string
}

func (o *order) note(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, what)
}

// meter is a counter of 10 W; last is called with the reading that follows the
// command's end.
type meter struct {
	start time.Time
	read  func()
}

func (m *meter) Read(_ context.Context, to []energy.Reading) ([]energy.Reading, error) {
	now := time.Now()
	if m.read != nil {
		m.read()
	}
	return append(to, energy.Reading{
		Component: energy.Component{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Name: "CPU", BandLow: 1, BandHigh: 1},
		Before:    now, Time: now, Total: energy.Joule.Scale(10 * now.Sub(m.start).Seconds()), MaxPower: 100 * energy.Watt,
	}), nil
}

func (*meter) Close() error { return nil }

func metered(read func()) carbon.Config {
	cfg := bare
	cfg.Meters = []energy.Meter{&meter{time.Now(), read}}
	return cfg
}

// The order in which a run ends: the last reading, the budget that it trips, the
// row, the sinks, which get the receipt and all warnings.
func TestTheOrderOfTheEnd(t *testing.T) {
	dir := tempDir(t)
	path := filepath.Join(dir, "l.csv")
	var o order
	script := filepath.Join(dir, "ended")
	read := func() {
		if _, err := os.Stat(script); err == nil {
			o.note("last reading")
		}
	}
	s := sink(func(r footprint.Report) error {
		o.note("sink")
		require.NotNil(t, r.Ledger)
		row, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Contains(t, string(row), r.RunID)
		require.NotNil(t, r.Budget)
		assert.NotNil(t, r.Budget.TrippedAt)
		return nil
	})
	result := run(t, session.Options{
		Tracker: metered(read), Ledger: session.Ledger{Path: path},
		Budget: session.Budget{Limit: "1ms", Action: session.Warn}, Sinks: []session.Sink{{Sink: s}},
		Voice: session.Voice{Say: func(text string) { o.note(strings.SplitN(text, ":", 2)[0]) }},
	}, "sleep 0.05; touch '"+script+"'")
	assert.Equal(t, footprint.Completed, result.Report.Status)
	assert.Equal(t, []string{"last reading", "sink"}, without(o.all, "budget exceeded"))
	assert.Contains(t, o.all, "budget exceeded")
	files, err := os.ReadDir(path + ".d")
	if err == nil { // nothing is left to do, so no journal is
		for _, f := range files {
			assert.NotContains(t, f.Name(), result.Report.RunID+".")
		}
	}
}

func without(list []string, what string) (rest []string) {
	for _, s := range list {
		if s != what {
			rest = append(rest, s)
		}
	}
	return rest
}

// Whatever holds the end up, it is given up in time, and told.
func TestTheEndIsBounded(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	never := sink(func(footprint.Report) error { <-hang; return nil })
	slow := carbonSink(func(ctx context.Context, _ footprint.Report) error { <-ctx.Done(); return ctx.Err() })
	for name, c := range map[string]struct {
		o    session.Options
		hold bool // the ledger's lock
		want string
	}{
		"the ledger's lock":          {hold: true, want: "not in the ledger yet; the next run adds it from its journal"},
		"a sink that never ends":     {o: session.Options{Sinks: []session.Sink{{Sink: never, Failed: "not sent"}}}, want: "not sent: timeout 180 ms"},
		"a sink that takes its time": {o: session.Options{Sinks: []session.Sink{{Sink: slow, Failed: "not sent"}}}, want: "not sent: "},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(tempDir(t), "l.csv")
			c.o.Ledger, c.o.Slack = session.Ledger{Path: path}, 1
			run(t, session.Options{Ledger: c.o.Ledger}, ":") // so that it is there
			if c.hold {
				lock := flock.New(path)
				held, err := lock.TryLock()
				require.True(t, held && err == nil)
				t.Cleanup(func() { _ = lock.Unlock() })
			}
			start := time.Now()
			result := run(t, c.o, "exit 7")
			assert.Less(t, time.Since(start), inTime)
			assert.Equal(t, 7, result.Exit.Code)
			texts := []string{}
			for _, w := range result.Report.Warnings {
				texts = append(texts, w.Text)
			}
			assert.Contains(t, strings.Join(texts, "\n"), c.want)
		})
	}
}

type carbonSink func(context.Context, footprint.Report) error

func (f carbonSink) Report(ctx context.Context, r footprint.Report) error { return f(ctx, r) }

// A run whose row had to wait has it, with its own status, from the next one.
func TestTheNextRunFinishes(t *testing.T) {
	dir := tempDir(t)
	path := filepath.Join(dir, "l.csv")
	run(t, session.Options{Ledger: session.Ledger{Path: path}}, ":")
	lock := flock.New(path)
	held, err := lock.TryLock()
	require.True(t, held && err == nil)
	first := run(t, session.Options{
		Ledger: session.Ledger{Path: path}, Slack: 1,
		Sinks: []session.Sink{{Sink: sink(func(footprint.Report) error { return nil }), Name: "kind", Target: "/there"}},
	}, "exit 9")
	require.Nil(t, first.Report.Ledger)
	gone(t, path)
	require.NoError(t, lock.Unlock())

	got := make(chan footprint.Report, 1)
	second := run(t, session.Options{
		Ledger: session.Ledger{Path: path},
		Redo: func(name, target string) carbon.Sink {
			assert.Equal(t, "kind /there", name+" "+target)
			return sink(func(r footprint.Report) error { got <- r; return nil })
		},
	}, "sleep 0.3")
	require.Len(t, second.Recovered, 1)
	assert.Equal(t, first.Report.RunID, second.Recovered[0].RunID)
	assert.Equal(t, footprint.Failed, second.Recovered[0].Status)
	select {
	case r := <-got:
		assert.Equal(t, first.Report.RunID, r.RunID)
		assert.NotNil(t, r.Ledger)
	default:
		t.Error("what the first run had left undone was not done")
	}
}

// A run that is underway beside this one is named, and our own parent is not.
func TestOtherRuns(t *testing.T) {
	path := filepath.Join(tempDir(t), "l.csv")
	w := ledger.Writer{Path: path} // a run that goes on: its journal is held
	var a footprint.Account
	a.Run.ID = "01980000-0000-7000-8000-000000000001"
	require.NoError(t, w.Checkpoint(a.Report()))
	has := func(parent string) bool {
		cfg := bare
		cfg.Run.Parent = parent
		r := run(t, session.Options{Tracker: cfg, Ledger: session.Ledger{Path: path}}, "sleep 0.3").Report
		return slices.ContainsFunc(r.Warnings, func(w footprint.Warning) bool { return w.Code == footprint.RunsBeside })
	}
	assert.True(t, has(""))
	assert.False(t, has(a.Run.ID))
	require.NoError(t, w.Done())
	assert.False(t, has(""))
}

// Nothing is done in our name that another user has left.
func TestRedoIsForTheOwner(t *testing.T) {
	called := false
	redo := func(string, string) carbon.Sink { called = true; return nil }
	o := ledger.Orphan{Pending: json.RawMessage(`{"sinks":[{"name":"kind","target":"/there"}],"webhook":{"url":"http://127.0.0.1:1/"}}`)}
	require.NoError(t, session.Redo(t.Context(), o, redo, ""))
	assert.False(t, called)
	o.Own = true
	assert.ErrorContains(t, session.Redo(t.Context(), o, redo, ""), "webhook 127.0.0.1:1: ")
	assert.True(t, called)
}

// Five of five: a budget that the last reading passes is acted on as any other.
func TestABudgetIsActedOnAtTheEnd(t *testing.T) {
	for range 5 {
		got := make(chan string, 1)
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got <- string(b)
		}))
		result := run(t, session.Options{Budget: session.Budget{Limit: "1ms", Action: "webhook:" + server.URL + "/secret"}}, "sleep 0.05")
		select {
		case body := <-got:
			assert.Contains(t, body, result.Report.RunID)
			assert.Contains(t, body, "budget exceeded: ")
		case <-time.After(inTime):
			t.Error("the webhook was not called")
		}
		server.Close()

		file := filepath.Join(tempDir(t), "done")
		run(t, session.Options{Budget: session.Budget{Limit: "1ms", Action: "exec:yes | head -1 > '" + file + "'"}}, "sleep 0.05")
		require.Eventually(t, func() bool { b, _ := os.ReadFile(file); return string(b) == "y\n" }, inTime, time.Millisecond)
	}
}

// A service that does not answer keeps nobody, and the message has its helper.
func TestADeadWebhook(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	arrived := make(chan struct{})
	go func() {
		if c, err := l.Accept(); err == nil {
			close(arrived)
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	start := time.Now()
	run(t, session.Options{Slack: 1, Budget: session.Budget{Limit: "1ms", Action: "webhook:http://" + l.Addr().String()}}, "sleep 0.05")
	assert.Less(t, time.Since(start), inTime)
	select {
	case <-arrived:
	case <-time.After(inTime):
		t.Error("the helper did not call")
	}
}

// An error names the host of a webhook and nothing else of its URL.
func TestAWebhookIsASecret(t *testing.T) {
	var mu sync.Mutex
	var said []string
	say := func(text string) { mu.Lock(); said = append(said, text); mu.Unlock() }
	cfg := metered(nil)
	cfg.Every = 10 * time.Millisecond
	run(t, session.Options{
		Tracker: cfg, Budget: session.Budget{Limit: "1ms", Action: "webhook:http://u:secret@127.0.0.1:1/secret?secret"}, Voice: session.Voice{Say: say},
	}, "sleep 1")
	mu.Lock()
	defer mu.Unlock()
	all := strings.Join(said, "\n")
	assert.Contains(t, all, "--on-budget: webhook 127.0.0.1:1: ")
	assert.NotContains(t, all, "secret")
}

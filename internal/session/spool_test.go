//go:build unix

package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/internal/spool"
	"github.com/carbonctl/carbonctl/ledger"
)

// service is a sink that can be down, and follows the run.
type service struct {
	mu          sync.Mutex
	down        error
	checkpoints int
	got         []footprint.Report
}

func (s *service) Checkpoint(footprint.Report) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkpoints++
	return s.down
}

func (*service) Every() time.Duration { return 10 * time.Millisecond }

func (s *service) Report(_ context.Context, r footprint.Report) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down == nil {
		s.got = append(s.got, r)
	}
	return s.down
}

func (s *service) redo(name, target string) carbon.Sink {
	if name+target != "servicethere" {
		return nil
	}
	return s
}

// What a service that is down has not taken, later runs deliver, whether there is a
// ledger or not, and however often they fail too.
func TestTheNextRunDelivers(t *testing.T) {
	for _, kept := range []bool{true, false} {
		down := &deliver.Error{Host: "h", Temporary: true, Text: "connection refused"}
		s := &service{down: down}
		dir := tempDir(t)
		o := session.Options{
			Ledger: session.Ledger{Path: session.None}, Spool: spool.Dir(filepath.Join(dir, "spool")), Redo: s.redo,
			Sinks: []session.Sink{{Sink: s, Failed: "not delivered", Name: "service", Target: "there"}},
		}
		if kept {
			o.Ledger.Path = filepath.Join(dir, "l.csv")
		}
		first := run(t, o, "sleep 0.1").Report
		assert.Contains(t, first.Warnings, footprint.Warning{
			Code: footprint.NotRecorded, Text: "not delivered: h: connection refused; the next run retries",
		})
		assert.Positive(t, s.checkpoints, "it follows the run")
		other := o
		other.Sinks = nil
		run(t, other, "sleep 0.3") // it is still down
		files, err := os.ReadDir(filepath.Join(dir, "spool"))
		require.NoError(t, err)
		assert.Len(t, files, 2, "the report and the lock")

		s.down = nil
		run(t, other, "sleep 0.3")
		require.Len(t, s.got, 1)
		assert.Equal(t, first.RunID, s.got[0].RunID)
		assert.Equal(t, first.Energy, s.got[0].Energy)
		run(t, other, "sleep 0.1")
		assert.Len(t, s.got, 1, "once")
	}
}

// A refusal that would be the same again is not kept.
func TestARefusalIsNotKept(t *testing.T) {
	s := &service{down: &deliver.Error{Host: "h", Status: 400, Text: "no"}}
	dir := spool.Dir(filepath.Join(tempDir(t), "spool"))
	r := run(t, session.Options{
		Spool: dir, Redo: s.redo, Sinks: []session.Sink{{Sink: s, Failed: "not delivered", Name: "service", Target: "there"}},
	}, ":").Report
	assert.Contains(t, r.Warnings, footprint.Warning{Code: footprint.NotRecorded, Text: "not delivered: h: 400 Bad Request: no"})
	assert.NoDirExists(t, string(dir))
}

// Where nothing can be kept the report says that it is lost.
func TestAFullDiskForTheSpool(t *testing.T) {
	file := filepath.Join(tempDir(t), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	s := &service{down: &deliver.Error{Host: "h", Temporary: true, Text: "down"}}
	r := run(t, session.Options{
		Spool: spool.Dir(filepath.Join(file, "spool")), Redo: s.redo,
		Sinks: []session.Sink{{Sink: s, Failed: "not delivered", Name: "service", Target: "there"}},
	}, ":").Report
	n := len(r.Warnings)
	assert.Equal(t, "not delivered: h: down", r.Warnings[n-2].Text, "no run will do it")
	assert.Contains(t, r.Warnings[n-1].Text, "what is undelivered is lost: keep an undelivered report: ")
	assert.NotContains(t, r.Warnings[n-1].Text, ";", "once")
}

// While sinks are waited for the spool has the report already, so that whoever loses patience
// with us loses nothing else; what is delivered is taken out again.
func TestTheSpoolHasWhatSinksAreGiven(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	there := func() int {
		files, _ := filepath.Glob(filepath.Join(dir, "*.json.gz"))
		return len(files)
	}
	meanwhile := 0
	taken := sink(func(footprint.Report) error { meanwhile = there(); return nil })
	down := &service{down: &deliver.Error{Host: "h", Temporary: true, Text: "down"}}
	sinks := []session.Sink{{Sink: taken, Failed: "not sent", Name: "taken", Target: "x"}, {Sink: down, Failed: "not sent", Name: "service", Target: "there"},
		{Sink: &service{down: &deliver.Error{Host: "h", Status: 400}}, Failed: "not sent", Name: "refuses", Target: "x"}}
	run(t, session.Options{FlushWait: time.Minute, Spool: spool.Dir(dir), Sinks: sinks}, ":")
	assert.Equal(t, 3, meanwhile)
	assert.Equal(t, 1, there())
	// A journal has it else, and so has nobody who is not told to wait.
	meanwhile = -1
	run(t, session.Options{Spool: spool.Dir(filepath.Join(dir, "other")), Sinks: sinks[:1]}, ":")
	assert.NoDirExists(t, filepath.Join(dir, "other"))
}

// Where the ledger can't be written there is no journal, and the spool keeps what is left.
func TestTheSpoolStandsInForAJournal(t *testing.T) {
	file := filepath.Join(tempDir(t), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	s := &service{down: &deliver.Error{Host: "h", Temporary: true, Text: "down"}}
	o := session.Options{
		Ledger: session.Ledger{Path: filepath.Join(file, "l.csv")}, Spool: spool.Dir(filepath.Join(tempDir(t), "spool")), Redo: s.redo,
		Sinks: []session.Sink{{Sink: s, Failed: "not delivered", Name: "service", Target: "there"}},
	}
	first := run(t, o, "sleep 0.1").Report
	require.Nil(t, first.Ledger)
	s.down, o.Sinks = nil, nil
	run(t, o, "sleep 0.3")
	require.Len(t, s.got, 1)
	assert.Equal(t, first.RunID, s.got[0].RunID)
}

// What a journal keeps stays there until the spool has it, and a run that has its row is not
// taken for one that was added.
func TestTheSpoolIsFullWhenAJournalIsTaken(t *testing.T) {
	dir := tempDir(t)
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	s := &service{down: &deliver.Error{Host: "h", Temporary: true, Text: "down"}}
	o := session.Options{
		Ledger: session.Ledger{Path: filepath.Join(dir, "l.csv")}, Spool: spool.Dir(filepath.Join(file, "spool")), Redo: s.redo,
		Sinks: []session.Sink{{Sink: s, Failed: "not delivered", Name: "service", Target: "there"}},
	}
	first := run(t, o, "sleep 0.1").Report
	require.NotNil(t, first.Ledger)
	s.down, o.Sinks = nil, nil
	run(t, o, "sleep 0.3")
	assert.Empty(t, s.got, "there was no room")
	o.Spool = spool.Dir(filepath.Join(dir, "spool"))
	result := run(t, o, "sleep 0.3")
	require.Len(t, s.got, 1)
	assert.Equal(t, first.RunID, s.got[0].RunID)
	assert.NotNil(t, s.got[0].Ledger)
	assert.Empty(t, result.Recovered)
}

// Only sinks get more time, and as much as they need of it.
func TestFlushWait(t *testing.T) {
	slow := carbonSink(func(ctx context.Context, _ footprint.Report) error {
		deadline, ok := ctx.Deadline()
		assert.True(t, ok && time.Until(deadline) > time.Hour)
		return nil
	})
	r := run(t, session.Options{FlushWait: 2 * time.Hour, Sinks: []session.Sink{{Sink: slow, Failed: "not sent"}}}, ":").Report
	for _, w := range r.Warnings {
		assert.NotEqual(t, footprint.NotRecorded, w.Code)
	}
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	never := sink(func(footprint.Report) error { <-hang; return nil })
	r = run(t, session.Options{Slack: 1, FlushWait: time.Millisecond, Sinks: []session.Sink{{Sink: never, Failed: "not sent"}}}, ":").Report
	assert.Contains(t, r.Warnings, footprint.Warning{
		Code: footprint.NotRecorded, Text: "not sent: timeout 180 ms after the command's end (--flush-wait 1ms)",
	})
}

// A budget's message that no helper could send is sent by a later run, and kept while its
// receiver is down.
func TestABudgetsMessageIsKept(t *testing.T) {
	var up atomic.Bool
	got := make(chan string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if !up.Load() {
			panic(http.ErrAbortHandler)
		}
		b, _ := io.ReadAll(r.Body)
		got <- string(b)
	}))
	defer server.Close()
	pending := fmt.Sprintf(`{"webhook":{"url":"%s/x","run_id":"run-1","text":"over"}}`, server.URL)
	dir := spool.Dir(filepath.Join(tempDir(t), "spool"))
	o := ledger.Orphan{Own: true, Pending: json.RawMessage(pending)}
	o.RunID = "run-1"
	require.NoError(t, session.Redo(t.Context(), o, nil, dir))
	run(t, session.Options{Spool: dir}, "sleep 0.1")
	up.Store(true)
	run(t, session.Options{Spool: dir}, "sleep 0.3")
	require.Len(t, got, 1)
	m := <-got
	assert.Contains(t, m, `"event":"run.budget"`)
	assert.Contains(t, m, `"run_id":"run-1","text":"over"`)
}

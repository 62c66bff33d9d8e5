//go:build unix

package session_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/ledger"
)

// However late the end of a run is, what the next one makes of it has the status and
// the exit code of its command: with the ledger held, and with a driver that hangs in
// the last reading too.
func TestTheEndIsInTheJournal(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		t.Run(fmt.Sprintf("hangs=%v", hangs), func(t *testing.T) {
			dir := tempDir(t)
			path, ended := filepath.Join(dir, "l.csv"), filepath.Join(dir, "ended")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			lock := flock.New(path)
			held, err := lock.TryLock()
			require.True(t, held && err == nil)
			hang := make(chan struct{})
			var once sync.Once
			free := func() { once.Do(func() { close(hang) }) }
			t.Cleanup(free)
			cfg := metered(func() {
				if _, err := os.Stat(ended); hangs && err == nil {
					<-hang
				}
			})
			result := run(t, session.Options{Tracker: cfg, Ledger: session.Ledger{Path: path}, Slack: 1}, "touch '"+ended+"'; exit 7")
			assert.Equal(t, 7, result.Exit.Code)
			assert.Equal(t, footprint.Failed, result.Report.Status)
			assert.Nil(t, result.Report.Ledger)
			assert.False(t, result.Lost)
			gone(t, path)
			require.NoError(t, lock.Unlock())
			got, err := ledger.Writer{Path: path}.Recover(t.Context())
			require.NoError(t, err)
			require.Len(t, got, 1)
			assert.Equal(t, footprint.Failed, got[0].Status)
			require.NotNil(t, got[0].ExitCode)
			assert.Equal(t, 7, *got[0].ExitCode)
			free()
		})
	}
}

// Whoever can't be told of it, a budget stops the command.
func TestABudgetStopsUnheard(t *testing.T) {
	unread := make(chan struct{})
	cfg := metered(nil)
	cfg.Every = 10 * time.Millisecond
	result := run(t, session.Options{
		Tracker: cfg, Slack: 1, Budget: session.Budget{Limit: "1ms", Action: "stop", Grace: time.Minute},
		Voice: session.Voice{Say: func(string) { <-unread }},
	}, "exec sleep 60")
	close(unread)
	assert.Equal(t, "TERM", result.Exit.SignalName())
}

// A message that was sent is not sent again by the run that makes the row.
func TestAMessageIsSentOnce(t *testing.T) {
	path := filepath.Join(tempDir(t), "l.csv")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	lock := flock.New(path)
	held, err := lock.TryLock()
	require.True(t, held && err == nil)
	got := make(chan struct{}, 9)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got <- struct{}{} }))
	defer server.Close()
	budget := session.Budget{Limit: "1ms", Action: "webhook:" + server.URL}
	first := run(t, session.Options{Ledger: session.Ledger{Path: path}, Budget: budget, Slack: time.Second}, "sleep 0.05")
	require.Nil(t, first.Report.Ledger)
	select {
	case <-got:
	case <-time.After(inTime):
		t.Fatal("it was not sent")
	}
	gone(t, path)
	require.NoError(t, lock.Unlock())
	second := run(t, session.Options{Ledger: session.Ledger{Path: path}}, "sleep 0.3")
	require.Len(t, second.Recovered, 1)
	assert.Empty(t, got)
}

// gone waits until no run has its journal any more: what has given up waiting lets go of
// it in its own time here, where the process does not end with the run.
func gone(t *testing.T, path string) {
	t.Helper()
	require.Eventually(t, func() bool { return ledger.Underway(path, 9, func(string) bool { return false }) == nil }, inTime, time.Millisecond)
}

// Runs too short for all that others have left behind do a part of it each, and none
// waits for all.
func TestShortRunsRecoverInTurn(t *testing.T) {
	path := filepath.Join(tempDir(t), "l.csv")
	const n = 60
	for i := range n {
		leaveJournal(t, path, fmt.Sprintf("run-%03d", i))
	}
	left := n
	for tries := 0; left > 0; tries++ {
		require.Less(t, tries, n, "each run takes some")
		start := time.Now()
		left -= len(run(t, session.Options{Ledger: session.Ledger{Path: path}, Slack: time.Second}, ":").Recovered)
		assert.Less(t, time.Since(start), 3*inTime)
	}
	again, err := ledger.Writer{Path: path}.Recover(context.Background())
	require.NoError(t, err)
	assert.Empty(t, again)
}

// leaveJournal leaves the journal of a run whose process was killed: a lock that
// nobody holds.
func leaveJournal(t *testing.T, path, id string) {
	t.Helper()
	w := ledger.Writer{Path: path}
	var a footprint.Account
	a.Run.ID = id
	require.NoError(t, w.Checkpoint(a.Report()))
	name := filepath.Join(path+".d", id+".lock")
	by, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.Remove(name))
	require.NoError(t, os.WriteFile(name, by, 0o600)) // another file of that name: it is free
}

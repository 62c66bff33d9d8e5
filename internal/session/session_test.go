//go:build unix

package session_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/session"
)

// bare is a machine that has no counters.
var bare = carbon.Config{Region: "FR", Every: time.Second, Host: carbon.Host{Root: fstest.MapFS{}}}

// run runs a shell's command from open to finish.
func run(t *testing.T, o session.Options, script string) session.Result {
	t.Helper()
	o.Args = []string{"/bin/sh", "-c", script}
	if o.Tracker.Region == "" {
		o.Tracker = bare
	}
	if o.Ledger.Path == "" {
		o.Ledger.Path = session.None
	}
	if o.Slack == 0 {
		o.Slack = inTime // what a test is about does not depend on the disk
	}
	s, err := session.Open(o)
	require.NoError(t, err)
	require.NoError(t, s.Start(context.Background()))
	defer s.Close()
	s.Wait()
	return s.Finish(context.Background())
}

// tempDir is a directory to which what a run has given up may still write: here the process
// does not end with the run.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "session")
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.Eventually(t, func() bool { return os.RemoveAll(dir) == nil }, inTime, time.Millisecond)
	})
	return dir
}

// sink is a function that takes reports.
type sink func(footprint.Report) error

func (f sink) Report(_ context.Context, r footprint.Report) error { return f(r) }

func TestASinkGetsTheWholeReport(t *testing.T) {
	var got footprint.Report
	keep := sink(func(r footprint.Report) error { got = r; return nil })
	fails := sink(func(footprint.Report) error { return errors.New("no such service") })
	result := run(t, session.Options{
		Ledger:   session.Ledger{Path: tempDir(t) + "/l.csv"},
		Sinks:    []session.Sink{{Sink: fails, Failed: "not sent"}, {Sink: keep}},
		Warnings: []footprint.Warning{{Code: footprint.ConfigIgnored, Text: "a key"}},
	}, "exit 3")
	assert.Equal(t, 3, result.Exit.Code)
	assert.Equal(t, footprint.Failed, got.Status)
	assert.NotNil(t, got.Ledger, "the receipt is in it")
	assert.Contains(t, got.Warnings, footprint.Warning{Code: footprint.ConfigIgnored, Text: "a key"})
	assert.Contains(t, result.Report.Warnings, footprint.Warning{Code: footprint.NotRecorded, Text: "not sent: no such service"})
}

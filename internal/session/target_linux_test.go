package session_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/attach"
	"github.com/carbonctl/carbonctl/internal/session"
)

// follow tracks a process that runs already, until it ends.
func follow(t *testing.T, o session.Options, script string) (session.Result, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var err error
	o.Target, err = attach.Process(cmd.Process.Pid)
	require.NoError(t, err)
	o.Tracker, o.Slack = bare, inTime
	s, err := session.Open(o)
	require.NoError(t, err)
	require.NoError(t, s.Start(context.Background()))
	s.Kept(inTime)
	s.Wait()
	r := s.Finish(context.Background())
	s.Close()
	return r, cmd
}

// A process that is followed ends as a command does: last reading, row, sinks.
func TestAFollowedProcessEndsAsACommand(t *testing.T) {
	var got footprint.Report
	keep := sink(func(r footprint.Report) error { got = r; return nil })
	result, _ := follow(t, session.Options{
		Ledger: session.Ledger{Path: tempDir(t) + "/l.csv"}, Sinks: []session.Sink{{Sink: keep}},
		Epochs: session.Epochs{Planned: 3},
	}, "sleep 0.2")
	assert.Equal(t, footprint.Completed, result.Report.Status)
	assert.Nil(t, result.Report.ExitCode)
	assert.NotNil(t, got.Ledger)
	assert.Contains(t, codes(got), footprint.ExitUnknown)
	assert.NotContains(t, codes(got), footprint.EpochUnseen, "its output is not ours")
}

func codes(r footprint.Report) (all []string) {
	for _, w := range r.Warnings {
		all = append(all, w.Code)
	}
	return all
}

// A budget that is to stop the work stops the process.
func TestABudgetStopsAFollowedProcess(t *testing.T) {
	began := time.Now()
	result, _ := follow(t, session.Options{
		Ledger: session.Ledger{Path: session.None}, Budget: session.Budget{Limit: "1ms", Action: "stop", Grace: time.Minute},
	}, "exec sleep 60")
	assert.Less(t, time.Since(began), 30*time.Second)
	require.NotNil(t, result.Report.Budget)
	assert.NotNil(t, result.Report.Budget.TrippedAt)
}

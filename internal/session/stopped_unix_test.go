//go:build unix

package session_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/internal/spool"
)

// TestASignalEndsTheWaitForSinks: the command has ended, so that it is for us. The report is kept.
func TestASignalEndsTheWaitForSinks(t *testing.T) {
	require.Contains(t, child.Stopping(), os.Signal(syscall.SIGTERM))
	for _, s := range child.Stopping() { // nohup ignores some
		hang := make(chan struct{})
		slow := sink(func(footprint.Report) error {
			_ = syscall.Kill(syscall.Getpid(), s.(syscall.Signal))
			<-hang
			return nil
		})
		dir := spool.Dir(tempDir(t))
		begun := time.Now()
		r := run(t, session.Options{FlushWait: time.Minute, Spool: dir, Sinks: []session.Sink{{Sink: slow, Failed: "not sent", Name: "slow", Target: "x"}}}, ":").Report
		require.Less(t, time.Since(begun), 30*time.Second, s)
		assert.Contains(t, r.Warnings, footprint.Warning{Code: footprint.NotRecorded, Text: "not sent: stopped by a signal; the next run retries"}, s)
		close(hang)
	}
}

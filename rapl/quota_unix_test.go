//go:build unix

package rapl_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// In real time, stopped for 70 ms in each 100 wherever it is, as a CPU quota of 0.3
// does: the same holds as beside busy goroutines, which are there too.
func TestUnderAQuota(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestBesideBusyGoroutines$", "-test.v")
	out, err := os.CreateTemp(t.TempDir(), "out")
	require.NoError(t, err)
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			text, _ := os.ReadFile(out.Name())
			assert.NoError(t, err, "%s", text)
			t.Logf("%s", text)
			return
		case <-time.After(30 * time.Millisecond):
		}
		_ = cmd.Process.Signal(syscall.SIGSTOP) // it may have ended
		time.Sleep(70 * time.Millisecond)
		_ = cmd.Process.Signal(syscall.SIGCONT)
	}
}

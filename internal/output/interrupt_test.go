//go:build linux

package output

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// interrupted is the variable that makes this test binary the command that is interrupted.
const interrupted = "CARBONCTL_TEST_INTERRUPTED"

// Who interrupts a command gets a clean line, and the shell its signal.
func TestAnInterruptErasesTheLine(t *testing.T) {
	if os.Getenv(interrupted) != "" {
		s := NewStatus(os.Stderr, func(string) string { return "" })
		s.EraseOnInterrupt()
		s.Every(0, time.Millisecond, func() string { return "half way" })
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAnInterruptErasesTheLine$")
	cmd.Env = append(os.Environ(), interrupted+"=1")
	tty, err := pty.Start(cmd)
	require.NoError(t, err)
	defer tty.Close()
	timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	var all []byte
	sent := false
	for {
		b := make([]byte, 1<<12)
		n, err := tty.Read(b)
		all = append(all, b[:n]...)
		if !sent && bytes.Contains(all, []byte("half way")) {
			sent = true
			_, err := tty.Write([]byte{3}) // Ctrl-C
			require.NoError(t, err)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.EIO) {
			break
		}
		require.NoError(t, err)
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	status := exit.Sys().(syscall.WaitStatus)
	assert.True(t, status.Signaled() && status.Signal() == syscall.SIGINT, "%v", err)
	assert.True(t, bytes.HasSuffix(all, []byte(eraseLine)), "%q", all)
}

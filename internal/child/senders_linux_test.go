package child

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func timeoutTool(t *testing.T) string {
	t.Helper()
	tool, err := exec.LookPath("timeout")
	if err != nil {
		t.Skip("no timeout(1) on this machine")
	}
	return tool
}

func TestBelowTimeout(t *testing.T) {
	tool := timeoutTool(t)
	for option, want := range map[string]string{"-v": "true", "--foreground": "false"} {
		// A shell in between changes nothing: it is the group that counts. The
		// group is a new one also for --foreground, with timeout as its leader.
		c := exec.Command(tool, append([]string{option, "1000", "/bin/sh", "-c", `"$@"; exit $?`, "sh"}, self("below-timeout")...)...)
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		out, err := c.Output()
		require.NoError(t, err)
		assert.Equal(t, want, string(out), option)
	}
}

// What timeout sends to its group reaches the command once; what somebody sends to us
// alone reaches it too, before that and after.
func TestSignalsBelowTimeout(t *testing.T) {
	for _, c := range []struct {
		name   string
		script []string
	}{
		{"parent", nil},
		{"further up", []string{"/bin/sh", "-c", `trap : USR1; "$@" & while wait $!; test $? -gt 128; do :; done`, "sh"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{timeoutTool(t), "-s", "USR1", "1000"}, c.script...)
			args = append(append(args, self("wrap", "auto")...), self("signals")...)
			w := exec.Command(args[0], args[1:]...)
			w.Env = append(os.Environ(), "RESULT=")
			out, err := w.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, w.Start())
			lines := bufio.NewScanner(out)
			next := func() string { lines.Scan(); return lines.Text() }
			var command, wrapper int
			_, err = fmt.Sscanf(next(), "ready %d %d", &command, &wrapper)
			require.NoError(t, err)

			require.NoError(t, syscall.Kill(wrapper, syscall.SIGUSR1))
			assert.Equal(t, syscall.SIGUSR1.String(), next(), "to us alone")
			// timeout does on this signal what it does when the time is up.
			require.NoError(t, w.Process.Signal(syscall.SIGUSR1))
			assert.Equal(t, syscall.SIGUSR1.String(), next(), "to the group")
			require.NoError(t, syscall.Kill(wrapper, syscall.SIGUSR2))
			assert.Equal(t, syscall.SIGUSR2.String(), next(), "and only once")
			require.NoError(t, syscall.Kill(wrapper, syscall.SIGTERM))
			assert.Equal(t, syscall.SIGTERM.String(), next())
			assert.Empty(t, next())
			_ = w.Wait() // its exit code is timeout's business
		})
	}
}

func TestWhoSentASignal(t *testing.T) {
	const term = syscall.SIGTERM
	judge := func(s senders, sig syscall.Signal, ago time.Duration) []any {
		wait, on := s.judge(sig, ago)
		return []any{max(wait, 0), on}
	}
	send, drop := []any{time.Duration(0), true}, []any{time.Duration(0), false}
	later := func(d time.Duration) []any { return []any{d, true} }

	assert.Equal(t, send, judge(senders{}, term, 0))
	step := senders{step: true}
	assert.Equal(t, later(goneWait), judge(step, term, 0))
	assert.Equal(t, send, judge(step, term, goneWait), "it still lives")
	_, on := step.judge(syscall.SIGUSR1, 0)
	assert.False(t, on)

	// This process stands in for a leader; bit by bit what it is seen to ignore.
	const bit = 1 << (term - 1)
	me := os.Getpid()
	assert.Equal(t, later(timeoutWait), judge(senders{timeout: me, seen: bit}, term, 0), "a second one may come")
	assert.Equal(t, drop, judge(senders{timeout: me, seen: bit}, term, timeoutWait))
	assert.Equal(t, send, judge(senders{timeout: me}, term, timeoutWait))
	assert.Equal(t, send, judge(senders{timeout: me, seen: bit, past: bit}, term, timeoutWait), "ignored from the start")
	gone := senders{timeout: 1 << 30}
	assert.Equal(t, later(goneWait-timeoutWait), judge(gone, term, timeoutWait))
	assert.Equal(t, send, judge(gone, term, goneWait))

	s := senders{timeout: me, seen: bit}
	_, on = s.judge(term, timeoutWait)
	assert.False(t, on)
	_, on = s.judge(term, timeoutWait)
	assert.True(t, on, "it sends each once")
}

// In a step slurmstepd has sent TERM to the command as well: only one that goes on
// gets ours.
func TestTermInAStep(t *testing.T) {
	w := talk(t, []string{"RESULT=", "SLURM_STEP_ID=0"}, append(self("wrap", "auto"), self("signals")...)...)
	require.NoError(t, w.Process.Signal(syscall.SIGHUP))
	require.NoError(t, w.Process.Signal(syscall.SIGUSR1))
	require.NoError(t, w.Process.Signal(syscall.SIGTERM))
	assert.Equal(t, syscall.SIGTERM.String(), w.next(), "and none of the others")
	assert.Error(t, w.Wait())
}

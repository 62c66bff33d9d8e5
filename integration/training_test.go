package integration

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// python is Debian's, for which its packages are.
const python = "/usr/bin/python3"

// trainings are the programs in testdata: how many epochs each has, and its exit
// code.
var trainings = []struct {
	name         string
	epochs, code int
}{
	{"boost.py", 6, 0},
	{"net.py", 4, 0},
	{"mnist.py", 3, 3},
	{"transfer.py", 3, 0},
	{"bars.py", 4, 0},
	{"bar.py", 5, 0},
}

// TestTrainingPrograms runs each by itself and under the command, in a pipe and in a
// terminal. It must print the same, to the byte, and its epochs must be found.
func TestTrainingPrograms(t *testing.T) {
	for _, p := range trainings {
		for where, run := range map[string]func(desk, ...string) (string, string, int){"pipe": inPipe, "terminal": inTerminal} {
			t.Run(p.name+" in a "+where, func(t *testing.T) {
				t.Parallel()
				d := newDesk(t)
				program := []string{python, script(t, "clock.py"), script(t, p.name)}
				out, messages, code := run(d, program...)
				require.Equal(t, p.code, code, "%s%s", out, messages)

				watched := append([]string{"carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "none", "--epoch-preset", "auto", "--json-file", "run.json", "--"}, program...)
				gotOut, gotMessages, code := run(d, watched...)
				assert.Equal(t, p.code, code)
				assert.Equal(t, out, gotOut)
				assert.Equal(t, messages, gotMessages)

				r := d.report("run.json")
				assert.Equal(t, p.code, *r.ExitCode)
				checkEpochs(t, r, p.epochs)
			})
		}
	}
}

// TestEventsFromPython takes what docs/epochs.md says of Python at its word.
func TestEventsFromPython(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, messages, code := inPipe(d, "carbonctl", "wrap", "-q", "--region", "FR", "--ledger", "none", "--json-file", "run.json", "--", python, script(t, "events.py"))
	require.Zero(t, code, messages)
	r := d.report("run.json")
	checkEpochs(t, r, 3)
	require.Len(t, r.Tasks, 3)
	for i, task := range r.Tasks {
		assert.Equal(t, "validate", task.Name)
		assert.True(t, task.Ended && r.Epochs[i].Ended)
		assert.LessOrEqual(t, task.DurationS, r.Epochs[i].DurationS)
	}
}

// checkEpochs asks for n epochs in their order, which add up to the run.
func checkEpochs(t *testing.T, r footprint.Report, n int) {
	t.Helper()
	require.Len(t, r.Epochs, n)
	require.NotNil(t, r.Between)
	var sum energy.Energy
	for i, e := range r.Epochs {
		assert.Equal(t, i+1, e.Index)
		assert.False(t, i > 0 && e.StartedAt.Before(r.Epochs[i-1].StartedAt), "epoch %d begins before the one before it", e.Index)
		sum += e.Energy
	}
	assert.Equal(t, r.Energy, sum+r.Between.Energy)
	assert.Positive(t, r.Energy)
}

// script is the path of a file in testdata.
func script(t *testing.T, name string) string {
	path, err := filepath.Abs(filepath.Join("testdata", name))
	require.NoError(t, err)
	return path
}

// training prepares a program that uses one processor, so that it computes the same
// each time, and that leaves nothing behind.
func (d desk) training(args ...string) *exec.Cmd {
	c := d.command(args[0], args[1:]...)
	c.Env = append(c.Env, "OMP_NUM_THREADS=1", "PYTHONDONTWRITEBYTECODE=1")
	return c
}

func inPipe(d desk, args ...string) (out, messages string, code int) {
	c := d.training(args...)
	var o, m bytes.Buffer
	c.Stdout, c.Stderr = &o, &m
	var exit *exec.ExitError
	if err := c.Run(); !errors.As(err, &exit) {
		require.NoError(d, err)
	}
	return o.String(), m.String(), c.ProcessState.ExitCode()
}

// inTerminal runs a program in a terminal of 80 columns, which shows its output and
// its messages as one.
func inTerminal(d desk, args ...string) (out, messages string, code int) {
	c := d.training(args...)
	c.SysProcAttr = nil // a session of its own comes with the terminal
	tty, err := pty.StartWithSize(c, &pty.Winsize{Rows: 24, Cols: 80})
	require.NoError(d, err)
	defer tty.Close()
	b, err := io.ReadAll(tty)
	if !errors.Is(err, syscall.EIO) { // how Linux says that nobody has it open any more
		require.NoError(d, err)
	}
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) {
		require.NoError(d, err)
	}
	return string(b), "", c.ProcessState.ExitCode()
}

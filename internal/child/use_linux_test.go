package child

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The CPU time of 200 short processes and of an orphan in another session is
// told in full, against what they say of themselves.
func TestWholeTree(t *testing.T) {
	out, r := wrapped(t, "", self("tree", "200", "150ms")...)
	require.Equal(t, 3, r.Code)
	var n int64
	_, err := fmt.Sscanf(out, "spent %d", &n)
	require.NoError(t, err)
	truth := time.Duration(n)
	t.Logf("told %v of %v: %.1f %%", r.Use.CPU, truth, 100*float64(r.Use.CPU)/float64(truth))
	assert.Greater(t, truth, 350*time.Millisecond)
	assert.GreaterOrEqual(t, float64(r.Use.CPU), 0.95*float64(truth))
	// More than they say is what they need to end after saying it.
	assert.LessOrEqual(t, float64(r.Use.CPU), 1.5*float64(truth))
	assert.True(t, r.Use.Whole)
	assert.Zero(t, r.Use.Processes)
}

// What a living process has used is told while it runs, and never falls.
func TestUseInMidRun(t *testing.T) {
	in, hold, err := os.Pipe()
	require.NoError(t, err)
	out, put, err := os.Pipe()
	require.NoError(t, err)
	p, err := Command{Args: self("burn", "200ms", "hold"), Stdin: in, Stdout: put, Below: below}.Start(nil)
	require.NoError(t, err)
	defer p.Close()
	in.Close()
	put.Close()

	var n int64
	_, err = fmt.Fscanf(out, "spent %d\n", &n)
	require.NoError(t, err)
	first := p.Use()
	assert.Equal(t, 1, first.Processes)
	assert.True(t, first.Whole)
	assert.Greater(t, first.RSS, uint64(100_000))
	assert.GreaterOrEqual(t, first.CPU, time.Duration(n)-30*time.Millisecond, "utime and stime are rounded to ticks of 10 ms")

	hold.Close()
	_, err = p.Wait()
	require.NoError(t, err)
	last := p.Use()
	assert.GreaterOrEqual(t, last.CPU, first.CPU)
	assert.GreaterOrEqual(t, last.CPU, time.Duration(n))
	assert.Zero(t, last.Processes)
	assert.True(t, last.Whole)
}

func TestUseNeverFalls(t *testing.T) {
	told := []Live{{Processes: 1, CPU: time.Second, RSS: 1}, {Processes: 2, CPU: time.Minute, RSS: 2}, {Processes: 1, CPU: time.Second, RSS: 3, Edge: time.Millisecond}}
	i := 0
	p := &Process{}
	p.orphans = true
	p.base, _ = children()
	p.below = func(int) (Live, bool) { i++; return told[i-1], true }
	assert.Equal(t, Use{CPU: time.Second, RSS: 1, Processes: 1, Whole: true, Edge: 0}, p.Use())
	assert.Equal(t, Use{CPU: time.Minute, RSS: 2, Processes: 2, Whole: true, Edge: 0}, p.Use())
	assert.Equal(t, Use{CPU: time.Minute, RSS: 3, Processes: 1, Whole: true, Edge: time.Millisecond}, p.Use())

	p.below = func(int) (Live, bool) { return Live{}, false }
	assert.Equal(t, Use{CPU: time.Minute, RSS: 0, Processes: 1, Whole: false, Edge: 0}, p.Use())
	p.below = nil
	assert.Equal(t, Use{CPU: time.Minute, RSS: 0, Processes: 1, Whole: false, Edge: 0}, p.Use())
}

// A daemon that goes on does not keep us, and is declared.
func TestEscaped(t *testing.T) {
	for _, look := range []func(int) (Live, bool){below, nil} {
		in, hold, err := os.Pipe()
		require.NoError(t, err)
		out, put, err := os.Pipe()
		require.NoError(t, err)
		p, err := Command{Args: self("orphan", "50ms", "hold"), Stdin: in, Stdout: put, Below: look}.Start(nil)
		require.NoError(t, err)
		in.Close()
		put.Close()

		exit, err := p.Wait()
		require.NoError(t, err)
		assert.Zero(t, exit.Code)
		lines := bufio.NewReader(out)
		var pid int
		var n int64
		_, err = fmt.Fscanf(lines, "orphan %d\nspent %d\n", &pid, &n)
		require.NoError(t, err)
		use := p.Use()
		assert.Equal(t, 1, use.Processes)
		assert.Equal(t, look != nil, use.Whole)
		if look != nil {
			assert.GreaterOrEqual(t, use.CPU, time.Duration(n)-30*time.Millisecond)
		}

		hold.Close()
		_, err = io.ReadAll(lines)
		require.NoError(t, err)
		for p.Use().Processes > 0 { // it ends right after it closed its output
		}
		assert.GreaterOrEqual(t, p.Use().CPU, time.Duration(n))
		assert.True(t, p.Use().Whole)
		p.Close()
	}
}

// Children from before the start are not the command's.
func TestOrigin(t *testing.T) {
	args := self("burn", "100ms", "hold")
	c := exec.Command(args[0], args[1:]...)
	hold, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)

	p, err := Command{Args: []string{"/bin/sh", "-c", ":"}, Below: below}.Start(nil)
	require.NoError(t, err)
	defer p.Close()
	_, err = p.Wait()
	require.NoError(t, err)
	assert.Less(t, p.Use().CPU, 80*time.Millisecond)

	hold.Close()
	for p.Use().Processes > 0 {
	}
	assert.ErrorIs(t, c.Wait(), unix.ECHILD, "this package waits for all children")
}

func TestForeground(t *testing.T) {
	for _, c := range []struct {
		args []string
		want bool
	}{
		{nil, false},
		{[]string{"timeout", "10", "cmd", "--foreground"}, false},
		{[]string{"timeout", "--foreground", "10", "cmd"}, true},
		{[]string{"timeout", "--fore", "10", "cmd"}, true},
		{[]string{"timeout", "-f", "10", "cmd"}, true},
		{[]string{"timeout", "-vf", "10", "cmd"}, true},
		{[]string{"timeout", "-k", "5", "-f", "10", "cmd"}, true},
		{[]string{"timeout", "-k5f", "10", "cmd", "-f"}, false},
		{[]string{"timeout", "-s", "-f", "10", "cmd"}, false},
		{[]string{"timeout", "--signal", "INT", "--foreground", "10"}, true},
		{[]string{"timeout", "--signal=INT", "10", "--foreground"}, false},
		{[]string{"timeout", "--kill-after", "--foreground", "10"}, false},
		{[]string{"timeout", "--", "--foreground"}, false},
		{[]string{"timeout", "-", "-f"}, false},
	} {
		assert.Equal(t, c.want, foreground(c.args), c.args)
	}
}

// Start, wait and look, against the least that anybody can do.
func BenchmarkRun(b *testing.B) {
	args := []string{"/bin/true"}
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			pid, err := unixForkExec(args)
			require.NoError(b, err)
			_, err = unix.Wait4(pid, nil, 0, nil)
			require.NoError(b, err)
		}
	})
	b.Run("child", func(b *testing.B) {
		for b.Loop() {
			p, err := Command{Args: args, Below: below}.Start(nil)
			require.NoError(b, err)
			_, err = p.Wait()
			require.NoError(b, err)
			p.Use()
			p.Close()
		}
	})
}

// What is started aside is none of the command's: neither while it lives nor when
// it has ended.
func TestAside(t *testing.T) {
	in, hold, err := os.Pipe()
	require.NoError(t, err)
	p, err := Command{Args: []string{"/bin/sh", "-c", "read x"}, Stdin: in, Below: below}.Start(nil)
	require.NoError(t, err)
	defer p.Close()
	in.Close()
	out, put, err := os.Pipe()
	require.NoError(t, err)
	before, _ := children()
	var pid int
	require.NoError(t, p.Aside(func() (int, error) {
		args := self("burn", "150ms")
		proc, err := os.StartProcess(args[0], args, &os.ProcAttr{Files: []*os.File{nil, put, put}})
		if err == nil {
			pid = proc.Pid
			_ = proc.Release()
		}
		return pid, err
	}))
	assert.True(t, p.IsAside(pid))
	put.Close()
	_, err = io.ReadAll(out) // it has ended, or is about to
	require.NoError(t, err)
	waited := make(chan struct{})
	go func() { defer close(waited); _, _ = p.Wait() }()
	for p.IsAside(pid) {
		time.Sleep(time.Millisecond) // until it was waited for
	}
	hold.Close()
	<-waited
	after, _ := children()
	assert.GreaterOrEqual(t, after-before, 100*time.Millisecond)
	assert.Less(t, p.Use().CPU, 80*time.Millisecond)
	assert.Error(t, p.Aside(func() (int, error) { return 0, os.ErrNotExist }))
}

//go:build unix

package child

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExit(t *testing.T) {
	for _, c := range []struct {
		sh   string
		want Exit
	}{
		{"exit 0", Exit{}},
		{"exit 1", Exit{Code: 1}},
		{"exit 255", Exit{Code: 255}},
		{"kill -9 $$", Exit{Code: 137, Signal: syscall.SIGKILL}},
		{"kill -TERM $$", Exit{Code: 143, Signal: syscall.SIGTERM, Interrupted: true}},
		{"kill -INT $$", Exit{Code: 130, Signal: syscall.SIGINT, Interrupted: true}},
		{"kill -PIPE $$", Exit{Code: 141, Signal: syscall.SIGPIPE}},
		{"kill -USR1 $$", Exit{Code: 128 + int(syscall.SIGUSR1), Signal: syscall.SIGUSR1}},
	} {
		t.Run(c.sh, func(t *testing.T) {
			p, err := Command{Args: []string{"/bin/sh", "-c", c.sh}}.Start(nil)
			require.NoError(t, err)
			defer p.Close()
			got, err := p.Wait()
			require.NoError(t, err)
			assert.NotZero(t, got.MaxRSS)
			again, err := p.Wait()
			require.NoError(t, err)
			assert.Equal(t, got, again)
			got.MaxRSS = 0
			assert.Equal(t, c.want, got)
			assert.Zero(t, p.Use().Processes)
		})
	}
}

func TestCannotRun(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), mode))
		return file
	}
	require.NoError(t, os.Mkdir(dir+"/bin", 0o700))
	require.NoError(t, os.Mkdir(dir+"/bin/sub", 0o700))
	write("bin/plain", "", 0o600)
	write("bin/tool", "#!/bin/sh\nexit 4\n", 0o700)
	inPath := []string{"PATH=" + dir + "/none:" + dir + "/bin"}

	for _, c := range []struct {
		what string
		args []string
		env  []string
		code int
		says string
	}{
		{"nothing", nil, nil, 125, "no command"},
		{"empty name", []string{""}, nil, 127, ""},
		{"no such name", []string{"carbonctl-no-such-program"}, nil, 127, "not in PATH"},
		{"no such file", []string{dir + "/none"}, nil, 127, "no such file"},
		{"directory", []string{dir}, nil, 126, "directory"},
		{"no x bit", []string{write("noexec", "#!/bin/sh\n", 0o600)}, nil, 126, "permission denied"},
		{"no x bit, in PATH", []string{"plain"}, inPath, 126, dir + "/bin/plain"},
		{"directory in PATH", []string{"sub"}, inPath, 126, "directory"},
		{"below a file", []string{write("file", "", 0o600) + "/x"}, nil, 126, "not a directory"},
		{"no interpreter", []string{write("lost", "#!/no/such/interpreter\n", 0o700)}, nil, 127, "interpreter"},
		{"interpreter no program", []string{write("odd", "#!"+dir+"/noexec\n", 0o700)}, nil, 126, "permission denied"},
		{"binary of no format", []string{write("binary", "\x7fxyz\x00\x01", 0o700)}, nil, 126, "exec format"},
		{"too long", []string{"/bin/sh", "-c", ":", strings.Repeat("x", 8<<20)}, nil, 126, "argument list too long"},
	} {
		t.Run(c.what, func(t *testing.T) {
			p, err := Command{Args: c.args, Env: c.env}.Start(nil)
			require.Nil(t, p)
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, c.code, e.Code)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestLook(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.WriteFile("tool", []byte("exit $#"), 0o700))
	for _, c := range []struct{ name, path, want string }{
		{"tool", "PATH=/none:" + dir, dir + "/tool"},
		{"tool", "PATH=/none:" + dir + "/", dir + "/tool"},
		{"tool", "PATH=/none:", "tool"},
		{"tool", "PATH=:/none", "tool"},
		{"./tool", "PATH=/none", "./tool"},
		{"sh", "NO=PATH", "/bin/sh"},
	} {
		got, err := Look(c.name, []string{c.path})
		require.NoError(t, err, c)
		assert.Equal(t, c.want, got, c)
	}

	// Text without #! is a shell script, as for a shell and execvp.
	p, err := Command{Args: []string{"./tool", "a", "b"}}.Start(nil)
	require.NoError(t, err)
	defer p.Close()
	exit, err := p.Wait()
	require.NoError(t, err)
	assert.Equal(t, 2, exit.Code)
}

func TestParseForward(t *testing.T) {
	for _, f := range []Forward{Auto, Always, Never} {
		got, err := ParseForward(string(f))
		require.NoError(t, err)
		assert.Equal(t, f, got)
	}
	_, err := ParseForward("sometimes")
	assert.ErrorContains(t, err, `"sometimes"`)
}

// The first reading is taken before the command can have done anything.
func TestBefore(t *testing.T) {
	file := t.TempDir() + "/made"
	called := 0
	p, err := Command{Args: []string{"/bin/sh", "-c", ": >$0", file}}.Start(func() {
		called++
		assert.NoFileExists(t, file)
	})
	require.NoError(t, err)
	defer p.Close()
	_, err = p.Wait()
	require.NoError(t, err)
	assert.FileExists(t, file)
	assert.Equal(t, 1, called)

	_, err = Command{Args: []string{"/no/such"}}.Start(func() { called++ })
	require.Error(t, err)
	assert.Equal(t, 1, called, "no reading for what can't run")
}

func TestStdio(t *testing.T) {
	t.Setenv("RESULT", "")
	cmd := self("wrap", "auto", "/bin/sh", "-c", `read a; echo "out $a"; echo "err $a" >&2`)
	c := exec.Command(cmd[0], cmd[1:]...)
	var stderr strings.Builder
	c.Stdin, c.Stderr = strings.NewReader("hello\n"), &stderr
	out, err := c.Output()
	require.NoError(t, err)
	assert.Equal(t, "out hello\n", string(out))
	assert.Equal(t, "err hello\n", stderr.String())
}

func TestOwnFiles(t *testing.T) {
	in, feed, err := os.Pipe()
	require.NoError(t, err)
	out, put, err := os.Pipe()
	require.NoError(t, err)
	p, err := Command{Args: []string{"/bin/sh", "-c", "read a; echo $a; echo $a >&2"}, Stdin: in, Stdout: put, Stderr: put}.Start(nil)
	require.NoError(t, err)
	defer p.Close()
	in.Close()
	put.Close()
	fmt.Fprintln(feed, "x")
	got, err := io.ReadAll(out)
	require.NoError(t, err)
	assert.Equal(t, "x\nx\n", string(got))
	_, err = p.Wait()
	require.NoError(t, err)
}

// What a command can see of how it was started is the same with us as without.
func TestTransparent(t *testing.T) {
	const state = `
		while read k v; do case $k in SigIgn:|SigBlk:|Groups:|CapAmb:|NoNewPrivs:|Seccomp:) echo $k $v; esac; done 2>/dev/null </proc/self/status
		ulimit -Sn; ulimit -Hn; ulimit -c; umask; pwd; echo "$HOME $PATH $ODD"; echo $0 "$@"
		(exec 9<&0) 2>/dev/null || echo stdin closed
		(exec 9<&2) || echo stderr closed`
	for _, c := range []struct {
		name, setup string
		exact       bool // only a build that sees the start gets it right
	}{
		{"plain", "", false},
		{"nohup", "trap '' HUP", false},
		{"background", "trap '' INT QUIT", false},
		{"limits", "ulimit -Sn 100; umask 027; cd /; export ODD='a b'", false},
		{"terminal signals ignored", "trap '' TSTP TTIN TTOU", false},
		{"service", "trap '' PIPE", true},
		{"only QUIT", "trap '' QUIT", true},
		{"only INT", "trap '' INT", true},
		{"all ignored", "trap '' TERM USR1 USR2 HUP INT QUIT PIPE ALRM XCPU", true},
		{"closed stdin", "exec <&-", true},
		{"closed stdio", "exec <&- 2>&-", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"/bin/sh", "-c", state, "name", "a", "", "b  c"}
			want, _ := run(t, c.setup, args...)
			assert.Equal(t, strings.Contains(c.name, "closed"), strings.Contains(want, "closed"))
			got, r := wrapped(t, c.setup, args...)
			require.Empty(t, r.Error)
			if exact || !c.exact {
				assert.Equal(t, want, got)
			} else { // it runs all the same; docs/wrap.md names what differs
				assert.Contains(t, got, "name a  b  c")
			}
		})
	}
}

// A background job of a shell without job control has INT and QUIT ignored.
func TestBackgroundJob(t *testing.T) {
	const state = `while read k v; do case $k in SigIgn:) echo $v; esac; done </proc/self/status`
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("no /proc on this system")
	}
	out, code := run(t, `"$@" & wait $!; exit $?`, append(self("wrap", "auto"), "/bin/sh", "-c", state)...)
	assert.Zero(t, code)
	var mask uint64
	_, err := fmt.Sscanf(out, "%x", &mask)
	require.NoError(t, err)
	const intQuit = 1<<(syscall.SIGINT-1) | 1<<(syscall.SIGQUIT-1)
	assert.EqualValues(t, intQuit, mask&intQuit)
}

// Nothing that the Go runtime or we have open reaches the command; what we were
// given beyond stdio does.
func TestDescriptors(t *testing.T) {
	want, _ := run(t, "exec 5</dev/null", self("fds")...)
	got, r := wrapped(t, "exec 5</dev/null", self("fds")...)
	require.Empty(t, r.Error)
	assert.Equal(t, want, got)
	assert.Contains(t, got, "0 1 2 ")
	assert.Contains(t, got, "5 ")
}

// A command with the default for SIGPIPE ends when its reader does.
func TestPipe(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	r.Close()
	p, err := Command{Args: []string{"/bin/sh", "-c", "while :; do echo y; done"}, Stdout: w}.Start(nil)
	require.NoError(t, err)
	defer p.Close()
	exit, err := p.Wait()
	require.NoError(t, err)
	assert.Equal(t, syscall.SIGPIPE, exit.Signal)
}

// talker is a wrapped command that prints the signals it gets.
type talker struct {
	*exec.Cmd
	lines *bufio.Scanner
	pid   int
}

func talk(t *testing.T, env []string, args ...string) talker {
	t.Helper()
	c := talker{Cmd: exec.Command(args[0], args[1:]...)}
	c.Env = append(os.Environ(), env...)
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // away from a timeout above the tests
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	c.lines = bufio.NewScanner(out)
	_, err = fmt.Sscanf(c.next(), "ready %d", &c.pid)
	require.NoError(t, err)
	return c
}

func (c talker) next() string {
	c.lines.Scan()
	return c.lines.Text()
}

func TestForward(t *testing.T) {
	for _, mode := range []string{"auto", "", "always"} {
		t.Run(mode, func(t *testing.T) {
			w := talk(t, []string{"RESULT=", "SLURM_JOB_ID=1"}, append(self("wrap", mode), self("signals")...)...)
			// INT first: were it sent on, it would be told before USR1.
			for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1} {
				require.NoError(t, w.Process.Signal(s))
			}
			assert.Equal(t, syscall.SIGUSR1.String(), w.next())
			for _, s := range []syscall.Signal{syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGTERM} {
				require.NoError(t, w.Process.Signal(s))
				assert.Equal(t, s.String(), w.next())
			}
			assert.Empty(t, w.next(), "nothing more came")
			require.Error(t, w.Wait())
			assert.Equal(t, 7, w.ProcessState.ExitCode(), "we live until the command has ended")
		})
	}
}

func TestNoForward(t *testing.T) {
	for _, c := range []struct {
		mode Forward
		env  string
		want bool
	}{
		{Never, "SLURM_JOB_ID=1", false},
		{Auto, "SLURM_STEP_ID=0", false},
		{Auto, "SLURM_STEPID=0", false},
		{Always, "SLURM_STEP_ID=0", true},
	} {
		t.Run(string(c.mode)+" "+c.env, func(t *testing.T) {
			out, put, err := os.Pipe()
			require.NoError(t, err)
			p, err := Command{Args: self("signals"), Env: append(os.Environ(), c.env), Stdout: put, Forward: c.mode}.Start(nil)
			require.NoError(t, err)
			defer p.Close()
			put.Close()
			lines := bufio.NewScanner(out)
			lines.Scan()

			p.signal(syscall.SIGINT)
			p.signal(syscall.SIGHUP)
			if c.want {
				lines.Scan()
				assert.Equal(t, syscall.SIGHUP.String(), lines.Text())
			}
			require.NoError(t, syscall.Kill(p.PID, syscall.SIGTERM))
			lines.Scan()
			assert.Equal(t, syscall.SIGTERM.String(), lines.Text())
			assert.False(t, lines.Scan())
			exit, err := p.Wait()
			require.NoError(t, err)
			assert.Equal(t, 7, exit.Code)
			assert.True(t, exit.Interrupted)
		})
	}
}

// A signal that was ignored when we started is still sent on: the command may
// handle it.
func TestForwardIgnored(t *testing.T) {
	args := append(self("wrap", "auto"), self("signals")...)
	w := talk(t, []string{"RESULT="}, append([]string{"/bin/sh", "-c", `trap '' HUP USR1; exec "$@"`, "sh"}, args...)...)
	// USR2 first: its answer shows that the wrapper is past the start, until
	// which ignored signals stay ignored.
	for _, s := range []syscall.Signal{syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGTERM} {
		require.NoError(t, w.Process.Signal(s))
		assert.Equal(t, s.String(), w.next())
	}
	assert.Error(t, w.Wait())
}

// Signals while nothing runs are neither lost work nor a panic.
func TestSignalsAround(t *testing.T) {
	p, err := Command{Args: []string{"/bin/sh", "-c", "trap 'exit 9' TERM; while :; do :; done"}, Forward: Always}.Start(func() {
		// Before the fork: it is held, and sent on once there is a command. That
		// may have no handler yet, and then dies of it.
		assert.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	})
	require.NoError(t, err)
	exit, err := p.Wait()
	require.NoError(t, err)
	assert.Contains(t, []int{9, 143}, exit.Code)
	assert.True(t, exit.Interrupted)

	for _, s := range append(keyboard(), toPass()...) {
		assert.NoError(t, syscall.Kill(os.Getpid(), s))
	}
	again, err := p.Wait()
	require.NoError(t, err)
	assert.Equal(t, exit, again)
	p.Close()
	p.Close()
}

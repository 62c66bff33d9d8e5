package integration

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/report"
)

// patience is how long a program may take: far longer than any does, so that one
// that hangs is a failure and not the end of the patience of whoever waits.
const patience = 90 * time.Second

// built is the folder that holds the command, for as long as the tests run.
var built string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "carbonctl-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built = dir
	build := exec.Command("go", "build", "-o", dir, "./cmd/carbonctl")
	build.Dir, build.Stdout, build.Stderr = "..", os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "go build:", err)
		return 1
	}
	return m.Run()
}

// A desk is the folder in which a test works: the home of its user and of all that
// programs write. Nothing of the user who runs the tests is in their environment.
type desk struct {
	*testing.T
	dir      string
	patience time.Duration // with its programs
}

func newDesk(t *testing.T) desk { return desk{t, t.TempDir(), patience} }

// at is a file on the desk.
func (d desk) at(name string) string { return filepath.Join(d.dir, name) }

func (d desk) write(name, text string) string {
	require.NoError(d, os.WriteFile(d.at(name), []byte(text), 0o600))
	return d.at(name)
}

func (d desk) read(name string) string {
	b, err := os.ReadFile(d.at(name))
	require.NoError(d, err)
	return string(b)
}

// report reads the JSON of a run.
func (d desk) report(name string) footprint.Report {
	f, err := os.Open(d.at(name))
	require.NoError(d, err)
	defer f.Close()
	r, err := report.Parse(f)
	require.NoError(d, err)
	return r
}

// command prepares a program, which must be there. It is killed, with all that it
// started, when the test ends.
func (d desk) command(name string, args ...string) *exec.Cmd {
	d.Helper()
	path, err := exec.LookPath(name)
	if name == "carbonctl" {
		path, err = filepath.Join(built, name), nil
	}
	require.NoError(d, err, "%s is missing; integration/packages names what to install", name)
	ctx, cancel := context.WithTimeout(context.Background(), d.patience)
	d.Cleanup(cancel)
	c := exec.CommandContext(ctx, path, args...)
	c.Dir = d.dir
	c.Env = []string{
		"PATH=" + built + ":" + os.Getenv("PATH"), "HOME=" + d.dir, "TMPDIR=" + d.dir, "LANG=C.UTF-8", "USER=ada", "TERM=xterm",
		"XDG_STATE_HOME=" + d.at("state"), "XDG_CONFIG_HOME=" + d.at("config"), "XDG_CACHE_HOME=" + d.at("cache"),
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = 5 * time.Second
	return c
}

// run runs a program to its end, which must be a good one, and gives its standard
// output.
func (d desk) run(name string, args ...string) string {
	d.Helper()
	out, messages, code := d.try("", name, args...)
	require.Zero(d, code, "%s %q:\n%s%s", name, args, out, messages)
	return out
}

// try runs a program to its end and gives all that it says.
func (d desk) try(in, name string, args ...string) (out, messages string, code int) {
	d.Helper()
	c := d.command(name, args...)
	var o, m bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(in), &o, &m
	err := c.Run()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(d, err)
	}
	return o.String(), m.String(), c.ProcessState.ExitCode()
}

// server starts a program that goes on until the test ends, and waits for the line
// of its standard error, or output, in which the first group of a pattern is its
// address.
func (d desk) server(address string, name string, args ...string) (*exec.Cmd, string) {
	d.Helper()
	c := d.command(name, args...)
	r, w, err := os.Pipe()
	require.NoError(d, err)
	c.Stdout, c.Stderr = w, w
	require.NoError(d, c.Start())
	w.Close()
	found, said := make(chan string, 1), make(chan string, 1)
	go func() {
		defer r.Close()
		re, all := regexp.MustCompile(address), ""
		for s := bufio.NewScanner(r); s.Scan(); { // to the end, so that it can always write
			all += s.Text() + "\n"
			if m := re.FindStringSubmatch(s.Text()); m != nil {
				select {
				case found <- m[1]:
				default:
				}
			}
		}
		said <- all
	}()
	d.Cleanup(func() {
		if c.ProcessState == nil {
			c.Cancel()
			c.Wait()
		}
	})
	select {
	case a := <-found:
		return c, a
	case all := <-said:
		require.FailNow(d, name+" ended without saying where it listens", all)
	case <-time.After(patience):
		require.FailNow(d, name+" doesn't say where it listens")
	}
	return nil, ""
}

// freePort is a port of this machine that nobody listened on a moment ago.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

// maxRSS is the most memory that a program had, in kB.
func maxRSS(s *os.ProcessState) int64 { return s.SysUsage().(*syscall.Rusage).Maxrss }

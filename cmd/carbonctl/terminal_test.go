//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
)

// onTerminal: terminal NAME CMD ARGS… runs a command on a terminal of 100 columns, its
// controlling one. NAME.raw is all that came to the terminal, NAME what can be seen on it at
// the end.
func onTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: terminal NAME CMD ARGS…")
	}
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), append(os.Environ(), "TERM=xterm")
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "TMPDIR", "NO_COLOR", "TERM", "PATH"} {
		if v := ts.Getenv(name); v != "" || name == "NO_COLOR" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 30, Cols: 100})
	ts.Check(err)
	raw, err := io.ReadAll(tty)
	if err != nil && !errors.Is(err, syscall.EIO) { // the end of a terminal on Linux
		ts.Check(err)
	}
	ts.Check(tty.Close())
	if err := cmd.Wait(); err != nil {
		ts.Fatalf("%v: %s", err, raw)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".raw"), []byte(strings.ReplaceAll(string(raw), "\x1b", "ESC")), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(seen(string(raw))), 0o644))
}

var styles = regexp.MustCompile(`\x1b\[\d*m`)

// seen is what a terminal shows of what was written to it: lines, carriage returns, and
// lines that are erased.
func seen(raw string) string {
	var screen strings.Builder
	for line := range strings.SplitSeq(styles.ReplaceAllString(raw, ""), "\n") {
		var now []rune
		at := 0
		for rest := strings.TrimSuffix(line, "\r"); rest != ""; {
			switch {
			case strings.HasPrefix(rest, "\r"):
				at, rest = 0, rest[1:]
			case strings.HasPrefix(rest, "\x1b[K"):
				now, rest = now[:at], rest[3:]
			default:
				r := []rune(rest)[0]
				now = append(now[:at], append([]rune{r}, now[min(at+1, len(now)):]...)...)
				at, rest = at+1, rest[len(string(r)):]
			}
		}
		screen.WriteString(string(now) + "\n")
	}
	return screen.String()
}

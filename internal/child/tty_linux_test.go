package child

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func unixForkExec(args []string) (int, error) {
	return syscall.ForkExec(args[0], args, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
}

// terminal opens a pseudo terminal, on which a key that sends a signal drops no output: by
// default it drops what comes up to a moment after the signal.
func terminal(t *testing.T) (outer, inner *os.File) {
	t.Helper()
	outer, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { outer.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(outer.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(outer.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	inner, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { inner.Close() })
	mode, err := unix.IoctlGetTermios(int(inner.Fd()), unix.TCGETS)
	require.NoError(t, err)
	mode.Lflag |= unix.NOFLSH
	require.NoError(t, unix.IoctlSetTermios(int(inner.Fd()), unix.TCSETS, mode))
	return outer, inner
}

// shell plays a shell with job control: it runs a job in a group of its own in
// the foreground of its terminal, says when that stops, and lets it go on.
func shell(args []string) int {
	signal.Ignore(syscall.SIGTTOU)
	pid, err := syscall.ForkExec(args[0], args, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Foreground: true, Ctty: 0},
	})
	if err != nil {
		panic(err)
	}
	for {
		var ws unix.WaitStatus
		if _, err := unix.Wait4(pid, &ws, unix.WUNTRACED, nil); err != nil {
			panic(err)
		}
		if !ws.Stopped() {
			fmt.Println("job exit", ws.ExitStatus())
			return 0
		}
		fmt.Println("job stopped")
		unix.Kill(-pid, unix.SIGCONT)
	}
}

// tty tells how it sees the terminal, then the signals that it gets, and ends
// with the third.
func tty() int {
	c := make(chan os.Signal, 16)
	signal.Notify(c, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGCONT)
	for fd := range 3 {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		fmt.Println("terminal", fd, err == nil)
	}
	group, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	fmt.Println("foreground", err == nil && group == unix.Getpgrp() && group != os.Getpid())
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	fmt.Println("own terminal", err == nil)
	f.Close()
	fmt.Println("ready")
	for range 3 {
		fmt.Println(<-c)
	}
	return 9
}

// Under a terminal the command is in the foreground with us, gets Ctrl-C and
// Ctrl-\ once, and Ctrl-Z stops us both.
func TestTerminal(t *testing.T) {
	t.Setenv("RESULT", "")
	outer, inner := terminal(t)
	job := append(self("wrap", "auto"), self("tty")...)
	args := self("shell", job...)
	c := exec.Command(args[0], args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = inner, inner, inner
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, c.Start())
	inner.Close()

	lines := bufio.NewScanner(outer)
	next := func() string {
		lines.Scan()
		// The terminal echoes what is typed as ^C.
		return strings.TrimLeft(strings.TrimSpace(lines.Text()), `^C\Z`)
	}
	for _, want := range []string{"terminal 0 true", "terminal 1 true", "terminal 2 true", "foreground true", "own terminal true", "ready"} {
		assert.Equal(t, want, next())
	}
	typed := func(key string) {
		_, err := outer.WriteString(key)
		require.NoError(t, err)
	}
	typed("\x03")
	assert.Equal(t, syscall.SIGINT.String(), next())
	typed("\x1a")
	assert.Equal(t, "job stopped", next())
	assert.Equal(t, syscall.SIGCONT.String(), next())
	typed("\x1c")
	assert.Equal(t, syscall.SIGQUIT.String(), next())
	assert.Equal(t, "job exit 9", next())
	require.NoError(t, c.Wait())
}

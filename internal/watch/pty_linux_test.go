package watch

import (
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// screen is a terminal of 33 by 99, and what reaches it.
func screen(t *testing.T) (slave *os.File, shown func() string) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	require.NoError(t, err)
	master := os.NewFile(uintptr(fd), "master")
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 99}))
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	require.Zero(t, errno)
	slave = os.NewFile(n, "slave")
	read := make(chan string)
	go func() { b, _ := io.ReadAll(master); read <- string(b) }()
	return slave, func() string {
		_ = slave.Close()
		s := <-read
		_ = master.Close()
		return s
	}
}

func TestATerminalIsStoodInForByATerminal(t *testing.T) {
	tty, shown := screen(t)
	m := null(t)
	o, err := Open(tty, tty, m)
	require.NoError(t, err)
	assert.Same(t, o.Stdout, o.Stderr, "one channel")
	cmd := exec.Command("/bin/sh", "-c", `
		test -t 1 && test -t 2 && echo terminals
		stty size <&1
		stty -a <&2 | grep -o -e '-opost'
		sh -c ': </dev/tty' 2>/dev/null && echo 'has a controlling terminal'
		printf 'a\nb\tc\n'; echo err >&2; printf 'Epoch 1\n'`)
	cmd.Stdout, cmd.Stderr = o.Stdout, o.Stderr
	require.NoError(t, cmd.Start())
	o.Started()
	require.NoError(t, cmd.Wait())
	assert.False(t, o.Drain(time.Second))
	m.Close(false)
	tell := ""
	if _, err := os.Open("/dev/tty"); err == nil {
		tell = "has a controlling terminal\r\n" // this test has one, and so has the command
	}
	assert.Equal(t, "terminals\r\n33 99\r\n-opost\r\n"+tell+"a\r\nb\tc\r\nerr\r\nEpoch 1\r\n", shown(), "each newline is turned once")
	assert.EqualValues(t, 1, m.Seen().Edges)
}

func TestTheSizeFollows(t *testing.T) {
	tty, shown := screen(t)
	m := null(t)
	defer m.Close(false)
	o, err := Open(tty, nil, m)
	require.NoError(t, err)
	command, err := another(o.Stdout) // the command's
	require.NoError(t, err)
	o.Started()
	require.NoError(t, unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 120}))
	require.NoError(t, unix.Kill(os.Getpid(), unix.SIGWINCH))
	require.Eventually(t, func() bool {
		size, err := unix.IoctlGetWinsize(int(command.Fd()), unix.TIOCGWINSZ)
		return err == nil && size.Row == 50 && size.Col == 120
	}, 10*time.Second, time.Millisecond)
	_ = command.Close()
	assert.False(t, o.Drain(time.Second))
	shown()
}

func TestATerminalThatGoesAwayIsFeltByTheCommand(t *testing.T) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	require.Zero(t, errno)
	tty := os.NewFile(n, "slave")
	m := null(t)
	defer m.Close(false)
	o, err := Open(tty, nil, m)
	require.NoError(t, err)
	cmd := exec.Command("/bin/sh", "-c", `trap '' HUP; while echo y 2>/dev/null; do :; done; exit 7`)
	cmd.Stdout = o.Stdout
	require.NoError(t, cmd.Start())
	require.NoError(t, unix.Close(fd)) // the window is closed
	o.Started()
	err = cmd.Wait()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 7, exit.ExitCode(), "its write fails")
	assert.False(t, o.Drain(time.Second))
	_ = tty.Close()
}

func TestARelayPassesOnToATerminal(t *testing.T) {
	tty, shown := screen(t)
	hold, release, err := os.Pipe()
	require.NoError(t, err)
	m := null(t)
	o, err := Open(tty, tty, m)
	require.NoError(t, err)
	cmd := exec.Command("/bin/sh", "-c", `(read x <&3; test -t 1 && echo late) & printf 'done\n'`)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = o.Stdout, o.Stderr, []*os.File{hold}
	require.NoError(t, cmd.Start())
	_ = hold.Close()
	o.Started()
	require.NoError(t, cmd.Wait())
	require.True(t, o.Drain(time.Second))
	m.Close(false)
	require.NoError(t, o.HandOver(soon))
	_ = release.Close()
	assert.Equal(t, "done\r\nlate\r\n", shown(), "which ends when the relay has")
}

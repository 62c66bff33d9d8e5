package watch

import (
	"fmt"
	"os"
	"os/signal"
	"slices"

	"golang.org/x/sys/unix"
)

func terminal(f *os.File) bool {
	return control(f, func(fd int) error {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	}) == nil
}

// reopen opens a pipe or terminal once more, nil if it can't: a description of our
// own, since O_NONBLOCK on the one that we were given would reach all who share it.
func reopen(f *os.File) (own *os.File) {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 && !terminal(f) {
		return nil
	}
	_ = control(f, func(fd int) error {
		const flags = unix.O_WRONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
		fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), flags, 0)
		if err == nil {
			own = os.NewFile(uintptr(fd), f.Name())
		}
		return err
	})
	return own
}

// widen lets a pipe hold as much as is passed on at once, where the kernel's
// limits allow it: the command waits less.
func widen(pipe *os.File) {
	_ = control(pipe, func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, piece)
		return err
	})
}

// pair makes a terminal that stands in for outer, as a descriptor and nothing
// else: it is nobody's controlling terminal. It has the modes and the size of
// outer, but does nothing to what is printed: outer will do that, once.
func pair(outer *os.File) (inner, give *os.File, err error) {
	const flags = unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC
	fd, err := unix.Open("/dev/ptmx", flags|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, &os.PathError{Op: "open", Path: "/dev/ptmx", Err: err}
	}
	inner = os.NewFile(uintptr(fd), "/dev/ptmx")
	fail := func(what string, err error) (*os.File, *os.File, error) {
		_ = inner.Close()
		return nil, nil, os.NewSyscallError(what, err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return fail("unlock terminal", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return fail("name terminal", err)
	}
	// By descriptor: in a container the path may be another's terminal.
	path := fmt.Sprintf("/dev/pts/%d", n)
	other, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, flags)
	if errno != 0 { // before Linux 4.13
		opened, err := unix.Open(path, flags, 0)
		if err != nil {
			return fail("open terminal", err)
		}
		other = uintptr(opened)
	}
	give = os.NewFile(other, path)
	var modes *unix.Termios
	err = control(outer, func(fd int) (err error) {
		modes, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	if err == nil {
		modes.Oflag &^= unix.OPOST
		err = unix.IoctlSetTermios(int(other), unix.TCSETS, modes)
	}
	if err != nil {
		_ = give.Close()
		return fail("copy the modes of the terminal", err)
	}
	resize(outer, inner)
	return inner, give, nil
}

// resize gives a terminal the size of another. One without a size has none to
// give.
func resize(from, to *os.File) {
	_ = control(from, func(fd int) error {
		size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err != nil {
			return err
		}
		return control(to, func(fd int) error { return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, size) })
	})
}

// follow keeps the size of our terminals that of the real ones.
func follow(channels []*channel) (stop func()) {
	if !slices.ContainsFunc(channels, func(c *channel) bool { return c.sized }) {
		return func() {}
	}
	changed, quit, done := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(changed, unix.SIGWINCH)
	go func() {
		defer close(done)
		for {
			select {
			case <-changed:
				for _, c := range channels {
					if c.sized {
						resize(c.outer, c.inner)
					}
				}
			case <-quit:
				return
			}
		}
	}()
	return func() {
		signal.Stop(changed)
		close(quit)
		<-done
	}
}

// unread is how many bytes wait to be read.
func unread(f *os.File) (n int) {
	_ = control(f, func(fd int) (err error) {
		n, err = unix.IoctlGetInt(fd, unix.TIOCINQ)
		return err
	})
	return n
}

// self is our own program, also where its file was replaced since.
func self() (string, error) { return "/proc/self/exe", nil }

//go:build unix

package watch

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// A polled is a reader that we share with others and can't open once more for
// ourselves: a socket, or another user's pipe. A write to it would wait for as long as
// it is not read, and could not be interrupted; so it is written to only when it has
// room. Its mode is left alone, which all who share it would feel.
type polled struct {
	*os.File
	socket        bool
	wake, wakened *os.File // a pipe: what is in it interrupts
}

// atomicPipe is how much a pipe takes at once that poll calls writable (PIPE_BUF).
const atomicPipe = 4096

// poll makes a file interruptible, nil if it is so already or never keeps a writer
// waiting.
func poll(f *os.File) (*polled, error) {
	info, err := f.Stat()
	if err != nil || info.Mode().IsRegular() {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &polled{f, info.Mode()&os.ModeSocket != 0, w, r}, nil
}

// interrupt makes a write return, also one that is still to come; resume ends that.
func (p *polled) interrupt() { _, _ = p.wake.Write([]byte{1}) }

func (p *polled) resume() { _, _ = p.wakened.Read(make([]byte, 64)) }

func (p *polled) Close() error { return errors.Join(p.File.Close(), p.wake.Close(), p.wakened.Close()) }

// Write writes all, or as much as there was room for until the interruption, which is
// an os.ErrDeadlineExceeded.
func (p *polled) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		err = control(p.File, func(fd int) error {
			if err := p.wait(fd); err != nil {
				return err
			}
			var err error
			if p.socket {
				m, err = unix.SendmsgN(fd, b[n:], nil, nil, unix.MSG_DONTWAIT)
			} else {
				m, err = unix.Write(fd, b[n:min(n+atomicPipe, len(b))])
			}
			if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
				return nil
			}
			return err
		})
		n += max(m, 0)
	}
	return n, err
}

// wait waits until there is room.
func (p *polled) wait(fd int) error {
	return control(p.wakened, func(wakened int) error {
		for {
			fds := []unix.PollFd{{Fd: int32(wakened), Events: unix.POLLIN}, {Fd: int32(fd), Events: unix.POLLOUT}}
			switch _, err := unix.Poll(fds, -1); {
			case errors.Is(err, unix.EINTR):
			case err != nil:
				return os.NewSyscallError("poll", err)
			case fds[0].Revents != 0:
				return os.ErrDeadlineExceeded
			case fds[1].Revents != 0: // an error shows when it is written to
				return nil
			}
		}
	})
}

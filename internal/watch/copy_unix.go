//go:build unix

package watch

import (
	"os"

	"golang.org/x/sys/unix"
)

// control calls f with a descriptor. It leaves its mode alone, which others may
// share, as os.File.Fd does not.
func control(file *os.File, f func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) { err = f(int(fd)) }); e != nil {
		return e
	}
	return err
}

// another gives a second descriptor of an open file: where the system allows it, one
// that can be interrupted as it waits for the reader.
func another(f *os.File) (other *os.File, err error) {
	if other = reopen(f); other != nil {
		return other, nil
	}
	err = control(f, func(old int) error {
		fd, err := unix.FcntlInt(uintptr(old), unix.F_DUPFD_CLOEXEC, 3)
		if err == nil {
			other = os.NewFile(uintptr(fd), f.Name())
		}
		return os.NewSyscallError("dup", err)
	})
	return other, err
}

// pipe gives both ends of a pipe. The command's end waits, as a program expects.
func pipe() (r, w *os.File, err error) {
	r, w, err = os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	if err := control(w, func(fd int) error { return unix.SetNonblock(fd, false) }); err != nil {
		_ = r.Close()
		_ = w.Close()
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	widen(r)
	return r, w, nil
}

package ledger

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// preallocate gives a file its blocks. It is errors.ErrUnsupported where the
// file system cannot.
func preallocate(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	for errors.Is(err, unix.EINTR) {
		err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	}
	if err != nil {
		return &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
	}
	return nil
}

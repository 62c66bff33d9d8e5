//go:build unix

package ledger

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// noFollow, when opening: no link, and no waiting for the other end of a pipe.
const noFollow = unix.O_NOFOLLOW | unix.O_NONBLOCK

// lockName is the file that a ledger's lock is on.
func lockName(path string) string { return path }

// syncDir makes a new name in a directory survive a power cut. Some network
// file systems cannot do it, and then it is their matter.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

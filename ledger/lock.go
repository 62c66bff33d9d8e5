package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// A writer that finds the lock held tries again after some time between these,
// longer each time and by chance, so that many writers do not keep the machine
// busy with waiting. An append holds the lock for about two fsyncs.
const (
	firstWait = time.Millisecond
	lastWait  = 16 * time.Millisecond
)

// lockLedger waits for the lock until ctx ends, at least until one try was made.
func lockLedger(ctx context.Context, path string) (unlock func() error, err error) {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		unlock, err := tryLock(path)
		if unlock != nil || err != nil {
			return unlock, err
		}
		select {
		case <-time.After(wait/2 + rand.N(wait)):
		case <-ctx.Done():
			return nil, lockError(lockName(path), ctx.Err())
		}
	}
}

// tryLock takes the lock of a ledger, or returns nil if somebody holds it. The
// lock is on the ledger itself, which is made if it is missing: whoever may write
// to the file may lock it, and all names of a file have one lock.
func tryLock(path string) (unlock func() error, err error) {
	lock, err := lockFile(lockName(path), nil)
	if lock == nil {
		return nil, err
	}
	return lock.Unlock, nil
}

// lockFile locks a file, and makes it if it is missing; the result is nil if
// somebody holds it. One that is there is opened as it is: in a directory with the
// sticky bit the kernel lets nobody "create" what is another's.
func lockFile(path string, like fs.FileInfo) (*flock.Flock, error) {
	for range 100 {
		f, err := openSide(path, like)
		if err != nil {
			return nil, lockError(path, err)
		}
		_ = f.Close()
		lock := flock.New(path, flock.SetFlag(os.O_RDWR|noFollow))
		ok, err := lock.TryLock()
		switch {
		case errors.Is(err, fs.ErrNotExist): // who cleans up removes lock files
			continue
		case err != nil:
			return nil, lockError(path, err)
		case !ok:
			return nil, nil
		case named(lock):
			return lock, nil
		}
		_ = lock.Unlock()
	}
	return nil, fmt.Errorf("ledger: lock %s: the file is replaced again and again", path)
}

// named reports whether the locked file still has the name that it was opened
// by. A lock on one that was removed or replaced locks nothing.
func named(lock *flock.Flock) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(lock.Path())
	return err == nil && os.SameFile(held, now)
}

// heldError is a lock that somebody else had until there was no more time to wait.
type heldError struct {
	path  string
	ended error // of the context
}

func (e *heldError) Error() string { return "ledger: lock " + e.path + ": held by another writer" }

func (e *heldError) Unwrap() error { return e.ended }

func lockError(path string, err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &heldError{path, err}
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.ENOLCK):
		return fmt.Errorf("ledger: lock %s: this file system cannot lock files: %w", path, err)
	}
	var named *fs.PathError
	if errors.As(err, &named) {
		return fmt.Errorf("ledger: %w", err)
	}
	return fmt.Errorf("ledger: lock %s: %w", path, err)
}

// locate makes the directory, and resolves the path.
func locate(path string) (string, error) {
	if path == "" {
		return "", errors.New("no path given")
	}
	path, err := resolve(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	return resolve(path)
}

// maxLinks is how many links a path may pass through, as Linux has it.
const maxLinks = 40

// resolve follows links, also to a file that is not there yet, so that what
// stands beside a ledger is the same by all its names. If its directory is
// missing it returns the path as far as it is known, and fs.ErrNotExist.
func resolve(path string) (string, error) {
	at := path
	for range maxLinks {
		info, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			dir, err := filepath.EvalSymlinks(filepath.Dir(at))
			if err != nil {
				return at, err
			}
			return filepath.Join(dir, filepath.Base(at)), nil
		case err != nil:
			if p := (*fs.PathError)(nil); errors.As(err, &p) {
				err = &fs.PathError{Op: "open", Path: path, Err: p.Err}
			}
			return "", err
		case info.Mode().IsRegular():
			return filepath.EvalSymlinks(at)
		case info.Mode()&fs.ModeSymlink == 0:
			return "", notRegular("append", path)
		}
		to, err := os.Readlink(at)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(at), to)
		}
		at = to
	}
	return "", &fs.PathError{Op: "append", Path: path, Err: errors.New("too many links")}
}

// Package output writes results to what a user names: a file, which is replaced
// whole, or a pipe, a device, our own stdout, which are written to as they are.
package output

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/carbonctl/carbonctl/internal/atomicfile"
)

// What a file that the user names is given at the most, once the command has
// ended: a pipe that nobody reads must not keep its result from the user.
const (
	readerWait = time.Second      // for somebody to open the other end of a pipe
	writeWait  = 10 * time.Second // for them to read

	// logWait is how long a pipe that is full may hold up one write of what is
	// written as the run goes on: readings wait for it.
	logWait = 100 * time.Millisecond
)

// WriteBy is Write that waits for a pipe's reader until a time at the latest.
func WriteBy(path string, deadline time.Time, write func(io.Writer) error) error {
	left := time.Until(deadline)
	return to(path, min(readerWait, left), min(writeWait, left), write)
}

// Write replaces a file at once, so that a reader never sees half of it. A
// device or a pipe, and what we have open as stdout or stderr, is written to as
// it is.
func Write(path string, write func(io.Writer) error) error {
	return to(path, readerWait, writeWait, write)
}

func to(path string, readerWait, writeWait time.Duration, write func(io.Writer) error) error {
	switch f, err := openStream(path, readerWait); {
	case err != nil:
		return err
	case f != nil:
		_ = f.SetWriteDeadline(time.Now().Add(writeWait)) // what has none does not block for long
		return errors.Join(write(f), f.Close())
	}
	return atomicfile.Write(path, atomicfile.Options{}, write)
}

// Check reports what would keep Write from writing to path, as far as it can be known
// beforehand.
func Check(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return &os.PathError{Op: "write", Path: path, Err: syscall.EISDIR}
	case err == nil && !info.Mode().IsRegular():
		return nil // somebody may read it by then
	case err == nil:
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".carbonctl-*")
	if named := (*os.PathError)(nil); errors.As(err, &named) {
		return &os.PathError{Op: "write", Path: path, Err: named.Err}
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// IsFile reports whether a path is that of a file, or of none yet, and not of a
// pipe, a device, or what we have open as stdout or stderr.
func IsFile(path string) bool {
	info, err := os.Stat(path)
	return err != nil || !isStream(path, info)
}

// OpenLog makes a file to add to as the run goes on, or opens a stream.
func OpenLog(path string) (io.WriteCloser, error) {
	switch f, err := openStream(path, 0); {
	case err != nil:
		return nil, err
	case f != nil:
		return soon{f}, nil
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

// A stream is something that is written to as it is.
type stream struct {
	*os.File
	kept bool // it is our own stdout or stderr
}

func (s *stream) Close() error {
	if s.kept {
		return nil
	}
	return s.File.Close()
}

// soon is a stream of which no write takes long.
type soon struct{ *stream }

func (s soon) Write(p []byte) (int, error) {
	_ = s.SetWriteDeadline(time.Now().Add(logWait)) // what has none does not block for long
	return s.stream.Write(p)
}

// openStream opens what is no file to be replaced, nil if path is one. Replacing
// /dev/stdout, or the file that it stands for, would take it from everybody
// else. It does not wait longer than that for a pipe's reader.
func openStream(path string, wait time.Duration) (*stream, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil // it will be made, or say why it can't be
	}
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if ours, err := f.Stat(); err == nil && os.SameFile(info, ours) {
			return &stream{f, true}, nil
		}
	}
	if !isStream(path, info) {
		return nil, nil
	}
	for end := time.Now().Add(wait); ; time.Sleep(10 * time.Millisecond) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|syscall.O_NONBLOCK, 0)
		if err == nil {
			return &stream{f, false}, nil
		}
		if !errors.Is(err, syscall.ENXIO) || time.Now().After(end) {
			return nil, err
		}
	}
}

// isStream reports whether something that is there is written to as it is.
func isStream(path string, info os.FileInfo) bool {
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if ours, err := f.Stat(); err == nil && os.SameFile(info, ours) {
			return true
		}
	}
	abs, err := filepath.Abs(path)
	return !info.Mode().IsRegular() || err != nil || strings.HasPrefix(abs, "/dev/") || strings.HasPrefix(abs, "/proc/")
}

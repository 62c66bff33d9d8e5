//go:build unix && !linux

package watch

import (
	"errors"
	"os"
)

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && info.Name() != "null"
}

func pair(*os.File) (inner, give *os.File, err error) {
	return nil, nil, errors.New("a terminal can only be watched on Linux: redirect the output, or use the file of events")
}

func follow([]*channel) (stop func()) { return func() {} }

func widen(*os.File) {}

// reopen: a name such as /dev/fd/1 gives the same description there.
func reopen(*os.File) *os.File { return nil }

// unread: how much waits in a pipe is not looked at.
func unread(*os.File) int { return 0 }

// self is our own program.
func self() (string, error) { return os.Executable() }

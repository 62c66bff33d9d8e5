package watch

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// another gives a second handle of an open file.
func another(f *os.File) (*os.File, error) {
	var h windows.Handle
	me := windows.CurrentProcess()
	if err := windows.DuplicateHandle(me, windows.Handle(f.Fd()), me, &h, 0, false, windows.DUPLICATE_SAME_ACCESS); err != nil {
		return nil, os.NewSyscallError("DuplicateHandle", err)
	}
	return os.NewFile(uintptr(h), f.Name()), nil
}

func pipe() (r, w *os.File, err error) { return os.Pipe() }

func terminal(f *os.File) bool {
	var mode uint32
	return windows.GetConsoleMode(windows.Handle(f.Fd()), &mode) == nil
}

func pair(*os.File) (inner, give *os.File, err error) {
	return nil, nil, errors.New("a console can't be watched on Windows: redirect the output, or use the file of events")
}

func follow([]*channel) (stop func()) { return func() {} }

// A polled is not there: a write can't be interrupted on Windows.
type polled struct{ *os.File }

func poll(*os.File) (*polled, error) { return nil, nil }

func (*polled) interrupt() {}

func (*polled) resume() {}

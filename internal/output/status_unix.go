//go:build unix

package output

import (
	"os"

	"golang.org/x/sys/unix"
)

// TerminalStatus is the status line of the terminal that a command was started from, where
// stdout and stderr are files and nothing else is shown there; nil where that is not so, or
// where the command is in the background.
func TerminalStatus(stdout, stderr *os.File, env func(string) string) *Status {
	for _, f := range []*os.File{stdout, stderr} {
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() && !isNull(info) {
			return nil
		}
	}
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return nil
	}
	if front, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP); err != nil || front != unix.Getpgrp() {
		_ = tty.Close()
		return nil
	}
	return NewStatus(tty, env)
}

func isNull(info os.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(null, info)
}

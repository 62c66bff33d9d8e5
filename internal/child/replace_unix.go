//go:build unix

package child

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Scarce reports whether an error of Start is one of want: of processes, memory or
// descriptors, which we use and the command alone might not.
func Scarce(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) ||
		errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// SignalName is the name of the signal that killed the command without "SIG", as in
// "KILL"; "" if none did.
func (e Exit) SignalName() string {
	if e.Signal == 0 {
		return ""
	}
	if name := unix.SignalName(e.Signal); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	return fmt.Sprint(int(e.Signal)) // of real time, which have no names
}

// Replace runs a command in our own place, in the same process, with nothing measured.
// It returns only an *Error.
func Replace(args, env []string) error {
	file, err := Look(args[0], env)
	if err != nil {
		return err
	}
	if env == nil {
		env = os.Environ()
	}
	ignore()
	err = syscall.Exec(file, args, env)
	if errors.Is(err, syscall.ENOEXEC) && script(file) {
		err = syscall.Exec("/bin/sh", append([]string{"/bin/sh", file}, args[1:]...), env)
	}
	return refused(args[0], err)
}

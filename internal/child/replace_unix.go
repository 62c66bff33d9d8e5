//go:build unix

package child

import (
	"errors"
	"os"
	"syscall"
)

// Scarce reports whether an error of Start is one of want: of processes, memory or
// descriptors, which we use and the command alone might not.
func Scarce(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) ||
		errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
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

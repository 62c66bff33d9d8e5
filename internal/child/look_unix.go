//go:build unix

package child

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// defaultPath is where a program is looked for if the environment has no PATH: the
// default of execvp(3).
const defaultPath = "/bin:/usr/bin"

// Look finds the program that Start would run, by the rules of execvp(3): a
// name with a slash is taken as it is, any other is looked up in the PATH of
// env (nil: ours). The error is an *Error.
func Look(name string, env []string) (string, error) {
	if name == "" {
		return "", refused(name, syscall.ENOENT)
	}
	if strings.Contains(name, "/") {
		if err := runnable(name); err != nil {
			return "", refused(name, err)
		}
		return name, nil
	}
	var found error // the first that is there but can't be run
	for _, dir := range filepath.SplitList(lookup(env, "PATH", defaultPath)) {
		file := name // an empty entry is the working directory
		if dir != "" {
			file = strings.TrimSuffix(dir, "/") + "/" + name
		}
		err := runnable(file)
		if err == nil {
			return file, nil
		}
		if found == nil && code(err) == CodeNotExecutable && !errors.Is(err, syscall.ENOTDIR) {
			found = fmt.Errorf("%s: %w", file, err)
		}
	}
	if found != nil {
		return "", refused(name, found)
	}
	return "", refused(name, fmt.Errorf("not in PATH: %w", syscall.ENOENT))
}

// runnable returns why the kernel would refuse to run a file, as far as that
// can be told without trying.
func runnable(file string) error {
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return unix.Faccessat(unix.AT_FDCWD, file, unix.X_OK, unix.AT_EACCESS)
	case unix.S_IFDIR:
		return syscall.EISDIR
	}
	return syscall.EACCES
}

// refused makes an *Error of what exec, or a look ahead of it, says.
func refused(name string, err error) *Error { return &Error{code(err), name, err} }

// code is the exit code for an error of exec: 127 if there is no such file, 125
// if it was the fork that failed, 126 for the rest.
func code(err error) int {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return CodeNotFound
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return CodeFailed
	}
	return CodeNotExecutable
}

// lookup returns a variable of an environment (nil: ours), or other if it isn't
// set. Of several entries the first counts, as for getenv(3).
func lookup(env []string, key, other string) string {
	if env == nil {
		env = os.Environ()
	}
	for _, e := range env {
		if k, v, ok := strings.Cut(e, "="); ok && k == key {
			return v
		}
	}
	return other
}

// script reports whether a file that the kernel does not know how to run is
// text, which shells and execvp(3) then give to /bin/sh. A shell tells them
// apart the same way: a binary has a NUL byte early on.
func script(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 128)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return false
	}
	return bytes.IndexByte(head[:n], 0) < 0
}

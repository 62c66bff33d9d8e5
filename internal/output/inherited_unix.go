//go:build unix

package output

import "golang.org/x/sys/unix"

// Inherited reports whether we were started with a descriptor, and may write to it. Those
// that we have opened ourselves are closed for what we start, and get other files' numbers.
func Inherited(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC != 0 {
		return false
	}
	mode, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && mode&unix.O_ACCMODE != unix.O_RDONLY
}

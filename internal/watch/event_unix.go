//go:build unix

package watch

import (
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// nonblocking opens a pipe that nobody reads with an error, instead of waiting.
// noFollow refuses a link.
const (
	nonblocking = syscall.O_NONBLOCK
	noFollow    = syscall.O_NOFOLLOW
)

// hold locks a file for as long as this process has it open.
func hold(f *os.File) {
	_ = control(f, func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
}

// abandoned reports whether nobody holds a file any more.
func abandoned(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|nonblocking|noFollow, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return control(f, func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) }) == nil
}

// ours reports whether a file is this user's.
func ours(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

// trusted reports whether a file is this user's or root's: others may put files into a
// folder for temporary ones.
func trusted(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (int(st.Uid) == os.Geteuid() || st.Uid == 0)
}

// state is what changes with a file: whoever writes to it, moves or removes it changes
// one of these.
type state struct {
	device, inode, links uint64
	size                 int64
	changed              unix.Timespec
}

// when is when it last changed.
func (s state) when() time.Time { return time.Unix(s.changed.Unix()) }

// stateOf is that of an open file; the zero state where it is not known.
func stateOf(f *os.File) (s state) {
	if f == nil {
		return s
	}
	_ = control(f, func(fd int) error {
		var st unix.Stat_t
		err := unix.Fstat(fd, &st)
		if err == nil {
			s = state{uint64(st.Dev), st.Ino, uint64(st.Nlink), st.Size, st.Ctim}
		}
		return err
	})
	return s
}

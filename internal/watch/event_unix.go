//go:build unix

package watch

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// nonblocking opens a pipe that nobody reads with an error, instead of waiting.
const nonblocking = syscall.O_NONBLOCK

// hold locks a file for as long as this process has it open.
func hold(f *os.File) {
	_ = control(f, func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
}

// abandoned reports whether nobody holds a file any more.
func abandoned(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|nonblocking|unix.O_NOFOLLOW, 0)
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

// untouched reports whether a path still leads to a file, and that is of a size. false
// also where that is not known.
func untouched(path string, file fs.FileInfo, size int64) bool {
	was, ok := file.Sys().(*syscall.Stat_t)
	var now unix.Stat_t
	return ok && unix.Lstat(path, &now) == nil && now.Dev == was.Dev && now.Ino == was.Ino && now.Size == size
}

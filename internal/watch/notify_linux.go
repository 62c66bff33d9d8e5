package watch

import (
	"os"

	"golang.org/x/sys/unix"
)

// notify waits for the kernel to tell.
type notify struct {
	file  *os.File
	watch uint32
}

// openNotify watches a file, nil if too many are watched already.
func openNotify(path string) *notify {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	const what = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_MOVE_SELF // its removal changes how many names it has
	watch, err := unix.InotifyAddWatch(fd, path, what)
	if err != nil {
		_ = unix.Close(fd)
		return nil
	}
	return &notify{os.NewFile(uintptr(fd), "inotify"), uint32(watch)}
}

func (n *notify) wait() bool {
	var buf [4096]byte
	_, err := n.file.Read(buf[:])
	return err == nil
}

// close ends the watch, which tells who waits. The kernel needs 5 to 20 ms until nobody
// can still hold it, and who closes the file meanwhile waits for that: so it is left to
// the end of the process, or to who collects garbage.
func (n *notify) close() {
	err := control(n.file, func(fd int) error {
		_, err := unix.InotifyRmWatch(fd, n.watch)
		return err
	})
	if err != nil { // the file is gone, and its watch
		_ = n.file.Close()
	}
}

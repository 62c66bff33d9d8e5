package watch

import (
	"os"

	"golang.org/x/sys/unix"
)

// notify waits for the kernel to tell.
type notify struct{ file *os.File }

// openNotify watches a folder, nil if too many are watched already.
func openNotify(folder string) *notify {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	const what = unix.IN_MODIFY | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_DELETE_SELF
	if _, err := unix.InotifyAddWatch(fd, folder, what); err != nil {
		_ = unix.Close(fd)
		return nil
	}
	return &notify{os.NewFile(uintptr(fd), "inotify")}
}

func (n *notify) wait() bool {
	var buf [4096]byte
	_, err := n.file.Read(buf[:])
	return err == nil
}

func (n *notify) close() { _ = n.file.Close() }

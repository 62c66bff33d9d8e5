package watch

import (
	"os"
	"sync"

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

// lazy looks from time to time until the file is used, and has the kernel tell
// from then on. To give an inotify back takes the kernel 5 to 20 ms (it waits
// until nobody can still hold it), which a command that tells of nothing must
// not pay.
type lazy struct {
	*poll
	folder string
	used   func() bool

	mu     sync.Mutex
	notify *notify
	closed bool
}

func newWaiter(folder string, used func() bool) waiter {
	return &lazy{poll: newPoll(), folder: folder, used: used}
}

func (l *lazy) wait() bool {
	l.mu.Lock()
	n := l.notify
	l.mu.Unlock()
	if n != nil {
		return n.wait()
	}
	if !l.poll.wait() {
		return false
	}
	if l.used() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.closed {
			l.notify = openNotify(l.folder)
		}
	}
	return true // to look once more, for what came before the kernel told
}

func (l *lazy) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.poll.close()
	if l.notify != nil {
		l.notify.close()
	}
}

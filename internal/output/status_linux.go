package output

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// drawLimit is how long a terminal that is stopped may hold up a line.
const drawLimit = 20 * time.Millisecond

// unblocked opens a terminal once more, so that a write to it can be given up: O_NONBLOCK
// on the one that we were given would reach all who share it.
func unblocked(f *os.File) io.Writer {
	own, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return f
	}
	return soonest{own}
}

type soonest struct{ *os.File }

func (s soonest) Write(b []byte) (int, error) {
	_ = s.SetWriteDeadline(time.Now().Add(drawLimit))
	return s.File.Write(b)
}

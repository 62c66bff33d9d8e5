//go:build unix

package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A bell is a pipe beside a file of events. Who appends by Append rings it, so that
// the line is read at once; who knows nothing of it is found by looking.
type bell struct{ file *os.File }

// hang makes the bell of a file of events, nil where there can be none.
func hang(events string) *bell {
	path := bellOf(events)
	if unix.Mkfifo(path, 0o600) != nil {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|nonblocking, 0) // for writing too, so that it has no end
	if err != nil {
		return nil
	}
	return &bell{f}
}

// wait waits until it is rung. false after close.
func (b *bell) wait() bool {
	var buf [64]byte
	_, err := b.file.Read(buf[:])
	return err == nil
}

func (b *bell) close() { _ = b.file.Close() }

// ring rings the bell beside a file of events, if there is one that somebody hears.
func ring(path string) {
	if !strings.HasPrefix(filepath.Base(path), eventsPrefix) {
		return
	}
	f, err := os.OpenFile(bellOf(path), os.O_WRONLY|nonblocking|unix.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		_ = control(f, func(fd int) error { // a full pipe has been rung
			_, err := unix.Write(fd, []byte{'\n'})
			return err
		})
	}
}

//go:build unix

package proc

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Root gives the files below a folder, the machine's "/" as a rule, for reading. It
// is os.DirFS with plain system calls: a file of os is offered to the poller of Go's
// runtime, which takes five calls more each time one of the kernel's is opened, and
// these can't be polled.
//
// Its files have Fd and io.ReaderAt.
func Root(dir string) fs.FS {
	if dir == "" {
		return os.DirFS(dir) // which opens nothing
	}
	return rootFS{os.DirFS(dir), strings.TrimSuffix(dir, "/") + "/"}
}

type rootFS struct {
	fs.FS        // of what is not read
	dir   string // with a slash at its end
}

func (r rootFS) Stat(name string) (fs.FileInfo, error)      { return fs.Stat(r.FS, name) }
func (r rootFS) Lstat(name string) (fs.FileInfo, error)     { return fs.Lstat(r.FS, name) }
func (r rootFS) ReadLink(name string) (string, error)       { return fs.ReadLink(r.FS, name) }
func (r rootFS) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(r.FS, name) }
func (r rootFS) Open(name string) (fs.File, error)          { return asFile(r.open(name)) }

// asFile keeps a nil *rootFile from becoming a file.
func asFile(f *rootFile, err error) (fs.File, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (r rootFS) open(name string) (*rootFile, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	for {
		fd, err := unix.Open(r.dir+name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0) // a FIFO waits for nobody
		switch {
		case err == nil:
			return &rootFile{root: r, name: name, fd: fd}, nil
		case !errors.Is(err, unix.EINTR):
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

// mostText is far more than any file of the kernel's that is read at once.
const mostText = 64 << 20

// ReadFile implements fs.ReadFileFS.
func (r rootFS) ReadFile(name string) ([]byte, error) {
	f, err := r.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var room [4096]byte // most have less
	for text := room[:0]; ; {
		n, err := f.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case errors.Is(err, io.EOF):
			return slices.Clone(text), nil
		case err != nil:
			return nil, err
		case len(text) > mostText:
			return nil, &fs.PathError{Op: "read", Path: name, Err: unix.EFBIG}
		case len(text) == cap(text):
			text = slices.Grow(text, len(text))
		}
	}
}

// rootFile is a file that is open, for one goroutine at a time.
type rootFile struct {
	root rootFS
	name string
	fd   int // -1: closed
}

// Fd returns the descriptor, which stays the file's.
func (f *rootFile) Fd() uintptr { return uintptr(f.fd) }

func (f *rootFile) Stat() (fs.FileInfo, error) { return f.root.Stat(f.name) }

func (f *rootFile) Read(b []byte) (int, error) {
	return f.read(b, func() (int, error) { return unix.Read(f.fd, b) })
}

// ReadAt implements io.ReaderAt.
func (f *rootFile) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) && err == nil {
		rest := b[n:]
		var m int
		m, err = f.read(rest, func() (int, error) { return unix.Pread(f.fd, rest, off+int64(n)) })
		n += m
	}
	return n, err
}

func (f *rootFile) read(b []byte, call func() (int, error)) (int, error) {
	if f.fd < 0 {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: fs.ErrClosed}
	}
	for {
		n, err := call()
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, &fs.PathError{Op: "read", Path: f.name, Err: err}
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

func (f *rootFile) Close() error {
	if f.fd < 0 {
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	err := unix.Close(f.fd)
	f.fd = -1
	return err
}

// Package proc reads the few files of /proc and /sys that more than one package
// needs: which CPU this is, how busy it is, how much memory there is, and what a
// tree of processes has used. Files that are read again and again stay open and
// are read in place, so that a read allocates nothing.
//
// The root is given: [Root], the host's root mounted elsewhere, or a test
// tree. Where it has no /proc and the system is not Linux, gopsutil answers for
// this machine; on Linux the answer is then an error that matches
// fs.ErrNotExist. Readers are for one goroutine at a time.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// file is a small kernel file that is read again and again.
type file struct {
	root fs.FS
	path string
	held fs.File
	at   io.ReaderAt // nil: opened anew for each read
	buf  []byte
}

// open opens a file of which at most size bytes matter.
func open(root fs.FS, path string, size int) (*file, error) {
	held, err := root.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, cause(err))
	}
	f := &file{root: root, path: path, held: held, buf: make([]byte, size)}
	if at, ok := held.(io.ReaderAt); ok {
		f.at = at
		return f, nil
	}
	f.held = nil
	return f, held.Close()
}

// read returns the first bytes of the file as they are now. They hold until the
// next read.
func (f *file) read() ([]byte, error) {
	n, err := 0, error(nil)
	if f.at != nil {
		n, err = f.at.ReadAt(f.buf, 0)
	} else {
		n, err = slurp(f.root, f.path, f.buf)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", f.path, cause(err))
	}
	return f.buf[:n], nil
}

func (f *file) close() error {
	if f == nil || f.held == nil {
		return nil
	}
	return f.held.Close()
}

// slurp reads what fits into buf from a file that is opened for that only.
func slurp(root fs.FS, path string, buf []byte) (int, error) {
	f, err := root.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := io.ReadFull(f, buf)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// cause takes the path out of a *fs.PathError, where ours already has it.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// text returns a one-line file without its end of line, "" if there is none.
func text(root fs.FS, path string) string {
	b, err := fs.ReadFile(root, path)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b))
}

// whole reads a decimal number at the start of b and returns what follows it.
func whole(b []byte) (n uint64, rest []byte, ok bool) {
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		d := uint64(b[i] - '0')
		if n > (1<<64-1-d)/10 {
			return 0, b, false
		}
		n = n*10 + d
	}
	return n, b[i:], i > 0
}

// blank drops spaces and tabs at the start of b.
func blank(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}

// line splits b at its first end of line.
func line(b []byte) (first, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

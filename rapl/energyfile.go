package rapl

import (
	"errors"
	"io"
	"io/fs"
)

// file is an energy_uj file, held open.
type file struct {
	root   fs.FS
	path   string
	file   fs.File     // nil if it has no io.ReaderAt: then each read opens it anew
	at     io.ReaderAt // file
	length int         // of the content last read, to read it in one call
	buf    [48]byte
}

func openFile(root fs.FS, name string) (*file, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	if at, ok := f.(io.ReaderAt); ok {
		return &file{root: root, path: name, file: f, at: at}, nil
	}
	return &file{root: root, path: name}, f.Close()
}

func (f *file) close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

func (f *file) read() (uint64, error) {
	n, err := f.content()
	if err != nil {
		return 0, err
	}
	raw, err := parse(f.buf[:n])
	if err != nil {
		return 0, &fs.PathError{Op: "read", Path: f.path, Err: err}
	}
	f.length = n
	return raw, nil
}

// content fills buf and returns how much of it. An os.File goes on reading
// until the slice is full, so that asking for more than there is costs a second
// system call. Asking for just the last length costs one; if the text does not
// end with a line there, it has grown and is read in full.
func (f *file) content() (int, error) {
	if f.at == nil {
		return f.reopened()
	}
	if f.length > 0 {
		n, err := f.at.ReadAt(f.buf[:f.length], 0)
		if n > 0 && (err == nil || err == io.EOF) && f.buf[n-1] == '\n' {
			return n, nil
		}
	}
	n, err := f.at.ReadAt(f.buf[:], 0)
	return n, f.failed(err)
}

// reopened reads a counter whose file system has no io.ReaderAt.
func (f *file) reopened() (int, error) {
	g, err := f.root.Open(f.path)
	if err != nil {
		return 0, err
	}
	defer g.Close()
	n, err := io.ReadFull(g, f.buf[:])
	if err == io.ErrUnexpectedEOF {
		err = nil
	}
	return n, f.failed(err)
}

// failed gives a read error its path, if it has none. The end of the file is
// no error.
func (f *file) failed(err error) error {
	var named *fs.PathError
	switch {
	case err == nil || err == io.EOF:
		return nil
	case errors.As(err, &named) && named.Path == f.path:
		return err
	case errors.As(err, &named):
		err = named.Err // a path as the operating system sees it
	}
	return &fs.PathError{Op: "read", Path: f.path, Err: err}
}

package machinetest

import (
	"cmp"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

var (
	_ fs.StatFS      = (*Machine)(nil)
	_ fs.ReadDirFS   = (*Machine)(nil)
	_ fs.ReadLinkFS  = (*Machine)(nil)
	_ io.ReaderAt    = (*file)(nil)
	_ fs.ReadDirFile = (*dir)(nil)
)

// maxLinks is how many links one path may lead through, as on Linux.
const maxLinks = 40

// walk finds a node; follow says what a link at the end of the path means.
func (m *Machine) walk(name string, follow bool) (*node, error) {
	stack := []*node{m.root}
	todo := strings.Split(name, "/")
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		here := stack[len(stack)-1]
		switch {
		case part == "" || part == ".":
			continue
		case part == "..":
			stack = stack[:max(1, len(stack)-1)]
			continue
		case !here.mode.IsDir():
			return nil, syscall.ENOTDIR
		case here.err != nil:
			return nil, here.err
		}
		kid := here.kids[part]
		if kid == nil {
			return nil, syscall.ENOENT
		}
		if kid.mode&fs.ModeSymlink != 0 && (follow || len(todo) > 0) {
			if links++; links > maxLinks {
				return nil, syscall.ELOOP
			}
			if path.IsAbs(kid.target) {
				stack = stack[:1]
			}
			todo = slices.Concat(strings.Split(kid.target, "/"), todo)
			continue
		}
		stack = append(stack, kid)
	}
	return stack[len(stack)-1], nil
}

func (m *Machine) find(op, name string, follow bool) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n, err := m.walk(name, follow)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return n, nil
}

// Open opens a file or directory. A file has an io.ReaderAt that sees what the
// script does to it while it is held.
func (m *Machine) Open(name string) (fs.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("open", name, true)
	if err != nil {
		return nil, err
	}
	if n.err != nil && (n.mode.IsDir() || atOpen(n.err)) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: n.err}
	}
	if n.mode.IsDir() {
		return &dir{info: n.info(name), entries: n.entries()}, nil
	}
	m.opens[path.Base(name)]++
	m.held++
	return &file{m: m, n: n, name: name}, nil
}

// Stat describes what a path leads to.
func (m *Machine) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("stat", name, true)
	if err != nil {
		return nil, err
	}
	return n.info(name), nil
}

// Lstat describes what stands at a path, a link as a link.
func (m *Machine) Lstat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return n.info(name), nil
}

// ReadLink returns the target of a link as it is written.
func (m *Machine) ReadLink(name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if n.mode&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: syscall.EINVAL}
	}
	return n.target, nil
}

// ReadDir lists a directory by name.
func (m *Machine) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if n.err == nil && !n.mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: syscall.ENOTDIR}
	}
	if n.err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: n.err}
	}
	return n.entries(), nil
}

func (n *node) entries() []fs.DirEntry {
	list := make([]fs.DirEntry, 0, len(n.kids))
	for name, kid := range n.kids {
		list = append(list, fs.FileInfoToDirEntry(kid.info(name)))
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return list
}

func (n *node) info(name string) fs.FileInfo {
	i := info{name: path.Base(name), mode: n.mode | 0o444, size: int64(len(n.data))}
	switch {
	case n.mode.IsDir():
		i.mode = fs.ModeDir | 0o555
	case n.mode&fs.ModeSymlink != 0:
		i.mode, i.size = fs.ModeSymlink|0o777, int64(len(n.target))
	}
	return i
}

type info struct {
	name string
	mode fs.FileMode
	size int64
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }

// file is a file held open.
type file struct {
	m      *Machine
	n      *node
	name   string
	off    int64
	closed bool
}

func (f *file) Stat() (fs.FileInfo, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return f.n.info(f.name), nil
}

func (f *file) Read(b []byte) (int, error) {
	n, err := f.ReadAt(b, f.off)
	f.off += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadAt reads the content of now.
func (f *file) ReadAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	var err error
	switch {
	case f.closed:
		err = fs.ErrClosed
	case f.n.gone:
		err = syscall.ENODEV
	case f.n.err != nil && !atOpen(f.n.err):
		err = f.n.err
	case off < 0:
		err = fs.ErrInvalid
	}
	if err != nil {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: err}
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.closed = true
	f.m.held--
	return nil
}

// dir is a directory as it was when it was opened.
type dir struct {
	info    fs.FileInfo
	entries []fs.DirEntry
}

func (d *dir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *dir) Close() error               { return nil }

func (d *dir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.Name(), Err: syscall.EISDIR}
}

func (d *dir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		list := d.entries
		d.entries = nil
		return list, nil
	}
	if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	list := d.entries[:n]
	d.entries = d.entries[n:]
	return list, nil
}

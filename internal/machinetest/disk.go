package machinetest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// WriteTo writes the machine as it stands now into an existing directory, with
// real symbolic links. An absolute link leads below dir.
//
// A disk cannot express every error, and a test that runs as root may read what
// it likes. So the errors are approximated there: what fails on opening (EACCES,
// EPERM) is a link to itself, which answers ELOOP; what fails on reading is a
// directory, which answers EISDIR. ENOENT is not written at all. Tests of what
// is said about a particular error use the Machine as an fs.FS.
func (m *Machine) WriteTo(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, kid := range m.root.kids {
		if err := kid.write(dir, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// Play plays all that happens up to at, like At, and does the same in a
// directory that WriteTo has filled: files change in place, so that a program
// that holds them open sees it. One that holds a file that is removed, or that
// begins to fail, goes on reading its last content there.
func (m *Machine) Play(dir string, at time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.due(at) {
		if err := m.apply(v); err != nil {
			return err
		}
		if err := m.playOn(dir, v); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine) playOn(dir string, v move) error {
	onDisk := filepath.Join(dir, filepath.FromSlash(v.path))
	if v.verb == "value" {
		err := rewrite(onDisk, v.data)
		if err == nil {
			return nil
		}
		// It stood for an error until now; below it becomes a file again.
	}
	if err := os.RemoveAll(onDisk); err != nil || v.verb == "remove" {
		return err
	}
	parent, err := m.walk(path.Dir(v.path), true)
	if err != nil {
		return err
	}
	return parent.kids[path.Base(v.path)].write(dir, onDisk)
}

// rewrite changes a file in place. Shorter content is filled up with newlines
// before the file is cut, so that a reader never sees the tail of the old one.
func rewrite(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		fill := max(0, int(info.Size())-len(data))
		_, err = f.WriteAt(append(bytes.Clone(data), bytes.Repeat([]byte("\n"), fill)...), 0)
	}
	if err == nil {
		err = f.Truncate(int64(len(data)))
	}
	return errors.Join(err, f.Close())
}

func (n *node) write(root, name string) error {
	switch {
	case errors.Is(n.err, fs.ErrNotExist):
		return nil
	case n.err != nil && atOpen(n.err):
		return os.Symlink(filepath.Base(name), name)
	case n.err != nil && !n.mode.IsDir():
		return os.Mkdir(name, 0o755)
	case n.mode&fs.ModeSymlink != 0:
		target := filepath.FromSlash(n.target)
		if path.IsAbs(n.target) {
			target = filepath.Join(root, target)
		}
		return os.Symlink(target, name)
	case !n.mode.IsDir():
		return os.WriteFile(name, n.data, 0o644)
	}
	if err := os.MkdirAll(name, 0o755); err != nil {
		return err
	}
	for kid, k := range n.kids {
		if err := k.write(root, filepath.Join(name, kid)); err != nil {
			return err
		}
	}
	return nil
}

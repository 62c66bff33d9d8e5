// Package atomicfile replaces files whole: a reader sees the old content or the
// new, never half of either, and a disk that is full leaves the old one.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Options are what may differ from file to file. The zero value suits a result
// that a user asked for: readable as the umask allows, through links, unsynced.
type Options struct {
	// Perm is the mode of a file that is new, less the umask; 0 is 0666. A file
	// that is there keeps its mode, and its group where the system allows it.
	Perm fs.FileMode

	// Like gives the file the mode of another one, whatever the umask, and its
	// owner and group where the system allows it: for what stands beside a file
	// that several users share.
	Like fs.FileInfo

	// Sync puts content and name on the disk before Write returns.
	Sync bool

	// New refuses a file that is there, even as a link, with fs.ErrExist.
	New bool

	// NoFollow replaces a symbolic link itself, for directories in which others
	// may plant one. Without it the file that the link names is replaced, also
	// where it does not exist yet.
	NoFollow bool
}

// Write replaces the file at path by what write writes. If write or anything
// else fails the old file stays, and nothing is left beside it. Other hard links
// to the old file keep the old content. Writers of one path at the same time are
// safe: the last one wins.
func Write(path string, o Options, write func(io.Writer) error) error {
	target := path
	if o.New {
		if _, err := os.Lstat(path); err == nil {
			return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
		}
	} else if !o.NoFollow {
		target = resolve(path)
	}
	f, err := create(target, o.Perm)
	if err != nil {
		return named(err, path)
	}
	name := f.Name()
	like := o.Like
	if old, err := os.Lstat(target); like == nil && err == nil && old.Mode().IsRegular() {
		like = old
	}
	err = write(f)
	if err == nil && like != nil {
		err = MakeLike(f, like)
	}
	if err == nil && o.Sync {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = move(name, target, o.New)
	}
	if err != nil {
		_ = os.Remove(name)
		return named(err, path)
	}
	if o.Sync {
		return syncDir(filepath.Dir(target))
	}
	return nil
}

// move gives a finished file its name.
func move(from, to string, onlyNew bool) error {
	if !onlyNew {
		return os.Rename(from, to)
	}
	switch err := os.Link(from, to); {
	case err == nil:
		return os.Remove(from)
	case errors.Is(err, fs.ErrExist):
		return err
	}
	return os.Rename(from, to) // no hard links here
}

// maxLinks is how many links a path may pass through, as Linux has it.
const maxLinks = 40

// resolve follows the links that path's last part may be, also to a file that
// does not exist.
func resolve(path string) string {
	at := path
	for range maxLinks {
		to, err := os.Readlink(at)
		if err != nil {
			return at
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(at), to)
		}
		at = to
	}
	return path
}

// create makes a file of a name of its own beside path, as the umask allows.
func create(path string, perm fs.FileMode) (*os.File, error) {
	if perm == 0 {
		perm = 0o666
	}
	base := filepath.Base(path)
	if len(base) > 100 {
		base = base[:100] // there is a limit to a name's length
	}
	for {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s-%016x.tmp", base, rand.Uint64()))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// MakeLike gives a file the mode of another one, and its owner and group where
// the system allows it. Where the group can't be had, its rights are those of
// everybody.
func MakeLike(f *os.File, old fs.FileInfo) error {
	mode := old.Mode().Perm()
	if !keepOwner(f, old) {
		mode = mode&^0o070 | mode&0o007<<3&mode
	}
	if info, err := f.Stat(); err == nil && info.Mode().Perm() == mode {
		return nil // what has no modes is not asked to change one
	}
	return f.Chmod(mode)
}

// named gives an error the path that the user knows.
func named(err error, path string) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		p.Path = path
	}
	if l := (*os.LinkError)(nil); errors.As(err, &l) {
		return &fs.PathError{Op: "replace", Path: path, Err: l.Err}
	}
	return err
}

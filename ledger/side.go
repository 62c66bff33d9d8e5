package ledger

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/carbonctl/carbonctl/internal/atomicfile"
)

// What stands beside a ledger has its mode and its group, as SQLite has it for
// its journals: whoever may write to the one may write to the other. In a
// directory where others can make files nothing that they planted is followed.

// openSide opens a file beside the ledger, for reading and writing, and makes it
// if it is missing. like is the ledger; nil if there is none yet.
func openSide(path string, like fs.FileInfo) (*os.File, error) {
	for range 10 {
		f, err := os.OpenFile(path, os.O_RDWR|noFollow, 0)
		if err == nil {
			if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
				_ = f.Close()
				return nil, errors.Join(err, notRegular("open", path))
			}
			return f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue // somebody was faster
		}
		if err == nil && like != nil {
			if err = atomicfile.MakeLike(f, like); err != nil {
				_ = f.Close()
			}
		}
		return f, err
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("it is made and removed again and again")}
}

// maxSide bounds what is read of a file beside the ledger.
const maxSide = 64 << 20

// readSide reads a file beside the ledger whole. One that is no regular file, such
// as a pipe that would keep us waiting, is an error.
func readSide(path string) ([]byte, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSide))
}

// openRegular opens a regular file for reading, and nothing else.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if errors.Is(err, syscall.ELOOP) {
		err = notRegular("read", path) // a link
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular("read", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// errNotRegular is a link, a pipe or a directory in the place of a file of ours.
var errNotRegular = errors.New("not a regular file")

func notRegular(op, path string) error {
	return &fs.PathError{Op: op, Path: path, Err: errNotRegular}
}

// mkdirSide makes a directory beside the ledger. One that is ours follows a
// ledger whose mode was changed since.
func mkdirSide(path string, like fs.FileInfo) error {
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() { // a link may lead to anywhere
		return &fs.PathError{Op: "mkdir", Path: path, Err: errors.New("not a directory")}
	}
	if like == nil {
		return nil
	}
	mode := like.Mode().Perm()
	mode |= mode & 0o444 >> 2 // who reads the file may enter
	if info.Mode().Perm() == mode {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return nil // another's, and closed to us: what is in it fails by itself
	}
	defer d.Close()
	_ = atomicfile.MakeLike(d, like) // for its group; only the owner can do it
	_ = d.Chmod(mode)
	return nil
}

// replace writes a file beside the ledger whole, or leaves the old one, and has
// it on the disk when it returns. Where the directory lets only its owner replace
// the file, as a sticky one does, it is written over: a crash can then leave a part
// of it, which the next append makes good.
func (w Writer) replace(path string, like fs.FileInfo, content []byte) error {
	err := w.write(path, content, atomicfile.Options{Like: like, Sync: true, NoFollow: true})
	if errors.Is(err, fs.ErrPermission) && overwrite(path, content) == nil {
		return nil
	}
	return err
}

// overwrite writes over a file that is there.
func overwrite(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|noFollow, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(err, notRegular("write", path))
	}
	if _, err := f.WriteAt(content, 0); err != nil {
		return err
	}
	return errors.Join(f.Truncate(int64(len(content))), f.Sync())
}

func (w Writer) write(path string, content []byte, o atomicfile.Options) error {
	return atomicfile.Write(path, o, func(to io.Writer) error {
		_, err := w.limit(to).Write(content)
		return err
	})
}

// limit is where tests fill the disk.
func (w Writer) limit(to io.Writer) io.Writer {
	if w.disk == nil {
		return to
	}
	return w.disk(to)
}

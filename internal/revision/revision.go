// Package revision tells which git commit the files of a folder are of. The commit is
// read from the repository's own files, which costs microseconds and runs nothing;
// whether files differ from it only git itself can tell.
package revision

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// What stands behind a commit.
const (
	// Dirty: files that git tracks differ from the commit.
	Dirty = "+dirty"
	// Unchecked: it is not known whether they do.
	Unchecked = "+unchecked"
)

const (
	maxDepth  = 64       // folders above
	maxLine   = 4 << 10  // of HEAD, a reference, a .git file
	maxPacked = 64 << 20 // of packed-refs
)

// ErrNone is a folder that belongs to no git repository.
var ErrNone = errors.New("no git repository")

// Commit gives the commit that is checked out in a folder, or in the nearest one above
// that has a repository: also in a linked worktree or a submodule. It is "" where a
// repository has none yet, or keeps its references in a form that is not known here.
// The error is ErrNone, or that of a file.
func Commit(dir string) (string, error) {
	git, err := find(dir)
	if err != nil {
		return "", err
	}
	head, err := line(filepath.Join(git, "HEAD"))
	if err != nil {
		return "", err
	}
	common := git // what linked worktrees share
	if path, err := line(filepath.Join(git, "commondir")); err == nil {
		common = inside(git, path)
	}
	for range 5 { // as git follows references that name others
		name, symbolic := strings.CutPrefix(head, "ref:")
		if !symbolic {
			return commit(head), nil
		}
		if name = strings.TrimSpace(name); !filepath.IsLocal(name) || !strings.HasPrefix(name, "refs/") {
			return "", nil
		}
		if head, err = line(filepath.Join(git, name)); err != nil && common != git {
			head, err = line(filepath.Join(common, name))
		}
		if errors.Is(err, os.ErrNotExist) {
			return packed(filepath.Join(common, "packed-refs"), name)
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

// find gives the folder of the repository: .git in dir or above, or what a file of
// that name leads to.
func find(dir string) (string, error) {
	for range maxDepth {
		path := filepath.Join(dir, ".git")
		switch info, err := os.Stat(path); {
		case err == nil && info.IsDir():
			return path, nil
		case err == nil && info.Mode().IsRegular():
			to, err := line(path)
			if to, ok := strings.CutPrefix(to, "gitdir:"); ok {
				return inside(dir, strings.TrimSpace(to)), nil
			}
			return "", errors.Join(ErrNone, err)
		}
		above := filepath.Dir(dir)
		if above == dir {
			break
		}
		dir = above
	}
	return "", ErrNone
}

func inside(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// line reads the first line of a file.
func line(path string) (string, error) {
	f, err := open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxLine))
	first, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(first), err
}

// open opens a regular file: a pipe would hold us.
func open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
	}
	return os.Open(path)
}

// packed finds a reference among those that are kept in one file.
func packed(path, name string) (string, error) {
	f, err := open(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxPacked))
	for lines.Scan() {
		if hash, is, ok := strings.Cut(lines.Text(), " "); ok && is == name {
			return commit(hash), nil
		}
	}
	return "", lines.Err()
}

// commit gives a hash (SHA-1 or SHA-256, in hexadecimal) back, "" for what is none.
func commit(hash string) string {
	if len(hash) != 40 && len(hash) != 64 || strings.Trim(hash, "0123456789abcdef") != "" {
		return ""
	}
	return hash
}

//go:build unix

package atomicfile_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/atomicfile"
)

func content(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

// alone checks what a file holds, and that nothing else is in its folder but
// the names given.
func alone(t *testing.T, path, want string, others ...string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, want, string(b))
	found, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	names := []string{}
	for _, e := range found {
		names = append(names, e.Name())
	}
	assert.ElementsMatch(t, append(others, filepath.Base(path)), names)
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	return info.Mode()
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, atomicfile.Write(path, atomicfile.Options{}, content("one")))
	alone(t, path, "one")
	require.NoError(t, atomicfile.Write(path, atomicfile.Options{Sync: true}, content("2")))
	alone(t, path, "2")
}

// Umask is the process's: these cases run one after the other.
func TestUmaskAndModes(t *testing.T) {
	for _, c := range []struct {
		name       string
		umask      int
		old, perm  fs.FileMode // old 0: there is none
		wantedMode fs.FileMode
	}{
		{"new", 0o022, 0, 0, 0o644},
		{"new, private umask", 0o077, 0, 0, 0o600},
		{"new, shared umask", 0o002, 0, 0, 0o664},
		{"new, private", 0o002, 0, 0o600, 0o600},
		{"an old one keeps its mode", 0o077, 0o664, 0o600, 0o664},
		{"also a closed one", 0o022, 0o600, 0, 0o600},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			if c.old != 0 {
				require.NoError(t, os.WriteFile(path, nil, 0o600))
				require.NoError(t, os.Chmod(path, c.old))
			}
			was := syscall.Umask(c.umask)
			err := atomicfile.Write(path, atomicfile.Options{Perm: c.perm}, content("x"))
			syscall.Umask(was)
			require.NoError(t, err)
			assert.Equal(t, c.wantedMode, mode(t, path))
		})
	}
}

func TestLinks(t *testing.T) {
	for _, c := range []struct{ name, to string }{
		{"beside", "target"},
		{"through another link", "second"},
		{"that dangles", "missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, other := t.TempDir(), t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(other, "target"), []byte("old"), 0o600))
			require.NoError(t, os.Symlink("target", filepath.Join(other, "second")))
			link := filepath.Join(dir, "link")
			require.NoError(t, os.Symlink(filepath.Join(other, c.to), link))
			require.NoError(t, atomicfile.Write(link, atomicfile.Options{}, content("new")))
			assert.NotZero(t, mode(t, link)&fs.ModeSymlink, "the link stays")
			alone(t, link, "new")
			require.NoError(t, atomicfile.Write(link, atomicfile.Options{NoFollow: true}, content("mine")))
			assert.Zero(t, mode(t, link)&fs.ModeSymlink, "the link is replaced")
			alone(t, link, "mine")
		})
	}
	t.Run("a circle", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a")
		require.NoError(t, os.Symlink("a", path))
		require.NoError(t, atomicfile.Write(path, atomicfile.Options{}, content("x")), "it names nothing that could be lost")
		alone(t, path, "x")
	})
}

func TestNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, atomicfile.Write(path, atomicfile.Options{New: true}, content("one")))
	err := atomicfile.Write(path, atomicfile.Options{New: true}, content("two"))
	assert.ErrorIs(t, err, fs.ErrExist)
	alone(t, path, "one")

	late := filepath.Join(t.TempDir(), "f")
	err = atomicfile.Write(late, atomicfile.Options{New: true}, func(w io.Writer) error {
		return os.WriteFile(late, []byte("meanwhile"), 0o600)
	})
	assert.ErrorIs(t, err, fs.ErrExist, "one that came meanwhile stays too")
	alone(t, late, "meanwhile")
}

func TestFailureLeavesTheOldOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	full := errors.New("full")
	assert.ErrorIs(t, atomicfile.Write(path, atomicfile.Options{}, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return full
	}), full)
	alone(t, path, "old")
}

func TestErrorsNameWhatTheUserNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "f")
	err := atomicfile.Write(path, atomicfile.Options{}, content(""))
	assert.EqualError(t, err, "open "+path+": no such file or directory")

	dir := t.TempDir()
	err = atomicfile.Write(dir, atomicfile.Options{}, content(""))
	require.Error(t, err)
	assert.Contains(t, err.Error(), "replace "+dir+": ")
	assert.NotContains(t, err.Error(), ".tmp")
}

func TestLongName(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 255))
	require.NoError(t, atomicfile.Write(path, atomicfile.Options{}, content("x")))
	alone(t, path, "x")
}

func TestWritersAtTheSameTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				assert.NoError(t, atomicfile.Write(path, atomicfile.Options{}, content(strings.Repeat("x", 4096))))
			}
		})
	}
	all.Wait()
	alone(t, path, strings.Repeat("x", 4096))
}

//go:build unix

package proc

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRoot(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sys/class"), 0o755))
	for name, size := range map[string]int{"empty": 0, "sys/class/short": 3, "sys/half": 2048, "sys/more": 2049, "sys/room": 4096, "long": 100_001} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte("x7\n"), size)[:size], 0o644))
	}
	require.NoError(t, os.Symlink("sys/half", filepath.Join(dir, "link")))
	root, want := Root(dir), os.DirFS(dir)
	require.NoError(t, fstest.TestFS(files{root}, "empty", "sys/class/short", "sys/half", "sys/more", "sys/room", "long"))

	for _, name := range []string{"", ".", "/", "..", "sys/../long", "none", "long/x", "sys", "link"} {
		_, mine := fs.ReadFile(root, name)
		_, theirs := fs.ReadFile(want, name)
		assert.Equal(t, theirs == nil, mine == nil, "%s: %v, %v", name, theirs, mine)
		for _, kind := range []error{fs.ErrNotExist, fs.ErrInvalid} {
			assert.Equal(t, errors.Is(theirs, kind), errors.Is(mine, kind), "%s: %v, %v", name, theirs, mine)
		}
	}
}

func TestRootOfRoot(t *testing.T) {
	for _, dir := range []string{"/", "/."} {
		_, err := fs.Stat(Root(dir), "dev/null")
		require.NoError(t, err)
		f, err := Root(dir).Open("dev/null")
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	_, err := Root("").Open("dev/null")
	assert.Error(t, err)
}

// files is a root of which only files are opened.
type files struct{ fs.FS }

func (f files) Open(name string) (fs.File, error) {
	if info, err := fs.Stat(f.FS, name); err == nil && info.IsDir() {
		return os.DirFS(f.FS.(rootFS).dir).Open(name)
	}
	return f.FS.Open(name)
}

// A file that is held shows what is in it now, also where that has grown.
func TestRootHeld(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "stat")
	require.NoError(t, os.WriteFile(path, []byte("1\n"), 0o644))
	f, err := Root(dir).Open("stat")
	require.NoError(t, err)
	at := f.(io.ReaderAt)
	buf := make([]byte, 8)
	n, err := at.ReadAt(buf, 0)
	assert.Equal(t, "1\n", string(buf[:n]))
	assert.ErrorIs(t, err, io.EOF)
	require.NoError(t, os.WriteFile(path, []byte("12345678\n"), 0o644))
	n, err = at.ReadAt(buf, 0)
	assert.Equal(t, "12345678", string(buf[:n]))
	assert.NoError(t, err)
	require.NoError(t, f.Close())
	assert.ErrorIs(t, f.Close(), fs.ErrClosed)
	_, err = f.Read(buf)
	assert.ErrorIs(t, err, fs.ErrClosed)
}

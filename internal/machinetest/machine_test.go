package machinetest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const script = `
Modelled on nothing at all.

-- LINKS --
# flat names into the tree
sys/class/a -> ../devices/a
sys/class/gone -> ../devices/gone
sys/class/abs -> /sys/devices/a
loop -> loop
-- MOVES --
200 sys/class/a/n EIO
100 sys/class/a/n 12
300 sys/class/a/n 3
400 sys/devices/a remove
500 sys/devices/a restore
500 sys/devices/a/n "4"
600 sys/devices/a/deep EACCES
-- ERRORS --
sys/devices/a/secret EACCES
sys/devices/a/none ENODATA
-- sys/devices/a/n --
1000
-- sys/devices/a/deep/n --
1
-- sys/devices/a/secret --
1
-- sys/devices/a/none --
1
`

func parsed(t *testing.T) *Machine {
	t.Helper()
	m, err := Parse([]byte(script))
	require.NoError(t, err)
	return m
}

func content(t *testing.T, root fs.FS, name string) string {
	t.Helper()
	b, err := fs.ReadFile(root, name)
	require.NoError(t, err)
	return string(b)
}

func TestFS(t *testing.T) {
	m, err := Parse([]byte("-- a/b --\n1\n-- a/c --\n-- LINKS --\nl -> a/b\n"))
	require.NoError(t, err)
	assert.NoError(t, fstest.TestFS(m, "a/b", "a/c", "l"))
}

func TestLinks(t *testing.T) {
	m := parsed(t)
	assert.Equal(t, "Modelled on nothing at all.\n\n", m.Comment[1:])
	for _, name := range []string{"sys/devices/a/n", "sys/class/a/n", "sys/class/abs/n", "sys/class/a/deep/../n"} {
		if fs.ValidPath(name) {
			assert.Equal(t, "1000\n", content(t, m, name), name)
		}
	}
	_, err := fs.Stat(m, "sys/class/gone")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	info, err := m.Lstat("sys/class/gone")
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&fs.ModeSymlink)
	target, err := m.ReadLink("sys/class/gone")
	require.NoError(t, err)
	assert.Equal(t, "../devices/gone", target)
	_, err = m.ReadLink("sys/devices")
	assert.ErrorIs(t, err, syscall.EINVAL)
	_, err = m.Open("loop")
	assert.ErrorIs(t, err, syscall.ELOOP)
	_, err = m.Open("/sys")
	assert.ErrorIs(t, err, fs.ErrInvalid)
	_, err = m.Open("sys/devices/a/n/x")
	assert.ErrorIs(t, err, syscall.ENOTDIR)
	entries, err := m.ReadDir("sys/class")
	require.NoError(t, err)
	require.Len(t, entries, 3)
	assert.Equal(t, fs.ModeSymlink, entries[0].Type())
}

func TestErrors(t *testing.T) {
	m := parsed(t)
	_, err := m.Open("sys/class/a/secret")
	var named *fs.PathError
	require.ErrorAs(t, err, &named)
	assert.Equal(t, "sys/class/a/secret", named.Path)
	assert.ErrorIs(t, err, fs.ErrPermission)
	assert.ErrorIs(t, err, syscall.EACCES)

	f, err := m.Open("sys/class/a/none")
	require.NoError(t, err)
	_, err = f.Read(make([]byte, 8))
	assert.ErrorIs(t, err, syscall.ENODATA)
	assert.Equal(t, 1, m.Held())
	require.NoError(t, f.Close())
	assert.ErrorIs(t, f.Close(), fs.ErrClosed)
	assert.Zero(t, m.Held())
	assert.Equal(t, 1, m.Opens("none"))
	assert.Zero(t, m.Opens("secret"), "one that fails is none")
}

// A file that is held sees what happens to it.
func TestMoves(t *testing.T) {
	m := parsed(t)
	assert.Equal(t, 600*time.Millisecond, m.End())
	next, ok := m.Next()
	assert.True(t, ok)
	assert.Equal(t, 100*time.Millisecond, next)
	f, err := m.Open("sys/class/a/n")
	require.NoError(t, err)
	defer f.Close()
	read := func() (string, error) {
		b := make([]byte, 16)
		n, err := f.(io.ReaderAt).ReadAt(b, 0)
		if err == io.EOF {
			err = nil
		}
		return string(b[:n]), err
	}
	for _, tt := range []struct {
		at   time.Duration
		want string
		err  error
	}{
		{99, "1000\n", nil},
		{100, "12\n", nil},
		{200, "", syscall.EIO},
		{300, "3\n", nil},
		{400, "", syscall.ENODEV},
		{500, "", syscall.ENODEV}, // what is restored is another file
	} {
		m.At(tt.at * time.Millisecond)
		got, err := read()
		assert.Equal(t, tt.want, got, "at %d", tt.at)
		assert.ErrorIs(t, err, tt.err, "at %d", tt.at)
	}
	assert.Equal(t, "4", content(t, m, "sys/class/a/n"))
	m.At(time.Second)
	_, err = m.Open("sys/class/a/deep/n")
	assert.ErrorIs(t, err, fs.ErrPermission)
	_, err = m.ReadDir("sys/class/a/deep")
	assert.ErrorIs(t, err, fs.ErrPermission)
	assert.Zero(t, m.End())
	_, ok = m.Next()
	assert.False(t, ok)
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"-- ../x --\n":                                       "not a path",
		"-- a --\n-- a --\n":                                 "given twice",
		"-- a --\n-- a/b --\n":                               "a is not a directory",
		"-- LINKS --\na b\n":                                 `LINKS:1: "a b" is not path -> target`,
		"-- ERRORS --\n\n# no\na EWHAT\n":                    "ERRORS:3:",
		"-- ERRORS --\na EIO\n":                              "ERRORS:1: a:",
		"-- MOVES --\nsoon a 1\n":                            "MOVES:1:",
		"-- MOVES --\n1 a\n":                                 "MOVES:1:",
		"-- a --\n-- MOVES --\n1 a \"x\n":                    "MOVES:1:",
		"-- a --\n-- MOVES --\n7 b 1\n":                      "MOVES: at 7 ms: b:",
		"-- a --\n-- MOVES --\n7 a restore\n":                "cannot be restored",
		"-- a/b --\n-- MOVES --\n7 a 1\n":                    "is a directory",
		"-- a --\n-- MOVES --\n7 b remove\n":                 "MOVES: at 7 ms: b:",
		"-- a --\n-- MOVES --\n7 a remove\n8 a 1\n9 a EIO\n": "MOVES: at 8 ms: a:",
	} {
		_, err := Parse([]byte(text))
		assert.ErrorContains(t, err, want, "%q", text)
	}
}

func TestDisk(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege there")
	}
	m := parsed(t)
	dir := t.TempDir()
	require.NoError(t, m.WriteTo(dir))
	root := os.DirFS(dir)
	assert.Equal(t, "1000\n", content(t, root, "sys/class/a/n"))
	assert.Equal(t, "1000\n", content(t, root, "sys/class/abs/n"))
	target, err := os.Readlink(filepath.Join(dir, "sys/class/gone"))
	require.NoError(t, err)
	assert.Equal(t, "../devices/gone", target)
	_, err = fs.ReadFile(root, "sys/class/a/secret")
	assert.ErrorIs(t, err, syscall.ELOOP)
	_, err = fs.ReadFile(root, "sys/class/a/none")
	assert.ErrorIs(t, err, syscall.EISDIR)

	f, err := os.Open(filepath.Join(dir, "sys/class/a/n"))
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, m.Play(dir, 100*time.Millisecond))
	b := make([]byte, 16)
	n, _ := f.ReadAt(b, 0)
	assert.Equal(t, "12\n", string(b[:n]), "a file that is held changes in place")

	require.NoError(t, m.Play(dir, 200*time.Millisecond))
	_, err = fs.ReadFile(root, "sys/class/a/n")
	assert.ErrorIs(t, err, syscall.EISDIR)
	require.NoError(t, m.Play(dir, 300*time.Millisecond))
	assert.Equal(t, "3\n", content(t, root, "sys/class/a/n"))
	require.NoError(t, m.Play(dir, 400*time.Millisecond))
	_, err = fs.Stat(root, "sys/class/a")
	assert.True(t, errors.Is(err, fs.ErrNotExist))
	require.NoError(t, m.Play(dir, 500*time.Millisecond))
	assert.Equal(t, "4", content(t, root, "sys/class/a/n"))
	require.NoError(t, m.Play(dir, time.Second))
	_, err = fs.ReadFile(root, "sys/class/a/deep/n")
	assert.ErrorIs(t, err, syscall.ELOOP)
}

// Every machine of the corpus can be read and says what it is.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("../../testdata/machines/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		m := Load(t, file)
		assert.NotEmpty(t, m.Comment, file)
		for _, name := range []string{"proc/cpuinfo", "proc/stat", "proc/meminfo"} {
			_, err := m.Stat(name)
			assert.NoError(t, err, file)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(script))
	f.Add([]byte("-- a --\n-- MOVES --\n1 a remove\n2 a restore\n3 a EIO\n4 a \"\\x00\"\n"))
	f.Add([]byte("-- LINKS --\na -> ..\nb -> a/b\n-- MOVES --\n1 a remove\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			return
		}
		m.At(m.End()) // what parses can be played
	})
}

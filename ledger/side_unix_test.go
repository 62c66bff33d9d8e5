//go:build unix

package ledger

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/runs"
)

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	return info.Mode()
}

// Who may write to the ledger may write to what stands beside it, whatever the
// umask and whoever came first.
func TestSideFilesAreLikeTheLedger(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o660, 0o664, 0o666} {
		path := newPath(t)
		w := &Writer{Path: path, Key: key(t, 1)}
		require.NoError(t, w.Checkpoint(soFar("a", 1)), "there is no ledger yet")
		add(t, path, runs.Row{RunID: "b"})
		require.NoError(t, os.Chmod(path, mode))
		require.NoError(t, w.Report(t.Context(), soFar("a", 1)))
		require.NoError(t, os.WriteFile(path, []byte(contents(t, path)+"torn"), mode))
		require.NoError(t, w.Checkpoint(soFar("c", 1)))
		_, err := w.Append(t.Context(), runs.Row{RunID: "d"})
		require.NoError(t, err)

		assert.Equal(t, mode, modeOf(t, path))
		for _, side := range []string{".head", ".head.sig", ".torn", ".d/c.lock"} {
			assert.Equal(t, mode, modeOf(t, path+side), side)
		}
		assert.Equal(t, mode|mode&0o444>>2|fs.ModeDir, modeOf(t, path+".d"))
		for _, side := range []string{".d/c.journal.0", ".d/c.journal.1"} {
			assert.Equal(t, mode&^0o022, modeOf(t, path+side), "%s: the owner's words alone", side)
		}
	}
}

// In a directory where others can make files, nothing that they planted is
// followed: no file of ours is cut or changed through it.
func TestNothingPlantedIsFollowed(t *testing.T) {
	victim := filepath.Join(t.TempDir(), "victim")
	require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o600))
	plant := func(name string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.Symlink(victim, name))
	}
	defer func() { assert.Equal(t, "precious", contents(t, victim)) }()

	path := newPath(t)
	for _, side := range []string{".head", ".head.tmp", ".head.sig", ".head.sig.tmp", ".lock"} {
		plant(path + side)
	}
	w := Writer{Path: path, Key: key(t, 1)}
	_, err := w.Append(t.Context(), runs.Row{RunID: "a"})
	require.NoError(t, err)
	assert.True(t, modeOf(t, path+".head").IsRegular())
	assert.True(t, modeOf(t, path+".head.sig").IsRegular())

	for _, side := range []string{"a.lock", "b.journal.0", "c.journal.1"} {
		plant(path + ".d/" + side)
		assert.ErrorIs(t, (&Writer{Path: path}).Checkpoint(soFar(side[:1], 1)), syscall.ELOOP, side)
	}
	other := newPath(t)
	plant(other + ".d")
	assert.Error(t, (&Writer{Path: other}).Checkpoint(soFar("a", 1)))
	pipe := newPath(t)
	require.NoError(t, os.Mkdir(pipe+".d", 0o700))
	require.NoError(t, syscall.Mkfifo(pipe+".d/a.lock", 0o600))
	assert.ErrorContains(t, (&Writer{Path: pipe}).Checkpoint(soFar("a", 1)), "not a regular file")
}

// A link to a file that does not exist yet: its lock and its head are the file's.
func TestADanglingLinkHasOneLock(t *testing.T) {
	dir := t.TempDir()
	path, link, second := filepath.Join(dir, "real", "ledger.csv"), filepath.Join(dir, "link.csv"), filepath.Join(dir, "second.csv")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	require.NoError(t, os.Symlink(filepath.Join("real", "ledger.csv"), link))
	require.NoError(t, os.Symlink("link.csv", second))
	unlock, err := tryLock(must(t)(locate(second)))
	require.NoError(t, err)
	again, err := tryLock(must(t)(locate(path)))
	require.NoError(t, err)
	assert.Nil(t, again, "it is locked by its other name")
	require.NoError(t, unlock())
	add(t, second, runs.Row{RunID: "a"})
	add(t, link, runs.Row{RunID: "b"})
	add(t, path, runs.Row{RunID: "c"})
	assert.Len(t, rows(t, path), 3)
	left, err := filepath.Glob(filepath.Join(dir, "*.csv*"))
	require.NoError(t, err)
	assert.Equal(t, []string{link, second}, left)

	loop := filepath.Join(dir, "loop.csv")
	require.NoError(t, os.Symlink("loop.csv", loop))
	_, err = Writer{Path: loop}.Append(t.Context(), runs.Row{})
	assert.Error(t, err)
}

func must(t *testing.T) func(string, error) string {
	return func(s string, err error) string {
		t.Helper()
		require.NoError(t, err)
		return s
	}
}

// A file that is replaced while somebody waits for its lock is locked anew.
func TestTheLockIsThatOfTheName(t *testing.T) {
	path := newPath(t)
	add(t, path, runs.Row{RunID: "a"})
	unlock, err := tryLock(path)
	require.NoError(t, err)
	require.NoError(t, os.Rename(path, path+".old"))
	require.NoError(t, os.WriteFile(path, []byte(contents(t, path+".old")), 0o600))
	add(t, path, runs.Row{RunID: "b"})
	require.NoError(t, unlock())
	assert.Len(t, rows(t, path), 2)
}

// What stands in the place of FILE.head and is no file keeps nobody waiting, and is
// a finding until the next append has replaced it.
func TestHeadThatIsNoFile(t *testing.T) {
	for name, plant := range map[string]func(path string) error{
		"pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"link":      func(path string) error { return os.Symlink("/dev/zero", path) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		path := newPath(t)
		add(t, path, runs.Row{RunID: "a"})
		require.NoError(t, os.Remove(path+".head"))
		require.NoError(t, plant(path+".head"))
		result, err := Check{}.File(path)
		require.NoError(t, err)
		if assert.Len(t, result.Findings, 1, name) {
			assert.Equal(t, WrongHead, result.Findings[0].Kind)
			assert.Contains(t, result.Findings[0].Text, "not a regular file")
		}
		if name == "directory" {
			continue // no file takes its place
		}
		add(t, path, runs.Row{RunID: "b"})
		result, err = Check{}.File(path)
		require.NoError(t, err)
		assert.Empty(t, result.Findings, name)
	}
}

// In a directory where others cannot replace a file, as in a sticky one, FILE.head
// follows all the same.
func TestHeadInADirectoryOfAnother(t *testing.T) {
	path := newPath(t)
	add(t, path, runs.Row{RunID: "a"})
	dir := filepath.Dir(path)
	require.NoError(t, os.Chmod(dir, 0o555)) // root may all the same
	defer func() { _ = os.Chmod(dir, 0o700) }()
	for _, id := range []string{"b", "c", "d"} {
		add(t, path, runs.Row{RunID: id})
	}
	assert.Len(t, rows(t, path), 4)

	require.NoError(t, overwrite(path+".head", []byte("short")))
	assert.Equal(t, "short", contents(t, path+".head"))
	require.NoError(t, os.Chmod(dir, 0o700))
	require.NoError(t, os.Symlink(path, path+".link"))
	assert.Error(t, overwrite(path+".link", nil))
	assert.ErrorIs(t, overwrite(dir+"/none", nil), fs.ErrNotExist)
}

// Links in the place of our directories are not followed, also where there is no
// ledger yet, and one in the place of FILE.torn keeps no row away.
func TestPlantedLinks(t *testing.T) {
	elsewhere := t.TempDir()
	for _, planted := range []string{"ledger.csv.d", "ledger.csv.d/runs"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "ledger.csv")
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, planted)), 0o700))
		require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, planted)))
		_, err := (&Writer{Path: path}).Record(t.Context(), soFar("a", 1))
		assert.ErrorContains(t, err, "not a directory", planted)
		files, err := os.ReadDir(elsewhere)
		require.NoError(t, err)
		assert.Empty(t, files, planted)
	}

	path, victim := newPath(t), filepath.Join(elsewhere, "victim")
	require.NoError(t, os.WriteFile(victim, []byte("v"), 0o600))
	add(t, path, runs.Row{RunID: "a"})
	require.NoError(t, os.WriteFile(path, []byte(contents(t, path)+"half"), 0o600))
	require.NoError(t, os.Symlink(victim, path+".torn"))
	add(t, path, runs.Row{RunID: "b"})
	assert.Len(t, rows(t, path), 2)
	assert.Equal(t, "v", contents(t, victim))
	aside, err := filepath.Glob(path + ".torn-*")
	require.NoError(t, err)
	require.Len(t, aside, 1)
	assert.Contains(t, contents(t, aside[0]), "half")
}

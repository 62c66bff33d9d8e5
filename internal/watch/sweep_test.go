package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatAKilledProcessLeftIsSwept(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * sweepAfter)
	held, err := OpenEvents(dir, func(Event) {})
	require.NoError(t, err)
	file := func(name string, at time.Time) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("epoch-end\n"), 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
		return path
	}
	young := file("carbonctl-events-1", time.Now())
	orphan, foreign := file("carbonctl-events-2", old), file("other-3", old)
	if b := hang(orphan); b != nil {
		b.close()
	}
	lone := filepath.Join(dir, "carbonctl-events-3") // of which only the bell is left
	if b := hang(lone); b != nil {
		b.close()
		require.NoError(t, os.Chtimes(bellOf(lone), old, old))
		require.NoError(t, os.Chtimes(bellOf(held.Path), old, old))
	}
	folder, link := filepath.Join(dir, "carbonctl-events-4"), filepath.Join(dir, "carbonctl-events-5")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.Symlink(foreign, link))
	for _, path := range []string{held.Path, folder} {
		require.NoError(t, os.Chtimes(path, old, old))
	}
	SweepEvents(dir)
	for _, path := range []string{orphan, bellOf(orphan), lone, bellOf(lone)} {
		_, err := os.Lstat(path)
		assert.ErrorIs(t, err, fs.ErrNotExist, path)
	}
	if held.bell != nil {
		_, err := os.Lstat(bellOf(held.Path))
		assert.NoError(t, err)
	}
	for _, path := range []string{held.Path, young, foreign, link} {
		assert.FileExists(t, path)
	}
	assert.DirExists(t, folder)
	held.Close()
}

//go:build unix

package input

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A pipe that lies in a folder would be waited for forever; one that is named is read.
func TestPipesAndDevicesInFolders(t *testing.T) {
	dir := t.TempDir()
	a, pipe, zero := filepath.Join(dir, "a.csv"), filepath.Join(dir, "pipe.csv"), filepath.Join(dir, "zero.csv")
	require.NoError(t, os.WriteFile(a, nil, 0o600))
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.NoError(t, os.Symlink("/dev/zero", zero))
	for _, arg := range []string{dir, filepath.Join(dir, "*.csv")} {
		var skipped []string
		r := Reader{Skipped: func(err error) { skipped = append(skipped, err.Error()) }}
		files, err := r.Files([]string{arg})
		require.NoError(t, err)
		assert.Equal(t, []File{{Path: a}}, files)
		assert.Equal(t, []string{"open " + pipe + ": not a regular file", "open " + zero + ": not a regular file"}, skipped)
	}
	files, err := (&Reader{}).Files([]string{pipe})
	require.NoError(t, err)
	assert.Equal(t, []File{{Path: pipe, Named: true}}, files)
}

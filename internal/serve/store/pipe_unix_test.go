//go:build unix

package store

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// To open a pipe that nobody writes to would keep the server from reading anything else, and
// from ending.
func TestAPipeIsNotOpened(t *testing.T) {
	dir := t.TempDir()
	appendRuns(t, filepath.Join(dir, "a.csv"), "a1")
	pipe := filepath.Join(dir, "pipe.csv")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.NoError(t, os.Symlink("/dev/zero", filepath.Join(dir, "zero.csv")))
	for name, args := range map[string][]string{
		"in a folder": {dir}, "by a pattern": {filepath.Join(dir, "*.csv")}, "by its name": {filepath.Join(dir, "a.csv"), pipe},
	} {
		s := New(Options{Args: args})
		state := look(s)
		assert.Equal(t, []string{"a1"}, ids(state), name)
		require.NotEmpty(t, state.Faults, name)
		assert.Equal(t, pipe+": not a regular file", state.Faults[0].String(), name)
		assert.Same(t, state, look(s), name)
	}
	// A ledger that becomes one.
	path := filepath.Join(dir, "a.csv")
	s := New(Options{Args: []string{path}})
	look(s)
	require.NoError(t, os.Remove(path))
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	assert.Empty(t, ids(look(s)))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Remove(path+".head"))
	appendRuns(t, path, "b1")
	assert.Equal(t, []string{"b1"}, ids(look(s)))
}

package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// A run that was recorded, or recovered, can be opened whole; its row has the
// hash of what anybody gets by "zcat".
func TestKeptRuns(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path}
	done, dead := soFar("done", 7), soFar("dead", 8)
	done.Epochs = []footprint.Epoch{{Index: 1, Name: "first"}}
	_, err := w.Record(t.Context(), done)
	require.NoError(t, err)
	require.NoError(t, w.Checkpoint(dead))
	die(t, w)
	_, err = Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)

	all := rows(t, path)
	got, err := OpenRun(path, all[0])
	require.NoError(t, err)
	assert.Equal(t, done, got)
	got, err = OpenRun(path, all[1])
	require.NoError(t, err)
	assert.Equal(t, energy.Energy(8), got.Energy)
	assert.Equal(t, footprint.Recovered, got.Status)
	for _, row := range all {
		b, err := readKept(path, row.RunID)
		require.NoError(t, err)
		sum := sha256.Sum256(b)
		assert.Equal(t, hex.EncodeToString(sum[:]), row.RunHash)
		var keys map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(b, &keys))
		assert.NotContains(t, keys, "ledger")
	}
	for _, id := range []string{"none", "../ledger", ""} {
		_, err = OpenRun(path, runs.Row{RunID: id})
		assert.ErrorIs(t, err, fs.ErrNotExist, id)
	}

	result, err := Check{}.File(path)
	require.NoError(t, err)
	assert.Empty(t, result.Findings)
	other, err := os.ReadFile(keptName(path, "dead"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(keptName(path, "done"), other, 0o600))
	require.NoError(t, os.WriteFile(keptName(path, "dead"), make([]byte, 300), 0o600))
	result, err = Check{}.File(path)
	require.NoError(t, err)
	require.Len(t, result.Findings, 1)
	assert.Contains(t, result.Unseen[0], "dead: a part of it is missing", "as by a power cut")
	assert.Equal(t, RunChanged, result.Findings[0].Kind)
	assert.EqualValues(t, 2, result.Findings[0].Line)
	_, err = OpenRun(path, all[0])
	assert.ErrorContains(t, err, "does not match its row")
	// What a power cut leaves is cut, or ends in zeros; anything else was changed.
	middle := bytes.Clone(other)
	middle[len(middle)/2]++
	for name, changed := range map[string]struct {
		content []byte
		found   bool
	}{
		"a byte":       {middle, true},
		"garbage":      {[]byte("garbage"), true},
		"a byte more":  {append(bytes.Clone(other), 'x'), true},
		"empty":        {nil, false},
		"zeros":        {make([]byte, 4096), false},
		"cut":          {other[:40], true},
		"ends in zero": {append(bytes.Clone(other[:40]), make([]byte, 600)...), false},
	} {
		require.NoError(t, os.WriteFile(keptName(path, "dead"), changed.content, 0o600))
		result, err = Check{}.File(path)
		require.NoError(t, err)
		assert.Len(t, result.Findings, map[bool]int{false: 1, true: 2}[changed.found], name)
	}
	require.NoError(t, os.Remove(keptName(path, "dead")))
	require.NoError(t, os.Mkdir(keptName(path, "dead"), 0o700))
	result, err = Check{}.File(path)
	require.NoError(t, err)
	assert.Len(t, result.Findings, 2, "a directory")
	require.NoError(t, os.Remove(keptName(path, "done")))
	require.NoError(t, os.Remove(keptName(path, "dead")))
	result, err = Check{}.File(path)
	require.NoError(t, err)
	assert.Empty(t, result.Findings, "pruned")
}

// Where a run cannot be kept it has its row all the same.
func TestARunThatCannotBeKept(t *testing.T) {
	path := newPath(t)
	require.NoError(t, os.Mkdir(path+".d", 0o700))
	require.NoError(t, os.WriteFile(path+".d/runs", nil, 0o600))
	receipt, err := (&Writer{Path: path}).Record(t.Context(), soFar("run", 7))
	var not *NotKeptError
	require.ErrorAs(t, err, &not)
	assert.NotEmpty(t, receipt.Hash)
	assert.Empty(t, rows(t, path)[0].RunHash)

	path = newPath(t)
	room := 0
	w := full(Writer{Path: path}, &room, nil)
	_, err = w.Record(t.Context(), soFar("run", 7))
	assert.ErrorIs(t, err, syscall.ENOSPC)
	assert.NoFileExists(t, keptName(path, "run"))
}

func TestPrune(t *testing.T) {
	path := newPath(t)
	put := func() {
		for i := range 10 {
			w := &Writer{Path: path}
			id := fmt.Sprint("run-", i)
			_, err := w.Record(t.Context(), soFar(id, 1))
			require.NoError(t, err)
			at := time.Now().Add(time.Duration(i-9) * time.Hour)
			require.NoError(t, os.Chtimes(keptName(path, id), at, at))
		}
	}
	for _, c := range []struct {
		keep string
		left []string
	}{
		{"1000", []string{"run-0", "run-1", "run-2", "run-3", "run-4", "run-5", "run-6", "run-7", "run-8", "run-9"}},
		{"3", []string{"run-7", "run-8", "run-9"}}, {"90m", []string{"run-8", "run-9"}}, {"0.1d", []string{"run-7", "run-8", "run-9"}}, {"0", nil},
	} {
		put()
		keep, err := ParseKeep(c.keep)
		require.NoError(t, err)
		_, err = Writer{Path: path, Keep: keep}.Recover(t.Context())
		require.NoError(t, err)
		var left []string
		files, err := os.ReadDir(filepath.Join(path+".d", "runs"))
		require.NoError(t, err)
		for _, f := range files {
			left = append(left, f.Name()[:len("run-0")])
		}
		assert.Equal(t, c.left, left, c.keep)
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.Remove(path+".head"))
	}
	_, err := (&Writer{Path: path, Keep: Keep{Runs: -1}}).Record(t.Context(), soFar("none", 1))
	require.NoError(t, err)
	assert.NoFileExists(t, keptName(path, "none"))
	for _, bad := range []string{"", "-1", "x", "0d", "-3h", "1.5"} {
		_, err := ParseKeep(bad)
		assert.ErrorContains(t, err, "invalid value", bad)
	}
}

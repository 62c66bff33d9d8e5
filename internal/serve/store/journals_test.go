package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
)

// tree describes all that is below a folder.
func tree(t *testing.T, dir string) (all []string) {
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		all = append(all, fmt.Sprintln(path, info.Size(), info.Mode(), info.ModTime().UnixNano()))
		return err
	}))
	return all
}

func TestJournalsAreOnlyRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "runs.csv")
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	s := New(Options{Ledger: path, Now: func() time.Time { return at }})
	w := &ledger.Writer{Path: path, User: "ada"}
	report := footprint.Report{Schema: footprint.Schema, RunID: "0198c0de-0001", Status: footprint.Running, StartedAt: at}
	require.NoError(t, w.Checkpoint(report))
	state := look(s)
	require.Len(t, state.Live, 1, "the first run of a ledger that is still to begin")
	assert.Equal(t, report.RunID, state.Live[0].RunID)
	assert.Zero(t, state.Rows.Len())

	report.DurationS = 5
	require.NoError(t, w.Checkpoint(report))
	assert.Equal(t, 5.0, look(s).Live[0].DurationS)

	// One whose tracker died stays as it is: who serves recovers nothing.
	require.NoError(t, os.WriteFile(path+".d/0198c0de-0002.lock", []byte("{}"), 0o600))
	require.NoError(t, os.WriteFile(path+".d/0198c0de-0003.lock", []byte("no JSON"), 0o600))
	before := tree(t, dir)
	at = at.Add(rereadAfter)
	state = look(s)
	assert.Equal(t, 2, state.Unrecorded)
	assert.Len(t, state.Live, 1)
	at = at.Add(rereadAfter)
	assert.Same(t, state, look(s), "nothing has changed")
	assert.Equal(t, before, tree(t, dir), "and nothing was")

	report.Status = footprint.Completed
	report.PUE = footprint.PUE{Value: 1}
	report.EndedAt, report.Coverage, report.Charge = at, 1, footprint.ChargeMachine
	require.NoError(t, w.Report(t.Context(), report))
	state = look(s)
	assert.Empty(t, state.Live)
	assert.Equal(t, []string{report.RunID}, ids(state))
	row, from := state.Rows.At(0)
	whole, ok := Whole(row, from)
	require.True(t, ok)
	assert.Equal(t, 5.0, whole.DurationS)
	require.NoError(t, os.RemoveAll(path+".d"))
	_, ok = Whole(row, from)
	assert.False(t, ok)
	assert.Zero(t, look(s).Unrecorded)
}

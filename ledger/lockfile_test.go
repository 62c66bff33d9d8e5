package ledger

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// A run that is killed before its slots are there has its first checkpoint in the lock
// file, which asks for nothing: others may write to it.
func TestRecoverOfALockFile(t *testing.T) {
	for _, slots := range []string{"none", "blank"} {
		path := newPath(t)
		w := &Writer{Path: path, User: "ada", Pending: json.RawMessage(`{"webhook":1}`)}
		require.NoError(t, w.Checkpoint(soFar("run", 7)))
		die(t, w)
		for n := range 2 {
			slot := filepath.Join(path+".d", slotName("run", n))
			require.NoError(t, os.Remove(slot))
			if slots == "blank" {
				require.NoError(t, os.WriteFile(slot, make([]byte, 1000), 0o600))
			}
		}
		got, err := Writer{Path: path}.Recover(t.Context())
		require.NoError(t, err)
		require.Len(t, got, 1, slots)
		assert.Nil(t, got[0].Pending)
		assert.False(t, got[0].Own)
		row := rows(t, path)[0]
		assert.Equal(t, footprint.Recovered, row.Status)
		assert.Equal(t, energy.Energy(7), row.Energy)
		assert.Equal(t, "ada", row.User)
		assert.Empty(t, journals(t, path))
	}
}

// What is set aside is not made a row of what its lock file held.
func TestRecoverOfASetAsideJournal(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path}
	require.NoError(t, w.Checkpoint(soFar("run", 7)))
	die(t, w)
	for n := range 2 {
		require.NoError(t, os.WriteFile(filepath.Join(path+".d", slotName("run", n)), []byte("{"), 0o600))
	}
	_, err := Writer{Path: path}.Recover(t.Context())
	var bad *JournalError
	require.ErrorAs(t, err, &bad)
	got, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	assert.Empty(t, got)
}

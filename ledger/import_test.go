package ledger

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/runs"
)

func TestImport(t *testing.T) {
	path := newPath(t)
	w := Writer{Path: path}
	some := func(ids ...string) []runs.Row {
		var all []runs.Row
		for _, id := range ids {
			all = append(all, runs.Row{RunID: id})
		}
		return all
	}
	added, had, err := w.Import(t.Context(), slices.Values(some("a", "b", "a")))
	require.NoError(t, err)
	assert.Equal(t, []int{2, 1}, []int{added, had})
	text := contents(t, path)
	require.NoError(t, os.WriteFile(path, []byte(text+"torn"), 0o600))
	added, had, err = w.Import(t.Context(), slices.Values(some("b", "c", "a")))
	require.NoError(t, err)
	assert.Equal(t, []int{1, 2}, []int{added, had})
	assert.Len(t, rows(t, path), 3)

	bad := append(some("d"), runs.Row{RunID: "e", Labels: "x"}, runs.Row{RunID: "f"})
	added, _, err = w.Import(t.Context(), slices.Values(bad))
	assert.ErrorContains(t, err, "labels")
	assert.Equal(t, 1, added)
	assert.Len(t, rows(t, path), 4)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	added, _, err = w.Import(ended, slices.Values(some("g")))
	assert.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, added)

	foreign := newPath(t)
	require.NoError(t, os.WriteFile(foreign, []byte(codecarbonHeader), 0o600))
	_, _, err = Writer{Path: foreign}.Import(t.Context(), slices.Values(some("a")))
	var header *HeaderError
	assert.ErrorAs(t, err, &header)
}

package ledger

import (
	"context"
	"fmt"
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

// Rows come in batches, other writers between them, and what the ledger gets
// meanwhile is not added again.
func TestImportLetsOthersIn(t *testing.T) {
	path := newPath(t)
	w := Writer{Path: path}
	n := 0
	others := func(yield func(runs.Row) bool) {
		for i := range 3 * batchSize {
			if i == batchSize+1 { // the first batch is in, the lock free
				add(t, path, runs.Row{RunID: fmt.Sprint("row-", 2*batchSize)})
				n++
			}
			if !yield(runs.Row{RunID: fmt.Sprint("row-", i)}) {
				return
			}
		}
	}
	added, had, err := w.Import(t.Context(), others)
	require.NoError(t, err)
	assert.Equal(t, []int{3*batchSize - 1, 1, 1}, []int{added, had, n})
	all := rows(t, path)
	assert.Len(t, all, 3*batchSize)
	assert.Equal(t, `{"batch_rows":500}`, all[0].Details)

	// Ended after a batch: that one stays.
	ended, cancel := context.WithCancel(t.Context())
	added, _, err = w.Import(ended, func(yield func(runs.Row) bool) {
		for i := range 2 * batchSize {
			if i == batchSize+1 {
				cancel()
			}
			if !yield(runs.Row{RunID: fmt.Sprint("late-", i)}) {
				return
			}
		}
	})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, batchSize, added)
	assert.Len(t, rows(t, path), 4*batchSize)
}

func TestIDs(t *testing.T) {
	s := IDs{}
	for _, id := range []string{"", "a", "0193a000-0000-7000-8000-00000000000a", "0193a000-0000-7000-8000-00000000000b", "0193A000-0000-7000-8000-00000000000b"} {
		assert.False(t, s.Has(id))
		assert.True(t, s.Add(id), id)
		assert.False(t, s.Add(id), id)
		assert.True(t, s.Has(id))
	}
}

func BenchmarkImport(b *testing.B) {
	row := plain(b)
	for b.Loop() {
		added, _, err := Writer{Path: newPath(b)}.Import(b.Context(), func(yield func(runs.Row) bool) {
			for i := range 3000 {
				row.RunID = fmt.Sprintf("0193a000-0000-7000-8000-%012x", i)
				if !yield(row) {
					return
				}
			}
		})
		if added != 3000 || err != nil {
			b.Fatal(added, err)
		}
	}
	b.ReportMetric(3000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// orphans leaves the journals of n runs behind, one of two of a run that had ended.
func orphans(t testing.TB, path string, n int) {
	t.Helper()
	for i := range n {
		w := &Writer{Path: path, User: "ada"}
		r := soFar(fmt.Sprintf("run-%03d", i), energy.Energy(i+1))
		if code := i % 3; i%2 == 1 {
			r.Status, r.ExitCode = footprint.Completed, &code
			if code > 0 {
				r.Status = footprint.Failed
			}
		}
		_, err := w.Save(r)
		require.NoError(t, err)
		die(t, w)
	}
}

// Many orphans get their rows a few at a time, the oldest first, with one head for
// each batch, and each with the status that it ended with.
func TestRecoverInBatches(t *testing.T) {
	path := newPath(t)
	add(t, path, runs.Row{RunID: "before"})
	const n = 2*recoverBatch + 5
	orphans(t, path, n)
	var batches []int
	for found, err := range (Writer{Path: path}).RecoverBatches(t.Context()) {
		require.NoError(t, err)
		batches = append(batches, len(found))
		head, err := ReadHead(path)
		require.NoError(t, err)
		last := found[len(found)-1]
		assert.Equal(t, head.Hash, last.Ledger.Hash, "the row's own receipt")
		assert.Equal(t, head.Rows, last.Ledger.Rows)
	}
	assert.Equal(t, []int{recoverBatch, recoverBatch, 5}, batches)
	all := rows(t, path)[1:]
	require.Len(t, all, n)
	for i, row := range all {
		assert.Equal(t, fmt.Sprintf("run-%03d", i), row.RunID)
		want := footprint.Recovered
		switch {
		case i%2 == 1 && i%3 == 0:
			want = footprint.Completed
		case i%2 == 1:
			want = footprint.Failed
		}
		assert.Equal(t, want, row.Status)
		r, err := OpenRun(path, row)
		require.NoError(t, err, "it is kept whole")
		assert.Equal(t, want, r.Status)
	}
	assert.Empty(t, journals(t, path))
	result, err := Verify(strings.NewReader(contents(t, path)))
	require.NoError(t, err)
	assert.True(t, result.OK())
}

// Whoever breaks off leaves the rest as it was, and free for the next one.
func TestRecoverBreaksOff(t *testing.T) {
	path := newPath(t)
	orphans(t, path, recoverBatch+3)
	for found, err := range (Writer{Path: path}).RecoverBatches(t.Context()) {
		require.NoError(t, err)
		assert.Len(t, found, recoverBatch)
		break
	}
	assert.Len(t, rows(t, path), recoverBatch)
	assert.Len(t, journals(t, path), 3*3)
	got, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	assert.Len(t, got, 3)
}

// Who has no time to wait tries the lock once, and leaves the orphans as they were.
func TestRecoverDoesNotWait(t *testing.T) {
	path := newPath(t)
	add(t, path, runs.Row{RunID: "before"})
	orphans(t, path, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	unlock, err := tryLock(path)
	require.NoError(t, err)
	got, err := Writer{Path: path}.Recover(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, got)
	assert.NoDirExists(t, filepath.Dir(keptName(path, "x")), "nothing is kept of what has no row")
	require.NoError(t, unlock())
	got, err = Writer{Path: path}.Recover(ctx)
	require.NoError(t, err)
	assert.Len(t, got, 3)
}

// What is kept of a run stays as its row was made, whatever its journal held.
func TestRecoverKeepsWhatIsKept(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path}
	require.NoError(t, w.Checkpoint(soFar("run", 1)))
	journal := journalText(t, path, "run")
	_, err := w.Record(t.Context(), soFar("run", 2))
	require.NoError(t, err)
	putJournal(t, path, "run", journal)
	got, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	assert.Empty(t, got)
	_, err = OpenRun(path, rows(t, path)[0])
	assert.NoError(t, err)
	assert.Empty(t, journals(t, path))
}

// In a batch, each row that is there already is found, also where the ledger is
// another file for some of the runs.
func TestRecoverFindsTheRowsOfABatch(t *testing.T) {
	path := newPath(t)
	orphans(t, path, 3) // before there is a ledger
	add(t, path, runs.Row{RunID: "run-001"})
	w := &Writer{Path: path}
	_, err := w.Save(soFar("run-003", 1))
	require.NoError(t, err)
	die(t, w)
	add(t, path, runs.Row{RunID: "run-003"})
	got, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	assert.Len(t, got, 2)
	var ids []string
	for _, row := range rows(t, path) {
		ids = append(ids, row.RunID)
	}
	assert.Equal(t, []string{"run-001", "run-003", "run-000", "run-002"}, ids)
	assert.Empty(t, journals(t, path))
}

// What can't be made a row does not keep the others of its batch from theirs.
func TestABadOrphanInABatch(t *testing.T) {
	path := newPath(t)
	orphans(t, path, 3)
	bad := strings.NewReplacer(`"run-002"`, `"run-001"`, `"coverage":1,"emissions_g"`, `"coverage":7,"emissions_g"`).Replace(journalText(t, path, "run-002"))
	putJournal(t, path, "run-001", bad)
	got, err := Writer{Path: path}.Recover(t.Context())
	var fault *JournalError
	require.ErrorAs(t, err, &fault)
	assert.Contains(t, fault.Moved, "run-001")
	assert.Len(t, got, 2)
	assert.Len(t, rows(t, path), 2)
}

// A run that begins while others recover has its journal: its lock has a name for
// as long as it is held.
func TestRecoveryBesideRunsThatBegin(t *testing.T) {
	path := newPath(t)
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				_, err := Writer{Path: path}.Recover(t.Context())
				assert.NoError(t, err)
			}
		})
	}
	for worker := range 4 {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("run-%d-%d", worker, i)
				w := &Writer{Path: path}
				_, err := w.Save(soFar(id, 1))
				if !assert.NoError(t, err) {
					return
				}
				assert.True(t, held(filepath.Join(path+".d", id)), "%s: its lock is not where others look", id)
				assert.FileExists(t, filepath.Join(path+".d", slotName(id, 1)))
				assert.NoError(t, w.Done())
			}
		})
	}
	all.Wait()
	assert.NoFileExists(t, path, "nobody was taken for dead")
}

// What is saved outlives the process, and a power cut once it is synced: what is
// saved meanwhile does not take the place of what is on the disk.
func TestSaveBesideASync(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path}
	require.NoError(t, w.Checkpoint(soFar("run", 1)))
	name := filepath.Join(path+".d", "run")
	holds := func(slot int) energy.Energy {
		b, _, err := readSlot(slotName(name, slot))
		require.NoError(t, err)
		_, content, ok := parseSlot(b)
		require.True(t, ok)
		var e entry
		require.NoError(t, json.Unmarshal(content, &e))
		return e.Report.Energy
	}
	assert.Equal(t, energy.Energy(1), holds(1))
	sync, err := w.Save(soFar("run", 2))
	require.NoError(t, err)
	assert.Equal(t, energy.Energy(2), holds(0))
	ended := soFar("run", 3)
	ended.Status = footprint.Completed
	_, err = w.Save(ended)
	require.NoError(t, err)
	assert.Equal(t, energy.Energy(3), holds(0), "in place of the one that is not on the disk")
	assert.Equal(t, energy.Energy(1), holds(1))
	require.NoError(t, sync(), "of the one before")
	e, _, err := readEntry(name)
	require.NoError(t, err)
	assert.Equal(t, footprint.Completed, e.Report.Status)
	require.NoError(t, w.Done())
	assert.NoError(t, sync(), "also when it is over")
}

// The runs that go on are known by their locks alone.
func TestUnderway(t *testing.T) {
	path := newPath(t)
	none := func(string) bool { return false }
	assert.Empty(t, Underway(path, 9, none))
	w := &Writer{Path: path}
	_, err := w.Save(soFar("alive", 1))
	require.NoError(t, err)
	orphans(t, path, 2)
	assert.Equal(t, []string{"alive"}, Underway(path, 9, none))
	assert.Empty(t, Underway(path, 9, func(id string) bool { return id == "alive" }))
	assert.Empty(t, Underway(path, 0, none), "no more than was asked for")

	claimed, err := claim(path, filepath.Join(path+".d", "run-000"))
	require.NoError(t, err)
	require.NotNil(t, claimed)
	assert.Equal(t, []string{"alive"}, Underway(path, 9, none), "the other one is being recovered")
	going, err := Running(path)
	require.NoError(t, err)
	assert.Len(t, going, 1)
	require.NoError(t, claimed.lock.Unlock())

	elsewhere, err := json.Marshal(writer{Schema: journalSchema, Host: "elsewhere", BootID: "another"})
	require.NoError(t, err)
	lock := filepath.Join(path+".d", "alive.lock")
	require.NoError(t, overwrite(lock, elsewhere))
	assert.Empty(t, Underway(path, 9, none), "it goes on on another machine")
	require.NoError(t, w.Done())
}

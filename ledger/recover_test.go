package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// die ends a Writer as kill -9 would: the lock is freed, all else stays.
func die(t testing.TB, w *Writer) {
	t.Helper()
	require.NoError(t, w.journal.close())
	w.journal = nil
}

func TestRecover(t *testing.T) {
	path := newPath(t)
	add(t, path, runs.Row{RunID: "before"})
	w := &Writer{Path: path, User: "ada"}
	require.NoError(t, w.Checkpoint(soFar("dead", 7)))
	die(t, w)
	alive := &Writer{Path: path}
	require.NoError(t, alive.Checkpoint(soFar("alive", 8)))

	got, err := Writer{Path: path, User: "somebody else"}.Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, footprint.Recovered, got[0].Status)
	assert.Equal(t, energy.Energy(7), got[0].Energy)
	all := rows(t, path)
	require.Len(t, all, 2)
	assert.Equal(t, all[1].Hash, got[0].Ledger.Hash)
	assert.Equal(t, "dead", all[1].RunID)
	assert.Equal(t, "ada", all[1].User)
	assert.Equal(t, footprint.Recovered, all[1].Status)
	assert.Nil(t, all[1].ExitCode)
	assert.Equal(t, `{"a":"b"}`, all[1].Labels)
	var details struct {
		At      time.Time `json:"recovered_at"`
		Written time.Time `json:"journal_written_at"`
	}
	require.NoError(t, json.Unmarshal([]byte(all[1].Details), &details))
	assert.WithinDuration(t, time.Now(), details.At, time.Minute)
	assert.WithinDuration(t, time.Now(), details.Written, time.Minute)
	assert.Equal(t, filesOf("alive"), journals(t, path))

	got, err = Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	assert.Empty(t, got)
	require.NoError(t, alive.Report(t.Context(), soFar("alive", 9)))
	assert.Len(t, rows(t, path), 3)
}

// What a killed writer had begun to write beside the ledger goes with its journal;
// what is being written, and what is somebody else's, stays.
func TestRecoverSweeps(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path}
	_, err := w.Record(t.Context(), soFar("done", 1))
	require.NoError(t, err)
	require.NoError(t, w.Checkpoint(soFar("dead", 1)))
	die(t, w)
	dir, old := filepath.Dir(path), time.Now().Add(-time.Hour)
	left := func(names ...string) (there []string) {
		for _, n := range names {
			if _, err := os.Lstat(n); err == nil {
				there = append(there, filepath.Base(n))
			}
		}
		return there
	}
	all := []string{
		filepath.Join(dir, ".ledger.csv.head-1.tmp"), filepath.Join(dir, ".ledger.csv.head.sig-1.tmp"), filepath.Join(path+".d", "runs", ".x.json.gz-1.tmp"),
		filepath.Join(dir, ".ledger.csv.head-2.tmp"), filepath.Join(dir, ".other.csv.head-1.tmp"),
	}
	for i, n := range all {
		require.NoError(t, os.WriteFile(n, nil, 0o600))
		if i != 3 {
			require.NoError(t, os.Chtimes(n, old, old))
		}
	}
	_, err = Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{".ledger.csv.head-2.tmp", ".other.csv.head-1.tmp"}, left(all...))
}

// A crash between the row and the end of its journal.
func TestRecoverDoesNotAddTwice(t *testing.T) {
	for _, before := range []int{0, 3} {
		path := newPath(t)
		for i := range before {
			add(t, path, runs.Row{RunID: fmt.Sprint("before-", i), Project: ",\"dead"})
		}
		w := &Writer{Path: path}
		require.NoError(t, w.Checkpoint(soFar("dead", 7)))
		die(t, w)
		journal := journalText(t, path, "dead")
		add(t, path, runs.Row{RunID: "dead2", Project: "dead"})
		add(t, path, runs.Row{RunID: "dead"})
		add(t, path, runs.Row{RunID: "after"})
		got, err := Writer{Path: path}.Recover(t.Context())
		require.NoError(t, err)
		assert.Empty(t, got)
		assert.Len(t, rows(t, path), before+3)
		assert.Empty(t, journals(t, path))

		// The same where the ledger is another, shorter file by now.
		moved := newPath(t)
		add(t, moved, runs.Row{RunID: "dead"})
		require.NoError(t, os.Mkdir(moved+".d", 0o700))
		longer := strings.Replace(journal, `"ledger_bytes":`, `"ledger_bytes":1`, 1)
		require.NotEqual(t, journal, longer)
		for _, text := range []string{journal, longer} {
			putJournal(t, moved, "dead", text)
			got, err = Writer{Path: moved}.Recover(t.Context())
			require.NoError(t, err)
			assert.Empty(t, got)
		}
	}
}

// A run that was taken for dead, as on a file system whose locks do not reach
// other machines, has one row all the same.
func TestRecordOfARecoveredRun(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path}
	require.NoError(t, w.Checkpoint(soFar("run", 7)))
	add(t, path, runs.Row{RunID: "run", Status: footprint.Recovered})
	_, err := w.Record(t.Context(), soFar("run", 9))
	assert.ErrorIs(t, err, ErrRecorded)
	assert.Len(t, rows(t, path), 1)
	assert.NoFileExists(t, keptName(path, "run"), "the row is not made of it")
	assert.Empty(t, journals(t, path))
}

func TestRecoverOnlyOwnJournals(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path}
	require.NoError(t, w.Checkpoint(soFar("dead", 7)))
	die(t, w)
	id := "dead"
	var e entry
	require.NoError(t, json.Unmarshal([]byte(journalText(t, path, id)), &e))
	require.NoError(t, os.Remove(filepath.Join(path+".d", slotName(id, 0))))
	write := func(host, boot string) {
		e.Host, e.BootID = host, boot
		b, err := json.Marshal(e)
		require.NoError(t, err)
		putJournal(t, path, id, string(b))
	}
	own := e.Host
	for _, boot := range []string{"another", ""} {
		write("elsewhere", boot)
		got, err := Writer{Path: path}.Recover(t.Context())
		require.NoError(t, err)
		assert.Empty(t, got)
		assert.FileExists(t, filepath.Join(path+".d", slotName(id, 1)))
	}
	write(own, "before it was started again")
	got, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	assert.Len(t, got, 1)
	if bootID() != "" {
		e.Report.RunID, id = "dead2", "dead2"
		write("another container of this machine", bootID())
		got, err = Writer{Path: path}.Recover(t.Context())
		require.NoError(t, err)
		assert.Len(t, got, 1)
	}
}

func TestRecoverSetsAsideWhatItCannotRead(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path}
	require.NoError(t, w.Checkpoint(soFar("good", 7)))
	die(t, w)
	good := journalText(t, path, "good")
	whole, err := os.ReadFile(filepath.Join(path+".d", slotName("good", 1)))
	require.NoError(t, err)
	for id, text := range map[string]string{
		"empty": "", "nuls": strings.Repeat("\x00", 100), "half": string(whole[:200]), "changed": strings.Replace(string(whole), "demo", "dome", 1),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(path+".d", slotName(id, 0)), []byte(text), 0o600))
	}
	putJournal(t, path, "other", good)
	putJournal(t, path, "noJSON", "{")
	putJournal(t, path, "absurd", strings.NewReplacer(`"good"`, `"absurd"`, `"coverage":1,"emissions_g"`, `"coverage":7,"emissions_g"`).Replace(good))
	tooLong := strings.Replace(good, `"demo"`, `"`+strings.Repeat("x", MaxRow)+`"`, 1)
	putJournal(t, path, "toolong", strings.Replace(tooLong, `"good"`, `"toolong"`, 1))
	putJournal(t, path, "newer", strings.Replace(good, journalSchema, "carbonctl.journal/v3", 1))
	require.NoError(t, os.WriteFile(path+".d/stray.lock", nil, 0o600))
	require.NoError(t, os.WriteFile(path+".d/note.txt", nil, 0o600))

	got, err := Writer{Path: path}.Recover(t.Context())
	assert.Len(t, got, 1, "the good one")
	var bad *JournalError
	require.ErrorAs(t, err, &bad)
	assert.ErrorContains(t, err, "toolong.journal.1.bad")
	assert.Equal(t, []string{
		"absurd.journal.1.bad", "changed.journal.0.bad", "half.journal.0.bad", "newer.journal.1", "noJSON.journal.1.bad", "note.txt",
		"other.journal.1.bad", "toolong.journal.1.bad",
	}, withoutLocks(journals(t, path)), "what its writer had only allocated is gone")

	got, err = Writer{Path: path}.Recover(t.Context())
	assert.Empty(t, got)
	assert.ErrorContains(t, err, "newer")
	assert.NotContains(t, err.Error(), ".bad")
	assert.Len(t, rows(t, path), 1)
}

// What goes on is shown; the dead, what can't be read and what is of elsewhere is
// left as it is.
func TestRunning(t *testing.T) {
	path := newPath(t)
	none := func() {
		got, err := Running(path)
		require.NoError(t, err)
		assert.Empty(t, got)
	}
	none()
	w := &Writer{Path: path}
	require.NoError(t, w.Checkpoint(soFar("alive", 7)))
	dead := &Writer{Path: path}
	require.NoError(t, dead.Checkpoint(soFar("dead", 8)))
	die(t, dead)
	putJournal(t, path, "unlocked", strings.Replace(journalText(t, path, "dead"), `"dead"`, `"unlocked"`, 1))
	before := journals(t, path)
	got, err := Running(path)
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, "alive", got[0].RunID)
	assert.Equal(t, energy.Energy(7), got[0].Energy)

	putJournal(t, path, "half", "{")
	got, err = Running(path)
	assert.Len(t, got, 1)
	var bad *JournalError
	require.ErrorAs(t, err, &bad)
	assert.Contains(t, bad.Path, "half")
	require.NoError(t, os.Remove(filepath.Join(path+".d", slotName("half", 1))))
	assert.Equal(t, before, journals(t, path), "nothing was made, moved or removed")

	die(t, w)
	none()
}

func withoutLocks(names []string) (rest []string) {
	for _, n := range names {
		if !strings.HasSuffix(n, ".lock") {
			rest = append(rest, n)
		}
	}
	return rest
}

func TestRecoverWithNothingToDoMakesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "ledger.csv"), filepath.Join(dir, "none", "ledger.csv")} {
		got, err := Writer{Path: path}.Recover(t.Context())
		require.NoError(t, err)
		assert.Empty(t, got)
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// The clock was set back during the run, and the machine slept.
func TestRecoverAfterAClockStep(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path}
	r := soFar("dead", 7)
	r.EndedAt, r.DurationS = r.StartedAt.Add(-time.Hour), 90
	r.Warnings = []footprint.Warning{{Code: footprint.ClockStep}}
	require.NoError(t, w.Checkpoint(r))
	die(t, w)
	got, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 1)
	row := rows(t, path)[0]
	assert.EqualValues(t, 90, row.DurationS)
	assert.Equal(t, footprint.ClockStep, row.Warnings)
	assert.True(t, row.EndedAt.Before(row.StartedAt.Time))
}

// What is pending at the end of a run waits for its owner, and is given once.
func TestPending(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path, Pending: json.RawMessage(`{"webhook":1}`)}
	require.NoError(t, w.Checkpoint(soFar("run", 1)))
	_, err := w.Record(t.Context(), soFar("run", 2))
	require.NoError(t, err)
	assert.Equal(t, filesOf("run"), journals(t, path))
	die(t, w)
	got, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.False(t, got[0].Added, "its row was there")
	assert.JSONEq(t, `{"webhook":1}`, string(got[0].Pending))
	assert.True(t, got[0].Own)
	assert.Empty(t, journals(t, path))
	assert.Len(t, rows(t, path), 1)

	w = &Writer{Path: path, Pending: json.RawMessage(`1`)}
	require.NoError(t, w.Checkpoint(soFar("done", 1)))
	_, err = w.Record(t.Context(), soFar("done", 2))
	require.NoError(t, err)
	require.NoError(t, w.Done())
	assert.Empty(t, journals(t, path))
	require.NoError(t, w.Done())
}

// A journal is there until somebody else has what was pending, whatever happens to them.
func TestPendingIsHandedOver(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path, Pending: json.RawMessage(`{"webhook":1}`)}
	require.NoError(t, w.Checkpoint(soFar("run", 1)))
	die(t, w)
	full := errors.New("disk full")
	var given []Orphan
	hand := func(err error) Writer {
		return Writer{Path: path, Hand: func(o Orphan) error {
			assert.Equal(t, filesOf("run"), journals(t, path))
			given = append(given, o)
			return err
		}}
	}
	got, err := hand(full).Recover(t.Context())
	require.ErrorIs(t, err, full)
	require.Len(t, got, 1)
	assert.True(t, got[0].Added)
	assert.Nil(t, got[0].Pending, "it is pending still")
	assert.Equal(t, filesOf("run"), journals(t, path))

	got, err = hand(nil).Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.False(t, got[0].Added)
	assert.Empty(t, journals(t, path))
	require.Len(t, given, 2)
	for _, o := range given {
		assert.JSONEq(t, `{"webhook":1}`, string(o.Pending))
	}
	assert.Len(t, rows(t, path), 1)
}

// A writer that does not get the ledger in time leaves its report, with its
// status, for the next one.
func TestRecordBesideAHeldLedger(t *testing.T) {
	path := newPath(t)
	add(t, path, runs.Row{RunID: "before"})
	unlock, err := tryLock(path)
	require.NoError(t, err)
	w := &Writer{Path: path}
	require.NoError(t, w.Checkpoint(soFar("run", 1)))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	r := soFar("run", 2)
	r.Status = footprint.Completed
	_, err = w.Record(ctx, r)
	var not *NotRecordedError
	require.ErrorAs(t, err, &not)
	assert.True(t, not.Whole)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, unlock())
	got, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, footprint.Completed, got[0].Status)
	assert.Equal(t, energy.Energy(2), rows(t, path)[1].Energy)
}

// A ledger that cannot take the row now gets it later, with the status that the
// run ended with.
func TestRecordKeepsWhatItCannotAdd(t *testing.T) {
	path := newPath(t)
	require.NoError(t, os.WriteFile(path, []byte(codecarbonHeader), 0o600))
	w := &Writer{Path: path, User: "ada"}
	r, code := soFar("run", 5), 3
	r.Status, r.ExitCode = footprint.Failed, &code
	_, err := w.Record(t.Context(), r)
	var not *NotRecordedError
	require.ErrorAs(t, err, &not)
	assert.True(t, not.Whole)
	var header *HeaderError
	assert.ErrorAs(t, err, &header)

	_, err = Writer{Path: path}.Recover(t.Context())
	assert.ErrorAs(t, err, &header)
	require.FileExists(t, not.Journal)

	require.NoError(t, os.Remove(path))
	got, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 1)
	row := rows(t, path)[0]
	assert.Equal(t, footprint.Failed, row.Status)
	assert.Equal(t, 3, *row.ExitCode)
	assert.Equal(t, "ada", row.User)
}

func BenchmarkRecoverNothing(b *testing.B) {
	w := Writer{Path: newPath(b)}
	add(b, w.Path, runs.Row{})
	if err := os.Mkdir(w.Path+".d", 0o700); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := w.Recover(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

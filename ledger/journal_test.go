package ledger

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// soFar is a report of a run that has used so much.
func soFar(id string, e energy.Energy) footprint.Report {
	at := time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	return footprint.Report{
		Schema: footprint.Schema, RunID: id, Project: "demo", Labels: map[string]string{"a": "b"}, Status: footprint.Running,
		StartedAt: at, EndedAt: at.Add(time.Second), DurationS: 1, PUE: footprint.PUE{Value: 1},
		Energy: e, EnergyLow: e, EnergyHigh: &e, MachineEnergy: e, Charge: footprint.ChargeMachine, Coverage: 1,
		Components: []footprint.Line{{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Energy: &e, Low: &e, High: &e, Charged: e}},
	}
}

// journals are the files in LEDGER.d but the kept runs.
func journals(t testing.TB, path string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(path+".d", "*"))
	require.NoError(t, err)
	all = slices.DeleteFunc(all, func(name string) bool { return filepath.Base(name) == "runs" })
	for i := range all {
		all[i] = filepath.Base(all[i])
	}
	return all
}

// filesOf are the names of a run's journal.
func filesOf(id string) []string { return []string{id + ".journal.0", id + ".journal.1", id + ".lock"} }

// journalText is the newest checkpoint of a journal.
func journalText(t testing.TB, path, id string) string {
	t.Helper()
	c, err := newest(filepath.Join(path+".d", id))
	require.NoError(t, err)
	return string(c.content)
}

// putJournal writes a journal with one checkpoint, of this content.
func putJournal(t testing.TB, path, id, content string) {
	t.Helper()
	head := fmt.Sprintf(slotHead, 1, len(content), sha256.Sum256([]byte(content)))
	require.NoError(t, os.WriteFile(filepath.Join(path+".d", slotName(id, 1)), []byte(head+content), 0o600))
}

func TestJournalOfARunThatEnds(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path, User: "ada"}
	for i := range 3 {
		require.NoError(t, w.Checkpoint(soFar("run", energy.Energy(i))))
		assert.Equal(t, filesOf("run"), journals(t, path))
	}
	assert.NoFileExists(t, path, "the ledger has only runs that have ended")

	var e entry
	require.NoError(t, json.Unmarshal([]byte(journalText(t, path, "run")), &e))
	host, err := os.Hostname()
	require.NoError(t, err)
	assert.Equal(t, host, e.Host)
	assert.Equal(t, bootID(), e.BootID)
	assert.Equal(t, os.Getpid(), e.PID)
	assert.Equal(t, energy.Energy(2), e.Report.Energy)

	got, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	assert.Empty(t, got, "it lives")

	r := soFar("run", 9)
	r.Status = footprint.Completed
	receipt, err := w.Record(t.Context(), r)
	require.NoError(t, err)
	assert.EqualValues(t, 1, receipt.Rows)
	assert.Empty(t, journals(t, path))
	all := rows(t, path)
	assert.Equal(t, energy.Energy(9), all[0].Energy)
	assert.Equal(t, "ada", all[0].User)
	assert.Empty(t, all[0].Details)

	require.NoError(t, w.Report(t.Context(), soFar("next", 1)), "a run too short for a checkpoint")
	assert.Len(t, rows(t, path), 2)
}

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
	putJournal(t, path, "newer", strings.Replace(good, JournalSchema, "carbonctl.journal/v3", 1))
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

func TestJournalRefuses(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path}
	for _, id := range []string{"", "..", "../x", "a/b", `a\b`, "a.b", "-a", "é", "a b", strings.Repeat("x", 101)} {
		assert.Error(t, w.Checkpoint(soFar(id, 1)), "%q", id)
	}
	require.NoError(t, w.Checkpoint(soFar("a", 1)))
	second := &Writer{Path: path}
	assert.ErrorContains(t, second.Checkpoint(soFar("a", 1)), "another process writes the journal")
	require.NoError(t, second.Checkpoint(soFar("b", 1)))
	require.NoError(t, second.Report(t.Context(), soFar("b", 2)))
	require.NoError(t, w.Report(t.Context(), soFar("a", 2)))
	assert.Len(t, rows(t, path), 2, "two runs, one ledger")
	assert.Empty(t, journals(t, path))
}

// The first checkpoint takes the room that the later ones need: a disk that fills
// meanwhile loses nothing, the report at the end included.
func TestJournalOnAFullDisk(t *testing.T) {
	path := newPath(t)
	room := 1 << 20
	w := full(Writer{Path: path}, &room, nil)
	require.NoError(t, w.Checkpoint(soFar("run", 1)))
	room = 0
	for i := range 5 {
		require.NoError(t, w.Checkpoint(soFar("run", energy.Energy(i+2))))
		require.Contains(t, journalText(t, path, "run"), fmt.Sprintf(`"energy_joules":0.00000%d,`, i+2))
		require.Equal(t, filesOf("run"), journals(t, path))
	}
	r := soFar("run", 99)
	r.Status = footprint.Completed
	_, err := w.Record(t.Context(), r)
	var not *NotRecordedError
	require.ErrorAs(t, err, &not)
	assert.ErrorIs(t, err, syscall.ENOSPC)
	assert.FileExists(t, not.Journal)
	assert.True(t, not.Whole)

	got, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	assert.Len(t, got, 1, "once there is room")
	assert.Equal(t, footprint.Completed, rows(t, path)[0].Status)
	assert.Empty(t, journals(t, path))
}

// Where there is no room from the start nothing is left lying about, and a later
// checkpoint tries again.
func TestNoRoomForAJournal(t *testing.T) {
	path := newPath(t)
	room := 0
	w := full(Writer{Path: path}, &room, nil)
	for _, room = range []int{0, 1000, slotSize, 2*slotSize - 1} {
		err := w.Checkpoint(soFar("run", 1))
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, err, "journal of run run")
		for n := range 2 {
			require.Empty(t, contents(t, filepath.Join(path+".d", slotName("run", n))))
		}
	}
	room = 2 * slotSize
	require.NoError(t, w.Checkpoint(soFar("run", 1)))
	assert.Contains(t, journalText(t, path, "run"), `"run_id":"run"`)
}

// A report that outgrows the files makes them larger; if there is no room for
// that, it loses what no row is made of.
func TestAJournalThatGrows(t *testing.T) {
	path := newPath(t)
	room := 2 * slotSize
	w := full(Writer{Path: path}, &room, nil)
	require.NoError(t, w.Checkpoint(soFar("run", 1)))
	large := soFar("run", 2)
	for i := range 1000 {
		large.Epochs = append(large.Epochs, footprint.Epoch{Index: i + 1, Name: strings.Repeat("x", 500)})
	}
	require.NoError(t, w.Checkpoint(large))
	e, _, err := readEntry(filepath.Join(path+".d", "run"))
	require.NoError(t, err)
	assert.Equal(t, energy.Energy(2), e.Report.Energy)
	assert.Equal(t, 960, e.Report.EpochsOmitted)
	require.Len(t, e.Report.Epochs, 40)
	assert.Equal(t, 1000, e.Report.Epochs[39].Index)
	assert.Equal(t, runs.FromReport(large), runs.FromReport(e.Report))
	assert.Len(t, large.Epochs, 1000, "the caller's own")

	room = 10 << 20
	require.NoError(t, w.Checkpoint(large))
	e, _, err = readEntry(filepath.Join(path+".d", "run"))
	require.NoError(t, err)
	assert.Len(t, e.Report.Epochs, 1000)
}

// Power is encoded once a minute, and at the end; what is recovered has it.
func TestJournalKeepsPower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := newPath(t)
		w := &Writer{Path: path}
		step := func(n int) footprint.Report {
			r := soFar("run", energy.Energy(n))
			r.Power = []footprint.Power{{Component: "package-0", StepS: 1, Mean: make([]float32, n)}}
			return r
		}
		kept := func() int {
			e, _, err := readEntry(filepath.Join(path+".d", "run"))
			require.NoError(t, err)
			return len(e.Report.Power[0].Mean)
		}
		for _, c := range []struct {
			wait time.Duration
			want int
		}{{0, 1}, {10 * time.Second, 1}, {49 * time.Second, 1}, {time.Second, 4}, {10 * time.Second, 4}} {
			time.Sleep(c.wait)
			require.NoError(t, w.Checkpoint(step(int(w.stepsOf())+1)))
			assert.Equal(t, c.want, kept())
		}
		last := step(9)
		last.Status = footprint.Completed
		require.NoError(t, w.Checkpoint(last))
		assert.Equal(t, 9, kept())
		die(t, w)
	})
}

// stepsOf is how many checkpoints there were.
func (w *Writer) stepsOf() uint64 {
	if w.journal == nil {
		return 0
	}
	return w.journal.slots.seq
}

// Whatever a crash makes of the slot that was being written, the one before it
// counts.
func TestACrashInACheckpoint(t *testing.T) {
	path := newPath(t)
	w := &Writer{Path: path}
	for i := range 3 {
		require.NoError(t, w.Checkpoint(soFar("run", energy.Energy(i+1))))
	}
	die(t, w)
	name := filepath.Join(path+".d", slotName("run", 1)) // the third one
	whole := []byte(contents(t, name))
	older := []byte(strings.Replace(string(whole[:slotSize/2]), "demo", "dome", 1))
	for cut := 0; cut < slotHeadAt+900; cut += 7 {
		require.NoError(t, os.WriteFile(name, append(whole[:cut:cut], make([]byte, 1000)...), 0o600))
		require.Contains(t, journalText(t, path, "run"), `"energy_joules":0.000002`)
	}
	require.NoError(t, os.WriteFile(name, older, 0o600))
	require.Contains(t, journalText(t, path, "run"), `"energy_joules":0.000002`)
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
	assert.Nil(t, got[0].Ledger, "its row was there")
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

func TestNoJournalWhereItCannotBe(t *testing.T) {
	plain := newPath(t)
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	w := &Writer{Path: filepath.Join(plain, "ledger.csv")}
	assert.Error(t, w.Checkpoint(soFar("run", 1)))
	_, err := w.Record(t.Context(), soFar("run", 1))
	var not *NotRecordedError
	require.ErrorAs(t, err, &not)
	assert.Empty(t, not.Journal)
	assert.ErrorContains(t, err, "the result was not saved")
}

// What Record and Recover make of a report does not depend on JSON in between.
func TestJournalKeepsTheRow(t *testing.T) {
	half, rank, year := 0.5, 3, 2025
	r := soFar("run", 7)
	r.MeasuredShare, r.Job, r.Intensity.Year = &half, &footprint.Job{System: "slurm", ID: "7", Rank: &rank}, &year
	high := new(r.Emissions)
	r.Intensity.PerKWh, r.Emissions, r.EmissionsHigh = 41.3, 0.1+0.2, high
	r.ProcessEnergy = &r.Energy
	b, err := json.Marshal(entry{writer: writer{Schema: JournalSchema}, Report: r})
	require.NoError(t, err)
	e, err := parseEntry(b, "run")
	require.NoError(t, err)
	assert.Equal(t, runs.FromReport(r), runs.FromReport(e.Report))
}

// A slot that is whole is one that its own parts give again; nothing panics.
func FuzzSlot(f *testing.F) {
	content := `{"a":1}`
	whole := fmt.Sprintf(slotHead, 7, len(content), sha256.Sum256([]byte(content))) + content
	for _, s := range []string{"", whole, whole + "\x00\x00", whole[:slotHeadAt], strings.Replace(whole, "length=0", "length=f", 1)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		seq, got, ok := parseSlot(b)
		if !ok {
			return
		}
		again := fmt.Sprintf(slotHead, seq, len(got), sha256.Sum256(got)) + string(got)
		require.True(t, strings.HasPrefix(string(b), again))
	})
}

func FuzzJournal(f *testing.F) {
	b, err := json.Marshal(entry{writer: writer{Schema: JournalSchema}, Report: soFar("run", 7)})
	require.NoError(f, err)
	f.Add(b)
	for _, s := range []string{"", "{}", "null", "[]", `{"schema":"carbonctl.journal/v2","report":{"run_id":"run"}}`,
		`{"schema":"carbonctl.journal/v2","report":{"run_id":"run","energy_joules":1e30}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEntry(b, "run")
		if err != nil {
			return
		}
		row := runs.FromReport(e.Report)
		line, err := encode(row)
		if err != nil || row.Impossible() != nil {
			return
		}
		for _, err := range Read(io.MultiReader(strings.NewReader(Header+"\n"), strings.NewReader(string(line))), "x") {
			require.NoError(t, err)
		}
	})
}

// runForever is a process that makes run after run and tells what is on the
// disk, until it is killed.
func runForever(path string) {
	flush, _ := time.ParseDuration(os.Getenv("LEDGER_TEST_FLUSH"))
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	w := &Writer{Path: path, Flush: flush}
	for {
		id := uuid.NewString()
		start := time.Now()
		for range 2 + rand.IntN(3) {
			time.Sleep(w.Every()) // what this process stands for takes time
			e := energy.Energy(time.Since(start))
			fail(w.Checkpoint(soFar(id, e)))
			fmt.Println("safe", id, int64(e))
		}
		r := soFar(id, energy.Energy(time.Since(start)))
		r.Status = footprint.Completed
		fail(w.Report(context.Background(), r))
		fmt.Println("done", id, int64(r.Energy))
	}
}

// ack is the last that a killed process told of a run.
type ack struct {
	done   bool
	energy energy.Energy
}

// killed starts runForever, kills it after some time, and returns what it had
// told by then.
func killed(t *testing.T, path string, flush, after time.Duration) map[string]ack {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "LEDGER_TEST_RUNS="+path, "LEDGER_TEST_FLUSH="+flush.String())
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	require.NoError(t, cmd.Start())
	var kill *time.Timer
	acks := map[string]ack{}
	for s := bufio.NewScanner(out); s.Scan(); {
		if kill == nil { // from the first run on
			kill = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		f := strings.Fields(s.Text())
		if len(f) != 3 || !strings.HasSuffix(s.Text(), f[2]) {
			continue
		}
		n, err := strconv.ParseInt(f[2], 10, 64)
		assert.NoError(t, err)
		acks[f[1]] = ack{f[0] == "done", energy.Energy(n)}
	}
	_ = cmd.Wait() // it was killed
	assert.Empty(t, complaints.String())
	return acks
}

// 200 processes are killed at random moments, at times several that write to one
// ledger. Whatever a process had been told to be safe is in the ledger
// afterwards, each run once, so that no more is lost than what came after the
// last checkpoint; and recovering goes on at the same time.
func TestKill(t *testing.T) {
	const kills, workers = 200, 4
	path := newPath(t)
	var mu sync.Mutex
	told := map[string]ack{}
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(worker)))
			for i := range kills / workers {
				flush, most := time.Duration(0), 30
				if i%5 == 0 {
					flush, most = 50*time.Millisecond, 200
				}
				acks := killed(t, path, flush, time.Duration(r.IntN(most*1000))*time.Microsecond)
				_, err := Writer{Path: path}.Recover(t.Context())
				assert.NoError(t, err)
				mu.Lock()
				for id, a := range acks {
					told[id] = a
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	_, err := Writer{Path: path}.Recover(t.Context())
	require.NoError(t, err)
	assert.Empty(t, journals(t, path))

	recovered := 0
	found := map[string]bool{}
	for row, err := range Read(strings.NewReader(contents(t, path)), path) {
		if torn := errors.Is(err, ErrTorn); torn {
			continue // the last process was killed while it wrote
		}
		require.NoError(t, err)
		require.False(t, found[row.RunID], "run %s is there twice", row.RunID)
		found[row.RunID] = true
		if row.Status == footprint.Recovered {
			recovered++
		}
		a := told[row.RunID]
		assert.GreaterOrEqual(t, row.Energy, a.energy, "less than was safe")
		if a.done {
			assert.Equal(t, footprint.Completed, row.Status)
			assert.Equal(t, a.energy, row.Energy)
		}
	}
	for id := range told {
		assert.True(t, found[id], "run %s is lost", id)
	}
	assert.Greater(t, recovered, kills/4)
	result, err := Verify(strings.NewReader(contents(t, path)))
	require.NoError(t, err)
	if !result.OK() {
		assert.Equal(t, Torn, result.Findings[0].Kind)
	}
	t.Logf("%d kills, %d runs, %d recovered", kills, len(found), recovered)
}

func TestReplaceLeavesTheOldFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x")
	require.NoError(t, Writer{}.replace(name, nil, []byte("old")))
	left := 2
	err := full(Writer{}, &left, nil).replace(name, nil, []byte("newer"))
	assert.ErrorIs(t, err, syscall.ENOSPC)
	assert.Equal(t, "old", contents(t, name))
	all, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	assert.Len(t, all, 1)
}

func BenchmarkCheckpoint(b *testing.B) {
	w := &Writer{Path: newPath(b)}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Checkpoint(soFar("run", 1)); err != nil {
			b.Fatal(err)
		}
	}
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

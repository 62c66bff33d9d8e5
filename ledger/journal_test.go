package ledger

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

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

// Power is encoded where it has become twice as long, once a minute, and at the end; what
// is recovered has it.
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
			wait        time.Duration
			steps, want int
		}{
			{0, 0, 0}, {time.Second, 1, 1}, {time.Second, 2, 2}, {2 * time.Second, 3, 2}, {8 * time.Second, 4, 4},
			{50 * time.Second, 7, 4}, {10 * time.Second, 7, 7}, {10 * time.Second, 8, 7}, {50 * time.Second, 9, 9},
		} {
			time.Sleep(c.wait)
			require.NoError(t, w.Checkpoint(step(c.steps)))
			assert.Equal(t, c.want, kept())
		}
		last := step(10)
		last.Status = footprint.Completed
		require.NoError(t, w.Checkpoint(last))
		assert.Equal(t, 10, kept())
		die(t, w)
	})
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
	b, err := json.Marshal(entry{writer: writer{Schema: journalSchema}, Report: r})
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
	b, err := json.Marshal(entry{writer: writer{Schema: journalSchema}, Report: soFar("run", 7)})
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

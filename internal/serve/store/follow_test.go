package store

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/runs"
)

// run is a row that a ledger takes.
func run(id string) runs.Row {
	e := energy.Energy(1_000_000)
	return runs.Row{
		RunID: id, Project: "p-" + id[:1], Host: "h", Status: footprint.Completed, Zone: "FR", IntensityScope: "lifecycle",
		StartedAt: runs.Stamp{Time: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)}, EndedAt: runs.Stamp{Time: time.Date(2026, 11, 1, 11, 0, 0, 0, time.UTC)},
		DurationS: 3600, PerKWh: 41, Charge: footprint.ChargeMachine, MachineEnergy: e, Energy: e, EnergyLow: &e, EnergyHigh: &e,
		MeasuredShare: new(runs.Number(1)), Coverage: 1, Emissions: 1, EmissionsLow: new(runs.Number(1)), EmissionsHigh: new(runs.Number(1)), ToolVersion: "t", DataVersion: "d",
	}
}

func appendRuns(t *testing.T, path string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		_, err := ledger.Writer{Path: path, Keep: ledger.Keep{Runs: -1}}.Append(context.Background(), run(id))
		require.NoError(t, err)
	}
}

// touch gives a file another time, as a clock that is coarse may not.
func touch(t *testing.T, path string) {
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(path, time.Time{}, info.ModTime().Add(time.Second)))
}

func ids(s *State) (all []string) {
	s.Rows.Each(0, func(r *runs.Row) { all = append(all, strings.Clone(r.RunID)) })
	return all
}

func look(s *Store) *State {
	s.Look()
	state, _ := s.State()
	return state
}

func TestWhatIsAppendedIsReadAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.csv")
	s := New(Options{Ledger: path})
	state := look(s)
	assert.EqualValues(t, 1, state.Generation, "a ledger that is still to begin is empty")
	assert.Zero(t, state.Rows.Len())
	assert.Empty(t, state.Faults)
	appendRuns(t, path, "a1", "b1")
	first := look(s)
	assert.Equal(t, []string{"a1", "b1"}, ids(first))
	assert.Same(t, first, look(s), "nothing has changed")
	appendRuns(t, path, "c1")
	next := look(s)
	assert.Equal(t, []string{"a1", "b1", "c1"}, ids(next))
	assert.True(t, next.Rows.Extends(first.Rows), "what was there is not read again")
	assert.Greater(t, next.Generation, first.Generation)
	assert.Empty(t, next.Faults)
	row, from := next.Rows.At(2)
	assert.Equal(t, path, from)
	assert.Equal(t, "c1", row.RunID)
	assert.Len(t, row.Hash, 64)
}

func TestABadLineIsNamedAndPassedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.csv")
	appendRuns(t, path, "a1", "b1")
	s := New(Options{Args: []string{path}})
	look(s)
	write(t, path, "this is no row\n")
	state := look(s)
	require.Len(t, state.Faults, 1)
	assert.Equal(t, fmt.Sprintf("%s:4: 1 cells instead of %d", path, strings.Count(ledger.Header, ",")+1), state.Faults[0].String())
	// What comes behind it counts, and is numbered right.
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	rows := strings.SplitAfter(string(b), "\n")
	write(t, path, strings.ReplaceAll(rows[1], "a1", "c1")+"nor this\n"+`"half`)
	state = look(s)
	assert.Equal(t, []string{"a1", "b1", "c1"}, ids(state))
	require.Len(t, state.Faults, 3)
	assert.EqualValues(t, 6, state.Faults[1].Line)
	assert.EqualValues(t, 7, state.Faults[2].Line)
	assert.Contains(t, state.Faults[2].Text, "torn")
	for range 3 * maxFaults {
		write(t, path, "x\n")
	}
	state = look(s)
	assert.Len(t, state.Faults, maxFaults)
	assert.Equal(t, 2+3*maxFaults-maxFaults, state.More, "the torn line has become one that is whole")
}

func write(t *testing.T, path, text string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestAFileThatIsAnotherIsReadAgain(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"rotated": func(t *testing.T, path string) {
			require.NoError(t, os.Rename(path, filepath.Join(t.TempDir(), "old.csv")))
			require.NoError(t, os.Remove(path+".head"))
			appendRuns(t, path, "x1", "y1", "z1")
		},
		"cut off": func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(path, int64(strings.LastIndex(strings.TrimSuffix(string(b), "\n"), "\n")+1)))
		},
		"altered in the middle": func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(b), ",b1,", ",q1,", 1)), 0o600))
			touch(t, path)
		},
		"grown in the middle": func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			rows := strings.SplitAfter(string(b), "\n")
			require.NoError(t, os.WriteFile(path, []byte(rows[0]+strings.ReplaceAll(rows[1], "a1", "w1")+strings.Join(rows[1:], "")), 0o600))
		},
		"broken in the middle": func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(b), "lifecycle", "life\ncycle", 1)), 0o600))
		},
		"gone":    func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
		"emptied": func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "runs.csv")
			appendRuns(t, path, "a1", "b1", "c1")
			s := New(Options{Ledger: path})
			look(s)
			spoil(t, path)
			got := look(s)
			fresh := look(New(Options{Ledger: path}))
			assert.Equal(t, ids(fresh), ids(got))
			assert.Equal(t, fresh.Faults, got.Faults)
			assert.NotEqual(t, []string{"a1", "b1", "c1"}, ids(got))
			assert.Same(t, got, look(s), "once is enough")
		})
	}
}

// A clock that is coarse gives what is written twice in a moment one time.
// A file that could not be read to its end, as where it was cut off meanwhile, is read again once
// it changes, though its header is as before.
func TestAFileThatFailedInTheMiddleIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.csv")
	appendRuns(t, path, "a1", "b1")
	s := New(Options{Args: []string{path}})
	look(s)
	s.files[0].ofFile(io.ErrUnexpectedEOF)
	appendRuns(t, path, "c1")
	touch(t, path)
	state := look(s)
	assert.Equal(t, []string{"a1", "b1", "c1"}, ids(state))
	assert.Empty(t, state.Faults)
	assert.Zero(t, state.Twice)
}

func TestWhatIsWrittenInTheSameTickIsSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.csv")
	appendRuns(t, path, "a1")
	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(path, time.Time{}, later))
	s := New(Options{Ledger: path})
	first := look(s)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	end := len(b) - 60 // in the hash of the row
	require.NoError(t, os.WriteFile(path, []byte(string(b[:end])+strings.ToUpper(string(b[end:]))), 0o600))
	require.NoError(t, os.Chtimes(path, time.Time{}, later))
	was, _ := first.Rows.At(0)
	is, _ := look(s).Rows.At(0)
	assert.NotEqual(t, was.Hash, is.Hash)
	assert.True(t, strings.EqualFold(was.Hash, is.Hash))
}

func TestAFolderIsFollowed(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.csv"), filepath.Join(dir, "b.csv")
	appendRuns(t, b, "b1", "b2")
	write(t, filepath.Join(dir, "other.csv"), "time,loss\n1,2\n")
	s := New(Options{Args: []string{dir}})
	state := look(s)
	assert.Equal(t, []string{"b1", "b2"}, ids(state))
	assert.Equal(t, 1, state.Foreign)
	write(t, filepath.Join(dir, "other.csv"), "2,3\n")
	assert.Same(t, state, look(s), "another program's file is none of ours")
	appendRuns(t, a, "a1", "b2") // the first of the files has it
	state = look(s)
	assert.Equal(t, []string{"a1", "b2", "b1"}, ids(state))
	assert.Equal(t, 1, state.Twice)
	appendRuns(t, b, "a1")
	assert.Equal(t, 2, look(s).Twice, "it was read before")
	appendRuns(t, a, "b1")
	state = look(s)
	assert.Equal(t, []string{"a1", "b2", "b1"}, ids(state), "as a fresh reader finds them")
	assert.Equal(t, 3, state.Twice)
	_, from := state.Rows.At(2)
	assert.Equal(t, a, from)
	assert.Empty(t, state.Faults)
	require.NoError(t, os.Remove(a))
	assert.Equal(t, []string{"b1", "b2", "a1"}, ids(look(s)))
}

func TestOtherFormsOfFiles(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	appendRuns(t, plain, "a1")
	b, err := os.ReadFile(plain)
	require.NoError(t, err)
	f, err := os.Create(filepath.Join(dir, "old.csv.gz"))
	require.NoError(t, err)
	z := gzip.NewWriter(f)
	_, err = z.Write(b)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	one, err := json.Marshal(footprint.Report{RunID: "j1", Schema: footprint.Schema, Energy: 5, PUE: footprint.PUE{Value: 1}})
	require.NoError(t, err)
	write(t, filepath.Join(dir, "run.json"), string(one))
	write(t, filepath.Join(dir, "bad.csv"), "project_name,emissions\n")
	state := look(New(Options{Args: []string{filepath.Join(dir, "old.csv.gz"), filepath.Join(dir, "run.json"), filepath.Join(dir, "bad.csv"), filepath.Join(dir, "none.csv")}}))
	assert.Equal(t, []string{"a1", "j1"}, ids(state))
	require.Len(t, state.Faults, 2)
	assert.Equal(t, filepath.Join(dir, "none.csv")+": no such file or directory", state.Faults[0].String())
	assert.Contains(t, state.Faults[1].String(), "not a ledger")
}

// TestTheRowsAreThoseOfEveryOtherCommand does at random to a folder what may happen to
// one, and compares what was followed with what is read.
func TestTheRowsAreThoseOfEveryOtherCommand(t *testing.T) {
	for seed := range uint64(15) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		dir := t.TempDir()
		s := New(Options{Args: []string{dir}})
		names := []string{"a.csv", "b.csv", "c.csv"}
		appendRuns(t, filepath.Join(dir, "b.csv"), "0")
		for range 25 {
			path := filepath.Join(dir, names[rnd.IntN(len(names))])
			switch rnd.IntN(8) {
			case 0:
				_ = os.Remove(path)
				_ = os.Remove(path + ".head")
			case 1:
				if info, err := os.Stat(path); err == nil {
					require.NoError(t, os.Truncate(path, rnd.Int64N(info.Size()+1)))
				}
			case 2:
				write(t, path, "no row\n")
			case 3:
				write(t, path, "half a row")
			default:
				for range rnd.IntN(4) {
					_, _ = ledger.Writer{Path: path, Keep: ledger.Keep{Runs: -1}}.Append(t.Context(), run(fmt.Sprint(rnd.IntN(40)))) // a broken one takes none
				}
			}
			if rnd.IntN(3) == 0 {
				s.Look()
			}
		}
		state := look(s)
		reader := input.Reader{}
		var want, got []runs.Row
		files, err := reader.Files([]string{dir})
		if err == nil {
			require.NoError(t, reader.Rows(files, func(r *runs.Row) { c := *r; c.PreviousHash = ""; want = append(want, c) }))
		}
		for i := range state.Rows.Len() {
			row, _ := state.Rows.At(i)
			got = append(got, row)
		}
		byID := func(a, b runs.Row) int { return strings.Compare(a.RunID, b.RunID) }
		slices.SortFunc(want, byID)
		slices.SortFunc(got, byID)
		require.Equal(t, want, got, "seed %d", seed)
	}
}

func TestWaitingForTheFirstLook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.csv")
	appendRuns(t, path, "a1")
	s := New(Options{Ledger: path})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Loaded(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Ledger: path})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		state, err := s.Loaded(ctx)
		require.NoError(t, err)
		assert.Equal(t, []string{"a1"}, ids(state))
		synctest.Wait()
		next := func(id string) time.Duration {
			_, changed := s.State()
			appendRuns(t, path, id)
			start := time.Now()
			<-changed
			state, _ = s.State()
			took := time.Since(start)
			synctest.Wait() // the next pause has begun
			return took
		}
		assert.Equal(t, latest, next("b1"), "nobody watches")
		leave := s.Watch()
		assert.Equal(t, latest, next("c1"), "the pause that had begun")
		assert.Equal(t, soonest, next("d1"))
		leave()
		assert.Equal(t, soonest, next("e1"), "the pause that had begun")
		assert.Equal(t, latest, next("f1"))
		assert.Equal(t, []string{"a1", "b1", "c1", "d1", "e1", "f1"}, ids(state))
		cancel()
		<-ended
	})
}

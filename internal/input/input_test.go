package input_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

const (
	first  = "01980000-0000-7000-8000-000000000001"
	second = "01980000-0000-7000-8000-000000000002"
	third  = "0198ffff-0000-7000-8000-000000000003"
)

// shelf is a folder with a ledger of three runs, of which the second started
// last, the JSON of the first, and what else users name.
func shelf(t *testing.T) (dir string, r *input.Reader) {
	t.Helper()
	dir = t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	w := ledger.Writer{Path: at("l.csv")}
	var whole footprint.Report
	for i, id := range []string{first, second, third} {
		var a footprint.Account
		a.Run.ID = id
		r := a.Report()
		r.StartedAt = start.Add(time.Duration(i%2) * time.Hour)
		if i == 0 {
			whole = r
		}
		_, err := w.Record(context.Background(), r)
		require.NoError(t, err)
	}
	var js bytes.Buffer
	require.NoError(t, report.JSON(&js, whole))
	require.NoError(t, os.WriteFile(at("run.json"), js.Bytes(), 0o600))
	csv, err := os.ReadFile(at("l.csv"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(at("more/.hidden"), 0o700))
	require.NoError(t, os.WriteFile(at("more/packed.csv.gz"), packed(t, csv), 0o600))
	require.NoError(t, os.WriteFile(at("more/.hidden/x.csv"), csv, 0o600))
	require.NoError(t, os.WriteFile(at("more/other.csv"), []byte("a,b\n1,2\n"), 0o600))
	return dir, &input.Reader{Ledger: at("l.csv"), Stdin: bytes.NewReader(packed(t, js.Bytes()))}
}

func packed(t *testing.T, b []byte) []byte {
	t.Helper()
	var to bytes.Buffer
	z := gzip.NewWriter(&to)
	_, err := z.Write(b)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return to.Bytes()
}

func TestRows(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"a ledger", []string{"l.csv"}, []string{first, second, third}},
		{"twice", []string{"l.csv", "./l.csv"}, []string{first, second, third}},
		{"the JSON of a run", []string{"run.json"}, []string{first}},
		{"standard input, packed", []string{"-"}, []string{first}},
		{"the newest", []string{"last"}, []string{second}},
		{"an ID", []string{third}, []string{third}},
		{"its beginning", []string{"0198f"}, []string{third}},
		{"a run of a ledger that is read anyway", []string{"l.csv", "last"}, []string{first, second, third}},
		{"a folder", []string{"more"}, []string{first, second, third}},
		{"nothing", nil, []string{first, second, third}},
		{"a pattern", []string{"m*/*.gz"}, []string{first, second, third}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, r := shelf(t)
			t.Chdir(dir)
			r.Ledger = "l.csv"
			r.Skipped = func(err error) { t.Error(err) }
			files, err := r.Files(c.args)
			require.NoError(t, err)
			var got []string
			require.NoError(t, r.Rows(files, func(row *runs.Row) { got = append(got, strings.Clone(row.RunID)) }))
			assert.Equal(t, c.want, got)
		})
	}
}

func TestNotThere(t *testing.T) {
	dir, r := shelf(t)
	t.Chdir(dir)
	for arg, want := range map[string]string{
		"gone.csv": "gone.csv: no such file or directory",
		"x*.csv":   "no file matches x*.csv",
		"0198":     `run ID "0198" is ambiguous: it matches ` + first + ", " + second + " …",
		"beef":     "no run beef in " + r.Ledger,
	} {
		_, err := r.Files([]string{arg})
		assert.EqualError(t, err, want)
	}
	r.Ledger = "none"
	_, err := r.Files([]string{"last"})
	assert.ErrorAs(t, err, &input.NoRunsError{})
}

// A file is itself, whatever its name.
func TestAFileComesFirst(t *testing.T) {
	dir, r := shelf(t)
	t.Chdir(dir)
	require.NoError(t, os.Rename("run.json", "last"))
	require.NoError(t, os.Symlink("last", "0198f"))
	for _, name := range []string{"last", "0198f"} {
		found, err := r.Run(name)
		require.NoError(t, err)
		assert.Equal(t, first, found.Row.RunID)
		assert.NotNil(t, found.Report)
	}
}

func TestRun(t *testing.T) {
	dir, r := shelf(t)
	t.Chdir(dir)
	for name, want := range map[string]string{"last": second, "0198f": third, "run.json": first, "-": first} {
		found, err := r.Run(name)
		require.NoError(t, err)
		assert.Equal(t, want, found.Row.RunID, name)
		require.NotNil(t, found.Report, "%s: kept beside the ledger", name)
		assert.Equal(t, want, found.Report.RunID)
	}
	require.NoError(t, os.RemoveAll("l.csv.d/runs"))
	found, err := r.Run("last")
	require.NoError(t, err)
	assert.Nil(t, found.Report, "its row is all that is left")
	_, err = r.Run("l.csv")
	assert.EqualError(t, err, "l.csv holds several runs: give the ID of one")
	found, err = r.RunOf("more/packed.csv.gz", third)
	require.NoError(t, err)
	assert.Equal(t, third, found.Row.RunID)
	_, err = r.RunOf("run.json", third)
	assert.EqualError(t, err, "run.json is run "+first+", not run "+third)
}

// What can't be read is told and left out, and the rest is read.
func TestSkipped(t *testing.T) {
	dir, r := shelf(t)
	t.Chdir(dir)
	csv, err := os.ReadFile("l.csv")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("bad.csv", append(csv, "rubbish\n"...), 0o600))
	var skipped []error
	var notes []string
	r.Skipped = func(err error) { skipped = append(skipped, err) }
	r.Note = func(text, _ string) { notes = append(notes, text) }
	files, err := r.Files([]string{"bad.csv", "more"})
	require.NoError(t, err)
	n := 0
	require.NoError(t, r.Rows(files, func(*runs.Row) { n++ }))
	assert.Equal(t, 3, n, "each run once, though two files have it")
	require.Len(t, skipped, 2)
	line := (*ledger.LineError)(nil)
	require.True(t, errors.As(skipped[0], &line))
	assert.EqualValues(t, 5, line.Line)
	assert.EqualError(t, skipped[1], "more/packed.csv.gz: 3 runs ignored: read before, and each counts once")
	assert.Equal(t, []string{"1 CSV file in these directories: no ledger, not counted"}, notes)
	n = 0
	require.NoError(t, r.Rows(files, func(*runs.Row) { n++ }))
	assert.Equal(t, 3, n, "a second look sees them again")
}

// Where whole ledgers are needed a run stands for the one that it is in.
func TestLedgers(t *testing.T) {
	dir, r := shelf(t)
	t.Chdir(dir)
	r.Ledger = "l.csv"
	paths := func(args ...string) (all []string) {
		files, err := r.Ledgers(args)
		require.NoError(t, err)
		for _, f := range files {
			assert.Empty(t, f.Run)
			all = append(all, f.Path)
		}
		return all
	}
	assert.Equal(t, []string{"l.csv"}, paths())
	assert.Equal(t, []string{"l.csv"}, paths("last", third))
	assert.Equal(t, []string{"l.csv", "more/other.csv", "more/packed.csv.gz"}, paths("l.csv", "more"))
	r.Ledger = "none"
	_, err := r.Ledgers(nil)
	assert.ErrorIs(t, err, input.ErrNoLedger)
}

// A folder or a pattern stands for a run where it holds one.
func TestRunOfAFolder(t *testing.T) {
	dir, r := shelf(t)
	t.Chdir(dir)
	_, err := r.Run("more")
	assert.EqualError(t, err, "more/packed.csv.gz holds several runs: give the ID of one")
	found, err := r.RunOf("more", third)
	require.NoError(t, err)
	assert.Equal(t, third, found.Row.RunID)
	found, err = r.Run("run*.json")
	require.NoError(t, err)
	assert.Equal(t, first, found.Report.RunID)
	_, err = r.RunOf("more", "beef")
	assert.EqualError(t, err, "more has no row of run beef")
	_, err = r.Run("more/other.csv")
	assert.EqualError(t, err, "more/other.csv: not a ledger and not the JSON of a run")
}

// Files of other tools are files: no run is looked up, and folders hold theirs.
func TestOtherEnds(t *testing.T) {
	dir, r := shelf(t)
	t.Chdir(dir)
	r.Ends = []string{".json", ".gz"}
	files, err := r.Files([]string{"."})
	require.NoError(t, err)
	assert.Equal(t, []input.File{{Path: "more/packed.csv.gz"}, {Path: "run.json"}}, files)
	_, err = r.Files([]string{"last"})
	assert.EqualError(t, err, "last: no such file or directory")
}

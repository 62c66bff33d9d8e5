package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// TestMain lets the test binary be one of several processes that append.
func TestMain(m *testing.M) {
	if path := os.Getenv("LEDGER_TEST_APPEND"); path != "" {
		n, _ := strconv.Atoi(os.Getenv("LEDGER_TEST_ROWS"))
		for i := range n {
			row := runs.Row{RunID: fmt.Sprintf("process-%d-%d", os.Getpid(), i)}
			if _, err := (Writer{Path: path, open: openUnsynced}).Append(context.Background(), row); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		os.Exit(0)
	}
	if path := os.Getenv("LEDGER_TEST_RUNS"); path != "" {
		runForever(path)
	}
	os.Exit(m.Run())
}

func add(t testing.TB, path string, row runs.Row) footprint.Receipt {
	t.Helper()
	receipt, err := Writer{Path: path}.Append(t.Context(), row)
	require.NoError(t, err)
	return receipt
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "ledger.csv") }

func contents(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// rows reads a ledger that must be whole, head included.
func rows(t testing.TB, path string) []runs.Row {
	t.Helper()
	all, findings := rowsAndFindings(t, path)
	require.Empty(t, findings)
	return all
}

// rowsAndFindings reads a ledger whose head names its last row.
func rowsAndFindings(t testing.TB, path string) ([]runs.Row, []Finding) {
	t.Helper()
	text := contents(t, path)
	head, err := ReadHead(path)
	require.NoError(t, err)
	result, err := Verify(strings.NewReader(text), head)
	require.NoError(t, err)
	require.Empty(t, result.Unseen)
	var all []runs.Row
	for row, err := range Read(strings.NewReader(text), path) {
		require.NoError(t, err)
		all = append(all, row)
	}
	require.Len(t, all, int(head.Rows))
	return all, result.Findings
}

// lost checks that a row tells of a head that its ledger no longer had, and that
// Verify finds so.
func lost(t testing.TB, path string, row int, hash string) {
	t.Helper()
	all, findings := rowsAndFindings(t, path)
	assert.Contains(t, all[row].Details, hash)
	require.Len(t, findings, 1)
	assert.Equal(t, LostHead, findings[0].Kind)
	assert.EqualValues(t, row+1, findings[0].Row)
	assert.Contains(t, findings[0].Text, hash)
}

func TestAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "dir", "ledger.csv")
	first := add(t, path, runs.Row{RunID: "a", LedgerID: "not mine to choose", Hash: "nor this"})
	second := add(t, path, runs.Row{RunID: "b"})

	assert.Equal(t, path, first.Path)
	assert.EqualValues(t, 1, first.Rows)
	assert.EqualValues(t, 2, second.Rows)
	assert.Equal(t, first.LedgerID, second.LedgerID)
	all := rows(t, path)
	assert.Equal(t, runs.LedgerSchema, all[0].Schema)
	assert.Equal(t, first.LedgerID, all[0].LedgerID)
	assert.Equal(t, first.Hash, all[0].Hash)
	assert.Equal(t, first.Hash, all[1].PreviousHash)
	assert.Equal(t, second.Hash, all[1].Hash)

	head, err := ReadHead(path)
	require.NoError(t, err)
	assert.Equal(t, Head{second.LedgerID, 2, second.Hash}, head)
	if runtime.GOOS != "windows" {
		for name, mode := range map[string]fs.FileMode{path: 0o600, path + ".head": 0o600, filepath.Dir(path): 0o700} {
			info, err := os.Stat(name)
			require.NoError(t, err)
			assert.Equal(t, mode, info.Mode().Perm(), name)
		}
	}
	left, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	assert.Len(t, left, 2, "%v", left)
}

func TestAppendToAnEmptyFileOrABareHeader(t *testing.T) {
	for _, text := range []string{"", Header + "\n"} {
		path := newPath(t)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		add(t, path, runs.Row{RunID: "a"})
		assert.Len(t, rows(t, path), 1)
	}
}

func TestAppendThroughALinkSharesOneLock(t *testing.T) {
	path := newPath(t)
	add(t, path, runs.Row{})
	link := filepath.Join(t.TempDir(), "link.csv")
	if err := os.Symlink(path, link); err != nil {
		require.Equal(t, "windows", runtime.GOOS, err)
		return
	}
	receipt := add(t, link, runs.Row{})
	assert.Equal(t, link, receipt.Path)
	assert.Len(t, rows(t, path), 2)
	assert.NoFileExists(t, link+".lock")
}

func TestAppendAfterATornLine(t *testing.T) {
	whole := newPath(t)
	add(t, whole, runs.Row{RunID: "a"})
	add(t, whole, runs.Row{RunID: "b"})
	text := contents(t, whole)
	second := text[strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n")+1:]
	kept := strings.TrimSuffix(text, second)

	for name, torn := range map[string]string{
		"one byte":          second[:1],
		"half a row":        second[:len(second)/2],
		"no line end":       second[:len(second)-1],
		"NULs":              strings.Repeat("\x00", 100_000),
		"NULs, then an end": strings.Repeat("\x00", 200) + second[200:],
		"NULs and a part":   strings.Repeat("\x00", 200) + second[200:] + second[:40],
	} {
		path := newPath(t)
		require.NoError(t, os.WriteFile(path, []byte(kept+torn), 0o600))
		require.NoError(t, os.WriteFile(path+".head", []byte(headText(t, kept)), 0o600))
		add(t, path, runs.Row{RunID: "c", Details: `{"k":1}`})

		all := rows(t, path)
		require.Len(t, all, 2, name)
		assert.Equal(t, "c", all[1].RunID, name)
		var details struct {
			K     int       `json:"k"`
			Bytes int       `json:"torn_bytes"`
			At    time.Time `json:"torn_at"`
		}
		require.NoError(t, json.Unmarshal([]byte(all[1].Details), &details))
		assert.Equal(t, 1, details.K)
		assert.Equal(t, len(torn), details.Bytes, name)
		assert.WithinDuration(t, time.Now(), details.At, time.Minute)
		aside := contents(t, path+".torn")
		assert.Contains(t, aside, fmt.Sprintf(" torn_bytes=%d offset=%d file=ledger.csv\n%s\n", len(torn), len(kept), torn), name)
		assert.True(t, strings.HasPrefix(contents(t, path), kept), name)
	}
}

func headText(t testing.TB, text string) string {
	t.Helper()
	result, err := Verify(strings.NewReader(text))
	require.NoError(t, err)
	return string(result.Chains[0].Head.bytes())
}

func TestAppendAfterATornHeader(t *testing.T) {
	for _, torn := range []string{"s", Header[:100], Header, strings.Repeat("\x00", 4096)} {
		path := newPath(t)
		require.NoError(t, os.WriteFile(path, []byte(torn), 0o600))
		add(t, path, runs.Row{RunID: "a"})
		all := rows(t, path)
		require.Len(t, all, 1)
		assert.Contains(t, all[0].Details, fmt.Sprintf(`"torn_bytes":%d`, len(torn)))
		assert.Contains(t, contents(t, path+".torn"), torn)
	}
}

func TestAppendLeavesForeignFilesAlone(t *testing.T) {
	good := newPath(t)
	add(t, good, runs.Row{RunID: "a"})
	text := contents(t, good)

	for name, c := range map[string]struct {
		text string
		what Foreign // "": a RowError
	}{
		"codecarbon":         {codecarbonHeader + "2026-01-01,x\n", CodeCarbon},
		"other columns":      {strings.Replace(text, "coverage,", "", 1), OtherVersion},
		"BOM":                {"\ufeff" + text, Edited},
		"CRLF":               {strings.ReplaceAll(text, "\n", "\r\n"), Edited},
		"semicolons":         {strings.ReplaceAll(text, ",", ";"), Edited},
		"no CSV":             {"hello", Unknown},
		"binary":             {"\x00\x01\x02", Unknown},
		"part of a header":   {Header[:20] + "\n", Unknown},
		"CRLF in the row":    {strings.TrimSuffix(text, "\n") + "\r\n", ""},
		"a blank line after": {text + "\n", ""},
		"a note after":       {text + "checked by me\n", ""},
		"a huge row after":   {text + strings.Repeat("x", MaxRow+1) + "\n", ""},
	} {
		path := newPath(t)
		require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
		receipt, err := Writer{Path: path}.Append(t.Context(), runs.Row{})
		assert.Zero(t, receipt, name)
		if c.what != "" {
			var bad *HeaderError
			require.ErrorAs(t, err, &bad, name)
			assert.Equal(t, c.what, bad.What, name)
		} else {
			var bad *RowError
			require.ErrorAs(t, err, &bad, name)
		}
		assert.ErrorContains(t, err, path, name)
		assert.Equal(t, c.text, contents(t, path), name)
		left, _ := filepath.Glob(path + "*")
		assert.Len(t, left, 1, "%s: nothing beside it: %v", name, left)
	}
}

func TestAppendCountsWhereTheHeadDoesNot(t *testing.T) {
	path := newPath(t)
	var heads []string
	for i := range 4 {
		add(t, path, runs.Row{RunID: strconv.Itoa(i)})
		heads = append(heads, contents(t, path+".head"))
	}
	for name, head := range map[string]string{"none": "", "garbage": "{", "one row old": heads[2], "older": heads[0]} {
		copied := newPath(t)
		require.NoError(t, os.WriteFile(copied, []byte(contents(t, path)), 0o600))
		if head != "" {
			require.NoError(t, os.WriteFile(copied+".head", []byte(head), 0o600))
		}
		assert.EqualValues(t, 5, add(t, copied, runs.Row{}).Rows, name)
		details := ""
		if name == "older" {
			details = `{"head_behind":3}`
		}
		assert.Equal(t, details, rows(t, copied)[4].Details, name)
	}
}

func TestAppendKeepsAHeadWhoseRowIsGone(t *testing.T) {
	path := newPath(t)
	add(t, path, runs.Row{RunID: "a"})
	kept := contents(t, path)
	cut := add(t, path, runs.Row{RunID: "b"})
	require.NoError(t, os.WriteFile(path, []byte(kept), 0o600))

	receipt, err := Writer{Path: path}.Append(t.Context(), runs.Row{RunID: "c"})
	assert.EqualValues(t, 2, receipt.Rows)
	var head *HeadError
	require.ErrorAs(t, err, &head)
	assert.Equal(t, cut.Hash, head.Head.Hash)
	assert.ErrorContains(t, err, "cut off")
	add(t, path, runs.Row{RunID: "d"})
	lost(t, path, 1, cut.Hash)
}

// A ledger that was emptied or removed, and a chain of somebody else's behind
// ours: each is said, and our own chain goes on.
func TestAppendSaysWhenTheHeadDisagrees(t *testing.T) {
	for name, empty := range map[string]func(path string) error{
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"bare":    func(path string) error { return os.Truncate(path, int64(len(Header)+1)) },
		"removed": os.Remove,
	} {
		path := newPath(t)
		old := add(t, path, runs.Row{RunID: "a"})
		require.NoError(t, empty(path))
		_, err := Writer{Path: path}.Append(t.Context(), runs.Row{RunID: "b"})
		var head *HeadError
		require.ErrorAs(t, err, &head, name)
		assert.Equal(t, old.Hash, head.Head.Hash)
		lost(t, path, 0, old.Hash)
	}

	path, other := newPath(t), newPath(t)
	ours := add(t, path, runs.Row{RunID: "a"})
	add(t, other, runs.Row{RunID: "x"})
	_, chain, _ := strings.Cut(contents(t, other), "\n")
	require.NoError(t, os.WriteFile(path, []byte(contents(t, path)+chain), 0o600))
	receipt, err := Writer{Path: path}.Append(t.Context(), runs.Row{RunID: "b"})
	assert.ErrorContains(t, err, "another chain")
	assert.Equal(t, ours.LedgerID, receipt.LedgerID)
	assert.EqualValues(t, 2, receipt.Rows)
}

func TestAppendRefusesABadRow(t *testing.T) {
	path := newPath(t)
	add(t, path, runs.Row{})
	before := contents(t, path)
	for _, row := range []runs.Row{{Details: "{"}, {Labels: "x"}, {Details: strings.Repeat(" ", 10)}} {
		_, err := Writer{Path: path}.Append(t.Context(), row)
		assert.ErrorContains(t, err, path)
	}
	assert.Equal(t, before, contents(t, path))
}

func TestAppendWaitsNoLongerThanItsContext(t *testing.T) {
	path := newPath(t)
	holding, held, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		w := Writer{Path: path, open: func(name string) (file, error) {
			if name == path {
				close(held)
				<-holding
			}
			return Writer{}.ledger(name)
		}}
		_, err := w.Append(context.Background(), runs.Row{RunID: "slow"})
		assert.NoError(t, err)
		close(ended)
	}()
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := Writer{Path: path}.Append(ctx, runs.Row{RunID: "late"})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, lockName(path))
	close(holding)
	<-ended
	assert.Len(t, rows(t, path), 1)
}

func TestLockErrorsSayWhatIsWrong(t *testing.T) {
	for err, want := range map[error]string{
		syscall.ENOSYS: "cannot lock files", syscall.EOPNOTSUPP: "cannot lock files", syscall.ENOLCK: "cannot lock files",
		errors.ErrUnsupported: "cannot lock files", context.Canceled: "another writer", syscall.EIO: "lock x.lock: ",
	} {
		got := lockError("x.lock", err)
		assert.ErrorContains(t, got, want)
		assert.ErrorContains(t, got, "x.lock")
		assert.ErrorIs(t, got, err)
	}
}

func TestAppendWhereItCannot(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	for name, path := range map[string]string{
		"below a file": filepath.Join(plain, "ledger.csv"), "a directory": dir, "no name": "", "a device": os.DevNull,
	} {
		_, err := Writer{Path: path}.Append(t.Context(), runs.Row{})
		assert.ErrorContains(t, err, "ledger: ", name)
		if name == "a directory" {
			assert.ErrorContains(t, err, dir+": not a regular file")
		}
	}
}

// fullDisk takes so many bytes, in all files together, and then no more.
type fullDisk struct {
	file
	left *int
	sync error
}

func (d fullDisk) WriteAt(p []byte, off int64) (int, error) {
	info, err := d.file.Stat()
	if err != nil {
		return 0, err
	}
	there := int(min(max(info.Size()-off, 0), int64(len(p)))) // has its blocks
	n := there + min(len(p)-there, *d.left)
	*d.left -= n - there
	n, err = d.file.WriteAt(p[:n], off)
	if err == nil && n < len(p) {
		err = &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	}
	return n, err
}

func (d fullDisk) Sync() error {
	if d.sync != nil {
		return d.sync
	}
	return d.file.Sync()
}

// full gives a Writer a disk that takes so many bytes, in all files together.
func full(w Writer, left *int, sync error) Writer {
	w.open = func(name string) (file, error) {
		f, err := Writer{}.ledger(name)
		return fullDisk{f, left, sync}, err
	}
	w.disk = func(to io.Writer) io.Writer { return fullWriter{to, left, sync} }
	return w
}

type fullWriter struct {
	to   io.Writer
	left *int
	err  error
}

func (w fullWriter) Write(p []byte) (int, error) {
	n := min(len(p), *w.left)
	*w.left -= n
	n, err := w.to.Write(p[:n])
	if err == nil {
		err = w.err
	}
	if err == nil && n < len(p) {
		err = &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	}
	return n, err
}

// However many bytes still fit, the ledger is afterwards what it was before, or
// has the whole row; and the next append works.
func TestAppendOnAFullDisk(t *testing.T) {
	torn := newPath(t)
	add(t, torn, runs.Row{RunID: "a"})
	before := contents(t, torn)
	for left := 0; left < 700; left += 13 {
		for _, tail := range []string{"", "half a ro"} {
			path := newPath(t)
			require.NoError(t, os.WriteFile(path, []byte(before+tail), 0o600))
			require.NoError(t, os.WriteFile(path+".head", []byte(headText(t, before)), 0o600))
			room := left
			w := full(Writer{Path: path}, &room, nil)
			receipt, err := w.Append(t.Context(), runs.Row{RunID: "b"})
			after := contents(t, path)
			switch {
			case err == nil:
				require.Len(t, rows(t, path), 2)
			case receipt.Hash != "": // only the head did not fit
				require.ErrorIs(t, err, syscall.ENOSPC)
				require.Contains(t, after, receipt.Hash)
			default:
				require.ErrorIs(t, err, syscall.ENOSPC)
				require.ErrorContains(t, err, path)
				require.True(t, after == before || after == before+tail, "%d", left)
			}
			if tail != "" && after != before+tail {
				require.Contains(t, contents(t, path+".torn"), tail)
			}
			add(t, path, runs.Row{RunID: "c"})
			rows(t, path)
		}
	}
}

func TestAppendOnAFullDiskMakesNoNewFile(t *testing.T) {
	path, room := newPath(t), 100
	w := full(Writer{Path: path}, &room, nil)
	_, err := w.Append(t.Context(), runs.Row{})
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Empty(t, contents(t, path))
	add(t, path, runs.Row{})
	assert.Len(t, rows(t, path), 1)
}

func TestAppendThatCannotSync(t *testing.T) {
	path, room := newPath(t), 1<<20
	add(t, path, runs.Row{})
	before := contents(t, path)
	w := full(Writer{Path: path}, &room, syscall.EIO)
	_, err := w.Append(t.Context(), runs.Row{})
	assert.ErrorIs(t, err, syscall.EIO)
	assert.Equal(t, before, contents(t, path))
}

// unsynced is a file for those who count rows and pull no plugs.
type unsynced struct{ file }

func (unsynced) Sync() error { return nil }

func openUnsynced(name string) (file, error) {
	f, err := Writer{}.ledger(name)
	return unsynced{f}, err
}

func TestManyWriters(t *testing.T) { manyWriters(t, 100) }

// BenchmarkManyWriters is the test with 1,000 rows a writer.
func BenchmarkManyWriters(b *testing.B) {
	for b.Loop() {
		manyWriters(b, 1000)
	}
}

// 28 processes and 4 goroutines together: no row lost, none twice, the chain
// whole.
func manyWriters(t testing.TB, each int) {
	const processes, goroutines = 28, 4
	path := newPath(t)
	self, err := os.Executable()
	require.NoError(t, err)
	var all sync.WaitGroup
	for range processes {
		all.Go(func() {
			cmd := exec.Command(self, "-test.run=^$")
			cmd.Env = append(os.Environ(), "LEDGER_TEST_APPEND="+path, "LEDGER_TEST_ROWS="+strconv.Itoa(each))
			out, err := cmd.CombinedOutput()
			assert.NoError(t, err, "%s", out)
		})
	}
	w := Writer{Path: path, open: openUnsynced}
	for g := range goroutines {
		all.Go(func() {
			for i := range each {
				_, err := w.Append(t.Context(), runs.Row{RunID: fmt.Sprintf("goroutine-%d-%d", g, i)})
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	ids := map[string]bool{}
	for _, row := range rows(t, path) {
		assert.False(t, ids[row.RunID], row.RunID)
		ids[row.RunID] = true
	}
	assert.Len(t, ids, (processes+goroutines)*each)
}

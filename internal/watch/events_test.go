package watch

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 500_000_000, time.UTC)

func TestParseEvent(t *testing.T) {
	for _, tt := range []struct {
		line string
		want Event
	}{
		{"epoch-start", Event{Edge: EpochStart, At: noon}},
		{"epoch-start 3", Event{Edge: EpochStart, Index: 3, At: noon}},
		{" epoch-start  3/10 \r", Event{Edge: EpochStart, Index: 3, Of: 10, At: noon}},
		{"epoch-end", Event{Edge: EpochEnd, At: noon}},
		{"task-start load the data", Event{Edge: TaskStart, Name: "load the data", At: noon}},
		{"task-end é", Event{Edge: TaskEnd, Name: "é", At: noon}},
		{"epoch-end 3/10 loss=0.41 val_acc=9e-1", Event{Edge: EpochEnd, Index: 3, Of: 10, Metrics: map[string]float64{"loss": 0.41, "val_acc": 0.9}, At: noon}},
		{"epoch-end loss=-1", Event{Edge: EpochEnd, Metrics: map[string]float64{"loss": -1}, At: noon}},
		{"count output_token 512", Event{Edge: Count, Name: "output_token", N: 512, At: noon}},
		{" count  flop 1.5e15\r", Event{Edge: Count, Name: "flop", N: 1.5e15, At: noon}},
		{"count request 0", Event{Edge: Count, Name: "request", At: noon}},
		{"1795348800 epoch-end", Event{Edge: EpochEnd, At: time.Unix(1795348800, 0), stamped: true}},
		{"1795348800.25 epoch-end", Event{Edge: EpochEnd, At: time.Unix(1795348800, 250e6), stamped: true}},
		{"1895348800 epoch-end", Event{Edge: EpochEnd, At: noon}},
	} {
		got, err := ParseEvent(tt.line, noon)
		require.NoError(t, err, tt.line)
		assert.True(t, tt.want.At.Equal(got.At), tt.line)
		tt.want.At = got.At
		assert.Equal(t, tt.want, got)
	}
	for _, line := range []string{
		"", "epoch", "epoch-start x", "epoch-start 0", "epoch-start 3/", "epoch-start 3/x", "epoch-start -1", "task-start",
		"12x epoch-end", "1e9 epoch-end", "999999999999999 epoch-end", "task-start a\x00b", "task-end a\x1b[31m",
		"epoch-end 3 loss=", "epoch-end 3 loss=nan", "epoch-end 3 lo\"ss=1", "epoch-end loss=1 3", "epoch-start 3 loss=1", "epoch-end 3" + strings.Repeat(" a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8 i=9", 2) + " j=1 k=1 l=1 m=1 n=1 o=1 p=1 q=1",
		"count", "count request", "count 5", "count request -1", "count request x", "count Request 1", "count request NaN", "count request Inf",
		"count request 1e40", "count request 0x10", "count request 1 2", "count re-quest 1", "count " + strings.Repeat("a", 41) + " 1", strings.Repeat("x", 5000),
	} {
		_, err := ParseEvent(line, noon)
		assert.ErrorContains(t, err, "event", line)
	}
}

func FuzzParseEvent(f *testing.F) {
	for _, s := range []string{"1795348800.25 epoch-start 3/10", "task-end x y", ".5 epoch-end", "epoch-start 1/1/1", "\xff", "count output_token 512", "count flop 1e29", "count x .5", "epoch-end 3 a=1e5 b=-0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		e, err := ParseEvent(line, noon)
		if err != nil {
			return
		}
		assert.False(t, e.At.After(noon))
		again, err := ParseEvent(e.String(), noon)
		require.NoError(t, err, "%q gives %q", line, e.String())
		assert.WithinDuration(t, e.At, again.At, time.Millisecond)
		again.At, again.stamped = e.At, e.stamped
		assert.Equal(t, e, again)
	})
}

// told collects events.
type told struct {
	mu     sync.Mutex
	events []string
	more   chan struct{}
}

func (c *told) take(e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, strings.TrimSpace(fmt.Sprint(e.Edge, " ", e.Index, e.Name)))
	c.more <- struct{}{}
}

// await waits for n more, and looks as somebody does who wakes up anyway; nil
// leaves that to the kernel.
func (c *told) await(t *testing.T, e *Events, n int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(20 * time.Second)
	for n > 0 {
		select {
		case <-c.more:
			n--
		case <-tick.C:
			if e != nil {
				e.Look()
			}
		case <-timeout:
			require.Fail(t, "no event came")
		}
	}
}

func collect(t *testing.T) (*told, *Events) {
	c := &told{more: make(chan struct{}, 10_000)}
	e, err := OpenEvents(t.TempDir(), c.take)
	require.NoError(t, err)
	return c, e
}

func TestAnyProgramCanWriteEvents(t *testing.T) {
	c, e := collect(t)
	info, err := os.Stat(e.Path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode())

	cmd := exec.Command("/bin/sh", "-c", `echo epoch-start 1/2 >>"$CARBONCTL_EVENTS"; echo nonsense >>"$CARBONCTL_EVENTS"`)
	cmd.Env = append(os.Environ(), EnvEvents+"="+e.Path)
	require.NoError(t, cmd.Run())
	c.await(t, e, 1)
	require.NoError(t, Append(e.Path, Event{Edge: EpochEnd, At: time.Now()}))
	require.NoError(t, Append(e.Path, Event{Edge: TaskStart, Name: "a task", At: time.Now()}))
	c.await(t, e, 2)
	f, err := os.OpenFile(e.Path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString("task-end a task") // without its newline
	require.NoError(t, err)
	_ = f.Close()
	got := e.Close()
	assert.Equal(t, []string{"epoch-start 1", "epoch-end 0", "task-start 0a task", "task-end 0a task"}, c.events)
	assert.EqualValues(t, 4, got.Events)
	assert.EqualValues(t, 1, got.Wrong)
	assert.Contains(t, got.Lines[0], "nonsense")
	assert.False(t, got.Removed)
	left, err := os.ReadDir(filepath.Dir(e.Path))
	require.NoError(t, err)
	assert.Empty(t, left)
	assert.Equal(t, got, e.Close())
	assert.ErrorIs(t, Append(e.Path, Event{Edge: EpochEnd, At: noon}), fs.ErrNotExist)
}

// Ends alone tell of epochs, until one begins.
func TestEndsAlone(t *testing.T) {
	var whole []bool
	e, err := OpenEvents(t.TempDir(), func(e Event) { whole = append(whole, e.Whole) })
	require.NoError(t, err)
	for _, edge := range []Edge{EpochEnd, EpochEnd, EpochStart, EpochEnd, EpochEnd} {
		require.NoError(t, Append(e.Path, Event{Edge: edge, At: noon}))
	}
	e.Close()
	assert.Equal(t, []bool{true, true, false, false, false}, whole)
}

func TestManyWritersKeepTheirLinesWhole(t *testing.T) {
	c, e := collect(t)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for range 100 {
				assert.NoError(t, Append(e.Path, Event{Edge: TaskStart, Name: strings.Repeat(fmt.Sprint(w), 4000), At: noon}))
			}
		})
	}
	wg.Wait()
	got := e.Close()
	assert.Zero(t, got.Wrong)
	assert.Len(t, c.events, 800)
}

func TestAnEventsFileThatIsRemoved(t *testing.T) {
	c, e := collect(t)
	require.NoError(t, Append(e.Path, Event{Edge: EpochStart, Index: 1, At: noon}))
	c.await(t, e, 1)
	require.NoError(t, os.Remove(e.Path))
	cmd := exec.Command("/bin/sh", "-c", `echo epoch-end 1 >>"$1"`, "sh", e.Path) // makes a new one
	require.NoError(t, cmd.Run())
	c.await(t, e, 1)
	require.NoError(t, os.Truncate(e.Path, 0))
	require.NoError(t, Append(e.Path, Event{Edge: EpochStart, Index: 2, At: noon}))
	c.await(t, e, 1)
	got := e.Close()
	assert.True(t, got.Removed)
	assert.Equal(t, []string{"epoch-start 1", "epoch-end 1", "epoch-start 2"}, c.events)
}

func TestBadEvents(t *testing.T) {
	c, e := collect(t)
	long := strings.Repeat("x", 5<<20)
	require.NoError(t, os.WriteFile(e.Path, []byte("task-start \xff\n\n"+long+"\nepoch-end\n"), 0o600))
	c.await(t, e, 2)
	got := e.Close()
	assert.Equal(t, []string{"task-start 0\uFFFD", "epoch-end 0"}, c.events)
	assert.EqualValues(t, 1, got.Wrong)
	assert.ErrorContains(t, Append(e.Path, Event{Edge: TaskStart, At: noon}), "no task name given")
	assert.ErrorContains(t, Append(e.Path, Event{Edge: TaskStart, Name: long, At: noon}), "the maximum is 4095")
	assert.ErrorContains(t, Append(e.Path, Event{Edge: TaskStart, Name: "a\nepoch-end", At: noon}), "printable")
	assert.ErrorContains(t, Append("/dev/null", Event{Edge: EpochEnd, At: noon}), "not a regular file")
}

// Lines without a time that are seen together were written before the file's
// latest change, and the last of them with it.
func TestLinesWithoutATime(t *testing.T) {
	var got []Event
	e, err := OpenEvents(t.TempDir(), func(e Event) { got = append(got, e) })
	require.NoError(t, err)
	e.Look()
	before := e.seen.at
	require.NoError(t, os.WriteFile(e.Path, []byte("epoch-start 1\nepoch-end\n1795348800 epoch-start 2\nepoch-end\n"), 0o600))
	info, err := os.Stat(e.Path)
	require.NoError(t, err)
	written := later(info.ModTime(), before)
	e.Close()
	require.Len(t, got, 4)
	for i, want := range []time.Duration{written.Sub(before), written.Sub(before), 0, 0} {
		assert.Equal(t, want, got[i].Doubt, i)
		if i != 2 {
			assert.True(t, written.Equal(got[i].At), i)
		}
	}
	assert.True(t, time.Unix(1795348800, 0).Equal(got[2].At), "a line's own time stands")
}

// Where the time of a file can't be believed, its lines came since the last look.
func TestLinesInAFileOfAnotherClock(t *testing.T) {
	for _, wrong := range []time.Duration{-time.Hour, time.Hour} {
		var got Event
		e, err := OpenEvents(t.TempDir(), func(e Event) { got = e })
		require.NoError(t, err)
		before := e.seen.at
		require.NoError(t, os.WriteFile(e.Path, []byte("epoch-end\n"), 0o600))
		at := time.Now().Add(wrong)
		require.NoError(t, os.Chtimes(e.Path, at, at))
		e.Close()
		assert.WithinDuration(t, time.Now(), got.At, time.Minute)
		assert.Equal(t, got.At.Sub(before), got.Doubt)
	}
}

// addLine appends a line as a program does that knows nothing of us.
func addLine(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString("epoch-end\n")
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// Until a file is used nothing watches it, and in a short run nothing does then.
func TestTheKernelIsAskedLate(t *testing.T) {
	c, e := collect(t)
	e.Look()
	assert.Nil(t, e.notify)
	addLine(t, e.Path)
	c.await(t, e, 1)
	e.Close()
	assert.Nil(t, e.notify)

	c, e = collect(t)
	e.began = e.began.Add(-notifyAfter)
	addLine(t, e.Path)
	c.await(t, e, 1)
	if e.watched() {
		addLine(t, e.Path)
		c.await(t, nil, 1) // without a look

		// Of a file that takes its place it tells as well.
		require.NoError(t, os.WriteFile(e.Path+"-new", []byte("epoch-end\n"), 0o600))
		require.NoError(t, os.Rename(e.Path+"-new", e.Path))
		c.await(t, nil, 1)
		require.NoError(t, Append(e.Path, Event{Edge: EpochEnd, At: noon}))
		c.await(t, nil, 1)

		// Where there is none for a while, a look finds the next.
		require.NoError(t, os.Remove(e.Path))
		for e.watched() {
			runtime.Gosched()
		}
		require.NoError(t, os.WriteFile(e.Path, []byte("epoch-end\n"), 0o600))
		c.await(t, e, 1)
	} else {
		assert.NotEqual(t, "linux", runtime.GOOS)
	}
	e.Close()
}

// What Append writes is read at once, without a look and without the kernel's telling.
func TestAppendRings(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // there is no bell
	}
	c, e := collect(t)
	e.began = e.began.Add(-notifyAfter)
	for range 100 {
		require.NoError(t, Append(e.Path, Event{Edge: EpochEnd, At: noon}))
		c.await(t, nil, 1)
	}
	assert.False(t, e.watched())
	require.NoError(t, os.Remove(bellOf(e.Path)))
	require.NoError(t, Append(e.Path, Event{Edge: EpochEnd, At: noon}), "nobody hears it")
	c.await(t, e, 1)
	e.Close()
	left, err := os.ReadDir(filepath.Dir(e.Path))
	require.NoError(t, err)
	assert.Empty(t, left)
	assert.ErrorIs(t, Append(e.Path, Event{Edge: EpochEnd, At: noon}), fs.ErrNotExist)
}

// Nothing is written to what only has the name of a bell, and a bell that nobody hears
// keeps nobody waiting.
func TestWhatIsNoBell(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // there is no bell
	}
	ours, other := filepath.Join(t.TempDir(), eventsPrefix+"1"), filepath.Join(t.TempDir(), "other")
	for _, path := range []string{ours, other} {
		file := bellOf(path)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
		require.NoError(t, Append(path, Event{Edge: EpochEnd, At: noon}))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, "mine", string(text))
	}
	require.NoError(t, os.Remove(bellOf(ours)))
	b := hang(ours)
	require.NotNil(t, b)
	for range 100_000 { // more than a pipe holds
		ring(ours)
	}
	b.close()
	ring(ours)
}

// The folder may be gone before the end: nobody waits for it.
func TestTheFolderIsGone(t *testing.T) {
	for range 20 {
		c, e := collect(t)
		e.began = e.began.Add(-notifyAfter)
		addLine(t, e.Path)
		c.await(t, e, 1)
		require.NoError(t, os.RemoveAll(filepath.Dir(e.Path)))
		assert.True(t, e.Close().Removed)
	}
}

func BenchmarkLook(b *testing.B) {
	e, err := OpenEvents(b.TempDir(), func(Event) {})
	require.NoError(b, err)
	defer e.Close()
	for b.Loop() {
		e.Look()
	}
}

func BenchmarkAppend(b *testing.B) {
	path := filepath.Join(b.TempDir(), "events")
	require.NoError(b, os.WriteFile(path, nil, 0o600))
	for b.Loop() {
		if err := Append(path, Event{Edge: EpochEnd, At: noon}); err != nil {
			b.Fatal(err)
		}
	}
}

// A link that stands where the file was is not read.
func TestEventsBehindALink(t *testing.T) {
	c, e := collect(t)
	require.NoError(t, Append(e.Path, Event{Edge: EpochStart, Index: 1, At: noon}))
	c.await(t, e, 1)
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.WriteFile(other, []byte("epoch-end 1\n"), 0o600))
	require.NoError(t, os.Remove(e.Path))
	require.NoError(t, os.Symlink(other, e.Path))
	e.Look()
	got := e.Close()
	assert.True(t, got.Removed)
	assert.Equal(t, []string{"epoch-start 1"}, c.events)
	assert.FileExists(t, other)
}

// Events stand in the file as they happened: one without a time is not before one above
// it that has one.
func TestLinesWithAndWithoutATime(t *testing.T) {
	var got []Event
	e, err := OpenEvents(t.TempDir(), func(e Event) { got = append(got, e) })
	require.NoError(t, err)
	stamp := time.Now()
	for time.Since(stamp) < time.Millisecond {
		runtime.Gosched()
	}
	text := fmt.Sprintf("epoch-start\n%s\nepoch-start\nepoch-end\n", Event{Edge: EpochEnd, At: stamp})
	require.NoError(t, os.WriteFile(e.Path, []byte(text), 0o600))
	e.Close()
	require.Len(t, got, 4)
	assert.WithinDuration(t, stamp, got[1].At, 2*time.Microsecond, "a line has microseconds")
	for i := 1; i < len(got); i++ {
		earliest := got[i].At.Add(-got[i].Doubt)
		assert.False(t, earliest.Before(got[i-1].At.Add(-got[i-1].Doubt)), "%d: %v", i, got)
	}
	assert.False(t, got[2].At.Add(-got[2].Doubt).Before(got[1].At), "after the one with a time")
}

package proc

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stat is a line of /proc/PID/stat: CPU times in ticks.
func statLine(pid, parent, own, waited, start, rss int) *fstest.MapFile {
	return raw(fmt.Sprintf("%d (a) b (c) S %d 1 1 0 -1 4194560 1 2 3 4 %d 0 %d 0 20 0 1 0 %d 1000 %d 99 0\n", pid, parent, own, waited, start, rss))
}

func machine() fstest.MapFS {
	return fstest.MapFS{
		"proc/1/stat":               statLine(1, 0, 9999, 9999, 1, 1),
		"proc/10/stat":              statLine(10, 1, 700, 100, 50, 1),
		"proc/10/task/10/children":  raw("11 13 "),
		"proc/10/task/15/children":  raw("12 "),
		"proc/11/stat":              statLine(11, 10, 10, 5, 60, 3),
		"proc/11/task/11/children":  raw("14 "),
		"proc/12/stat":              statLine(12, 10, 20, 0, 61, 4),
		"proc/12/task/12/children":  raw(""),
		"proc/13/stat":              statLine(13, 1, 5000, 0, 900, 1000), // 13 ended, another has its number
		"proc/14/stat":              statLine(14, 11, 30, 0, 70, 5),
		"proc/20/stat":              statLine(20, 1, 5000, 0, 2, 1000),
		"proc/self":                 raw("no number"),
		"proc/20/task/20/children":  raw(""),
		"proc/99/task/99/something": raw(""),
	}
}

func TestTree(t *testing.T) {
	listed, scanned := machine(), machine()
	delete(scanned, "proc/10/task/10/children")
	for name, root := range map[string]fstest.MapFS{"lists of children": listed, "a scan": scanned} {
		t.Run(name, func(t *testing.T) {
			tree, err := OpenTree(root, 10)
			require.NoError(t, err)
			u, err := tree.Read()
			require.NoError(t, err)
			assert.InDelta(t, 1.65, u.CPU, 1e-9)
			assert.Equal(t, uint64(12*os.Getpagesize()), u.RSS)
			assert.Equal(t, 3, u.Processes)

			// A child that was waited for moves into its parent's time.
			delete(root, "proc/14/stat")
			root["proc/11/stat"] = statLine(11, 10, 10, 5+31, 60, 3)
			u, err = tree.Read()
			require.NoError(t, err)
			assert.InDelta(t, 1.66, u.CPU, 1e-9)
			assert.Equal(t, 2, u.Processes)

			// One that nobody waited for must not make the total fall.
			delete(root, "proc/12/stat")
			u, err = tree.Read()
			require.NoError(t, err)
			assert.InDelta(t, 1.66, u.CPU, 1e-9)

			// The top's number goes to another process.
			root["proc/10/stat"] = statLine(10, 1, 1, 100000, 51, 1)
			u, err = tree.Read()
			assert.ErrorIs(t, err, fs.ErrNotExist)
			assert.InDelta(t, 1.66, u.CPU, 1e-9)
		})
	}
}

func TestTreeWithoutProc(t *testing.T) {
	_, err := OpenTree(fstest.MapFS{}, 10)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// A real child and its child, started through a shell.
func TestTreeOfThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a real /proc")
	}
	root := os.DirFS("/")
	cmd := exec.Command("/bin/sh", "-c", "cat & echo started; wait")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { in.Close(); cmd.Process.Kill(); cmd.Wait() }()
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)

	tree, err := OpenTree(root, os.Getpid())
	require.NoError(t, err)
	for _, children := range []bool{tree.children, false} {
		tree.children = children
		u, err := tree.Read()
		require.NoError(t, err)
		assert.GreaterOrEqual(t, u.Processes, 1, "lists: %v", children)
	}
}

func FuzzProcess(f *testing.F) {
	f.Add(statLine(14, 11, 30, 0, 70, 5).Data)
	f.Add([]byte("1 (x) S 1 1 1 0 -1 0 0 0 0 0 1 1 1 1"))
	f.Add([]byte(") 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parseProcess(b)
		if ok && (p.pid < 0 || p.parent < 0 || p.own < 0 || p.waited < 0) {
			t.Fatalf("%+v", p)
		}
	})
}

func benchmarkTree(b *testing.B, children bool) {
	if runtime.GOOS != "linux" {
		b.Skip("measures /proc")
	}
	var ends []func()
	defer func() {
		for _, end := range ends {
			end()
		}
	}()
	for range 8 {
		cmd := exec.Command("/bin/cat")
		in, err := cmd.StdinPipe()
		require.NoError(b, err)
		require.NoError(b, cmd.Start())
		ends = append(ends, func() { in.Close(); cmd.Wait() })
	}
	tree, err := OpenTree(os.DirFS("/"), os.Getpid())
	require.NoError(b, err)
	if children && !tree.children {
		b.Skip("this kernel does not list children")
	}
	tree.children = children
	b.ReportAllocs()
	for b.Loop() {
		u, err := tree.Read()
		if err != nil || u.Processes != 8 {
			b.Fatal(u, err)
		}
	}
}

func BenchmarkTreeLists(b *testing.B) { benchmarkTree(b, true) }
func BenchmarkTreeScan(b *testing.B)  { benchmarkTree(b, false) }

// A child that is busy for a while is counted by a clock that is finer than the
// ticks of /proc.
func TestOwnTree(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a real /proc")
	}
	cmd := exec.Command("/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done; cat")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	tree, err := OwnTree()
	require.NoError(t, err)
	u, err := tree.Read()
	require.NoError(t, err)
	in.Close()
	require.NoError(t, cmd.Wait())
	used := (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	t.Logf("clock %.6f s (+ %.3f), at its end %.6f s", u.Living, u.Edge, used)
	assert.InDelta(t, used, u.Living, 0.005, "cat starts and ends, no more")
	assert.NotZero(t, int64(u.Living*1e6)%10_000, "not in ticks")
}

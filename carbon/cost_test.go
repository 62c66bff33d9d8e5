package carbon

import (
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A watched root counts what is opened and read of each file.
type watched struct {
	fs.FS
	mu    sync.Mutex
	opens map[string]int
	reads map[string]int
}

func watch(root fs.FS) *watched {
	return &watched{FS: root, opens: map[string]int{}, reads: map[string]int{}}
}

func (w *watched) note(in map[string]int, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	in[name]++
}

// of gives the counts of the files below a folder, and forgets all.
func (w *watched) of(in map[string]int, dir string) map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := maps.Clone(in)
	clear(w.opens)
	clear(w.reads)
	maps.DeleteFunc(m, func(name string, _ int) bool { return !strings.HasPrefix(name, dir) })
	return m
}

func (w *watched) Open(name string) (fs.File, error) {
	f, err := w.FS.Open(name)
	w.note(w.opens, name)
	at, ok := f.(io.ReaderAt)
	if !ok {
		return f, err
	}
	return watchedFile{f, at, w, name}, err
}

type watchedFile struct {
	fs.File
	at   io.ReaderAt
	w    *watched
	name string
}

func (f watchedFile) Read(b []byte) (int, error) {
	f.w.note(f.w.reads, f.name)
	return f.File.Read(b)
}

func (f watchedFile) ReadAt(b []byte, off int64) (int, error) {
	f.w.note(f.w.reads, f.name)
	return f.at.ReadAt(b, off)
}

// Opening a machine asks each of the kernel's files once for what does not change,
// and holds what it will read again. Only the beginning of cpuinfo, for which the
// kernel asks one CPU, is looked at besides: for the maker twice, and for a clock.
func TestOpeningReadsOnce(t *testing.T) {
	root := watch(twoPackages(t, 2, "", "-- proc/self/cgroup --\n0::/\n-- sys/class/dmi/id/sys_vendor --\nDell Inc.\n"))
	tracker, err := New(Config{Host: Host{Root: root}})
	require.NoError(t, err)
	<-tracker.late.opened
	opens := root.of(root.opens, "")
	for name, most := range map[string]int{
		"proc/cpuinfo": 4, "proc/stat": 1, "proc/self/cgroup": 1, "proc/meminfo": 2,
		"proc/sys/kernel/random/boot_id": 1, "sys/class/dmi/id/sys_vendor": 1,
	} {
		assert.Contains(t, opens, name)
		assert.LessOrEqual(t, opens[name], most, name)
	}
	_, err = tracker.Stop()
	require.NoError(t, err)
}

// A tick opens nothing, and reads each file once.
func TestTickReadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := watch(twoPackages(t, 2, "", ""))
		tracker, err := Start(t.Context(), Config{Host: Host{Root: root}})
		require.NoError(t, err)
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		root.of(root.reads, "")
		time.Sleep(time.Second)
		synctest.Wait()
		root.mu.Lock()
		assert.Empty(t, root.opens)
		root.mu.Unlock()
		reads := root.of(root.reads, "")
		assert.Equal(t, []string{
			"proc/meminfo", "proc/stat",
			"sys/class/powercap/intel-rapl:0/energy_uj", "sys/class/powercap/intel-rapl:1/energy_uj",
		}, slices.Sorted(maps.Keys(reads)))
		for name, n := range reads {
			assert.Equal(t, 1, n, name)
		}
		_, err = tracker.Stop()
		require.NoError(t, err)
	})
}

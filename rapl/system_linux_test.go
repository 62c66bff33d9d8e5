package rapl

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/carbonctl/carbonctl/energy"
)

// On the machine that runs the test: what the kernel has is read, and what it has
// not is told as such. Either way nothing is left undecided.
func TestHere(t *testing.T) {
	root := os.DirFS("/")
	s := host(root)
	events, err := pmu(root, s)
	if _, missing := os.Stat("/" + pmuDir); missing != nil {
		assert.ErrorIs(t, err, energy.ErrUnavailable)
		assert.ErrorContains(t, err, "no such PMU")
		assert.Nil(t, s.open)
	} else {
		require.NoError(t, err)
		assert.NotNil(t, s.open)
		for _, z := range events {
			e, err := openEnergyEvent(z, s)
			if err != nil {
				assert.True(t, errors.Is(err, fs.ErrPermission), "%v", err)
				continue
			}
			_, err = e.read()
			assert.NoError(t, err)
			assert.NoError(t, e.close())
		}
	}
	_, before := s.slept()
	time.Sleep(20 * time.Millisecond)
	after, _ := s.slept()
	assert.LessOrEqual(t, after-before, minSuspend, "the two clocks go at one speed")
}

// Beside busy goroutines the clocks show no sleep that was none.
func TestSleptBesideBusyGoroutines(t *testing.T) {
	var stop atomic.Bool
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for !stop.Load() { // it never yields
			}
		})
	}
	m := &Meter{system: system{slept: slept}}
	_, m.asleep = slept()
	for begun := time.Now(); time.Since(begun) < 300*time.Millisecond; {
		m.wake()
		time.Sleep(50 * time.Microsecond)
	}
	stop.Store(true)
	workers.Wait()
	assert.Zero(t, m.slept)
}

// A copy of a machine's files must not open the events of this kernel.
func TestCopyHasNoEvents(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, load(t, "perf").WriteTo(dir))
	assert.Nil(t, host(os.DirFS(dir)).open)
	_, err := Open(os.DirFS(dir))
	assert.Error(t, err)
}

// The real system call, on an event that every kernel has: it counts, and no
// child inherits it.
func TestOpenEvent(t *testing.T) {
	e, err := openEvent(unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_CPU_CLOCK, 0)
	if err != nil {
		assert.True(t, errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENOSYS), "%v", err)
		return
	}
	first, err := e.Count()
	require.NoError(t, err)
	time.Sleep(5 * time.Millisecond)
	second, err := e.Count()
	require.NoError(t, err)
	assert.Greater(t, second, first)
	flags, err := unix.FcntlInt(uintptr(e.(*perfFile).fd), unix.F_GETFD, 0)
	require.NoError(t, err)
	assert.NotZero(t, flags&unix.FD_CLOEXEC)
	assert.Zero(t, testing.AllocsPerRun(10, func() { _, _ = e.Count() }))
	require.NoError(t, e.Close())
	_, err = e.Count()
	assert.Error(t, err)

	// A PMU that is not there is an error of its own.
	_, err = openEvent(1<<30, 2, 0)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "perf_event_open")
	links, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	for _, l := range links {
		to, _ := os.Readlink(l)
		assert.False(t, strings.Contains(to, "perf_event"), "left open: %s", strconv.Quote(to))
	}
}

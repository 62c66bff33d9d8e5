package session

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A thread that waits for a processor is seen while it waits, and when it has; one
// that sleeps, or runs, is not.
func TestStarved(t *testing.T) {
	const ms = time.Millisecond
	one := func(t thread) map[string]thread { return map[string]thread{"1": t} }
	for name, c := range map[string]struct {
		before, now map[string]thread
		want        bool
	}{
		"nothing is known":     {nil, nil, false},
		"it sleeps":            {one(thread{5 * ms, ms, false, false}), one(thread{5 * ms, ms, false, false}), false},
		"it runs":              {one(thread{5 * ms, ms, true, false}), one(thread{8 * ms, ms, true, false}), false},
		"it waits":             {one(thread{5 * ms, ms, true, false}), one(thread{5 * ms, ms, true, false}), true},
		"it has just woken up": {one(thread{5 * ms, ms, false, false}), one(thread{5 * ms, ms, true, false}), false},
		"it had waited":        {one(thread{5 * ms, ms, false, false}), one(thread{6 * ms, 3 * ms, false, false}), true},
		"it is new":            {nil, one(thread{0, 0, true, false}), false},
	} {
		assert.Equal(t, c.want, starved(c.before, c.now), name)
	}
}

// What must not be lost is waited for while the kernel holds a thread, for a time.
func TestHeld(t *testing.T) {
	assert.True(t, held(map[string]thread{"1": {}, "2": {held: true}}))
	assert.False(t, held(map[string]thread{"1": {ready: true}}))
	w := startWatch(0)
	assert.False(t, w.insist(make(chan struct{}), 1), "nothing is held here")
	done := make(chan struct{})
	close(done)
	assert.True(t, w.insist(done, 0))
}

func TestThreads(t *testing.T) {
	if _, err := os.Stat("/proc/self/schedstat"); err != nil {
		assert.Empty(t, threads())
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ready := 0
	for _, x := range threads() {
		if x.ready {
			ready++
		}
	}
	assert.Positive(t, ready, "this one runs")
}

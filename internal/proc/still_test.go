package proc

import (
	"runtime"
	"strconv"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A tree of which no clock has moved is what it was, which is known without a file.
func TestStill(t *testing.T) {
	files := reads{machine(), map[string]int{}}
	tree, err := OpenTree(files, 10)
	require.NoError(t, err)
	later := time.Now().Add(time.Hour)
	_, ok := tree.Still(later)
	assert.False(t, ok, "before the first Read")
	clocks := map[int]time.Duration{11: 104 * time.Millisecond, 12: 201 * time.Millisecond, 14: 309 * time.Millisecond}
	tree.clock = func(pid int) (time.Duration, bool) { d, ok := clocks[pid]; return d, ok }

	read := func() Usage {
		u, err := tree.Read()
		require.NoError(t, err)
		clear(files.of)
		return u
	}
	u := read()
	_, ok = tree.Still(tree.ended.Add(19 * time.Millisecond))
	assert.False(t, ok, "a clock may stand still for a tick")
	still, ok := tree.Still(later)
	require.True(t, ok)
	assert.Equal(t, u.Living, still.Living)
	assert.InDelta(t, 0.104+0.05+0.201+0.309, still.Living, 1e-9)
	assert.Equal(t, u.RSS, still.RSS)
	assert.Equal(t, 3, still.Processes)
	assert.InDelta(t, u.Edge+tick*float64(min(3, runtime.NumCPU())), still.Edge, 1e-9, "each may run by now")
	assert.Empty(t, files.of, "no file")

	clocks[14]++ // by a nanosecond
	_, ok = tree.Still(later)
	assert.False(t, ok)
	read()
	_, ok = tree.Still(later)
	assert.True(t, ok)

	delete(clocks, 12)
	_, ok = tree.Still(later)
	assert.False(t, ok, "one has ended")
	read()
	_, ok = tree.Still(later)
	assert.False(t, ok, "one has no clock that fits: it is not known to be still")
}

// Many processes are asked by looks that keep their distance.
func TestStillOfMany(t *testing.T) {
	for n, want := range map[int]bool{maxStill: true, maxStill + 1: false} {
		root := fstest.MapFS{"proc/10/stat": statLine(10, 1, 0, 0, 1, 1)}
		for pid := 100; pid < 100+n; pid++ {
			root["proc/"+strconv.Itoa(pid)+"/stat"] = statLine(pid, 10, 0, 0, 5, 1)
		}
		tree, err := OpenTree(root, 10)
		require.NoError(t, err)
		tree.clock = func(int) (time.Duration, bool) { return time.Millisecond, true }
		u, err := tree.Read()
		require.NoError(t, err)
		require.Equal(t, n, u.Processes)
		_, ok := tree.Still(tree.ended.Add(time.Second))
		assert.Equal(t, want, ok, n)
	}
}

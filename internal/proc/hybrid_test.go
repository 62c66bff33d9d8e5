package proc

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSmallCores(t *testing.T) {
	for list, want := range map[string]map[int]bool{
		"16-19\n": {16: true, 17: true, 18: true, 19: true},
		"2,5-6":   {2: true, 5: true, 6: true},
		"":        nil, "x": nil, "3-1": nil, "-1": nil, "1-": nil, "0-999999999": nil,
	} {
		root := fstest.MapFS{"sys/devices/cpu_atom/cpus": {Data: []byte(list)}, "sys/devices/cpu_core/cpus": {Data: []byte("0-1")}}
		assert.Equal(t, want, smallCores(root), "%q", list)
		delete(root, "sys/devices/cpu_core/cpus")
		assert.Nil(t, smallCores(root), "all cores are small: %q", list)
	}
}

func TestSmall(t *testing.T) {
	stat := &fstest.MapFile{Data: []byte("cpu  60 0 0 100 0 0 0 0 0 0\ncpu0 10 0 0 0 0 0 0\ncpu1 5 0 0 0\ncpu2 20 1 0 9 9 2 2 7\ncpu3 20 0 0 0\nintr 99\ncpu3 1000 0 0 0\n")}
	root := fstest.MapFS{"proc/stat": stat}
	s, err := OpenStat(root)
	require.NoError(t, err)
	busy, cpus := s.Small()
	assert.Zero(t, busy)
	assert.Zero(t, cpus)
	require.NoError(t, s.Close())

	root["sys/devices/cpu_core/cpus"] = &fstest.MapFile{Data: []byte("0-1\n")}
	root["sys/devices/cpu_atom/cpus"] = &fstest.MapFile{Data: []byte("2-3\n")}
	s, err = OpenStat(root)
	require.NoError(t, err)
	all, _, err := s.Read()
	require.NoError(t, err)
	assert.InDelta(t, 0.6, all, 1e-9)
	busy, cpus = s.Small()
	assert.InDelta(t, 0.45, busy, 1e-9)
	assert.Equal(t, 2, cpus)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _, _ = s.Read() }))
	stat.Data = []byte("cpu  60 0 0 100\ncpu0 10 0 0 0\n") // offline
	_, _, err = s.Read()
	require.NoError(t, err)
	busy, _ = s.Small()
	assert.Zero(t, busy)
	require.NoError(t, s.Close())
}

func FuzzSmall(f *testing.F) {
	f.Add("2-3", "cpu  60 0 0 100\ncpu2 20 1 0 9\ncpu3 20 0 0 0\n")
	f.Add("0-16384", "cpu 1 2 3 4\ncpu")
	f.Fuzz(func(t *testing.T, list, stat string) {
		root := fstest.MapFS{"sys/devices/cpu_atom/cpus": {Data: []byte(list)}, "sys/devices/cpu_core/cpus": {Data: []byte("0")}}
		small := smallCores(root)
		if len(small) > mostCPUs+1 || smallOf([]byte(stat), small) < 0 {
			t.Fatalf("%q %q: %d", list, stat, len(small))
		}
	})
}

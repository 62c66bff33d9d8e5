package proc

import (
	"io/fs"
	"os"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStat(t *testing.T) {
	for _, c := range []struct {
		name, text     string
		busy, capacity float64
	}{
		{"all fields", "cpu  100 20 30 400 50 6 7 8 90 10\ncpu0 1 2 3 4\n", 1.63, 6.21},
		{"the oldest kernels", "cpu 100 20 30 400\n", 1.5, 5.5},
		{"fields to come", "cpu  1 0 0 1 0 0 0 0 0 0 5 5\n", 0.01, 0.02},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := OpenStat(fstest.MapFS{"proc/stat": raw(c.text)})
			require.NoError(t, err)
			busy, capacity, err := s.Read()
			require.NoError(t, err)
			assert.InDelta(t, c.busy, busy, 1e-9)
			assert.InDelta(t, c.capacity, capacity, 1e-9)
			assert.Zero(t, testing.AllocsPerRun(100, func() { s.Read() }))
			assert.NoError(t, s.Close())
		})
	}
	for _, bad := range []string{"", "cpu", "cpu0 1 2 3 4\n", "cpu  1 2 3\n", "cpu  1 2 x 4\n", "cpu  1 2 3 4", "cpu  1 2 3 -4\n", "cpu  1 2 3 99999999999999999999999\n"} {
		_, err := OpenStat(fstest.MapFS{"proc/stat": raw(bad)})
		assert.ErrorContains(t, err, "proc/stat", "%q", bad)
	}
}

// plain hides what a file can do beyond Read.
type plain struct{ fs.FS }

type reader struct{ fs.File }

func (p plain) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	return reader{f}, err
}

func TestFilesThatCannotBeReadInPlace(t *testing.T) {
	file := raw("cpu 1 0 0 1\n")
	s, err := OpenStat(plain{fstest.MapFS{"proc/stat": file}})
	require.NoError(t, err)
	file.Data = []byte("cpu 3 0 0 1\n")
	busy, _, err := s.Read()
	require.NoError(t, err)
	assert.InDelta(t, 0.03, busy, 1e-9)
	assert.NoError(t, s.Close())
}

func TestMemory(t *testing.T) {
	for _, c := range []struct {
		name, text       string
		total, available uint64
	}{
		{"now", "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    700 kB\nBuffers: 1 kB\n", 1000 << 10, 700 << 10},
		{"before 3.14", "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 20 kB\nCached: 30 kB\nSwapCached: 9 kB\n", 1000 << 10, 150 << 10},
		{"never above the total", "MemTotal: 10 kB\nMemAvailable: 70 kB\n", 10 << 10, 10 << 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := OpenMemory(fstest.MapFS{"proc/meminfo": raw(c.text)})
			require.NoError(t, err)
			total, available, err := m.Read()
			require.NoError(t, err)
			assert.Equal(t, c.total, total)
			assert.Equal(t, c.available, available)
			assert.Zero(t, testing.AllocsPerRun(100, func() { m.Read() }))
			assert.NoError(t, m.Close())
		})
	}
	_, err := OpenMemory(fstest.MapFS{"proc/meminfo": raw("MemFree: 1 kB\n")})
	assert.ErrorContains(t, err, "proc/meminfo")
}

func TestNoProc(t *testing.T) {
	s, err := OpenStat(fstest.MapFS{})
	m, memory := OpenMemory(fstest.MapFS{})
	_, cpu := CPUInfo(fstest.MapFS{})
	if !elsewhere {
		assert.ErrorIs(t, err, fs.ErrNotExist)
		assert.ErrorIs(t, memory, fs.ErrNotExist)
		assert.ErrorIs(t, cpu, fs.ErrNotExist)
		return
	}
	require.NoError(t, err)
	require.NoError(t, memory)
	require.NoError(t, cpu)
	_, capacity, err := s.Read()
	assert.NoError(t, err)
	assert.Positive(t, capacity)
	total, _, err := m.Read()
	assert.NoError(t, err)
	assert.Positive(t, total)
}

func FuzzStat(f *testing.F) {
	f.Add([]byte("cpu  100 20 30 400 50 6 7 8 90 10\ncpu0 1 2 3 4\n"))
	f.Add([]byte("cpu  18446744073709551615 1 1 1\n"))
	f.Add([]byte("cpu"))
	f.Fuzz(func(t *testing.T, b []byte) {
		busy, capacity, ok := parseStat(b)
		if !ok && (busy != 0 || capacity != 0) || busy < 0 || capacity < busy {
			t.Fatal(busy, capacity, ok)
		}
	})
}

func FuzzMemory(f *testing.F) {
	f.Add([]byte("MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 700 kB\n"))
	f.Add([]byte("MemTotal:18446744073709551615 kB\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		total, available, ok := parseMemory(b)
		if ok != (total > 0) || available > total {
			t.Fatal(total, available, ok)
		}
	})
}

func BenchmarkStat(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("measures /proc")
	}
	s, err := OpenStat(os.DirFS("/"))
	require.NoError(b, err)
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Read(); err != nil {
			b.Fatal(err)
		}
	}
}

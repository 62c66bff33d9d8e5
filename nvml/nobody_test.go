package nvml

import (
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// container is a /proc as one shows it, of some processes.
func container(pids ...int) fstest.MapFS {
	m := proc(pids...)
	m["proc/self/ns/pid"] = &fstest.MapFile{Data: []byte("pid:[4026532000]"), Mode: 0o777 | 1<<27} // a link
	return m
}

// A driver that lists nobody says so on a machine of its own. In a container it
// mostly hides all processes; only if it has named one is its silence believed.
func TestNobodyOnAGPU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, err := share(t, users(nil), Options{Root: proc()}, only(100))
		require.NoError(t, err)
		assert.True(t, u.Known)
		assert.Zero(t, u.All)
		assert.Positive(t, u.Capacity)
	})
	synctest.Test(t, func(t *testing.T) {
		u, err := share(t, users(nil), Options{Root: container()}, only(100))
		require.ErrorIs(t, err, ErrUsers)
		require.ErrorIs(t, err, errHidden)
		assert.False(t, u.Known)
	})
	synctest.Test(t, func(t *testing.T) {
		used, idle := users(map[int]uint32{100: 50}), users(nil)
		m, _, err := open(t.Context(), []opener{machine(used, idle)}, Options{Root: container(100)})
		require.NoError(t, err)
		defer m.Close()
		for range 3 {
			read(t, m)
			_, err = m.Use(t.Context(), only(100), nil)
		}
		require.NoError(t, err, "the driver names our processes by our numbers")
	})
}

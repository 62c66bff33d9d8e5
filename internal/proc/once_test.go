package proc

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reads counts how often each file of a root is opened.
type reads struct {
	fs.FS
	of map[string]int
}

func (r reads) Open(name string) (fs.File, error) {
	r.of[name]++
	return r.FS.Open(name)
}

func TestOnce(t *testing.T) {
	root := reads{fstest.MapFS{"a": {Data: []byte("1")}}, map[string]int{}}
	once := Once(root)
	for range 3 {
		b, err := fs.ReadFile(once, "a")
		require.NoError(t, err)
		assert.Equal(t, "1", string(b))
		_, err = fs.ReadFile(once, "none")
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
	assert.Equal(t, map[string]int{"a": 1, "none": 1}, root.of)
	for range 2 {
		f, err := once.Open("a")
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	assert.Equal(t, 3, root.of["a"], "what is held open is no copy")
}

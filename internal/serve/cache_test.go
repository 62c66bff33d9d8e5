package serve

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/serve/store"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/runs"
)

func TestWhatIsAskedAtOnceIsMadeOnce(t *testing.T) {
	c := newRenderings()
	var made, atOnce, most atomic.Int32
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			r, err := c.get(t.Context(), fmt.Sprint(i%5), "state", func(context.Context) ([]byte, string, error) {
				if n := atOnce.Add(1); n > most.Load() {
					most.Store(n)
				}
				defer atOnce.Add(-1)
				made.Add(1)
				return []byte{byte(i % 5)}, "kind", nil
			})
			assert.NoError(t, err)
			assert.Equal(t, []byte{byte(i % 5)}, r.body)
		})
	}
	all.Wait()
	assert.EqualValues(t, 5, made.Load())
	assert.LessOrEqual(t, most.Load(), int32(maxMaking))
	_, err := c.get(t.Context(), "0", "newer", func(context.Context) ([]byte, string, error) { made.Add(1); return nil, "", nil })
	require.NoError(t, err)
	assert.EqualValues(t, 6, made.Load(), "of another state it is made again")
}

func TestAFaultIsNotKept(t *testing.T) {
	c := newRenderings()
	_, err := c.get(t.Context(), "a", "s", func(context.Context) ([]byte, string, error) { return nil, "", errors.New("no") })
	assert.EqualError(t, err, "no")
	_, err = c.get(t.Context(), "a", "s", func(context.Context) ([]byte, string, error) { panic("a fault of ours") })
	assert.ErrorContains(t, err, "a fault of ours")
	r, err := c.get(t.Context(), "a", "s", func(context.Context) ([]byte, string, error) { return []byte("yes"), "", nil })
	require.NoError(t, err)
	assert.Equal(t, "yes", string(r.body))
	// Who goes away leaves the answer to the others.
	gone, cancel := context.WithCancel(t.Context())
	begun, finish := make(chan struct{}), make(chan struct{})
	go func() { <-begun; cancel() }()
	_, err = c.get(gone, "b", "s", func(ctx context.Context) ([]byte, string, error) {
		close(begun)
		<-finish
		return []byte("whole"), "", ctx.Err()
	})
	assert.ErrorIs(t, err, context.Canceled)
	close(finish)
	r, err = c.get(t.Context(), "b", "s", func(context.Context) ([]byte, string, error) { return nil, "", errors.New("asked twice") })
	require.NoError(t, err)
	assert.Equal(t, "whole", string(r.body))
}

func TestRenderingsAreBounded(t *testing.T) {
	c := newRenderings()
	for i := range 10 * maxRendered {
		_, err := c.get(t.Context(), fmt.Sprint(i), "s", func(context.Context) ([]byte, string, error) { return make([]byte, maxKept/20), "", nil })
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, len(c.all), 22)
	for i := range 3 * maxRendered {
		_, err := c.get(t.Context(), fmt.Sprint("small", i), "s", func(context.Context) ([]byte, string, error) { return nil, "", nil })
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, len(c.all), maxRendered)
}

// A name that no address has room for is no choice: 200 of them would make a page of megabytes.
func TestLongNamesAreNoChoice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.csv")
	one := func(id, project string) runs.Row {
		return runs.Row{RunID: id, Project: project, Host: "h", Status: footprint.Completed, Zone: "FR", Coverage: 1, ToolVersion: "t", DataVersion: "d"}
	}
	for i, project := range []string{"short", strings.Repeat("x", maxChoice), strings.Repeat("x", maxChoice+1)} {
		_, err := ledger.Writer{Path: path, Keep: ledger.Keep{Runs: -1}}.Append(t.Context(), one(fmt.Sprint("run-", i), project))
		require.NoError(t, err)
	}
	s := store.New(store.Options{Ledger: path})
	s.Look()
	state, _ := s.State()
	require.Equal(t, 3, state.Rows.Len())
	var c choices
	assert.Len(t, c.of(state.Rows).options("project", ""), 3, "all, and the two that fit")
}

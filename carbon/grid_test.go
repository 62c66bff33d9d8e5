package carbon

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
)

// A figure at hand must not lose a race with a busy machine's scheduler.
func TestAnImmediateProviderIsAskedInPlace(t *testing.T) {
	own, err := regions.Fixed(123, nil)
	require.NoError(t, err)
	for _, from := range []regions.Provider{own, regions.Builtin()} {
		var g grid
		in, found, err := g.open(from, "FR", time.Now())
		require.NoError(t, err)
		assert.Empty(t, found)
		assert.Equal(t, "FR", in.Zone)
		assert.Nil(t, g.from, "no question on another goroutine")
	}
	var g grid
	_, _, err = g.open(own, "Atlantis", time.Now())
	assert.True(t, wrongPlace(err))
}

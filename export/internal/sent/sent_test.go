package sent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

func TestEpochs(t *testing.T) {
	var s Epochs
	epoch := func(ended bool, emissions regions.Grams) footprint.Epoch {
		return footprint.Epoch{Index: 1, Stretch: footprint.Stretch{StartedAt: time.Unix(9, 0), Ended: ended, Energy: 5, Emissions: emissions}}
	}
	assert.False(t, s.Lacks(epoch(false, 1), true), "it goes on")
	assert.True(t, s.Lacks(epoch(false, 1), false), "the run has ended it")
	assert.True(t, s.Lacks(epoch(true, 1), true))
	s.Take(epoch(true, 1))
	assert.False(t, s.Lacks(epoch(true, 1), true))
	assert.False(t, s.Lacks(epoch(true, 1+1e-13), true), "the last digits")
	assert.True(t, s.Lacks(epoch(true, 1+1e-13), false), "at the end they count")
	assert.True(t, s.Lacks(epoch(true, 2), true), "its factor came late")
	other := epoch(true, 1)
	other.StartedAt = time.Unix(10, 0)
	assert.True(t, s.Lacks(other, true), "another with its number")
	changed := epoch(true, 1)
	changed.Energy++
	assert.True(t, s.Lacks(changed, true))
}

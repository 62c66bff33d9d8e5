package footprint_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

func TestHowGoodAPredictionWas(t *testing.T) {
	r := footprint.Range[energy.Energy]{Low: 80 * energy.Joule, Expected: 90 * energy.Joule, High: 120 * energy.Joule}
	off, ok := r.Off(100 * energy.Joule)
	assert.True(t, ok)
	assert.InDelta(t, -0.1, off, 1e-12)
	_, ok = r.Off(0)
	assert.False(t, ok, "no part of nothing")
	for joules, held := range map[energy.Energy]bool{79: false, 80: true, 100: true, 120: true, 121: false} {
		assert.Equal(t, held, r.Holds(joules*energy.Joule), joules)
	}
}

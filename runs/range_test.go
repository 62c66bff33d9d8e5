package runs

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
)

// What many runs add up to may be more than an Energy holds: it then is the most
// that one holds, stays there, and has no upper bound.
func TestMoreThanAnEnergyHolds(t *testing.T) {
	const most = energy.MaxEnergy
	row := Row{Energy: most / 2, EnergyLow: new(most / 4), EnergyHigh: new(most/2 + 10)}
	var s Summary
	s.Add(row)
	assert.False(t, s.Unbounded())
	s.Add(row)
	assert.Equal(t, most-1, s.Energy)
	assert.True(t, s.Unbounded(), "what they are at the most is more")
	s.Add(row)
	assert.Equal(t, most, s.Energy)
	assert.Equal(t, most/4*3, s.Low)
	assert.Zero(t, s.Open, "each run has a bound")
	s.settle(&entry{energy: 100, counted: 50, high: 100, countedHigh: 50}, "", true)
	assert.Equal(t, most, s.Energy, "how much more is not known")
	assert.True(t, s.Unbounded())
}

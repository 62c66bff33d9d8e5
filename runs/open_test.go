package runs

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
)

// A row without an upper bound leaves the sum without one, and follows from itself.
func TestNoUpperBound(t *testing.T) {
	bounded := Row{Energy: 2 * energy.KilowattHour, EnergyLow: new(energy.KilowattHour), EnergyHigh: new(3 * energy.KilowattHour), PUE: new(Number(1)), PerKWh: 100}
	bounded = Recompute(bounded, Factors{})
	open := bounded
	open.EnergyHigh, open.EmissionsHigh = nil, nil
	assert.True(t, open.Follows())
	assert.Nil(t, Recompute(open, Factors{PUE: 2}).EmissionsHigh)

	var s Summary
	s.Add(bounded)
	assert.Zero(t, s.Open)
	assert.Equal(t, 3*energy.KilowattHour, s.High)
	s.Add(open)
	assert.Equal(t, 1, s.Open)
	assert.Equal(t, 2*energy.KilowattHour, s.Low)

	half := open
	half.EmissionsHigh = bounded.EmissionsHigh
	assert.False(t, half.Follows(), "a bound of the emissions alone follows from nothing")
}

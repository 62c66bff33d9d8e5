package footprint_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

func TestAStretchPrintsItself(t *testing.T) {
	s := footprint.Stretch{DurationS: 82, Energy: 86400 * energy.Joule, EnergyLow: 86240 * energy.Joule, EnergyHigh: new(86560 * energy.Joule), Emissions: 7.05}
	assert.Equal(t, "7.05 g CO2e from 24.0 Wh in 1m 22s (energy ± 0.2 %)", fmt.Sprint(s))
	assert.Equal(t, "epoch 3: 7.05 g CO2e from 24.0 Wh in 1m 22s (energy ± 0.2 %)", fmt.Sprint(footprint.Epoch{Index: 3, Stretch: s}))
	assert.Equal(t, "validate: 7.05 g CO2e from 24.0 Wh in 1m 22s (energy ± 0.2 %)", fmt.Sprint(footprint.Task{Name: "validate", Stretch: s}))
	s.Emissions, s.EnergyHigh = 0, nil
	assert.Equal(t, "24 Wh in 1m 22s (energy at least 24.0 Wh)", fmt.Sprint(s))
	s.EnergyLow, s.EnergyHigh = 0, new(172800*energy.Joule)
	assert.Equal(t, "24 Wh in 1m 22s (energy at most 48.0 Wh)", fmt.Sprint(s))
	assert.Equal(t, "0 J in 0 ms (energy at least 0 J)", fmt.Sprint(footprint.Stretch{}))
}

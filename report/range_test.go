package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/runs"
)

// A sum that is more than an Energy holds says that it is a lower bound, in words
// and as a code, and has no upper one.
func TestASumBeyondTheRange(t *testing.T) {
	var total runs.Total
	for range 3 {
		total.Add(runs.Row{Energy: energy.MaxEnergy / 2, EnergyLow: new(energy.Energy(0)), EnergyHigh: new(energy.MaxEnergy / 2), MeasuredShare: new(runs.Number(1))})
	}
	v := groupOf(&total.Group, nil, "")
	assert.Nil(t, v.EnergyHigh)
	assert.Equal(t, map[string]int{"energy-beyond-range": 3}, v.Warnings)
	assert.Contains(t, facts.TotalFigures(total, Car{}.Compare)[1].Details, "at least: more than can be added up")
	assert.Equal(t, "≥ 2.56 GWh", format.Energy(total.Energy))
	assert.Equal(t, "≥ 2.56 GWh", format.EnergyWithin(total.Energy, 0, nil))
}

package footprint_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// The bounds of a kind are those of its components together, of what is charged.
func TestBoundsOf(t *testing.T) {
	e := func(j float64) *energy.Energy { return new(energy.Joules(j)) }
	gpu := func(low, high *energy.Energy) footprint.Line {
		return footprint.Line{Kind: energy.GPU, Basis: energy.Measured, Source: "nvml", Energy: e(10), Low: low, High: high, ProcessLow: e(1), ProcessHigh: e(2)}
	}
	of := footprint.Line{Kind: energy.GPU, Basis: energy.Measured, Source: "nvml"}
	module := "module-0"
	within := gpu(e(500), e(600))
	within.Within = &module
	for name, c := range map[string]struct {
		all       []footprint.Line
		charge    footprint.Charge
		low, high *energy.Energy
	}{
		"two":             {[]footprint.Line{gpu(e(9), e(11)), gpu(e(8), e(12))}, "", e(17), e(23)},
		"others apart":    {[]footprint.Line{gpu(e(9), e(11)), within, {Kind: energy.CPU, Energy: e(4), Low: e(3), High: e(5)}}, "", e(9), e(11)},
		"one is open":     {[]footprint.Line{gpu(e(9), e(11)), gpu(e(8), nil)}, "", e(17), nil},
		"one is unknown":  {[]footprint.Line{gpu(e(9), e(11)), gpu(nil, nil)}, "", nil, nil},
		"the work's part": {[]footprint.Line{gpu(e(9), e(11)), gpu(e(8), e(12))}, footprint.ChargeProcess, e(2), e(4)},
	} {
		low, high := footprint.Report{Components: c.all, Charge: c.charge}.BoundsOf(of)
		assert.Equal(t, c.low, low, name)
		assert.Equal(t, c.high, high, name)
	}
}

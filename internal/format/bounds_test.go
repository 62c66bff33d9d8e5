package format

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

func TestDigitsByTheBound(t *testing.T) {
	for _, c := range []struct {
		g, low, high regions.Grams
		want         string
	}{
		{7.05, 7.036, 7.064, "7.05 g"},
		{7.05, 7.05, 7.05, "7.05 g"},
		{7.06, 6.7, 7.4, "7.1 g"},          // half-width 0.35
		{0.0013, 0.0006, 0.0029, "1.3 mg"}, // half to double: two digits
		{0.00116, 0.00055, 0.0026, "1.2 mg"},
		{0.000550, 0.00027, 0.0011, "550 µg"},
		{0.000998, 0.0005, 0.002, "1.0 mg"}, // what rounds up to the next unit is in it
		{0.0009996, 0.0009996, 0.0009996, "1.00 mg"},
		{9.996, 9.996, 9.996, "10.0 g"},
		{1234567, 1200000, 1300000, "1.23 t"},
		{1e13, 1e13, 1e13, "10,000 kt"},
		{29.3e-9, 0, 3.73e-6, "29 ng"},
		{0, 0, 0, "0 g"},
		{0, 0, 5, "0 g"},
	} {
		assert.Equal(t, c.want, MassWithin(c.g, c.low, &c.high), "%v", c)
	}
	assert.Equal(t, "3.0 kWh", EnergyWithin(3020*energy.WattHour, 3020*energy.WattHour, nil), "no upper bound: two digits")
	assert.Equal(t, "296 Wh", EnergyWithin(296*energy.WattHour, 0, nil), "no bounds at all: all digits, as in tables")
	assert.Equal(t, "12.3 g", MassWithin(12.3, 0, nil))
	assert.Equal(t, "−120 mg", MassWithin(-0.115, -0.2, new(regions.Grams(-0.05))))
}

// Bounds are shown in the headline's unit, to the digits that they warrant themselves.
func TestBoundsInOneUnit(t *testing.T) {
	for _, c := range []struct {
		x, low, high float64
		want         string
	}{
		{115, 55, 260, "55 to 260 J"},
		{72.9, 34.7, 161, "35 to 160 J"},
		{24 * 3600, 23.95 * 3600, 24.05 * 3600, "± 0.2 %"},
		{100, 97, 103, "97 to 103 J"},
		{0.0187, 0, 0.36, "0 to 360 mJ"},
		{0.5, 0.25, 1.1, "250 to 1,100 mJ"},
	} {
		assert.Equal(t, c.want, EnergyBounds(energy.Joules(c.x), energy.Joules(c.low), new(energy.Joules(c.high))), "%v", c)
	}
	assert.Equal(t, "at least 3.02 kWh", EnergyBounds(3020*energy.WattHour, 3020*energy.WattHour, nil))
}

package footprint

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
)

func TestParseEnergy(t *testing.T) {
	for s, want := range map[string]energy.Energy{
		"1kWh": energy.KilowattHour, " 500 Wh ": 500 * energy.WattHour, "3.6MJ": energy.KilowattHour, "1e-3J": energy.Joule / 1000,
	} {
		got, err := ParseEnergy(s)
		require.NoError(t, err, s)
		assert.Equal(t, want, got, s)
	}
	for _, s := range []string{"", "1", "kWh", "0kWh", "-1kWh", "NaNkWh", "1e99kWh", "500g", "3h", "2EUR", "1 kwh"} {
		_, err := ParseEnergy(s)
		assert.ErrorContains(t, err, "is no energy above 0", s)
	}
}

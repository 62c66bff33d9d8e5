package regions

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWater(t *testing.T) {
	w, err := Builtin().Water("gcp:europe-west9")
	require.NoError(t, err)
	assert.Equal(t, &WaterFactor{1.15, 1.15, 1.15, Consumption, 2024, "provider", w.Site.Source, "facts"}, w.Site)
	assert.Equal(t, Consumption, w.Grid.Basis)
	assert.Equal(t, "FR", w.Grid.Of)
	assert.InDelta(t, 1.88, w.Grid.PerKWh, 0.01)
	// What a provider withdraws of a region is that region's.
	w, err = Builtin().Water("aws:us-east-1")
	require.NoError(t, err)
	assert.Equal(t, Withdrawal, w.Site.Basis)
	assert.Equal(t, "region", w.Site.Of)
	assert.Equal(t, "US-VA", w.Grid.Of)
	w, err = Builtin().Water("azure:francecentral")
	require.NoError(t, err)
	assert.Empty(t, w.Site.Basis, "it is not said")
	// A part of a country without a mix has the country's; reservoirs are in the upper bound alone.
	w, err = Builtin().Water("CN-SH")
	require.NoError(t, err)
	assert.Equal(t, "CN", w.Grid.Of)
	assert.Nil(t, w.Site)
	w, err = Builtin().Water("NO")
	require.NoError(t, err)
	assert.Less(t, w.Grid.PerKWh, 0.1)
	assert.Greater(t, w.Grid.High, 10.0)
	_, err = Builtin().Water("WORLD")
	assert.ErrorIs(t, err, ErrNoWater)
	_, err = Builtin().Water("nowhere")
	assert.Error(t, err)
	_, err = new(Table).Water("FR")
	assert.Error(t, err)
	for zone, cells := range builtinPlaces().water() {
		_, err := readWater(cells)
		assert.NoError(t, err, zone)
	}
	for _, bad := range []string{"", "2025", "2025\t1\t2\t3", "2025\t1\t0\tx", "x\t1\t0\t2", "2025\tNaN\t0\t1", "2025\t1\t0\tInf"} {
		_, err := readWater(bad)
		assert.Error(t, err, bad)
	}
}

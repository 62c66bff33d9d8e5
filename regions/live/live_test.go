package live_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/live"
)

// What each service needs is asked for by name, what it has is what the table says, and
// nothing is read that the table or the settings do not know.
func TestOpen(t *testing.T) {
	for name, needs := range map[string][]string{
		"carbonaware": {"CARBONCTL_CARBONAWARE_URL"}, "electricitymaps": {"CARBONCTL_ELECTRICITYMAPS_TOKEN"}, "entsoe": {"CARBONCTL_ENTSOE_TOKEN"},
		"watttime": {"CARBONCTL_WATTTIME_USER", "CARBONCTL_WATTTIME_PASSWORD"}, "gbcarbon": nil, "rte": nil,
	} {
		have, asked := map[string]string{}, map[string]bool{}
		o := live.Options{Env: func(variable string) string {
			asked[variable] = true
			return have[variable]
		}}
		for _, variable := range needs {
			_, err := live.Open(name, o)
			var missing *live.MissingError
			require.ErrorAs(t, err, &missing, name)
			assert.Equal(t, live.MissingError{Service: name, Variable: variable}, *missing)
			have[variable] = "http://127.0.0.1:1"
		}
		s, err := live.Open(name, o)
		require.NoError(t, err, name)
		assert.Equal(t, name, s.Name)
		// Nil interfaces, not nil pointers in one, where there is none.
		assert.Equal(t, slices.Contains(live.Counting(), name), s.Now != nil, name)
		assert.Equal(t, slices.Contains(live.Forecasting(), name), s.Ahead != nil, name)
		assert.Equal(t, slices.Contains(live.ForecastingIn("GB"), name), s.Ahead != nil, name)
		assert.Equal(t, slices.Contains(live.ForecastingIn("JP"), name), s.Ahead != nil && name != "gbcarbon", name)
		for variable := range asked {
			assert.True(t, config.Known(variable), variable)
		}
	}
	assert.Equal(t, []string{"carbonaware", "electricitymaps", "entsoe", "file:PATH", "gbcarbon", "rte", "watttime"}, live.Names())
	s, err := live.Open("file:forecast.json", live.Options{})
	require.NoError(t, err, "it is read when it is asked")
	assert.NotNil(t, s.Now)
	assert.NotNil(t, s.Ahead)
	_, err = live.Open("file", live.Options{})
	assert.EqualError(t, err, "file: no path or address given, such as file:forecast.json")
	_, err = live.Open("rte:x", live.Options{})
	assert.ErrorContains(t, err, "unknown live service")
	assert.True(t, slices.IsSorted(live.Names()))
	_, err = live.Open("nobody", live.Options{})
	assert.EqualError(t, err, `unknown live service "nobody": use one of carbonaware, electricitymaps, entsoe, file:PATH, gbcarbon, rte, watttime`)
}

func TestCarbonAwareScope(t *testing.T) {
	scope := "marginal"
	o := live.Options{Env: func(variable string) string {
		return map[string]string{"CARBONCTL_CARBONAWARE_URL": "http://127.0.0.1:1", "CARBONCTL_CARBONAWARE_SCOPE": scope}[variable]
	}}
	s, err := live.Open("carbonaware", o)
	require.NoError(t, err)
	assert.Nil(t, s.Now, "marginal figures are never emissions")
	assert.NotNil(t, s.Ahead)
	_, err = live.Over("carbonaware", o, regions.Query{Zone: "FR"})
	assert.ErrorIs(t, err, live.ErrMarginal)
	scope = "both"
	_, err = live.Open("carbonaware", o)
	assert.EqualError(t, err, `CARBONCTL_CARBONAWARE_SCOPE: invalid scope "both": use lifecycle, direct or marginal`)
}

func TestForecasts(t *testing.T) {
	f, err := live.Forecasts("gbcarbon", live.Options{Cache: filepath.Join(t.TempDir(), "below")})
	require.NoError(t, err)
	assert.NotNil(t, f)
	_, err = live.Forecasts("rte", live.Options{})
	assert.EqualError(t, err, "rte has no forecast; these have: carbonaware, electricitymaps, file:PATH, gbcarbon, watttime")
}

func TestOver(t *testing.T) {
	p, err := live.Over("", live.Options{}, regions.Query{Zone: "FR", Year: 2020})
	require.NoError(t, err)
	assert.Equal(t, regions.Builtin(), p)
	for _, q := range []regions.Query{{Zone: "FR", Year: 2020}, {Zone: "FR", Market: true}} {
		_, err = live.Over("rte", live.Options{}, q)
		assert.EqualError(t, err, "rte has only the current hour: leave out --year and --market")
	}
	p, err = live.Over("rte", live.Options{}, regions.Query{Zone: "DE"})
	require.NoError(t, err)
	in, err := p.Intensity(t.Context(), regions.Query{Zone: "DE"})
	require.NoError(t, err)
	assert.Equal(t, "instead of a live value: rte: covers France only, not DE (Germany)", in.Instead)
}

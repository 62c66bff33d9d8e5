package regions

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHourly(t *testing.T) {
	p := Hourly(Builtin())
	_, immediate := p.(Immediate)
	assert.True(t, immediate)
	noon := time.Date(2026, 6, 15, 11, 40, 0, 0, time.UTC)
	year := lookup(t, Query{Zone: "DE", Time: noon})
	in, err := p.Intensity(t.Context(), Query{Zone: "aws:eu-central-1", Time: noon})
	require.NoError(t, err)
	assert.Equal(t, Profile, in.Kind)
	assert.Equal(t, year.PerKWh, in.Annual)
	assert.InDelta(t, 0.3837, float64(in.PerKWh/year.PerKWh), 0.002)
	assert.Equal(t, "eu-central-1", in.CloudRegion)
	assert.Equal(t, []time.Time{noon.Truncate(time.Hour), noon.Truncate(time.Hour).Add(time.Hour)}, []time.Time{in.From, in.To})
	// The range goes with the hour.
	in, err = p.Intensity(t.Context(), Query{Zone: "US-CA", Time: noon})
	require.NoError(t, err)
	assert.InEpsilon(t, 130.0/191, float64(in.Low/in.PerKWh), 1e-9)
	// Where there are none it says so, and has the year's.
	in, err = p.Intensity(t.Context(), Query{Zone: "JP", Time: noon})
	require.NoError(t, err)
	assert.Equal(t, AnnualAverage, in.Kind)
	assert.Equal(t, "the year's mean: there are no typical hours for JP", in.Instead)
	assert.Zero(t, in.Annual)
	in, err = p.Intensity(t.Context(), Query{Zone: "DE", Year: 2020})
	require.NoError(t, err)
	assert.Equal(t, AnnualAverage, in.Kind)
	_, err = p.Intensity(t.Context(), Query{Zone: "nowhere"})
	assert.Error(t, err)
	in, err = p.Intensity(t.Context(), Query{Zone: "DE"})
	require.NoError(t, err)
	assert.False(t, in.From.After(time.Now()))
}

// The best hours of a day are never above those of any start, and a stand-in has none.
func TestAtBestHours(t *testing.T) {
	from := time.Date(2026, 6, 15, 17, 0, 0, 0, time.UTC)
	by := from.Add(26 * time.Hour)
	site := func(zone string) Site {
		s, err := Builtin().Site(Query{Zone: zone})
		require.NoError(t, err)
		return s
	}
	best, atOnce, ok, err := Builtin().AtBestHours(site("aws:eu-central-1"), 2*time.Hour, from, by)
	require.NoError(t, err)
	require.True(t, ok)
	assert.Less(t, best.Intensity.PerKWh, atOnce)
	assert.Equal(t, 11, best.Intensity.From.Hour(), "the sun is highest")
	assert.Equal(t, 2*time.Hour, best.Intensity.To.Sub(best.Intensity.From))
	assert.Equal(t, Profile, best.Intensity.Kind)
	for _, none := range []string{"JP", "CN-SH"} {
		s := site(none)
		got, _, ok, err := Builtin().AtBestHours(s, time.Hour, from, by)
		require.NoError(t, err)
		assert.False(t, ok, none)
		assert.Equal(t, s, got)
	}
	_, _, _, err = Builtin().AtBestHours(site("DE"), 48*time.Hour, from, by)
	assert.Error(t, err)
}

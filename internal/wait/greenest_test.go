package wait

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
)

// hourly is a forecast whose figures are given for each hour from a time on.
type hourly struct {
	from   time.Time
	perKWh []regions.Grams
	err    error
}

func (h hourly) Forecast(_ context.Context, q regions.Query, _ time.Time) (all []regions.Intensity, err error) {
	for i, g := range h.perKWh {
		at := h.from.Add(time.Duration(i) * time.Hour)
		all = append(all, regions.Intensity{Zone: "FR", Kind: regions.Forecast, Scope: regions.Lifecycle, PerKWh: g, From: at, To: at.Add(time.Hour)})
	}
	return all, h.err
}

func TestGreenest(t *testing.T) {
	now := time.Date(2026, 11, 22, 17, 30, 0, 0, time.UTC)
	q := regions.Query{Zone: "FR", Time: now}
	ahead := hourly{from: now.Truncate(time.Hour), perKWh: []regions.Grams{100, 80, 20, 20, 60, 90}}
	w, err := Greenest(t.Context(), ahead, regions.Builtin(), q, 2*time.Hour, now.Add(24*time.Hour))
	require.NoError(t, err)
	assert.Equal(t, now.Add(90*time.Minute), w.From)
	assert.Equal(t, 5400.0, w.Wait)
	assert.Equal(t, 20.0, w.PerKWh)
	assert.Equal(t, (0.5*100+80+0.5*20)/2, w.Now)
	assert.InEpsilon(t, 1-20.0/70, w.Saving, 1e-12)
	assert.Equal(t, "forecast", w.Kind)
	require.NotNil(t, w.Until, "it does not reach as far as was asked")
	assert.Equal(t, now.Truncate(time.Hour).Add(6*time.Hour), *w.Until)

	// It is done by then, if only just.
	w, err = Greenest(t.Context(), ahead, regions.Builtin(), q, 2*time.Hour, now.Add(150*time.Minute))
	require.NoError(t, err)
	assert.False(t, w.To.After(now.Add(150*time.Minute)))
	assert.Nil(t, w.Until)

	_, err = Greenest(t.Context(), ahead, regions.Builtin(), q, 2*time.Hour, now.Add(time.Hour))
	assert.ErrorContains(t, err, "does not fit")
	_, err = Greenest(t.Context(), hourly{}, regions.Builtin(), q, time.Hour, now.Add(24*time.Hour))
	assert.ErrorIs(t, err, regions.ErrShort)
	_, err = Greenest(t.Context(), ahead, regions.Builtin(), q, 9*time.Hour, now.Add(24*time.Hour))
	assert.ErrorIs(t, err, regions.ErrShort)
}

// A service that fails gives way to typical hours, and that is said.
func TestGreenestFallsBack(t *testing.T) {
	now := time.Date(2026, 11, 22, 17, 30, 0, 0, time.UTC)
	down := hourly{err: errors.New("it is down")}
	q := regions.Query{Zone: "US-NY", Time: now}
	w, err := Greenest(t.Context(), down, regions.Builtin(), q, 2*time.Hour, now.Add(24*time.Hour))
	require.NoError(t, err)
	assert.Equal(t, "profile", w.Kind)
	assert.Contains(t, w.Instead, "instead of a live forecast: it is down; typical hours 2020-2022 of New York ISO")
	q.Zone = "JP"
	_, err = Greenest(t.Context(), down, regions.Builtin(), q, 2*time.Hour, now.Add(24*time.Hour))
	assert.ErrorIs(t, err, down.err)
	assert.ErrorIs(t, err, regions.ErrNoForecast)
}

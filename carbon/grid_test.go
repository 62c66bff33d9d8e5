package carbon

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/energy/energytest"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// A figure at hand must not lose a race with a busy machine's scheduler.
func TestAnImmediateProviderIsAskedInPlace(t *testing.T) {
	own, err := regions.Fixed(123, nil)
	require.NoError(t, err)
	for _, from := range []regions.Provider{own, regions.Builtin()} {
		var g grid
		in, found, err := g.open(from, "FR", time.Now())
		require.NoError(t, err)
		assert.Empty(t, found)
		assert.Equal(t, "FR", in.Zone)
		assert.Nil(t, g.from, "no question on another goroutine")
	}
	var g grid
	in, found, err := g.open(regions.Hourly(regions.Builtin()), "DE", time.Now())
	require.NoError(t, err)
	assert.Empty(t, found)
	assert.Equal(t, regions.Profile, in.Kind)
	assert.NotNil(t, g.from, "the next hour has another figure")
	assert.Nil(t, g.answers)
	g = grid{}
	_, _, err = g.open(own, "Atlantis", time.Now())
	assert.True(t, wrongPlace(err))
}

// distant is a live service: its first answer is there after a while.
type distant struct{ scope regions.Scope }

func (d distant) Intensity(ctx context.Context, q regions.Query) (regions.Intensity, error) {
	select {
	case <-time.After(300 * time.Millisecond):
	case <-ctx.Done():
		return regions.Intensity{}, ctx.Err()
	}
	return regions.Intensity{Zone: q.Zone, PerKWh: 30, Kind: regions.Live, Scope: d.scope, Source: "a service"}, nil
}

// knowing is one that knows its scope before.
type knowing struct{ distant }

func (k knowing) Scope() regions.Scope { return k.scope }

// Services are far away, so that the table stands in at the start. The run still counts
// by the service, of whichever scope, and never by both scopes.
func TestAServiceOfAnotherScopeThanTheTables(t *testing.T) {
	for name, c := range map[string]struct {
		from regions.Provider
		mark bool
	}{
		"lifecycle":                          {distant{regions.Lifecycle}, true},
		"direct":                             {knowing{distant{regions.Direct}}, true},
		"not known before, and no epoch yet": {distant{regions.Direct}, false},
		"not known at all, and no epoch yet": {distant{""}, false},
		"by a fallback, which knows it":      {regions.Else(knowing{distant{regions.Direct}}, regions.Builtin()), true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pkg := energy.Component{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured}
				m := &energytest.Meter{}
				for i := range 40 {
					m.Steps = append(m.Steps, energytest.Step{Readings: []energy.Reading{{Component: pkg, Total: energy.Energy(i) * 100 * energy.Joule, State: energy.OK}}})
				}
				tracker, err := New(Config{Region: "FR", Grid: c.from, Every: 100 * time.Millisecond, Meters: []energy.Meter{m}})
				require.NoError(t, err)
				tracker.Start(t.Context())
				if c.mark {
					tracker.Epoch().End()
				}
				time.Sleep(2 * time.Second)
				r, err := tracker.Stop()
				require.NoError(t, err)
				want, _ := c.from.Intensity(t.Context(), regions.Query{Zone: "FR"})
				assert.Equal(t, want.Scope, r.Intensity.Scope)
				assert.Equal(t, regions.Grams(30), r.Intensity.Parts[len(r.Intensity.Parts)-1].PerKWh)
				var sum float64
				for _, p := range r.Intensity.Parts {
					assert.Equal(t, want.Scope, p.Scope)
					sum += p.Energy.KilowattHours() * float64(p.PerKWh)
				}
				assert.InDelta(t, sum, float64(r.Emissions), 1e-9)
				for _, w := range r.Warnings {
					assert.NotEqual(t, footprint.IntensityScope, w.Code, w.Text)
				}
			})
		})
	}
}

// A figure in another unit, or none at all, is refused at the door: the table's stands.
func TestFiguresThatNoGridHasAreRefused(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 41_000, 1e9} {
		err := usable(regions.Intensity{Zone: "FR", PerKWh: regions.Grams(v)})
		assert.ErrorContains(t, err, "refused an intensity of", "%v", v)
	}
	for _, v := range []float64{0, 0.4, 41, 1200} {
		assert.NoError(t, usable(regions.Intensity{PerKWh: regions.Grams(v)}), "%v", v)
	}
	var g grid
	in, found, err := g.open(wrong{}, "FR", time.Now())
	require.NoError(t, err)
	assert.Equal(t, regions.AnnualAverage, in.Kind)
	assert.Len(t, found, 1)
}

type wrong struct{}

func (wrong) Intensity(context.Context, regions.Query) (regions.Intensity, error) {
	return regions.Intensity{Zone: "FR", PerKWh: 1e9}, nil
}

package runs_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// german is a run of 1 kWh in Germany, in a January night.
func german() footprint.Report {
	start := time.Date(2026, 1, 12, 18, 0, 0, 0, time.UTC)
	return footprint.Report{
		Status: footprint.Completed, StartedAt: start, EndedAt: start.Add(time.Hour), DurationS: 3600, Charge: footprint.ChargeMachine,
		Region: footprint.Region{Zone: "DE", Name: "Germany"}, PUE: footprint.PUE{Value: 1.2, Source: "given"},
		Intensity: footprint.Intensity{PerKWh: 330, Kind: regions.AnnualAverage, Scope: regions.Lifecycle},
		Energy:    energy.KilowattHour, EnergyLow: energy.KilowattHour, EnergyHigh: new(energy.KilowattHour), Emissions: 396,
	}
}

func TestElsewhere(t *testing.T) {
	table := regions.Builtin()
	places := runs.Elsewhere(table, german())
	require.NotEmpty(t, places)
	here, zones := 0, map[string]int{}
	for _, c := range places {
		assert.Equal(t, regions.Lifecycle, c.Scope, c.Zone)
		if c.Here {
			here++
			assert.InDelta(t, 396, float64(c.Emissions), 1e-9, "here is as recorded")
		} else {
			zones[c.Zone]++
		}
	}
	assert.Equal(t, 1, here)
	for zone, n := range zones {
		assert.Equal(t, 1, n, zone)
	}
	assert.Contains(t, zones, "NO")
	for _, c := range places {
		if !c.Here {
			assert.Contains(t, []string{"region", "provider"}, c.PUEOf, "%s: a provider that publishes its PUE", *c.Provider)
			assert.False(t, regions.CloudRegion{Provider: *c.Provider, Region: *c.CloudRegion}.Special(), *c.CloudRegion)
		}
	}
	assert.NotContains(t, zones, "US-VA", "another continent")

	for name, change := range map[string]func(r *footprint.Report){
		"the place is not known":  func(r *footprint.Report) { r.Region.Zone = "" },
		"it is the world's mean":  func(r *footprint.Report) { r.Intensity.Kind = regions.WorldDefault },
		"its scope is not known":  func(r *footprint.Report) { r.Intensity.Scope = "" },
		"no such place":           func(r *footprint.Report) { r.Region.Zone = "nowhere" },
		"its energy is not known": func(r *footprint.Report) { r.Energy = 0 },
	} {
		r := german()
		change(&r)
		assert.Empty(t, runs.Elsewhere(table, r), name)
	}
	assert.Empty(t, runs.Elsewhere(nil, german()))
}

func TestAdvise(t *testing.T) {
	table := regions.Builtin()
	advise := func(r footprint.Report) (place, start, stall, idle, whole int) {
		last := regions.Grams(1e9)
		for _, a := range runs.Advise(table, r, runs.Elsewhere(table, r)) {
			assert.Positive(t, a.Saves)
			assert.LessOrEqual(t, a.Saves, last, "most first")
			assert.LessOrEqual(t, a.Saves, r.Emissions*(1+1e-9), "no more than the run emitted")
			switch last = a.Saves; {
			case a.Place != nil:
				place++
			case a.Start != nil:
				start++
				assert.True(t, a.Start.From.After(r.StartedAt))
			case a.Stall != nil:
				stall++
			case len(a.Idle) > 0:
				idle += len(a.Idle)
			default:
				whole++
			}
		}
		return
	}
	r := german()
	place, start, stall, idle, whole := advise(r)
	assert.Equal(t, []int{1, 1, 0, 0, 0}, []int{place, start, stall, idle, whole}, "a winter evening is none of the best hours")

	r.Energy, r.Emissions = r.Energy/1000, r.Emissions/1000
	assert.Empty(t, runs.Advise(table, r, runs.Elsewhere(table, r)), "nobody moves for less than a gram")

	r = german()
	r.Intensity.Kind = regions.Own // the user's own figure has no hours
	_, start, _, _, _ = advise(r)
	assert.Zero(t, start)

	r = german()
	r.Status = footprint.Failed
	_, _, _, _, whole = advise(r)
	assert.Equal(t, 1, whole)
	r.Budget = &footprint.Spending{TrippedAt: &r.EndedAt}
	_, _, _, _, whole = advise(r)
	assert.Zero(t, whole, "the budget did what it was for")

	r = german()
	for i, part := range []float64{0.3, 0.3, 0.05} {
		e := energy.KilowattHour.Scale(part)
		r.Components = append(r.Components, footprint.Line{Kind: energy.GPU, ID: string(rune('a' + i)), Basis: energy.Measured, Energy: &e, Charged: e, Coverage: 1})
	}
	_, _, _, idle, _ = advise(r)
	assert.Equal(t, 1, idle)
	r.Components[2].Coverage = 0.1
	_, _, _, idle, _ = advise(r)
	assert.Zero(t, idle, "it was not seen for long")

	assert.Empty(t, runs.Advise(table, footprint.Report{}, nil))
	assert.Empty(t, runs.Advise(nil, german(), nil))
}

package runs

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// counting is a run of a minute that has taken some joules for some work.
func counting(id string, joules float64, work string) Row {
	e := energy.Joules(joules)
	start := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	return Row{
		RunID: id, Project: id[:1], Energy: e, EnergyLow: new(e.Scale(0.9)), EnergyHigh: new(e.Scale(1.1)), MeasuredShare: new(Number(1)),
		StartedAt: Stamp{start}, EndedAt: Stamp{start.Add(time.Minute)}, DurationS: 60,
		Emissions: Number(joules / 1000), IntensityScope: "lifecycle", PerKWh: 40, Work: work,
	}
}

// What each token took is the sum of the energy over the sum of the tokens, and no mean of
// ratios; runs that count none are not in it.
func TestWorkAddsUp(t *testing.T) {
	g := Groups{By: []Key{ByProject}}
	g.Add(counting("a1", 100, `{"output_token":1000,"request":10}`))
	g.Add(counting("a2", 900, `{"output_token":1000}`))
	g.Add(counting("b1", 50, `{"output_token":0}`))
	g.Add(counting("b2", 5000, ""))
	direct := counting("c1", 400, `{"output_token":500}`)
	direct.IntensityScope, direct.Details = "direct", `{"work_lower":["output_token"]}`
	g.Add(direct)
	inside := counting("c2", 400, `{"output_token":500}`)
	inside.CountedBy = "c1"
	g.Add(inside)
	g.Add(counting("d1", 1, `{"output_token":"many"}`)) // no count: in no sum
	units := g.Total.Units()
	require.Len(t, units, 2)
	d := units[0]
	assert.Equal(t, "output_token", d.Unit)
	assert.Equal(t, 2500.0, d.Count)
	assert.Equal(t, 4, d.Runs)
	assert.Equal(t, 1, d.Lower)
	each, low, high, ok := d.Each()
	require.True(t, ok)
	assert.Equal(t, 1450/2500.0, each)
	assert.Nil(t, low, "one of the runs may have done more")
	assert.InDelta(t, 1.1*each, *high, 1e-9)
	of, ok := d.EachEmitted("lifecycle")
	require.True(t, ok)
	assert.InDelta(t, 1.05/2000, of, 1e-12, "of the runs in that scope alone")
	of, ok = d.EachEmitted("direct")
	require.True(t, ok)
	assert.InDelta(t, 0.4/500, of, 1e-12)
	_, ok = d.EachEmitted("")
	assert.False(t, ok)

	for _, group := range g.List() {
		switch group.Name[0] {
		case "a":
			each, low, _, _ = group.Units()[0].Each()
			assert.Equal(t, 0.5, each)
			assert.InDelta(t, 0.45, *low, 1e-9)
		case "b": // no work is a result
			_, _, _, ok := group.Units()[0].Each()
			assert.False(t, ok)
			assert.Equal(t, 50*energy.Joule, group.Units()[0].Energy)
		}
	}
}

// Work of a run whose energy is not known makes no other run's tokens cheaper.
func TestWorkWithoutEnergy(t *testing.T) {
	g := Groups{}
	unknown := counting("a1", 0, `{"output_token":3000}`)
	unknown.MeasuredShare, unknown.EnergyLow, unknown.EnergyHigh = nil, nil, nil
	g.Add(unknown)
	_, _, _, ok := g.Total.Units()[0].Each()
	assert.False(t, ok)
	g.Add(counting("a2", 500, `{"output_token":1000}`))
	d := g.Total.Units()[0]
	assert.Equal(t, 4000.0, d.Count)
	each, low, high, ok := d.Each()
	require.True(t, ok)
	assert.Equal(t, []float64{0.5, 0.45, 0.55}, []float64{each, *low, *high})
	grams, ok := d.EachEmitted("lifecycle")
	require.True(t, ok)
	assert.InDelta(t, 0.5/1000, grams, 1e-12)
}

// Runs that shared a machine share its joules, and each token gets its part of what they
// took together.
func TestWorkOfRunsThatOverlap(t *testing.T) {
	g := Groups{}
	for i := range 2 {
		r := counting(fmt.Sprintf("a%d", i), 600, `{"output_token":1000}`)
		r.Machine = "m"
		r.Components = `[{"kind":"cpu","id":"package-0","basis":"measured","energy":600.000000,"low":600.000000,"high":600.000000}]`
		r.EnergyLow, r.EnergyHigh, r.Charge = &r.Energy, &r.Energy, footprint.ChargeMachine
		g.Add(r)
	}
	each, _, _, _ := g.Total.Units()[0].Each()
	require.Equal(t, 0.6, each, "until they are settled")
	g.Settle()
	require.Equal(t, 600*energy.Joule, g.Total.Energy)
	each, _, _, ok := g.Total.Units()[0].Each()
	require.True(t, ok)
	assert.InDelta(t, 0.3, each, 1e-9)
}

func TestWorkCells(t *testing.T) {
	cell, lower := workCell([]footprint.Work{
		{Unit: "request", Count: 5}, {Unit: "output_token", Count: 1e21, Bound: footprint.CountLower}, {Unit: "sample", Count: 0.5},
	})
	assert.Equal(t, `{"output_token":1e+21,"request":5,"sample":0.5}`, cell)
	assert.Equal(t, []string{"output_token"}, lower)
	counts, err := (&Row{Work: cell}).Counted()
	require.NoError(t, err)
	assert.Equal(t, 1e21, counts["output_token"])
	for _, bad := range []string{`[]`, `{"a":"b"}`, `{"a":-1}`, `{"a":1e31}`, `{"a":{}}`, `nonsense`} {
		_, err := (&Row{Work: bad}).Counted()
		assert.Error(t, err, bad)
	}
	assert.ErrorContains(t, (&Row{Work: `{"output_token":-5}`}).Impossible(), "work")
	assert.NoError(t, (&Row{Work: `{"output_token":5}`}).Impossible())
}

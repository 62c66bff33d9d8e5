package runs

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/regions"
)

func recomputedOf(rows []Row, f func(Row) Factors) *Recomputed {
	a := &Recomputed{}
	for _, r := range rows {
		a.Add(r, Recompute(r, f(r)))
	}
	a.Settle()
	return a
}

// Rows of one machine are counted once, by the rule of Groups: what other factors make of
// them is what Groups makes of rows that had those factors from the start.
func TestRecomputedCountsOnce(t *testing.T) {
	places := []*regions.Intensity{
		{Zone: "SE", PerKWh: 41, Scope: regions.Lifecycle, Source: "a"}, {Zone: "PL", PerKWh: 700, Scope: regions.Lifecycle, Source: "b"},
		{Zone: "PL", PerKWh: 650, Scope: regions.Direct, Source: "b"},
	}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 21))
		rows := random(r, 2+r.IntN(40))
		for i := range rows {
			rows[i].IntensityScope = []string{"lifecycle", "direct"}[r.IntN(2)]
		}
		other := func(row Row) Factors {
			return Factors{Intensity: places[len(row.RunID)%2+int(row.Energy%2)], PUE: 1 + float64(len(row.Components)%3)}
		}
		var changed []Row
		for _, row := range rows {
			changed = append(changed, Recompute(row, other(row)))
		}
		a, before, after := recomputedOf(rows, other), sumOf(rows...).Total, sumOf(changed...).Total
		require.Equal(t, before.Energy, a.Energy)
		require.Equal(t, before.Overlap, a.Overlap)
		require.Equal(t, before.Shared, a.Shared)
		var old, again = map[regions.Scope]Emitted{}, map[regions.Scope]Emitted{}
		add := func(to map[regions.Scope]Emitted, e Emitted) {
			s := to[e.Scope]
			s.Runs, s.Energy, s.Grams, s.Low, s.High, s.Open = s.Runs+e.Runs, s.Energy+e.Energy, s.Grams+e.Grams, s.Low+e.Low, s.High+e.High, s.Open+e.Open
			to[e.Scope] = s
		}
		same := func(want []Emitted, got map[regions.Scope]Emitted) {
			require.Len(t, got, len(want))
			for _, e := range want {
				s := got[e.Scope]
				require.Equal(t, e.Runs, s.Runs)
				require.Equal(t, e.Energy, s.Energy)
				require.Equal(t, e.Open, s.Open)
				require.InEpsilon(t, 1+float64(e.Grams), 1+float64(s.Grams), 1e-9)
				require.InEpsilon(t, 1+float64(e.Low), 1+float64(s.Low), 1e-9)
				require.InEpsilon(t, 1+float64(e.High), 1+float64(s.High), 1e-9)
			}
		}
		for _, c := range a.Changes() {
			require.Equal(t, c.Recorded.Energy, c.Again.Energy)
			add(old, c.Recorded)
			add(again, c.Again)
		}
		same(before.Scopes, old)
		same(after.Scopes, again)
		clear(old)
		clear(again)
		for _, f := range a.Factors() {
			add(old, f.Recorded)
			add(again, f.Again)
		}
		same(before.Scopes, old)
		same(after.Scopes, again)
	}
}

// A run for which there is no figure is in no sum, and has its part of the machine.
func TestRecomputedBeside(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	c := counter{"cpu0": constant(100, 60)}
	a := &Recomputed{}
	row := c.run(r, "a", 10, 20, -1, "cpu0")
	a.Add(row, Recompute(row, Factors{PUE: 2}))
	a.Beside(c.run(r, "b", 10, 20, -1, "cpu0"))
	nested := row
	nested.RunID, nested.CountedBy = "n", "a"
	a.Add(nested, nested)
	a.Settle()
	assert.InDelta(t, 300, a.Energy.Joules(), 1e-5)
	assert.Equal(t, 1, a.Runs)
	assert.Equal(t, 1, a.Nested)
	assert.Equal(t, 1, a.Shared)
	require.Len(t, a.Factors(), 1)
	assert.InDelta(t, 2*300*100/3.6e6, float64(a.Factors()[0].Again.Grams), 1e-8)
	assert.Empty(t, (&Recomputed{}).Changes())
}

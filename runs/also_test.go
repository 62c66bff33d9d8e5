package runs_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// However rows are grouped, and however they overlap, the groups add up to the total.
func TestAlsoAddsUpToTheTotal(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for range 30 {
		g := runs.Groups{By: []runs.Key{runs.ByProject}, Also: [][]runs.Key{{runs.ByProject, runs.ByDay, runs.ByStatus}, {runs.ByHost}}}
		for i := range random.IntN(60) {
			at := start.Add(time.Duration(random.IntN(72*60)) * time.Minute)
			j := energy.Joules(float64(1 + random.IntN(1e6)))
			r := runs.Row{
				RunID: fmt.Sprint(i), Project: fmt.Sprint("p", random.IntN(3)), Host: fmt.Sprint("h", random.IntN(2)), Machine: "m",
				Status: []footprint.Status{"completed", "failed"}[random.IntN(2)], IntensityScope: []string{"lifecycle", "direct"}[random.IntN(2)],
				StartedAt: runs.Stamp{Time: at}, EndedAt: runs.Stamp{Time: at.Add(2 * time.Hour)}, DurationS: 7200, Charge: footprint.ChargeMachine,
				Energy: j, MachineEnergy: j, EnergyLow: new(j / 2), EnergyHigh: new(j * 2), MeasuredShare: new(runs.Number(0.5)), PerKWh: 100, PUE: new(runs.Number(1)),
			}
			r.Emissions = runs.Number(j.KilowattHours() * 100)
			g.Add(r)
		}
		g.Settle()
		for i := range g.Also {
			var sum runs.Summary
			for _, x := range g.AlsoList(i) {
				sum.Merge(x.Summary)
			}
			total := g.Total.Summary
			assert.Equal(t, total.Energy, sum.Energy)
			assert.Equal(t, total.Low, sum.Low)
			assert.Equal(t, total.High, sum.High)
			assert.Equal(t, total.Overlap, sum.Overlap)
			assert.Equal(t, total.Measured, sum.Measured)
			assert.Equal(t, [4]int{total.Runs, total.Shared, total.Open, total.Uncounted}, [4]int{sum.Runs, sum.Shared, sum.Open, sum.Uncounted})
			for _, want := range total.Scopes {
				e, ok := sum.Of(want.Scope)
				assert.True(t, ok)
				assert.InDelta(t, float64(want.Grams), float64(e.Grams), 1e-6)
				assert.Equal(t, want.Runs, e.Runs)
				assert.InDelta(t, want.Run.Mean, e.Run.Mean, 1e-6)
			}
		}
	}
}

// Merged sums are those of all rows together.
func TestMergeIsAddingTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		var all, a, b runs.Summary
		for range random.IntN(20) {
			r := runs.Row{Energy: energy.Joules(random.Float64() * 100), Emissions: runs.Number(random.Float64()), DurationS: runs.Number(random.IntN(100)), IntensityScope: "lifecycle"}
			if random.IntN(3) == 0 {
				r.IntensityScope = "direct"
			}
			if random.IntN(4) == 0 {
				r.EnergyLow = new(energy.Energy(0))
			}
			if random.IntN(9) == 0 {
				r.CountedBy = "x"
			}
			r.StartedAt.Time = time.Unix(int64(random.IntN(1e9)), 0).UTC()
			r.EndedAt.Time = r.StartedAt.Add(time.Hour)
			all.Add(r)
			if random.IntN(2) == 0 {
				a.Add(r)
			} else {
				b.Add(r)
			}
		}
		a.Merge(b)
		for _, scope := range []regions.Scope{"lifecycle", "direct"} {
			want, ok := all.Of(scope)
			got, has := a.Of(scope)
			assert.Equal(t, ok, has)
			assert.InDelta(t, float64(want.Grams), float64(got.Grams), 1e-9)
			wd, _ := want.Run.Deviation()
			gd, _ := got.Run.Deviation()
			assert.InDelta(t, wd, gd, 1e-9)
			assert.Equal(t, [2]int{want.Runs, want.Open}, [2]int{got.Runs, got.Open})
		}
		a.Scopes, all.Scopes = nil, nil
		assert.Equal(t, all, a)
	}
}

// The interval of a month holds its truth about nine times in ten, where the days that come
// are like those before; a month is never expected to end below what it has taken.
func TestOutlookHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	day := func() float64 { // a team that does nothing on some days
		if random.IntN(4) == 0 {
			return 0
		}
		return 5 + 10*random.Float64()
	}
	held, n := 0, 4000
	for range n {
		days := make([]float64, 7+random.IntN(40))
		for i := range days {
			days[i] = day()
		}
		left, rest := 1+random.IntN(20), 0.0
		for range left {
			rest += day()
		}
		o, ok := runs.Expect(100, days, float64(left))
		assert.True(t, ok)
		assert.LessOrEqual(t, 100.0, o.Low)
		assert.LessOrEqual(t, o.Low, o.Expected)
		assert.LessOrEqual(t, o.Expected, o.High)
		if o.Low <= 100+rest && 100+rest <= o.High {
			held++
		}
	}
	assert.InDelta(t, 0.9, float64(held)/float64(n), 0.03)
	_, ok := runs.Expect(1, make([]float64, 6), 3)
	assert.False(t, ok, "too few days")
	o, ok := runs.Expect(7, make([]float64, 9), 0)
	assert.True(t, ok)
	assert.Equal(t, runs.Outlook{Low: 7, Expected: 7, High: 7, Days: 9}, o, "nothing is left of the month")
}

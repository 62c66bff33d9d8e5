package footprint_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// spend runs epochs of 10 s and 100 J each, and gives the time of the trip.
func spend(b footprint.Budget, planned int) (at time.Duration, r footprint.Report) {
	a := footprint.Account{Run: footprint.Run{Budget: &b, Epochs: planned}}
	for i := range 101 {
		s := at0(i)
		s.Marks = []footprint.Mark{epoch(footprint.EpochStart)}
		a.Add(s)
		if a.Tripped() != nil {
			break
		}
	}
	r = a.Report()
	if r.Budget.TrippedAt == nil {
		return 0, r
	}
	return r.Budget.TrippedAt.Sub(start), r
}

func at0(i int) footprint.Sample {
	s := at(float64(10*i), joules(pkg, float64(100*i)))
	s.Intensity.PerKWh = 3600
	return s
}

func TestABudgetIsReached(t *testing.T) {
	for _, tt := range []struct {
		name string
		b    footprint.Budget
		want time.Duration
	}{
		{"energy", footprint.Budget{Energy: 450 * energy.Joule}, 50 * time.Second},
		{"to the joule", footprint.Budget{Energy: 400 * energy.Joule}, 40 * time.Second},
		{"emissions", footprint.Budget{Emissions: 0.45}, 50 * time.Second},
		{"time", footprint.Budget{Duration: time.Minute}, time.Minute},
		{"money", footprint.Budget{Cost: 1, Price: 3.6e6 / 350}, 40 * time.Second},
		{"never", footprint.Budget{Energy: energy.KilowattHour}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, r := spend(tt.b, 200)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, "measured", r.Budget.Basis)
			assert.Equal(t, tt.want > 0, assert.ObjectsAreEqual(r.Budget.TrippedAt != nil, true))
			if tt.want > 0 {
				assert.Contains(t, codes(r), footprint.BudgetReached)
			}
		})
	}
}

// A predicted budget is reached before an epoch that would go over it.
func TestAPredictedBudgetIsNeverPassed(t *testing.T) {
	limit := 1050 * energy.Joule
	at, r := spend(footprint.Budget{Energy: limit, Limit: "1050J", Predicted: true}, 200)
	require.NotZero(t, at)
	assert.LessOrEqual(t, r.Energy, limit)
	assert.Greater(t, r.Energy+150*energy.Joule, limit, "nor much too early")
	assert.Equal(t, "predicted", r.Budget.Basis)
	var text string
	for _, w := range r.Warnings {
		if w.Code == footprint.BudgetReached {
			text = w.Text
		}
	}
	assert.Contains(t, text, "the next epoch may exceed the budget: ")

	_, r = spend(footprint.Budget{Energy: 10_100 * energy.Joule, Predicted: true}, 100)
	assert.Nil(t, r.Budget.TrippedAt, "after the last epoch there is no next one")
}

func TestARunThatWillNeedMoreThanItsBudgetSaysSoEarly(t *testing.T) {
	a := footprint.Account{Run: footprint.Run{Budget: &footprint.Budget{Limit: "1kJ", Energy: 1000 * energy.Joule}, Epochs: 50}}
	for i := range 4 {
		s := at0(i)
		s.Marks = []footprint.Mark{epoch(footprint.EpochStart)}
		a.Add(s)
	}
	r := a.Report()
	assert.Contains(t, codes(r), footprint.BudgetForecast)
	assert.Nil(t, r.Budget.TrippedAt)
	assert.Equal(t, 5000*energy.Joule, r.Prediction.History[0].Energy.Expected, "after the first epoch")
}

func TestHowMuchOfABudgetARunHasUsed(t *testing.T) {
	share := 1.0
	r := footprint.Report{DurationS: 1800, Energy: energy.KilowattHour, Emissions: 41, MeasuredShare: &share}
	for limit, want := range map[string]float64{"1h": 0.5, "2kWh": 0.5, "20.5gCO2e": 2} {
		r.Budget = &footprint.Spending{Limit: limit}
		used, ok := r.BudgetUsed()
		assert.True(t, ok, limit)
		assert.InDelta(t, want, used, 1e-9, limit)
	}
	unknown := footprint.Report{DurationS: 1800}
	for _, limit := range []string{"", "2EUR", "what?", "500g", "2kWh"} {
		unknown.Budget = &footprint.Spending{Limit: limit}
		_, ok := unknown.BudgetUsed()
		assert.False(t, ok, limit)
	}
	unknown.Budget.Limit = "1h"
	_, ok := unknown.BudgetUsed()
	assert.True(t, ok, "time is known")
	_, ok = footprint.Report{}.BudgetUsed()
	assert.False(t, ok)
}

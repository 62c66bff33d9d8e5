package runs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

func TestTwoScopesAreNeverOneSum(t *testing.T) {
	var s Summary
	for _, v := range []struct {
		scope string
		grams Number
	}{{"", 1}, {"direct", 20}, {"lifecycle", 300}, {"direct", 40}} {
		s.Add(Row{IntensityScope: v.scope, Emissions: v.grams, Energy: energy.KilowattHour})
	}
	var scopes []regions.Scope
	for _, e := range s.Scopes {
		scopes = append(scopes, e.Scope)
	}
	assert.Equal(t, []regions.Scope{regions.Lifecycle, regions.Direct, ""}, scopes)
	assert.EqualValues(t, 300, s.Headline().Grams)
	direct, ok := s.Of(regions.Direct)
	assert.True(t, ok)
	assert.EqualValues(t, 60, direct.Grams)
	assert.Equal(t, 2, direct.Runs)
	assert.Equal(t, 2*energy.KilowattHour, direct.Energy)
	assert.Equal(t, 4*energy.KilowattHour, s.Energy)
	_, ok = s.Of("other")
	assert.False(t, ok)
	assert.InDelta(t, 0.6, Allowance{Emissions: 500}.Used(s), 1e-9, "the greater one; they do not add up")
	assert.Zero(t, Summary{}.Headline())
}

func TestGroupsOfSeveralKeys(t *testing.T) {
	g := &Groups{By: []Key{ByProject, ByMonth}}
	for i, p := range []string{"b", "a", "b", "a"} {
		for _, month := range []time.Month{9, 3, 5} {
			g.Add(Row{Project: p, Emissions: Number(i) * Number(month), StartedAt: Stamp{time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC)}})
		}
	}
	var names [][]string
	for _, v := range g.List() {
		names = append(names, v.Name)
	}
	assert.Equal(t, [][]string{{"a", "2026-03"}, {"a", "2026-05"}, {"a", "2026-09"}, {"b", "2026-03"}, {"b", "2026-05"}, {"b", "2026-09"}}, names)
}

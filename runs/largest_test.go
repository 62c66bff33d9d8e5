package runs_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// The largest are those at the head of all, sorted, and of each scope apart.
func TestLargest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		l := runs.Largest{Most: 1 + random.IntN(6)}
		all := map[regions.Scope][]runs.Row{}
		for i := range random.IntN(40) {
			scope := []string{"lifecycle", "direct", ""}[random.IntN(3)]
			r := runs.Row{RunID: strconv.Itoa(i), IntensityScope: scope, Emissions: runs.Number(random.IntN(10))}
			l.Add(&r)
			all[regions.Scope(scope)] = append(all[regions.Scope(scope)], r)
		}
		for scope, want := range all {
			slices.SortStableFunc(want, func(a, b runs.Row) int { return int(b.Emissions - a.Emissions) })
			assert.Equal(t, runs.Rows(want[:min(l.Most, len(want))]), l.Of(scope))
		}
	}
	var none runs.Largest
	none.Add(&runs.Row{Emissions: 1})
	assert.Empty(t, none.Of(""))
}

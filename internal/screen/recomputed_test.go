package screen_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/regions"
)

// The first line of a recomputation is its answer.
func TestRecomputedHeadline(t *testing.T) {
	emitted := func(g float64) screen.Emitted {
		high := regions.Grams(g)
		return screen.Emitted{Grams: high, Low: high, High: &high}
	}
	scope := func(from, to regions.Scope, old, again float64) []screen.RecomputedScope {
		return []screen.RecomputedScope{{From: from, To: to, Runs: 3, Old: emitted(old), New: emitted(again)}}
	}
	for _, c := range []struct {
		want string
		of   screen.Recomputed
	}{
		{"50.0 g CO2e in 3 runs, −50 % on the 100 g recorded", screen.Recomputed{Given: true, Runs: 3, Scopes: scope("direct", "direct", 100, 50)}},
		{"2.00 kg CO2e in 3 runs, 20 times the 100 g recorded", screen.Recomputed{Given: true, Runs: 3, Scopes: scope("direct", "direct", 100, 2000)}},
		{"100 g CO2e in 3 runs, as recorded", screen.Recomputed{Given: true, Runs: 3, Scopes: scope("direct", "direct", 100, 100)}},
		{"100 g CO2e in 3 runs, 0 recorded", screen.Recomputed{Given: true, Runs: 3, Scopes: scope("direct", "direct", 0, 100)}},
		{"50.0 g CO2e in 3 runs, direct: not comparable with the lifecycle emissions", screen.Recomputed{Given: true, Runs: 3, Scopes: scope("lifecycle", "direct", 100, 50)}},
		{"3 runs of different scopes: they have no common sum", screen.Recomputed{Given: true, Runs: 3, Scopes: append(scope("direct", "direct", 1, 1), scope("lifecycle", "lifecycle", 1, 1)...)}},
		{"2,600 runs: the recorded emissions follow from energy × PUE × intensity", screen.Recomputed{Runs: 2600}},
		{"1,200 of 2,600 runs: the recorded emissions do not follow from energy × PUE ×", screen.Recomputed{Runs: 2600, Wrong: 1200}},
		{"no row to check", screen.Recomputed{}},
		{"no run has a figure for that", screen.Recomputed{Given: true}},
	} {
		var b bytes.Buffer
		require.NoError(t, c.of.Text(&b, layout.Screen{}))
		line, _, _ := strings.Cut(b.String(), "\n")
		assert.Equal(t, c.want, line)
	}
}

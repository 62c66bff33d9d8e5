package runs

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

func TestDiffer(t *testing.T) {
	a := footprint.Report{Project: "p", Energy: 5 * energy.Joule, Warnings: []footprint.Warning{{Code: "x"}}}
	b := a
	b.Warnings = nil // told only when the run has been computed
	n, all := DifferReports(a, b)
	assert.Empty(t, all)
	assert.Greater(t, n, 20)
	b.Energy++
	_, all = DifferReports(a, b)
	assert.Equal(t, []Difference{{"energy_joules", "5", "5.000001"}}, all)

	// A record of before components had emissions agrees with a computation that has them.
	c := footprint.Report{Components: []footprint.Line{{ID: "package-0"}}}
	d := footprint.Report{Components: []footprint.Line{{ID: "package-0", Emissions: new(regions.Grams(2))}}}
	_, all = DifferReports(c, d)
	assert.Empty(t, all)
	assert.NotNil(t, d.Components[0].Emissions)
	_, all = DifferReports(d, c)
	assert.Len(t, all, 1)

	pue := Number(1.2)
	x := Row{RunID: "1", Energy: 1, Hash: "a"}
	y := Row{RunID: "1", Energy: 2, Hash: "b", PUE: &pue}
	n, all = DifferRows(x, y)
	assert.Equal(t, []Difference{{"energy_joules", "0.000001", "0.000002"}, {"pue", "", "1.2"}}, all, "the chain is no figure")
	assert.Greater(t, n, 40)
}

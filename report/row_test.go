package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// What a row holds comes back whatever became of the report: the row of the report of a
// row is the same row, but for what only the row knows.
func TestTheRowOfARowsReport(t *testing.T) {
	cpu, gpu, share := energy.Joules(7), energy.Joules(3), 0.3
	high, low, grams := energy.Joules(12), regions.Grams(30), regions.Grams(9)
	code, rank, parent := 3, 2, "outer"
	for name, r := range map[string]footprint.Report{
		"nothing": {Schema: footprint.Schema, PUE: footprint.PUE{Value: 1}},
		"all": {
			RunID: "run", ParentRunID: &parent, CountedBy: &parent, Project: "demo", Labels: map[string]string{"a": "b"},
			Status: footprint.Failed, ExitCode: &code, DurationS: 12.5, Revision: "abc+dirty",
			Host:      footprint.Host{Name: "node", Machine: "m"},
			Job:       &footprint.Job{ID: "17", Rank: &rank},
			Region:    footprint.Region{Zone: "FR", Provider: &parent, CloudRegion: &parent},
			Intensity: footprint.Intensity{PerKWh: 41, Kind: regions.AnnualAverage, Scope: regions.Lifecycle, Year: &rank, Source: "s", Low: &low, High: &grams},
			PUE:       footprint.PUE{Value: 1.2}, Charge: footprint.ChargeProcess,
			MachineEnergy: cpu.Plus(gpu), ProcessEnergy: &gpu, Energy: gpu, EnergyLow: 1, EnergyHigh: &high,
			MeasuredShare: &share, Coverage: 0.9, Emissions: 4, EmissionsLow: 3, EmissionsHigh: &grams, Embodied: &low,
			EpochsOmitted: 7, Warnings: []footprint.Warning{{Code: footprint.TooShort}},
			Components: []footprint.Line{
				{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Energy: &cpu, Low: &cpu, High: &high, ProcessEnergy: &gpu, Charged: gpu},
				{Kind: energy.GPU, ID: "GPU-1", Basis: energy.Measured},
			},
			Versions: footprint.Versions{Tool: "1", Data: "2"},
		},
	} {
		row := runs.FromReport(r)
		again := OfRow(row)
		assert.Equal(t, RowOnly, again.Warnings[0].Code)
		again.Warnings = again.Warnings[1:]
		assert.Equal(t, row, runs.FromReport(again), name)
	}
}

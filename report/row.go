package report

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// RowOnly is the code of the warning of a report that was made of a row.
const RowOnly = "row-only"

// OfRow makes a report of the row of a run, for a run that is not kept whole, such as an
// imported one. What the row does not hold is null or empty, epochs count as omitted, and the
// warning is [RowOnly]; an energy without bounds has low 0 and no high.
func OfRow(row runs.Row) footprint.Report {
	r := footprint.Report{
		Schema: footprint.Schema, RunID: row.RunID, ParentRunID: textOrNil(row.ParentRunID), CountedBy: textOrNil(row.CountedBy),
		Project: row.Project, Labels: map[string]string{}, Status: row.Status, ExitCode: row.ExitCode,
		StartedAt: row.StartedAt.Time, EndedAt: row.EndedAt.Time, DurationS: float64(row.DurationS), Revision: row.Revision,
		Host:   footprint.Host{Name: row.Host, Machine: row.Machine, GPUs: []string{}},
		Region: footprint.Region{Zone: row.Zone, Provider: textOrNil(row.Provider), CloudRegion: textOrNil(row.CloudRegion)},
		Intensity: footprint.Intensity{
			PerKWh: regions.Grams(row.PerKWh), Kind: regions.Kind(row.IntensityKind), Scope: regions.Scope(row.IntensityScope),
			Year: row.IntensityYear, Source: row.IntensitySource, Parts: []footprint.Part{},
			Low: gramsOrNil(row.IntensityLow), High: gramsOrNil(row.IntensityHigh),
		},
		PUE: footprint.PUE{Value: 1, Source: "not recorded"}, Components: []footprint.Line{},
		MachineEnergy: row.MachineEnergy, ProcessEnergy: row.ProcessEnergy, Charge: row.Charge,
		Energy: row.Energy, EnergyHigh: row.EnergyHigh, MeasuredShare: (*float64)(row.MeasuredShare), Coverage: float64(row.Coverage),
		Emissions: regions.Grams(row.Emissions), EmissionsHigh: gramsOrNil(row.EmissionsHigh), Embodied: gramsOrNil(row.Embodied),
		Epochs: []footprint.Epoch{}, EpochsOmitted: row.Epochs, Tasks: []footprint.Task{}, Power: []footprint.Power{},
		Versions: footprint.Versions{Tool: row.ToolVersion, Data: row.DataVersion},
	}
	_ = json.Unmarshal([]byte(cmp.Or(row.Labels, "{}")), &r.Labels) // the row's own, or none
	if row.EnergyLow != nil {
		r.EnergyLow = *row.EnergyLow
	}
	if row.EmissionsLow != nil {
		r.EmissionsLow = regions.Grams(*row.EmissionsLow)
	}
	if row.PUE != nil {
		r.PUE = footprint.PUE{Value: float64(*row.PUE), Source: "the row"}
	}
	if row.JobID != "" {
		r.Job = &footprint.Job{ID: row.JobID, Rank: row.JobRank}
	}
	components, _ := runs.ParseComponents(row.Components) // none where it can't be read
	for _, c := range components {
		r.Components = append(r.Components, lineOf(c, row.Charge, r.Coverage))
	}
	r.Warnings = []footprint.Warning{{
		Code: RowOnly, Text: "only this run's row is kept: readings, epochs and how it was measured are unknown",
	}}
	for _, code := range strings.Fields(row.Warnings) {
		r.Warnings = append(r.Warnings, footprint.Warning{Code: code, Text: facts.CodeText(code)})
	}
	return r
}

// lineOf is a component as a row knows it: its coverage is the run's.
func lineOf(c runs.Component, charge footprint.Charge, coverage float64) footprint.Line {
	l := footprint.Line{
		Kind: c.Kind, ID: c.ID, Name: c.ID, Source: "not recorded", Basis: c.Basis,
		Energy: c.Energy, Low: c.Low, High: c.High, ProcessEnergy: c.Process, Coverage: coverage, Status: "not recorded",
	}
	if c.Energy == nil {
		l.Coverage = 0
		return l
	}
	l.Charged = *c.Energy
	if charge == footprint.ChargeProcess {
		l.Charged = 0
		if c.Process != nil {
			l.Charged = *c.Process
		}
	}
	return l
}

func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func gramsOrNil(n *runs.Number) *regions.Grams { return (*regions.Grams)(n) }

package runs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// FromReport gives a report as a line of the ledger. The ledger fills in the columns
// of its chain; who the user is, the caller.
func FromReport(r footprint.Report) Row {
	row := Row{
		Schema: LedgerSchema, RunID: r.RunID, ParentRunID: deref(r.ParentRunID), CountedBy: deref(r.CountedBy),
		Project: r.Project, Host: r.Host.Name, Status: r.Status, ExitCode: r.ExitCode,
		StartedAt: Stamp{r.StartedAt}, EndedAt: Stamp{r.EndedAt}, DurationS: Number(r.DurationS),
		Zone: r.Region.Zone, Provider: deref(r.Region.Provider), CloudRegion: deref(r.Region.CloudRegion),
		PerKWh: Number(r.Intensity.PerKWh), IntensityKind: string(r.Intensity.Kind),
		IntensityScope: string(r.Intensity.Scope), IntensityYear: r.Intensity.Year,
		IntensitySource: r.Intensity.Source, PUE: new(Number(r.PUE.Value)), Charge: r.Charge,
		MachineEnergy: r.MachineEnergy, ProcessEnergy: r.ProcessEnergy,
		Energy: r.Energy, EnergyLow: new(r.EnergyLow), EnergyHigh: r.EnergyHigh,
		Coverage:  Number(r.Coverage),
		Emissions: Number(r.Emissions), EmissionsLow: new(Number(r.EmissionsLow)), EmissionsHigh: (*Number)(r.EmissionsHigh),
		Epochs:       len(r.Epochs) + r.EpochsOmitted,
		Machine:      r.Host.Machine,
		IntensityLow: (*Number)(r.Intensity.Low), IntensityHigh: (*Number)(r.Intensity.High),
		Components:  ComponentCell(r.Components),
		ToolVersion: r.Versions.Tool, DataVersion: r.Versions.Data,
	}
	row.Labels = LabelCell(r.Labels)
	if r.Job != nil {
		row.JobID, row.JobRank = r.Job.ID, r.Job.Rank
	}
	if r.MeasuredShare != nil {
		row.MeasuredShare = new(Number(*r.MeasuredShare))
	}
	if r.Market != nil {
		row.MarketEmissions = new(Number(r.Market.Emissions))
	}
	if r.Embodied != nil {
		row.Embodied = new(Number(*r.Embodied))
	}
	if p := r.Prediction; p != nil && p.Fraction == nil {
		e, g := p.Energy.Expected, Number(p.Emissions.Expected)
		if len(p.History) > 0 { // the first one: the last is the truth
			e, g = p.History[0].Energy.Expected, Number(p.History[0].Emissions.Expected)
		}
		row.PredictedEnergy, row.PredictedEmissions = &e, &g
		row.Details = fmt.Sprintf(`{%q:%d}`, PlannedEpochs, p.OfEpochs)
	}
	if r.Budget != nil {
		row.Budget = r.Budget.Limit
	}
	for _, l := range r.Components {
		if l.Counted() && l.Energy != nil {
			row.add(l)
		}
	}
	codes := make([]string, 0, len(r.Warnings))
	for _, w := range r.Warnings {
		if !slices.Contains(codes, w.Code) { // a run counts once
			codes = append(codes, w.Code)
		}
	}
	row.Warnings = strings.Join(codes, " ")
	return row
}

// PlannedEpochs is the member of a row's details that says for how many epochs its
// prediction was made.
const PlannedEpochs = "planned_epochs"

// asPlanned reports whether the run has had the epochs that were predicted, or its
// row does not tell: one that was stopped early needed less.
func (r *Row) asPlanned() bool {
	if !strings.Contains(r.Details, PlannedEpochs) {
		return true
	}
	var details struct {
		Planned int `json:"planned_epochs"`
	}
	return json.Unmarshal([]byte(r.Details), &details) == nil && r.Epochs >= details.Planned
}

// add puts what the headline takes of a line into the column of its kind, so
// that the four columns add up to energy_joules.
func (row *Row) add(l footprint.Line) {
	cell := &row.Other
	switch l.Kind {
	case energy.CPU:
		cell = &row.CPU
	case energy.Memory:
		cell = &row.Memory
	case energy.GPU:
		cell = &row.GPU
	}
	sum := l.Charged
	if *cell != nil {
		sum = sum.Plus(**cell)
	}
	*cell = &sum
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

package runs

import (
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
		Epochs:  r.EpochCount(),
		Machine: r.Host.Machine, Revision: r.Revision,
		IntensityLow: (*Number)(r.Intensity.Low), IntensityHigh: (*Number)(r.Intensity.High),
		Components:  componentCell(r.Components),
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
	if r.Water != nil {
		row.Water = (*Number)(r.Water.Litres)
	}
	if r.Embodied != nil {
		row.Embodied = new(Number(*r.Embodied))
	}
	details := map[string]any{}
	if first, ok := firstPrediction(r.Prediction); ok {
		e, g := first.Energy.Expected, Number(first.Emissions.Expected)
		row.PredictedEnergy, row.PredictedEmissions = &e, &g
		details[PlannedEpochs], details[PredictedDuration] = r.Prediction.OfEpochs, Number(first.DurationS.Expected)
	}
	var lower []string
	if row.Work, lower = workCell(r.Counted()); len(lower) > 0 {
		details[WorkLower] = lower
	}
	row.Cost = costCell(r.Cost)
	if len(details) > 0 {
		row.Details, _ = compact(details)
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

// firstPrediction is the one that was made after the first epoch; ok is false where
// there was none, or nothing left to be predicted.
func firstPrediction(p *footprint.Prediction) (first footprint.Earlier, ok bool) {
	if p == nil || p.Fraction != nil {
		return first, false
	}
	first = footprint.Earlier{AfterEpochs: p.AfterEpochs, Energy: p.Energy, Emissions: p.Emissions, DurationS: p.DurationS}
	if len(p.History) > 0 {
		first = p.History[0]
	}
	return first, first.AfterEpochs < p.OfEpochs
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

package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
)

// ErrNotRun is what is no report of a run in JSON.
var ErrNotRun = errors.New("not the JSON of a run")

// Parse reads a report as [JSON] writes it. What follows the object is left.
func Parse(r io.Reader) (footprint.Report, error) {
	var v footprint.Report
	if err := json.NewDecoder(r).Decode(&v); err != nil {
		return footprint.Report{}, fmt.Errorf("%w: %w", ErrNotRun, err)
	}
	if v.Schema != footprint.Schema {
		return footprint.Report{}, fmt.Errorf("%w: its schema is %.40q, not %q", ErrNotRun, v.Schema, footprint.Schema)
	}
	return v, nil
}

// sheet says what a report says.
func (run Run) sheet() layout.Sheet {
	r := run.Report
	s := layout.Sheet{Title: "Footprint of a run", Figures: run.figures()}
	if r.Project != "" {
		s.Title = "Footprint of " + r.Project
	}
	s.Subtitle = fmt.Sprintf("%s after %s", facts.State(r), format.Duration(format.Seconds(r.DurationS)))
	if !r.StartedAt.IsZero() {
		s.Subtitle += ", started " + r.StartedAt.UTC().Format("2006-01-02 15:04:05 MST")
	}
	for _, p := range []layout.Section{
		facts.Components(r), facts.Work(r), facts.Epochs(r), facts.Tasks(r), facts.Predictions(r), facts.Budget(r),
		facts.Warnings(r.Warnings), facts.Grid(r), facts.Machine(r), facts.HowToVerify(r),
	} {
		if len(p.Table.Rows) > 0 || p.Code != "" || len(p.Notes) > 0 {
			s.Sections = append(s.Sections, p)
		}
	}
	if s.Foot = facts.Versions(r.Versions.Tool, r.Versions.Data); r.RunID != "" {
		s.Foot = "run " + r.RunID + "; " + s.Foot
	}
	return s
}

func (run Run) figures() []layout.Figure {
	r := run.Report
	if !facts.Known(r) {
		return append([]layout.Figure{{Label: "Emissions", Value: "unknown"}, {Label: "Energy", Value: "unknown"}}, facts.PredictionFigure(r)...)
	}
	e := layout.Figure{Label: "Energy", Value: format.EnergyWithin(r.Energy, r.EnergyLow, r.EnergyHigh), Details: []string{
		"(" + format.EnergyBounds(r.Energy, r.EnergyLow, r.EnergyHigh) + ")", facts.Measured(format.OrZero(r.MeasuredShare)), "charged: " + facts.Counted(r), facts.NotCounted,
	}}
	g := layout.Figure{Label: "Emissions", Value: format.MassWithin(r.Emissions, r.EmissionsLow, r.EmissionsHigh) + " CO2e", Details: append([]string{"(" + format.MassBounds(r.Emissions, r.EmissionsLow, r.EmissionsHigh) + ")"}, run.Car.Compare(r.Emissions, r.EmissionsLow)...)}
	if o := r.Outer; o != nil {
		g.Details = append(g.Details, "energy and factor together: "+format.MassBounds(r.Emissions, o.Low, &o.High))
	}
	if r.EmissionsAnnual != nil {
		g.Details = append(g.Details, "by the year's mean: "+format.Mass(*r.EmissionsAnnual))
	}
	all := append([]layout.Figure{g, e}, facts.PredictionFigure(r)...)
	if r.Market != nil {
		all = append(all, layout.Figure{Label: "Contracts", Value: format.Mass(r.Market.Emissions) + " CO2e", Details: []string{"(market-based, " + format.Digits(float64(r.Market.PerKWh)) + " g/kWh)", r.Market.Source}})
	}
	if r.Embodied != nil {
		all = append(all, layout.Figure{Label: "Embodied", Value: format.Mass(*r.Embodied) + " CO2e", Details: []string{"(the run's part of the machine's, not in the emissions above)"}})
	}
	if text := facts.Planned(r); text != "" {
		all = append(all, layout.Figure{Label: "Estimate", Value: format.MassWithin(r.Plan.Emissions, r.Plan.EmissionsLow, r.Plan.EmissionsHigh) + " CO2e", Details: []string{"before the run: " + text}})
	}
	if amount, bounds, ok := facts.Water(r.Water); ok {
		all = append(all, layout.Figure{Label: "Water", Value: amount, Details: []string{"consumed (" + bounds + ")", r.Water.GridSource}})
	}
	if r.Coverage < 0.9995 {
		all = append(all, layout.Figure{Label: "Seen", Value: format.Percent(r.Coverage), Details: []string{"of the run's time; the bounds cover the rest"}})
	}
	return all
}

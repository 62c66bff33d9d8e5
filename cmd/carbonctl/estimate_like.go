package main

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/runs"
)

// alike estimates a bigger run from a recorded one, at its own factor and PUE unless the
// flags name others.
func (e *estimating) alike(flags *pflag.FlagSet, places []place) (screen.Estimated, error) {
	if err := e.look(flags); err != nil {
		return screen.Estimated{}, err
	}
	found, err := e.Run(e.like)
	if err != nil {
		return screen.Estimated{}, err
	}
	row := found.Row
	from := plan.Recorded{KWh: plan.Exactly(row.Energy.KilowattHours()), Epochs: row.Epochs, GPUs: gpusOf(row), Hours: float64(row.DurationS) / 3600}
	alone := from // by its scaling, whatever bounds the record has
	from.KWh.Low, from.KWh.High = 0, math.Inf(1)
	if row.EnergyLow != nil {
		from.KWh.Low = row.EnergyLow.KilowattHours()
	}
	if row.EnergyHigh != nil {
		from.KWh.High = row.EnergyHigh.KilowattHours()
	}
	kWh, hours, assumed, err := from.Scale(e.bigger)
	if err != nil {
		return screen.Estimated{}, fmt.Errorf("run %s: %w", row.RunID, err)
	}
	scaled, _, _, _ := alone.Scale(e.bigger) // the same that went well
	if row.Status != footprint.Completed && row.Status != "" {
		assumed = append(assumed, fmt.Sprintf("the recorded run did not complete (%s): what it lacks is not in the estimate", row.Status))
	}
	if row.EnergyHigh == nil && !scaled.Exact() {
		assumed = append(assumed, fmt.Sprintf("the recorded energy has no upper bound; by the scaling alone, %.3g to %.3g kWh", scaled.Low, scaled.High))
	}
	grid := places[0].Grid
	if !flags.Changed("region") && !flags.Changed("intensity") {
		grid = plan.Grid{PerKWh: float64(row.PerKWh), Name: e.zoneName(row.Zone), Source: "as recorded"}
		if row.IntensitySource != "" {
			grid.Source += ": " + row.IntensitySource
		}
		if row.CloudRegion != "" {
			grid.Name = row.Provider + ":" + row.CloudRegion
		}
		if row.PUE != nil {
			grid.PUE, grid.PUESource = float64(*row.PUE), "as recorded"
		}
	}
	one := plan.Scaled(kWh, grid, e.file.PUE)
	one.Inputs = append([]plan.Input{{Name: "run", Value: row.RunID, Source: found.From}}, one.Inputs...)
	one.Notes = assumed
	shown := screen.Estimated{Sum: one, Jobs: []screen.EstimatedJob{{Estimate: one}}, Grid: grid, Hours: hours}
	shown.Regions, err = e.ranked(one, places)
	return shown, err
}

// zoneName is what a recorded zone is called, or its code where the table has no such zone.
func (e *estimating) zoneName(code string) string {
	if p, err := e.table.Place(code); code != "" && err == nil {
		return p.Zone.Name
	}
	return code
}

// gpusOf is how many GPUs a run's energy is of.
func gpusOf(row runs.Row) (n int) {
	var all []runs.Component
	if json.Unmarshal([]byte(row.Components), &all) != nil {
		return 0
	}
	for _, c := range all {
		if c.Kind == energy.GPU {
			n++
		}
	}
	return n
}

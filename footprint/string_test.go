package footprint_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// The first line of a result: the answer, how the run ended where it has not just
// completed, and the energy's bounds.
func TestHeadline(t *testing.T) {
	measured, modelled, half, reached := 1.0, 0.0, 0.5, time.Unix(1, 0)
	base := footprint.Report{
		Status: footprint.Completed, DurationS: 82, MeasuredShare: &measured, ExitCode: new(int),
		Energy: energy.Joules(86400), EnergyLow: energy.Joules(86240), EnergyHigh: new(energy.Joules(86560)),
		Emissions: 7.05, EmissionsLow: 7.04, EmissionsHigh: new(regions.Grams(7.06)), Intensity: footprint.Intensity{PerKWh: 245},
	}
	vm := func(r *footprint.Report) {
		r.MeasuredShare, r.DurationS = &modelled, 19.4
		r.Energy, r.EnergyLow, r.EnergyHigh = energy.Joules(115.4), energy.Joules(55), new(energy.Joules(260))
		r.Emissions, r.EmissionsLow, r.EmissionsHigh = 0.0013, 0.0006, new(regions.Grams(0.0029))
	}
	for name, c := range map[string]struct {
		change func(r *footprint.Report)
		want   string
	}{
		"measured": {func(r *footprint.Report) {}, "7.05 g CO2e from 24.0 Wh in 1m 22s, measured (energy ± 0.2 %)"},
		"modelled": {vm, "1.3 mg CO2e from 120 J in 19.4 s, modelled, energy likely 55 to 260 J"},
		"tiny": {func(r *footprint.Report) {
			vm(r)
			r.DurationS, r.Energy, r.EnergyLow, r.EnergyHigh = 0.00314, energy.Joules(0.0187), 0, new(energy.Joules(0.36))
		}, "1.3 mg CO2e from 19 mJ in 3.14 ms, modelled, energy at most 360 mJ"},
		"in part": {func(r *footprint.Report) { r.MeasuredShare = &half },
			"7.05 g CO2e from 24.0 Wh in 1m 22s, 50 % measured (energy ± 0.2 %)"},
		"unbounded": {func(r *footprint.Report) { r.EnergyHigh, r.EmissionsHigh = nil, nil },
			"7.0 g CO2e from 24 Wh in 1m 22s, measured (energy at least 24.0 Wh)"},
		"no intensity": {func(r *footprint.Report) { r.Intensity, r.Emissions = footprint.Intensity{}, 0 },
			"emissions unknown, 24.0 Wh in 1m 22s, measured (energy ± 0.2 %)"},
		"failed": {func(r *footprint.Report) { vm(r); r.Status, r.ExitCode = footprint.Failed, new(3) },
			"failed (exit 3): 1.3 mg CO2e from 120 J in 19.4 s, modelled, energy likely 55 to 260 J"},
		"killed": {func(r *footprint.Report) {
			vm(r)
			r.Status, r.ExitCode, r.Signal = footprint.Interrupted, new(137), new("KILL")
		}, "killed by SIGKILL: 1.3 mg CO2e from 120 J in 19.4 s, modelled, energy likely 55 to 260 J"},
		"over budget": {func(r *footprint.Report) {
			r.Status, r.ExitCode, r.Signal = footprint.Interrupted, new(143), new("TERM")
			r.Budget = &footprint.Spending{Limit: "20Wh", Action: "stop", TrippedAt: &reached}
			r.Prediction = &footprint.Prediction{AfterEpochs: 5, OfEpochs: 30}
		}, "stopped at the budget of 20 Wh (120 %, 5 of 30 epochs): 7.05 g CO2e from 24.0 Wh in 1m 22s, measured (energy ± 0.2 %)"},
		"warned only": {func(r *footprint.Report) {
			r.Budget = &footprint.Spending{Limit: "20Wh", Action: "warn", TrippedAt: &reached}
		}, "7.05 g CO2e from 24.0 Wh in 1m 22s, measured (energy ± 0.2 %)"},
		"recovered":   {func(r *footprint.Report) { r.Status, r.ExitCode = footprint.Recovered, nil }, "recovered: 7.05 g CO2e from 24.0 Wh in 1m 22s, measured (energy ± 0.2 %)"},
		"interrupted": {func(r *footprint.Report) { r.Status, r.ExitCode = footprint.Interrupted, nil }, "interrupted: 7.05 g CO2e from 24.0 Wh in 1m 22s, measured (energy ± 0.2 %)"},
		"nothing known": {func(r *footprint.Report) {
			*r = footprint.Report{Status: footprint.Failed, ExitCode: new(1), DurationS: 2}
		},
			"failed (exit 1): energy unknown, 2.00 s"},
		"no tick": {func(r *footprint.Report) {
			*r = footprint.Report{DurationS: 0.0012, EnergyHigh: new(61 * energy.Millijoule)}
		}, "energy unknown, 1.20 ms, at most 61.0 mJ"},
	} {
		r := base
		c.change(&r)
		assert.Equal(t, c.want, r.String(), name)
	}
}

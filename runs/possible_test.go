package runs_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/runs"
)

func likely() runs.Row {
	joules := func(n energy.Energy) *energy.Energy { n *= 1e6; return &n }
	number := func(n runs.Number) *runs.Number { return &n }
	at := runs.Stamp{Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	return runs.Row{
		Schema: runs.LedgerSchema, StartedAt: at, EndedAt: at, DurationS: 1, PerKWh: 41, PUE: number(1.1), Water: number(0), IntensityLow: number(40), IntensityHigh: number(42),
		MachineEnergy: 9e6, ProcessEnergy: joules(3), Energy: 9e6, EnergyLow: joules(8), EnergyHigh: joules(10), CPU: joules(9),
		MeasuredShare: number(1), Coverage: 1, Emissions: 9, EmissionsLow: number(8), EmissionsHigh: number(10),
		MarketEmissions: number(0), Embodied: number(1), Epochs: 3, PredictedEnergy: joules(9), PredictedEmissions: number(9),
	}
}

func TestImpossible(t *testing.T) {
	row := likely()
	assert.NoError(t, row.Impossible())
	assert.NoError(t, (&runs.Row{}).Impossible(), "nothing is known of it")
	row.EnergyHigh, row.EmissionsHigh = nil, nil
	assert.NoError(t, row.Impossible(), "nothing bounds it")

	number := func(n runs.Number) *runs.Number { return &n }
	joules := func(n energy.Energy) *energy.Energy { return &n }
	for name, spoil := range map[string]func(*runs.Row){
		"schema":                  func(r *runs.Row) { r.Schema = "carbonctl.ledger/v9" },
		"energy_joules":           func(r *runs.Row) { r.Energy = -1 },
		"machine_energy_joules":   func(r *runs.Row) { r.MachineEnergy = -1 },
		"process_energy_joules":   func(r *runs.Row) { r.ProcessEnergy = joules(-1) },
		"gpu_joules":              func(r *runs.Row) { r.GPU = joules(-1) },
		"predicted_energy_joules": func(r *runs.Row) { r.PredictedEnergy = joules(-1) },
		"energy_low_joules":       func(r *runs.Row) { r.EnergyLow = joules(10e6) },
		"energy_high_joules":      func(r *runs.Row) { r.EnergyHigh = joules(1) },
		"measured_share":          func(r *runs.Row) { r.MeasuredShare = number(7) },
		"coverage":                func(r *runs.Row) { r.Coverage = -0.1 },
		"duration_s":              func(r *runs.Row) { r.DurationS = -5 },
		"pue":                     func(r *runs.Row) { r.PUE = number(0) },
		"g_per_kwh":               func(r *runs.Row) { r.PerKWh = 1e308 },
		"emissions_g":             func(r *runs.Row) { r.Emissions = 1e308 },
		"emissions_low_g":         func(r *runs.Row) { r.EmissionsLow = number(9.1) },
		"emissions_high_g":        func(r *runs.Row) { r.EmissionsHigh = number(runs.Number(math.Inf(1))) },
		"embodied_g":              func(r *runs.Row) { r.Embodied = number(-1) },
		"market_emissions_g":      func(r *runs.Row) { r.MarketEmissions = number(runs.Number(math.NaN())) },
		"started_at":              func(r *runs.Row) { r.StartedAt = runs.Stamp{Time: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)} },
		"components": func(r *runs.Row) {
			r.Components = `[{"kind":"cpu","id":"package-0","basis":"measured","energy_joules":1,"low_joules":-1,"high_joules":2}]`
		},
		"epochs": func(r *runs.Row) { r.Epochs = -1 },
	} {
		row := likely()
		spoil(&row)
		assert.ErrorContains(t, row.Impossible(), name)
	}
}

// No amount of a row is left out.
func TestImpossibleLooksAtEveryAmount(t *testing.T) {
	row := likely()
	v := reflect.ValueOf(&row).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("csv"), ",")
		field := v.Field(i)
		old := reflect.New(field.Type()).Elem()
		old.Set(field)
		switch field.Interface().(type) {
		case energy.Energy:
			field.SetInt(-1)
		case *energy.Energy:
			e := energy.Energy(-1)
			field.Set(reflect.ValueOf(&e))
		case runs.Number:
			field.SetFloat(-1)
		case *runs.Number:
			n := runs.Number(-1)
			field.Set(reflect.ValueOf(&n))
		default:
			continue
		}
		assert.ErrorContains(t, row.Impossible(), name)
		field.Set(old)
	}
	assert.NoError(t, row.Impossible())
}

func TestTogether(t *testing.T) {
	assert.Equal(t, []string{"run_id"}, runs.Together([]string{"run_id"}))
	assert.Equal(t, []string{"emissions_g", "schema", "emissions_low_g", "emissions_g", "emissions_high_g"}, runs.Together([]string{"emissions_g"}))
	assert.Empty(t, runs.Together(nil))
}

package runs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
)

// The largest amounts that one run can have: what is beyond is a slip or a
// forgery. The world emits about 6e16 g of CO2 equivalent a year, and the dirtiest
// grid some 1,500 g per kWh.
const (
	maxGrams   = 1e15
	maxPerKWh  = 1e6
	maxPUE     = 1e3
	maxSeconds = 1e10 // 317 years
	firstYear  = 1970 // clocks that were never set show it
	lastYear   = 2200
)

// Together gives columns with the schema and those that Impossible compares them
// with: who reads a few columns reads these.
func Together(columns []string) []string {
	all := slices.Clone(columns)
	for _, group := range [][]string{
		{"energy_low_joules", "energy_joules", "energy_high_joules"},
		{"emissions_low_g", "emissions_g", "emissions_high_g"},
	} {
		if slices.ContainsFunc(columns, func(c string) bool { return slices.Contains(group, c) }) {
			all = append(append(all, "schema"), group...)
		}
	}
	return all
}

// Impossible returns why no run can have these values: another schema, an amount
// below 0 or beyond all measure, bounds that do not hold what they bound, a share
// that is none. It is nil for a row that may be true, however unlikely; columns
// that were not read do not count.
func (r *Row) Impossible() error {
	if r.Schema != "" && r.Schema != LedgerSchema && r.Schema != SchemaV1 {
		return fmt.Errorf("schema %.40q is neither %s nor %s", r.Schema, LedgerSchema, SchemaV1)
	}
	return cmp.Or(r.times(), r.energies(), r.components(), r.work(), r.factors(), r.grams())
}

func (r *Row) times() error {
	for _, t := range [...]struct {
		name string
		at   Stamp
	}{{"started_at", r.StartedAt}, {"ended_at", r.EndedAt}} {
		if y := t.at.Year(); !t.at.IsZero() && (y < firstYear || y > lastYear) {
			return fmt.Errorf("%s: the year %d is not from %d to %d", t.name, y, firstYear, lastYear)
		}
	}
	if r.Epochs < 0 {
		return fmt.Errorf("epochs: %d is below 0", r.Epochs)
	}
	return between("duration_s", r.DurationS, 0, maxSeconds)
}

func (r *Row) energies() error {
	for _, e := range [...]struct {
		name  string
		value *energy.Energy
	}{
		{"machine_energy_joules", &r.MachineEnergy}, {"process_energy_joules", r.ProcessEnergy},
		{"energy_joules", &r.Energy}, {"energy_low_joules", r.EnergyLow}, {"energy_high_joules", r.EnergyHigh},
		{"cpu_joules", r.CPU}, {"memory_joules", r.Memory}, {"gpu_joules", r.GPU}, {"other_joules", r.Other},
		{"predicted_energy_joules", r.PredictedEnergy},
	} {
		if e.value != nil && *e.value < 0 {
			return fmt.Errorf("%s: %s is below 0", e.name, e.value.Fixed())
		}
	}
	if r.EnergyLow != nil && *r.EnergyLow > r.Energy || r.EnergyHigh != nil && r.Energy > *r.EnergyHigh {
		return errors.New("energy_joules is not between energy_low_joules and energy_high_joules")
	}
	return nil
}

// components looks for amounts below 0, and takes the cell apart only where there
// may be one.
func (r *Row) components() error {
	if !strings.Contains(r.Components, ":-") {
		return nil
	}
	all, err := ParseComponents(r.Components)
	if err != nil {
		return fmt.Errorf("components: %w", err)
	}
	for _, c := range all {
		for _, e := range []*energy.Energy{c.Energy, c.Low, c.High, c.Process} {
			if e != nil && *e < 0 {
				return fmt.Errorf("components: %s: %s J is below 0", c.ID, e.Fixed())
			}
		}
	}
	return nil
}

func (r *Row) factors() error {
	for _, n := range [...]struct {
		name      string
		value     *Number
		low, high Number
	}{
		{"measured_share", r.MeasuredShare, 0, 1}, {"coverage", &r.Coverage, 0, 1},
		{"pue", r.PUE, 1, maxPUE}, {"water_l", r.Water, 0, maxGrams},
		{"g_per_kwh", &r.PerKWh, 0, maxPerKWh}, {"intensity_low", r.IntensityLow, 0, maxPerKWh}, {"intensity_high", r.IntensityHigh, 0, maxPerKWh},
	} {
		if n.value != nil {
			if err := between(n.name, *n.value, n.low, n.high); err != nil {
				return err
			}
		}
	}
	if r.IntensityLow != nil && r.IntensityHigh != nil && *r.IntensityLow > *r.IntensityHigh {
		return errors.New("intensity_low is above intensity_high")
	}
	return nil
}

func (r *Row) grams() error {
	for _, g := range [...]struct {
		name  string
		value *Number
	}{
		{"emissions_g", &r.Emissions}, {"emissions_low_g", r.EmissionsLow}, {"emissions_high_g", r.EmissionsHigh},
		{"market_emissions_g", r.MarketEmissions}, {"embodied_g", r.Embodied}, {"predicted_emissions_g", r.PredictedEmissions},
	} {
		if g.value != nil {
			if err := between(g.name, *g.value, 0, maxGrams); err != nil {
				return err
			}
		}
	}
	const rounding = 1e-9 // parts with factors of their own are added up
	if r.EmissionsLow != nil && *r.EmissionsLow > r.Emissions*(1+rounding) || r.EmissionsHigh != nil && r.Emissions > *r.EmissionsHigh*(1+rounding) {
		return errors.New("emissions_g is not between emissions_low_g and emissions_high_g")
	}
	return nil
}

// between is nil for low <= n <= high, so for no NaN.
func between(name string, n, low, high Number) error {
	if n >= low && n <= high {
		return nil
	}
	return fmt.Errorf("%s: %v is not from %v to %v", name, float64(n), float64(low), float64(high))
}

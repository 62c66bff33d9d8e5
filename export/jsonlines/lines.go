package jsonlines

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// record is a nested line: what is not of its event is left out.
type record struct {
	At      time.Time           `json:"time"`
	Message string              `json:"message"`
	Event   footprint.EventKind `json:"event"`
	Schema  string              `json:"schema,omitempty"`
	RunID   string              `json:"run_id"`
	Project string              `json:"project,omitempty"`
	Labels  map[string]string   `json:"labels,omitempty"`
	Zone    string              `json:"zone,omitempty"`
	SoFar   *footprint.SoFar    `json:"so_far,omitempty"`

	OfEpochs   int                   `json:"of_epochs,omitempty"`
	Epoch      *footprint.Epoch      `json:"epoch,omitempty"`
	Task       *footprint.Task       `json:"task,omitempty"`
	Prediction *footprint.Prediction `json:"prediction,omitempty"`
	Budget     *footprint.Spending   `json:"budget,omitempty"`

	Status    footprint.Status `json:"status,omitempty"`
	ExitCode  *int             `json:"exit_code,omitempty"`
	Signal    *string          `json:"signal,omitempty"`
	CountedBy *string          `json:"counted_by,omitempty"` // a run whose energy this one's is in
	Totals    *totals          `json:"totals,omitempty"`
	Work      []footprint.Work `json:"work,omitempty"`
}

// totals are those of a run that has ended. What is unknown is null.
type totals struct {
	DurationS     float64          `json:"duration_s"`
	Energy        *energy.Energy   `json:"energy_joules"`
	Low           *energy.Energy   `json:"energy_low_joules"`
	High          *energy.Energy   `json:"energy_high_joules"`
	Emissions     *regions.Grams   `json:"emissions_g"`
	EmissionsLow  *regions.Grams   `json:"emissions_low_g"`
	EmissionsHigh *regions.Grams   `json:"emissions_high_g"`
	MeasuredShare *float64         `json:"measured_share"`
	Coverage      float64          `json:"coverage"`
	Charge        footprint.Charge `json:"charge"`
	PerKWh        *regions.Grams   `json:"g_per_kwh"`
	Source        string           `json:"intensity_source"`
	Scope         regions.Scope    `json:"intensity_scope"`
	Components    []component      `json:"components"`
}

type component struct {
	Kind    energy.Kind    `json:"kind"`
	ID      string         `json:"id"`
	Basis   energy.Basis   `json:"basis"`
	Energy  *energy.Energy `json:"energy_joules"`
	Charged *energy.Energy `json:"charged_energy_joules"`
	// Emissions are the part of the totals' that Charged has caused.
	Emissions *regions.Grams `json:"emissions_g"`
}

func nested(e footprint.Event) record {
	return record{
		At: e.At, Message: message(e), Event: e.Event, Schema: e.Schema, RunID: e.RunID, SoFar: &e.SoFar,
		Project: e.Project, Labels: e.Labels, Zone: e.Zone, OfEpochs: e.OfEpochs,
		Epoch: e.Epoch, Task: e.Task, Prediction: e.Prediction, Budget: e.Budget,
	}
}

// message is one line for people.
func message(e footprint.Event) string {
	switch {
	case e.Epoch != nil:
		return epochText(*e.Epoch)
	case e.Task != nil:
		return fmt.Sprintf("task %s: %s, %s CO2e", e.Task.Name, e.Task.Energy.Short(), e.Task.Emissions)
	case e.Text != "":
		return e.Text
	}
	return "carbonctl: " + string(e.Event)
}

func epochText(e footprint.Epoch) string {
	return fmt.Sprintf("epoch %d: %s, %s CO2e", e.Index, e.Energy.Short(), e.Emissions)
}

func nestedEnd(r footprint.Report) record {
	t := totals{
		DurationS: r.DurationS, MeasuredShare: r.MeasuredShare, Coverage: r.Coverage, Charge: r.Charge,
		Source: r.Intensity.Source, Scope: r.Intensity.Scope, Components: []component{},
	}
	if r.Known() {
		t.Energy, t.Low, t.High = &r.Energy, &r.EnergyLow, r.EnergyHigh
		t.Emissions, t.EmissionsLow, t.EmissionsHigh = &r.Emissions, &r.EmissionsLow, r.EmissionsHigh
	}
	if r.Intensity.Source != "" || r.Intensity.PerKWh != 0 {
		t.PerKWh = &r.Intensity.PerKWh
	}
	for _, c := range r.Components {
		one := component{Kind: c.Kind, ID: c.ID, Basis: c.Basis, Energy: c.Energy, Emissions: c.Emissions}
		if c.Energy != nil {
			one.Charged = &c.Charged
		}
		t.Components = append(t.Components, one)
	}
	return record{
		At: r.EndedAt, Message: r.String(), Event: footprint.EventEnd, RunID: r.RunID, Project: r.Project, Labels: r.Labels,
		Zone: r.Region.Zone, Status: r.Status, ExitCode: r.ExitCode, Signal: r.Signal, CountedBy: r.CountedBy, Totals: &t, Work: r.Work,
	}
}

// flat is a line of numbers.
type flat struct {
	Epoch     int            `json:"epoch"`
	EnergyWh  *float64       `json:"energy_wh,omitempty"`
	Energy    *energy.Energy `json:"energy_joules,omitempty"`
	Emissions *regions.Grams `json:"emissions_g,omitempty"`
	DurationS float64        `json:"duration_s"`
	PowerW    *float64       `json:"power_w,omitempty"`

	results map[string]float64 // that the program told, by names which are not ours
}

// MarshalJSON adds the results of the epoch.
func (f flat) MarshalJSON() ([]byte, error) {
	type plain flat
	return withMore(plain(f), f.results)
}

func flatEpoch(e footprint.Epoch) flat {
	f := flat{Epoch: e.Index, DurationS: e.DurationS}
	if e.Coverage > 0 || e.Energy != 0 {
		wh := wattHours(e.Energy)
		f.EnergyWh, f.Energy, f.Emissions = &wh, &e.Energy, &e.Emissions
		if e.DurationS > 0 {
			w := e.Energy.Joules() / e.DurationS
			f.PowerW = &w
		}
	}
	f.results = maps.Clone(e.Metrics)
	for _, ours := range []string{"epoch", "energy_wh", "energy_joules", "emissions_g", "duration_s", "power_w"} {
		delete(f.results, ours)
	}
	return f
}

// total is the last flat line.
type total struct {
	EnergyWh      *float64         `json:"total_energy_wh,omitempty"`
	Energy        *energy.Energy   `json:"total_energy_joules,omitempty"`
	Low           *energy.Energy   `json:"total_energy_low_joules,omitempty"`
	High          *energy.Energy   `json:"total_energy_high_joules,omitempty"`
	Emissions     *regions.Grams   `json:"total_emissions_g,omitempty"`
	DurationS     float64          `json:"total_duration_s"`
	MeasuredShare *float64         `json:"measured_share,omitempty"`
	Coverage      float64          `json:"coverage"`
	Status        footprint.Status `json:"status"`
	ExitCode      *int             `json:"exit_code,omitempty"`
	RunID         string           `json:"run_id"`
	CountedBy     *string          `json:"counted_by,omitempty"`

	work map[string]float64
}

// MarshalJSON adds the work.
func (t total) MarshalJSON() ([]byte, error) {
	type plain total
	return withMore(plain(t), t.work)
}

func flatEnd(r footprint.Report) total {
	t := total{
		DurationS: r.DurationS, MeasuredShare: r.MeasuredShare, Coverage: r.Coverage,
		Status: r.Status, ExitCode: r.ExitCode, RunID: r.RunID, CountedBy: r.CountedBy,
	}
	if r.Known() {
		wh := wattHours(r.Energy)
		t.EnergyWh, t.Energy, t.Low, t.High, t.Emissions = &wh, &r.Energy, &r.EnergyLow, r.EnergyHigh, &r.Emissions
	}
	t.work = map[string]float64{}
	for _, w := range r.Counted() {
		t.work["work_"+w.Unit] = w.Count
		for name, v := range map[string]*float64{"energy_joules_per_": w.Energy, "emissions_g_per_": w.Emissions, "cost_per_": w.Cost} {
			if v != nil {
				t.work[name+w.Unit] = *v
			}
		}
	}
	return t
}

// withMore is an object of fixed members, and of more by their names.
func withMore(fixed any, more map[string]float64) ([]byte, error) {
	b, err := json.Marshal(fixed)
	if err != nil || len(more) == 0 {
		return b, err
	}
	rest, err := json.Marshal(more)
	return append(append(b[:len(b)-1], ','), rest[1:]...), err
}

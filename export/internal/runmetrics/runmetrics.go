// Package runmetrics gives the report of a run as metrics. Their names, labels and help
// are a contract, which docs/metrics.md holds: they are the same at /metrics, in a
// textfile, at a Pushgateway and from the collector of the official client.
package runmetrics

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/exposition"
)

// Bounds of what a user's own labels can make of one run.
const (
	maxLabels = 16  // of a run, by their names
	maxValue  = 128 // characters of a value
)

// Of gives the families of a run, in the order of [All]. A value that is not known has
// no series, and a run that has yet to begin none at all.
func Of(r footprint.Report) []exposition.Family {
	all := All()
	add := func(name string, v float64, labels ...exposition.Label) {
		i := slices.IndexFunc(all, func(f exposition.Family) bool { return f.Name == name })
		all[i].Samples = append(all[i].Samples, exposition.Sample{Labels: labels, Value: v})
	}
	if r.StartedAt.IsZero() {
		return all // nothing was read yet
	}
	scope := exposition.Label{Name: "scope", Value: string(r.Intensity.Scope)}
	for _, l := range r.Components {
		component := []exposition.Label{{Name: "component", Value: string(l.Kind)}, {Name: "device", Value: l.ID}, {Name: "basis", Value: string(l.Basis)}}
		if l.Energy != nil && l.Counted() {
			add("carbonctl_energy_joules", l.Charged.Joules(), component...)
		}
		if l.Emissions != nil {
			add("carbonctl_emissions_grams", float64(*l.Emissions), append(component[:3:3], scope)...)
		}
		add("carbonctl_component_up", up(l), component...)
		add("carbonctl_component", 1, append(component[:3:3], exposition.Label{Name: "name", Value: cut(l.Name)}, exposition.Label{Name: "source", Value: l.Source})...)
	}
	add("carbonctl_energy_low_joules", r.EnergyLow.Joules())
	add("carbonctl_energy_high_joules", high(r.EnergyHigh, energy.Energy.Joules))
	if known := len(r.Intensity.Parts) > 0 || r.Intensity.PerKWh > 0; known {
		add("carbonctl_emissions_low_grams", float64(r.EmissionsLow), scope)
		add("carbonctl_emissions_high_grams", high(r.EmissionsHigh, number), scope)
		add("carbonctl_factor_grams_per_kwh", float64(r.Intensity.PerKWh), scope)
		add("carbonctl_factor", 1, factor(r)...)
		if p := r.Prediction; p != nil {
			add("carbonctl_predicted_emissions_grams", float64(p.Emissions.Expected), scope)
		}
	}
	if p := r.Prediction; p != nil {
		add("carbonctl_predicted_energy_joules", p.Energy.Expected.Joules())
	}
	add("carbonctl_pue_ratio", r.PUE.Value)
	add("carbonctl_coverage_ratio", r.Coverage)
	add("carbonctl_run_seconds", r.DurationS)
	add("carbonctl_run_start_time_seconds", unix(r.StartedAt))
	if r.Status != footprint.Running {
		add("carbonctl_run_end_time_seconds", unix(r.EndedAt))
	}
	add("carbonctl_run_status", 1, exposition.Label{Name: "status", Value: string(r.Status)})
	for _, w := range r.Work {
		add("carbonctl_work", w.Count, exposition.Label{Name: "unit", Value: cut(w.Unit)}, exposition.Label{Name: "how", Value: string(w.How)}, exposition.Label{Name: "source", Value: cut(w.Source)})
	}
	codes := map[string]int{}
	for _, w := range r.Warnings {
		codes[w.Code] += max(w.Count, 1)
	}
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		add("carbonctl_run_warnings", float64(codes[code]), exposition.Label{Name: "code", Value: code})
	}
	add("carbonctl_run", 1, run(r)...)
	add("carbonctl_build", 1, exposition.Label{Name: "version", Value: r.Versions.Tool}, exposition.Label{Name: "data", Value: r.Versions.Data})
	return all
}

// All are the families of a run, without samples.
func All() []exposition.Family {
	return []exposition.Family{
		{Name: "carbonctl_energy_joules", Kind: exposition.Counter, Unit: "joules", Help: "Energy that the run is charged with."},
		{Name: "carbonctl_energy_low_joules", Kind: exposition.Gauge, Unit: "joules", Help: "The least that the energy of the run can have been."},
		{Name: "carbonctl_energy_high_joules", Kind: exposition.Gauge, Unit: "joules", Help: "The most that the energy of the run can have been."},
		{Name: "carbonctl_emissions_grams", Kind: exposition.Counter, Unit: "grams", Help: "Emissions of the run in CO2 equivalent, by the scope of their factor."},
		{Name: "carbonctl_emissions_low_grams", Kind: exposition.Gauge, Unit: "grams", Help: "The least that the emissions of the run can have been, by the energy."},
		{Name: "carbonctl_emissions_high_grams", Kind: exposition.Gauge, Unit: "grams", Help: "The most that the emissions of the run can have been, by the energy."},
		{Name: "carbonctl_predicted_energy_joules", Kind: exposition.Gauge, Unit: "joules", Help: "Energy that the whole run is expected to take."},
		{Name: "carbonctl_predicted_emissions_grams", Kind: exposition.Gauge, Unit: "grams", Help: "Emissions that the whole run is expected to cause."},
		{Name: "carbonctl_component_up", Kind: exposition.Gauge, Help: "1 where the component is read or modelled, 0 where its meter is lost."},
		{Name: "carbonctl_component", Kind: exposition.Info, Help: "What the component is."},
		{Name: "carbonctl_factor_grams_per_kwh", Kind: exposition.Gauge, Help: "Carbon intensity of the run, the mean weighted by energy."},
		{Name: "carbonctl_factor", Kind: exposition.Info, Help: "Where the carbon intensity is from."},
		{Name: "carbonctl_pue_ratio", Kind: exposition.Gauge, Unit: "ratio", Help: "Energy of the building over that of its computers, which the emissions hold and the energy does not."},
		{Name: "carbonctl_coverage_ratio", Kind: exposition.Gauge, Unit: "ratio", Help: "Part of the run's time for which its components were measured or modelled."},
		{Name: "carbonctl_run_seconds", Kind: exposition.Counter, Unit: "seconds", Help: "Time since the first reading of the run."},
		{Name: "carbonctl_run_start_time_seconds", Kind: exposition.Gauge, Unit: "seconds", Help: "When the run began, since the Unix epoch."},
		{Name: "carbonctl_run_end_time_seconds", Kind: exposition.Gauge, Unit: "seconds", Help: "When the run ended, since the Unix epoch."},
		{Name: "carbonctl_run_status", Kind: exposition.Gauge, Help: "1 for the status that the run has."},
		{Name: "carbonctl_work", Kind: exposition.Counter, Help: "Work that the run has done, by its unit."},
		{Name: "carbonctl_run_warnings", Kind: exposition.Gauge, Help: "Warnings in the report of the run."},
		{Name: "carbonctl_run", Kind: exposition.Info, Help: "Which run this is."},
		{Name: "carbonctl_build", Kind: exposition.Info, Help: "Versions of carbonctl and its tables."},
	}
}

// Names gives the names of the labels of a family, as a run with these labels of the
// user's own has them.
func Names(family string, own map[string]string) []string {
	component := []string{"component", "device", "basis"}
	switch family {
	case "carbonctl_energy_joules", "carbonctl_component_up":
		return component
	case "carbonctl_component":
		return append(component, "name", "source")
	case "carbonctl_emissions_grams":
		return append(component, "scope")
	case "carbonctl_emissions_low_grams", "carbonctl_emissions_high_grams", "carbonctl_predicted_emissions_grams", "carbonctl_factor_grams_per_kwh":
		return []string{"scope"}
	case "carbonctl_factor":
		return names(factor(footprint.Report{}))
	case "carbonctl_work":
		return []string{"unit", "how", "source"}
	case "carbonctl_run_status":
		return []string{"status"}
	case "carbonctl_run_warnings":
		return []string{"code"}
	case "carbonctl_run":
		return names(run(footprint.Report{Labels: own}))
	case "carbonctl_build":
		return []string{"version", "data"}
	}
	return nil
}

func names(labels []exposition.Label) (all []string) {
	for _, l := range labels {
		all = append(all, l.Name)
	}
	return all
}

// up tells whether a line goes on being counted.
func up(l footprint.Line) float64 {
	if l.Energy == nil || l.Status != energy.OK.String() && l.Status != "partial" {
		return 0
	}
	return 1
}

func factor(r footprint.Report) []exposition.Label {
	in, year := r.Intensity, ""
	if in.Year != nil {
		year = strconv.Itoa(*in.Year)
	}
	return []exposition.Label{
		{Name: "zone", Value: r.Region.Zone}, {Name: "scope", Value: string(in.Scope)}, {Name: "kind", Value: string(in.Kind)},
		{Name: "year", Value: year}, {Name: "source", Value: cut(in.Source)},
	}
}

// run is what a run is known by. Nothing of it changes as the run goes on.
func run(r footprint.Report) []exposition.Label {
	all := []exposition.Label{
		{Name: "run_id", Value: r.RunID}, {Name: "project", Value: cut(r.Project)}, {Name: "host", Value: cut(r.Host.Name)}, {Name: "machine", Value: r.Host.Machine},
		{Name: "zone", Value: r.Region.Zone}, {Name: "charge", Value: string(cmp.Or(r.Charge, footprint.ChargeMachine))}, {Name: "job_id", Value: ""}, {Name: "counted_by", Value: ""},
	}
	if r.Job != nil {
		all[6].Value = cut(r.Job.ID)
	}
	if r.CountedBy != nil {
		all[7].Value = *r.CountedBy
	}
	var taken []string
	for i, k := range slices.Sorted(maps.Keys(r.Labels)) {
		name := "label_" + exposition.Name(k)
		if i == maxLabels {
			break
		}
		if slices.Contains(taken, name) {
			continue // the first by its name is meant
		}
		taken = append(taken, name)
		all = append(all, exposition.Label{Name: name, Value: cut(r.Labels[k])})
	}
	return all
}

// cut bounds the value of a label.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if n := 0; len(s) > maxValue {
		for i := range s {
			if n++; n > maxValue {
				return s[:i]
			}
		}
	}
	return s
}

// high is an upper bound, +Inf where there is none.
func high[T any](v *T, of func(T) float64) float64 {
	if v == nil {
		return math.Inf(1)
	}
	return of(*v)
}

func number[T ~float64](v T) float64 { return float64(v) }

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

package mlflow

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/export/internal/sent"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
)

// metric is a value at a step. Value is an exact number of the report.
type metric struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
	At    int64  `json:"timestamp"` // milliseconds
	Step  int64  `json:"step"`
}

type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// An entry is a metric or a tag, and what is taken with it.
type entry struct {
	Metric *metric `json:"metric,omitempty"`
	Tag    *tag    `json:"tag,omitempty"`

	epoch *footprint.Epoch
	power string        // the component's key, "" if it is none
	until time.Duration // of that
}

// taken is what the server has taken of a run. The zero value is nothing.
type taken struct {
	epochs sent.Epochs
	power  map[string]time.Duration // until when, by component
}

func (s *taken) add(list []entry) {
	if s.power == nil {
		s.power = map[string]time.Duration{}
	}
	for _, e := range list {
		if e.epoch != nil {
			s.epochs.Take(*e.epoch)
		}
		if e.power != "" {
			s.power[e.power] = e.until
		}
	}
}

// entries are the metrics that the report has and the server has not: epochs, power, and
// the totals so far.
func (s *taken) entries(r footprint.Report, ended bool) (list []entry) {
	for _, e := range r.Epochs {
		if !s.epochs.Lacks(e, !ended) {
			continue
		}
		at := e.StartedAt.Add(lasting(e.DurationS))
		add := func(name string, v any) {
			list = append(list, newMetric("carbonctl/epoch/"+name, v, at, int64(e.Index)))
		}
		if r.Known() {
			add("energy_joules", e.Energy)
			add("emissions_g", e.Emissions)
			if e.DurationS > 0 {
				add("power_watts", e.Energy.Joules()/e.DurationS)
			}
		}
		names := map[string]bool{"energy_joules": true, "emissions_g": true, "power_watts": true, "duration_s": true}
		for _, name := range slices.Sorted(maps.Keys(e.Metrics)) {
			add(unique(names, name, "told"), e.Metrics[name])
		}
		add("duration_s", e.DurationS)
		list[len(list)-1].epoch = &e // who has the last has all
	}
	names := map[string]bool{}
	for _, p := range r.Power {
		list = append(list, s.power1(r, p, unique(names, p.Component, string(p.Basis)), ended)...)
	}
	return append(list, totals(r)...)
}

// power1 is the power of a component in the steps that are over.
func (s *taken) power1(r footprint.Report, p footprint.Power, name string, ended bool) (list []entry) {
	for i, w := range p.Mean {
		from := lasting(p.StartS + float64(i)*p.StepS)
		until := from + lasting(p.StepS)
		if until <= s.power[name] || !ended && until > lasting(r.DurationS) {
			continue
		}
		e := newMetric("carbonctl/power_watts/"+name, w, r.StartedAt.Add(from), int64(from/time.Second))
		e.power, e.until = name, until
		list = append(list, e)
	}
	return list
}

func totals(r footprint.Report) (list []entry) {
	step := int64(r.DurationS)
	add := func(name string, v any) {
		list = append(list, newMetric("carbonctl/"+name, v, r.EndedAt, step))
	}
	joules := func(name string, e *energy.Energy) {
		if e != nil {
			add(name, *e)
		}
	}
	if r.Known() {
		add("energy_joules", r.Energy)
		add("energy_low_joules", r.EnergyLow)
		joules("energy_high_joules", r.EnergyHigh)
		add("machine_energy_joules", r.MachineEnergy)
		joules("process_energy_joules", r.ProcessEnergy)
		add("emissions_g", r.Emissions)
		add("emissions_low_g", r.EmissionsLow)
		if r.EmissionsHigh != nil {
			add("emissions_high_g", *r.EmissionsHigh)
		}
	}
	if r.MeasuredShare != nil {
		add("measured_share", *r.MeasuredShare)
	}
	add("coverage", r.Coverage)
	add("duration_s", r.DurationS)
	if r.Intensity.Source != "" || r.Intensity.PerKWh != 0 {
		add("intensity_g_per_kwh", r.Intensity.PerKWh)
	}
	for _, w := range r.Counted() {
		add("work/"+w.Unit, w.Count)
		known := func(name string, v *float64) {
			if v != nil {
				add(name+w.Unit, *v)
			}
		}
		known("energy_joules_per/", w.Energy)
		known("emissions_g_per/", w.Emissions)
		known("cost_per/", w.Cost)
	}
	names := map[string]bool{}
	for _, c := range r.Components {
		joules("component_energy_joules/"+unique(names, c.ID, string(c.Basis)), c.Energy)
	}
	return list
}

func newMetric(key string, v any, at time.Time, step int64) entry {
	return entry{Metric: &metric{cut(key, maxKey), v, max(at.UnixMilli(), 0), step}}
}

// tags say where the numbers come from.
func tags(r footprint.Report) (list []entry) {
	add := func(key, value string) {
		if value != "" {
			list = append(list, entry{Tag: &tag{cut("carbonctl."+key, maxKey), cut(strings.ToValidUTF8(value, ""), maxValue)}})
		}
	}
	add("run_id", r.RunID)
	add("status", string(r.Status))
	if r.ExitCode != nil {
		add("exit_code", fmt.Sprint(*r.ExitCode))
	}
	add("headline", r.String())
	if r.CountedBy != nil { // sums must leave it out
		add("counted_by", *r.CountedBy)
	}
	add("project", r.Project)
	add("host", r.Host.Name)
	add("zone", r.Region.Zone)
	add("zone_from", r.Region.How)
	add("intensity_source", r.Intensity.Source)
	add("intensity_kind", string(r.Intensity.Kind))
	add("intensity_scope", string(r.Intensity.Scope))
	if r.Intensity.Year != nil {
		add("intensity_year", fmt.Sprint(*r.Intensity.Year))
	}
	add("pue", fmt.Sprintf("%g, %s", r.PUE.Value, r.PUE.Source))
	add("charge", string(r.Charge))
	add("energy_basis", basis(r))
	var codes []string
	for _, w := range r.Warnings {
		if !slices.Contains(codes, w.Code) {
			codes = append(codes, w.Code)
		}
	}
	add("warnings", strings.Join(codes, ", "))
	add("tool_version", r.Versions.Tool)
	add("data_version", r.Versions.Data)
	add("revision", r.Revision)
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		add("label."+sanitize(k), r.Labels[k])
	}
	return list
}

// basis says whether the energy was measured or modelled.
func basis(r footprint.Report) string {
	switch {
	case !r.Known():
		return "unknown"
	case r.MeasuredShare == nil || *r.MeasuredShare <= 0:
		return string(energy.Modelled)
	case *r.MeasuredShare >= 1:
		return string(energy.Measured)
	}
	return fmt.Sprintf("mixed: %g of it measured", *r.MeasuredShare)
}

// sanitize makes text a part of a name that MLflow takes.
func sanitize(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_', r == '-', r == '.', r == ' ':
			return r
		}
		return '_'
	}, s)
	if s = cut(strings.Trim(s, " "), 200); strings.Trim(s, ".") == "" {
		return "_" + s
	}
	return s
}

// unique names a component, by its basis too where a model follows a counter.
func unique(taken map[string]bool, id, basis string) string {
	name := sanitize(id)
	if taken[name] {
		name += "_" + sanitize(basis)
	}
	taken[name] = true
	return name
}

// pageOf is the run as a page that needs no other file.
func pageOf(r footprint.Report) ([]byte, error) {
	var b bytes.Buffer
	err := page.Run{Run: report.Run{Report: r}}.Advised(regions.Builtin()).HTML(&b)
	return b.Bytes(), err
}

// note is what the run's page in MLflow shows: a table, or one line where that is too long.
func note(r footprint.Report) string {
	var b bytes.Buffer
	if err := (report.Run{Report: r}).Write(&b, "markdown"); err != nil || len(b.Bytes()) > maxValue {
		return cut(r.String(), maxValue)
	}
	return b.String()
}

func lasting(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

package influx

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/export/internal/sent"
	"github.com/carbonctl/carbonctl/footprint"
)

// taken is what the database has taken of a run. The zero value is nothing.
type taken struct {
	epochs sent.Epochs
	power  map[string]time.Time // until when, by component
	ended  bool                 // the final totals
}

// An item is a line, and what is taken with it.
type item struct {
	line  []byte
	epoch *footprint.Epoch
	power string    // the component's key, "" if it is none
	until time.Time // of that
	ended bool      // it is the final total of the run
}

// add notes that the database has a batch.
func (s *taken) add(batch []item) {
	if s.power == nil {
		s.power = map[string]time.Time{}
	}
	for _, it := range batch {
		if it.epoch != nil {
			s.epochs.Take(*it.epoch)
		}
		if it.power != "" {
			s.power[it.power] = it.until
		}
		s.ended = s.ended || it.ended
	}
}

// lines are all that the report has and the database has not, totals last: who sees those
// of a run that has ended has all of it.
func (s *taken) lines(r footprint.Report) (all []item) {
	ended := r.Status != footprint.Running
	if r.StartedAt.IsZero() || s.ended && ended {
		return nil
	}
	run := []pair{{"run_id", r.RunID}, {"host", r.Host.Name}, {"project", r.Project}, {"zone", r.Region.Zone}}
	if r.CountedBy != nil { // sums must leave it out
		run = append(run, pair{"counted_by", *r.CountedBy})
	}
	for k, v := range r.Labels {
		run = append(run, pair{"label_" + k, v})
	}
	with := func(more ...pair) []pair { return tags(append(slices.Clone(run), more...)...) }
	add := func(it item) {
		if it.line != nil {
			all = append(all, it)
		}
	}
	s.epochLines(r, tags(run...), add)
	for _, p := range r.Power {
		s.powerLines(r, p, with(pair{"component", p.Component}, pair{"kind", string(p.Kind)}, pair{"basis", string(p.Basis)}), add)
	}
	for _, c := range r.Components {
		var f fields
		f.joules("energy_joules", c.Energy)
		f.joules("energy_low_joules", c.Low)
		f.joules("energy_high_joules", c.High)
		f.joules("process_energy_joules", c.ProcessEnergy)
		if c.Energy != nil {
			f.joules("charged_energy_joules", &c.Charged)
		}
		if c.Emissions != nil {
			f.float("emissions_g", float64(*c.Emissions))
		}
		f.float("coverage", c.Coverage)
		t := with(pair{"component", c.ID}, pair{"kind", string(c.Kind)}, pair{"basis", string(c.Basis)})
		add(item{line: line("carbonctl_component", t, f, r.EndedAt)})
	}
	for _, w := range r.Work {
		add(item{line: line("carbonctl_work", with(pair{"unit", w.Unit}, pair{"how", string(w.How)}), workOf(w), r.EndedAt)})
	}
	add(item{line: line("carbonctl", tags(run...), totals(r, ended), r.EndedAt), ended: ended})
	return all
}

func workOf(w footprint.Work) (f fields) {
	f.float("count", w.Count)
	f.float("count_low", w.Low)
	f.known("count_high", w.High)
	f.float("aborted", w.Aborted)
	f.known("energy_joules_per_unit", w.Energy)
	f.known("energy_low_joules_per_unit", w.EnergyLow)
	f.known("energy_high_joules_per_unit", w.EnergyHigh)
	f.known("emissions_g_per_unit", w.Emissions)
	f.known("emissions_low_g_per_unit", w.EmissionsLow)
	f.known("emissions_high_g_per_unit", w.EmissionsHigh)
	f.known("cost_per_unit", w.Cost)
	return f
}

func totals(r footprint.Report, ended bool) (f fields) {
	if r.Known() {
		f.joules("energy_joules", &r.Energy)
		f.joules("energy_low_joules", &r.EnergyLow)
		f.joules("energy_high_joules", r.EnergyHigh)
		f.joules("machine_energy_joules", &r.MachineEnergy)
		f.joules("process_energy_joules", r.ProcessEnergy)
		f.float("emissions_g", float64(r.Emissions))
		f.float("emissions_low_g", float64(r.EmissionsLow))
		if r.EmissionsHigh != nil {
			f.float("emissions_high_g", float64(*r.EmissionsHigh))
		}
	}
	if r.MeasuredShare != nil {
		f.float("measured_share", *r.MeasuredShare)
	}
	f.float("duration_s", r.DurationS)
	f.float("coverage", r.Coverage)
	f.float("pue", r.PUE.Value)
	if r.Intensity.Source != "" || r.Intensity.PerKWh != 0 {
		f.float("intensity_g_per_kwh", float64(r.Intensity.PerKWh))
	}
	f.float("epochs", float64(r.EpochCount()))
	f.float("ended", map[bool]float64{true: 1}[ended])
	if r.ExitCode != nil {
		f.float("exit_code", float64(*r.ExitCode))
	}
	return f
}

// epochLines gives each epoch that has ended. Two that end at one time would be one point:
// the later one stands a nanosecond after it.
func (s *taken) epochLines(r footprint.Report, run []pair, add func(item)) {
	seen := map[int64]bool{}
	for _, e := range r.Epochs {
		at := e.StartedAt.Add(time.Duration(e.DurationS * float64(time.Second)))
		for seen[at.UnixNano()] {
			at = at.Add(1)
		}
		seen[at.UnixNano()] = true
		if !s.epochs.Lacks(e, r.Status == footprint.Running) {
			continue
		}
		var f fields
		f.float("epoch", float64(e.Index))
		f.float("duration_s", e.DurationS)
		if r.Known() {
			f.joules("energy_joules", &e.Energy)
			f.joules("energy_low_joules", &e.EnergyLow)
			f.joules("energy_high_joules", e.EnergyHigh)
			f.float("emissions_g", float64(e.Emissions))
		}
		f.float("coverage", e.Coverage)
		for _, name := range slices.Sorted(maps.Keys(e.Metrics)) {
			f.float(escape("metric_"+name), e.Metrics[name])
		}
		add(item{line: line("carbonctl_epoch", run, f, at), epoch: &e})
	}
}

// powerLines gives the steps that are over. Steps become longer as a run does: what was
// taken as shorter ones is not sent again, but where a longer one goes on from it.
func (s *taken) powerLines(r footprint.Report, p footprint.Power, component []pair, add func(item)) {
	key := fmt.Sprint(p.Component, " ", p.Kind, " ", p.Basis)
	for i, mean := range p.Mean {
		start := r.StartedAt.Add(time.Duration((p.StartS + float64(i)*p.StepS) * float64(time.Second)))
		end := start.Add(time.Duration(p.StepS * float64(time.Second)))
		if !end.After(s.power[key]) || end.After(r.EndedAt) && r.Status == footprint.Running {
			continue
		}
		var f fields
		f.watts("mean_watts", mean)
		if i < len(p.Low) && i < len(p.High) {
			f.watts("low_watts", p.Low[i])
			f.watts("high_watts", p.High[i])
		}
		add(item{line: line("carbonctl_power", component, f, start), power: key, until: end})
	}
}

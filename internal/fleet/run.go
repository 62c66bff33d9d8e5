package fleet

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// A run is what a store says of one.
type run struct {
	id     string
	way    string            // by which it came, and the ID
	labels map[string]string // of carbonctl_run_info
	chunk  int               // in which it was there last
	before bool              // it began before the range
	mixed  bool              // another went on at once on its target

	start, end  float64          // Unix seconds, 0: not known
	length      float64          // seconds that it had gone on for at the last scrape
	first, last float64          // it was seen up to first at the latest, and from last on
	scope       regions.Scope    // of the next run's factor
	outcome     footprint.Status // "" while it runs; seen last at
	outcomeAt   float64
	low, high   *float64 // joules, at the last scrape
	pue         float64
	perKWh      float64
	factor      map[string]string

	joules map[part]float64
	grams  map[string]float64 // by scope
}

// A part is a component; scope is that of its emissions.
type part struct{ component, device, basis, scope string }

func partOf(labels map[string]string) part {
	return part{field(labels, "component"), field(labels, "device"), field(labels, "basis"), field(labels, "scope")}
}

func newRun(labels map[string]string) *run {
	id := field(labels, "run_id")
	return &run{id: id, labels: labels, start: startOf(id), joules: map[part]float64{}, grams: map[string]float64{}}
}

// wayOf is what tells the ways apart by which a store may have one run, such as scrapes and
// a textfile: the labels of the target.
func wayOf(labels map[string]string) string {
	target := maps.Clone(labels)
	maps.DeleteFunc(target, func(name, _ string) bool {
		name = strings.TrimPrefix(name, "exported_")
		return slices.Contains(ofInfo, name) || strings.HasPrefix(name, "label_")
	})
	return key("", target)
}

var ofInfo = []string{"run_id", "project", "host", "machine", "zone", "charge", "job_id", "counted_by"}

// tellsMore reports whether a run is to be taken as it came by this way, not the other: where
// nothing else is mixed with it, its end was seen, or more of it.
func (r *run) tellsMore(o *run) bool {
	switch {
	case r.mixed != o.mixed:
		return o.mixed
	case r.before != o.before:
		return o.before
	case r.ended() != o.ended():
		return r.ended()
	case r.total() != o.total():
		return r.total() > o.total()
	}
	return r.way < o.way
}

// startOf is when a run began by its ID, a UUID of version 7, in Unix seconds; 0 if it is
// none. Of runs that follow each other within a step the store tells only the latest's.
func startOf(id string) float64 {
	u, err := uuid.Parse(id)
	if err != nil || u.Version() != 7 {
		return 0
	}
	s, ns := u.Time().UnixTime()
	return float64(s) + float64(ns)/1e9
}

// saw takes the step in which the run was first there, and when the last of them began.
func (r *run) saw(first, last float64) {
	if r.first == 0 || first < r.first {
		r.first = first
	}
	r.last = max(r.last, last)
}

// learn takes a value of a gauge. Each status is a series of its own.
func (r *run) learn(s series, p point) {
	v := p.value
	switch s.name {
	case startName:
		r.start = v
	case "carbonctl_run_seconds_total":
		r.length = v
	case "carbonctl_run_end_time_seconds":
		r.end = v
	case "carbonctl_run_status":
		if status := footprint.Status(field(s.labels, "status")); status != footprint.Running && p.at >= r.outcomeAt {
			r.outcome, r.outcomeAt = status, p.at
		}
	case "carbonctl_energy_low_joules":
		r.low = &v
	case "carbonctl_energy_high_joules":
		r.high = &v
	case "carbonctl_pue_ratio":
		r.pue = v
	case "carbonctl_factor_info":
		r.factor = s.labels
	case "carbonctl_factor_grams_per_kwh":
		r.perKWh = v
	}
}

// book adds what a counter has grown by.
func (r *run) book(name string, p part, amount float64) {
	if name == energyName {
		r.joules[p] += amount
		return
	}
	r.grams[p.scope] += amount
}

func (r *run) total() (joules float64) {
	for _, v := range r.joules {
		joules += v
	}
	return joules
}

func (r *run) host() string { return cmp.Or(field(r.labels, "host"), r.labels["instance"]) }

// power is the mean of what was seen, in watts.
func (r *run) power() float64 {
	if d := r.duration(); d > 0 {
		return r.total() / d
	}
	return 0
}

// ended reports whether its end was seen: an earlier time is that of the run before it, in the
// same step and textfile.
func (r *run) ended() bool { return r.end > 0 && r.end >= r.begun() }

func (r *run) begun() float64 { return cmp.Or(r.start, r.first) }

// until is when it ended, or when it was scraped last.
func (r *run) until() float64 {
	switch {
	case r.ended():
		return r.end
	case r.length > 0 && r.start > 0:
		return r.start + r.length
	}
	return r.last
}

func (r *run) duration() float64 { return max(r.until()-r.begun(), 0) }

// row gives the run as a row. cut says that no scrape has seen its end: what it used after
// the last one is missing, and nothing bounds that.
func (r *run) row() (row runs.Row, cut bool) {
	if r.mixed { // its gauges are the other's too
		r.joules, r.grams, r.low, r.high = nil, nil, nil, nil
		r.start, r.end, r.length = cmp.Or(startOf(r.id), r.first), 0, 0
	}
	at := func(s float64) time.Time { return time.UnixMilli(int64(s * 1e3)).UTC() }
	cut = !r.ended()
	rep := footprint.Report{
		Schema: footprint.Schema, RunID: r.id, Project: field(r.labels, "project"), Labels: map[string]string{}, Status: footprint.Recovered,
		StartedAt: at(r.begun()), EndedAt: at(max(r.until(), r.begun())), DurationS: r.duration(),
		Host:   footprint.Host{Name: r.host(), Machine: field(r.labels, "machine")},
		Region: footprint.Region{Zone: field(r.labels, "zone")}, PUE: footprint.PUE{Value: max(r.pue, 1)},
		Charge: footprint.Charge(cmp.Or(field(r.labels, "charge"), string(footprint.ChargeMachine))), Coverage: 1,
	}
	if !cut && r.outcome != "" {
		rep.Status = r.outcome
	}
	if id := field(r.labels, "job_id"); id != "" {
		rep.Job = &footprint.Job{ID: id}
	}
	if by := field(r.labels, "counted_by"); by != "" {
		rep.CountedBy = &by
	}
	for k, v := range r.labels {
		if name, ok := strings.CutPrefix(k, "label_"); ok && v != "" {
			rep.Labels[name] = v
		}
	}
	r.intensity(&rep)
	r.amounts(&rep, cut)
	return runs.FromReport(rep), cut
}

func (r *run) intensity(rep *footprint.Report) {
	in := &rep.Intensity
	in.PerKWh, in.Kind, in.Source = regions.Grams(r.perKWh), regions.Kind(field(r.factor, "kind")), field(r.factor, "source")
	in.Scope = cmp.Or(regions.Scope(field(r.factor, "scope")), r.scope)
	if y, err := strconv.Atoi(field(r.factor, "year")); err == nil {
		in.Year = &y
	}
	// A run has one scope; of several the greatest is what the others cannot be added to.
	for _, scope := range slices.Sorted(maps.Keys(r.grams)) {
		if g := regions.Grams(r.grams[scope]); g >= rep.Emissions {
			rep.Emissions, in.Scope = g, regions.Scope(scope)
		}
	}
}

// amounts fills in the energy, and bounds it as far as the last scrape tells.
func (r *run) amounts(rep *footprint.Report, cut bool) {
	total := r.total()
	lower, upper := 1.0, 0.0
	if r.low != nil && total > 0 {
		lower = min(*r.low/total, 1)
	}
	if r.high != nil && total > 0 && !cut {
		upper = max(*r.high/total, 1)
	}
	parts := slices.SortedFunc(maps.Keys(r.joules), func(a, b part) int {
		return cmp.Or(strings.Compare(a.component, b.component), strings.Compare(a.device, b.device), strings.Compare(a.basis, b.basis))
	})
	measured := energy.Energy(0)
	for _, p := range parts {
		e := energy.Joules(r.joules[p])
		l := footprint.Line{
			Kind: energy.Kind(p.component), ID: p.device, Basis: energy.Basis(p.basis), Charged: e,
			Energy: &e, Low: new(e.Scale(lower)), Status: energy.OK.String(), Coverage: 1,
		}
		if upper > 0 {
			l.High = new(max(e.Scale(upper), e))
			if rep.EnergyHigh == nil {
				rep.EnergyHigh = new(energy.Energy(0))
			}
			*rep.EnergyHigh = rep.EnergyHigh.Plus(*l.High)
		}
		if rep.Charge == footprint.ChargeProcess {
			l.ProcessEnergy, l.ProcessLow, l.ProcessHigh = l.Energy, l.Low, l.High
		}
		if l.Basis == energy.Measured {
			measured = measured.Plus(e)
		}
		rep.Energy, rep.EnergyLow = rep.Energy.Plus(e), rep.EnergyLow.Plus(*l.Low)
		rep.Components = append(rep.Components, l)
	}
	rep.MachineEnergy = rep.Energy
	if rep.Charge == footprint.ChargeProcess {
		rep.ProcessEnergy = &rep.Energy
	}
	if rep.Energy > 0 {
		rep.MeasuredShare = new(float64(measured) / float64(rep.Energy))
	}
	rep.EmissionsLow = rep.Emissions * regions.Grams(lower)
	if rep.EnergyHigh != nil {
		rep.EmissionsHigh = new(rep.Emissions * regions.Grams(upper))
	}
}

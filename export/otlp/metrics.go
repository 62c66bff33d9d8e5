package otlp

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// schemaURL is the version of the semantic conventions that the names are from.
const schemaURL = "https://opentelemetry.io/schemas/1.43.0"

// The metrics, with the units of UCUM. The first four are OpenTelemetry's own for hardware
// (in development as of 1.43); carbon, and energy of a process, have none there.
var (
	hwEnergy      = metric{Name: "hw.energy", Unit: "J", Description: "Energy that the component has used since the run started"}
	hwPower       = metric{Name: "hw.power", Unit: "W", Description: "Mean power of the component since the point before"}
	hostEnergy    = metric{Name: "hw.host.energy", Unit: "J", Description: "Energy that the whole host has used since the run started, by a meter of its own"}
	hostPower     = metric{Name: "hw.host.power", Unit: "W", Description: "Mean power of the whole host since the point before, by a meter of its own"}
	processEnergy = metric{Name: "carbonctl.process.energy", Unit: "J", Description: "The tracked work's part of the component's energy"}
	emissions     = metric{Name: "carbonctl.emissions", Unit: "g", Description: "CO2 equivalent that the run is charged with"}
	workDone      = metric{Name: "carbonctl.work", Unit: "1", Description: "Units of work, such as tokens and requests, that the run has done"}
)

// metricsOf is a report as metrics: sums since the start of the run, as of its end so far,
// and the power of each window from a time of the run on, in seconds. It returns the time up
// to which power is complete. What is not known has no point.
func (s *Sink) metricsOf(r footprint.Report, from float64, final bool) (metricsRequest, float64) {
	start, now := at(r.StartedAt), at(r.EndedAt)
	total := func(m *metric, a attributes, joules float64) {
		if !finite(joules) {
			return
		}
		if m.Sum == nil {
			m.Sum = &sum{Temporality: cumulative, Monotonic: true}
		}
		m.Sum.Points = append(m.Sum.Points, point{Attributes: a, Start: start, Time: now, Double: s.rising(m.Name, a, joules)})
	}
	energies, hosts, parts, grams, units := hwEnergy, hostEnergy, processEnergy, emissions, workDone
	for _, l := range r.Components {
		to, about := &energies, component(r, l)
		switch {
		case whole(l):
			to = &hosts
		case inside(r, l):
			continue
		}
		if l.Energy != nil {
			total(to, about, l.Energy.Joules())
		}
		if l.ProcessEnergy != nil && l.Counted() {
			total(&parts, about, l.ProcessEnergy.Joules())
		}
	}
	if r.Headline().Emissions != "" {
		var a attributes
		a.text("carbonctl.zone", r.Region.Zone)
		a.text("carbonctl.scope", string(r.Intensity.Scope))
		a.text("carbonctl.charge", string(r.Charge))
		total(&grams, a, float64(r.Emissions))
	}
	for _, w := range r.Work {
		var a attributes
		a.text("carbonctl.work.unit", w.Unit)
		a.text("carbonctl.work.how", string(w.How))
		total(&units, a, w.Count)
	}
	powers, wholes, until := s.powerOf(r, from, final)
	list := []metric{}
	for _, m := range []metric{energies, powers, hosts, wholes, parts, grams, units} {
		if m.Sum != nil || m.Gauge != nil {
			list = append(list, m)
		}
	}
	return metricsRequest{[]resourceMetrics{{
		Resource: s.resource(r), SchemaURL: schemaURL,
		ScopeMetrics: []scopeMetrics{{Scope: scopeOf(r), Metrics: list, SchemaURL: schemaURL}},
	}}}, until
}

func scopeOf(r footprint.Report) scope {
	return scope{Name: "github.com/carbonctl/carbonctl/export/otlp", Version: r.Versions.Tool}
}

// rising keeps a sum from falling below what has been sent of it: a receiver would take that
// for a restart and count it twice. The account of a run that goes on can be corrected
// downwards, where whose work it was is known late.
func (s *Sink) rising(name string, a attributes, v float64) float64 {
	var key strings.Builder
	key.WriteString(name)
	for _, x := range a {
		if x.Value.String != nil {
			key.WriteString("\x00" + x.Key + "\x00" + *x.Value.String)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent == nil {
		s.sent = map[string]float64{}
	}
	s.sent[key.String()] = max(v, s.sent[key.String()])
	return s.sent[key.String()]
}

// whole reports whether a line is of a meter of the whole host, or of a module of CPU and
// GPU: that has a metric of its own, so that what is added up is there once.
func whole(l footprint.Line) bool { return l.Kind == energy.Platform || l.Scope == "module" }

// inside reports whether the energy of a line is that of another one in the same metric, too:
// the cores of a package are, a package of a module is not.
func inside(r footprint.Report, l footprint.Line) bool {
	return l.Within != nil && !slices.ContainsFunc(r.Components, func(o footprint.Line) bool { return o.ID == *l.Within && whole(o) })
}

// component says which component a point is of.
func component(r footprint.Report, l footprint.Line) (a attributes) {
	a.text("hw.id", l.ID)
	if !whole(l) {
		a.text("hw.type", string(l.Kind))
	}
	a.text("hw.name", l.Name)
	if l.Within != nil {
		a.text("hw.parent", *l.Within)
	}
	switch {
	case l.Kind == energy.GPU && l.Source == "nvml":
		a.text("hw.vendor", "NVIDIA")
	case l.Kind == energy.CPU:
		a.text("hw.model", r.Host.CPUModel)
		a.text("hw.vendor", vendor(r.Host.CPUModel))
	}
	a.text("carbonctl.basis", string(l.Basis))
	return a
}

// vendor of a CPU by its name, "" if that does not begin with it.
func vendor(model string) string {
	for _, name := range []string{"Intel", "AMD", "Apple"} {
		if strings.HasPrefix(model, name) {
			return name
		}
	}
	return ""
}

// powerOf is the mean power of each component and of the host in the windows from a time of
// the run on; the last one, which is not whole, only at the end.
func (s *Sink) powerOf(r footprint.Report, from float64, final bool) (powers, hosts metric, until float64) {
	powers, hosts = hwPower, hostPower
	width := cmp.Or(s.Every(), defaultEvery).Seconds()
	for _, p := range r.Power {
		if p.StepS > width { // no finer than what is known
			width = p.StepS
		}
	}
	w := windows{from: from, width: width}
	if until = from + float64(int((r.DurationS-from)/width))*width; final {
		until = max(r.DurationS, from)
	}
	type key struct {
		id    string
		kind  energy.Kind
		basis energy.Basis
	}
	for _, l := range r.Components {
		if inside(r, l) {
			continue
		}
		k := key{l.ID, l.Kind, l.Basis}
		w.clear(until)
		for _, p := range r.Power {
			if (key{p.Component, p.Kind, p.Basis}) == k {
				w.add(p)
			}
		}
		to, about := &powers, component(r, l)
		if whole(l) {
			to = &hosts
		}
		for i, seconds := range w.seconds {
			if seconds <= 0 || !finite(w.joules[i]) {
				continue // a gap
			}
			if to.Gauge == nil {
				to.Gauge = &gauge{}
			}
			end := r.StartedAt.Add(time.Duration(min(from+float64(i+1)*width, until) * float64(time.Second)))
			to.Gauge.Points = append(to.Gauge.Points, point{Attributes: about, Time: at(end), Double: w.joules[i] / seconds})
		}
	}
	return powers, hosts, until
}

// windows add up power in windows of equal width.
type windows struct {
	from, width, until float64 // s
	joules, seconds    []float64
}

func (w *windows) clear(until float64) {
	n := 0
	for w.from+float64(n)*w.width < until-1e-9 {
		n++
	}
	w.until, w.joules, w.seconds = until, make([]float64, n), make([]float64, n)
}

// add spreads the steps of a series over the windows that they lie in.
func (w *windows) add(p footprint.Power) {
	for i, watts := range p.Mean {
		a := max(p.StartS+float64(i)*p.StepS, w.from)
		b := min(p.StartS+float64(i+1)*p.StepS, w.until)
		for a < b {
			n := int((a - w.from) / w.width)
			if n >= len(w.seconds) {
				break
			}
			end := min(b, w.from+float64(n+1)*w.width)
			if end <= a { // rounding
				n, end = n+1, min(b, w.from+float64(n+2)*w.width)
				if n >= len(w.seconds) {
					break
				}
			}
			w.seconds[n] += end - a
			w.joules[n] += float64(watts) * (end - a)
			a = end
		}
	}
}

package otlp

import (
	"math"
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
// and the mean power since a time of the run, in seconds. All points are of one time: a
// Prometheus refuses what is older than what it has. What is not known has no point.
func (s *Sink) metricsOf(r footprint.Report, from float64) metricsRequest {
	start, now := at(r.StartedAt), s.moment(r)
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
	powers, wholes := powerOf(r, windows{from: from, width: r.DurationS - from, n: 1}, func(int) nanos { return now })
	return s.metrics(r, energies, powers, hosts, wholes, parts, grams, units)
}

// historyOf is the power of a run of which nothing was sent as it went on: that of each
// interval but the last, which comes with the sums. from is when that one begins; ok is
// false where it is the only one.
func (s *Sink) historyOf(r footprint.Report) (m metricsRequest, from float64, ok bool) {
	w := windows{width: s.Every().Seconds()}
	for _, p := range r.Power {
		w.width = max(w.width, p.StepS) // no finer than what is known
	}
	w.n = int(math.Ceil(r.DurationS/w.width-1e-6)) - 1
	if w.n <= 0 {
		return m, 0, false
	}
	powers, wholes := powerOf(r, w, func(i int) nanos {
		return at(r.StartedAt.Add(time.Duration(float64(i+1) * w.width * float64(time.Second))))
	})
	return s.metrics(r, powers, wholes), float64(w.n) * w.width, true
}

// metrics is a message with those of the metrics that have points.
func (s *Sink) metrics(r footprint.Report, all ...metric) metricsRequest {
	list := []metric{}
	for _, m := range all {
		if m.Sum != nil || m.Gauge != nil {
			list = append(list, m)
		}
	}
	return metricsRequest{[]resourceMetrics{{
		Resource: s.resource(r), SchemaURL: schemaURL,
		ScopeMetrics: []scopeMetrics{{Scope: scopeOf(r), Metrics: list, SchemaURL: schemaURL}},
	}}}
}

// moment is the end of the run so far, later than that of the message before: points of one
// millisecond that differ are refused by a Prometheus.
func (s *Sink) moment(r footprint.Report) nanos {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := max(at(r.EndedAt), s.last)
	s.last = now + nanos(time.Millisecond)
	return now
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

// powerOf is the mean power of each component and of the host in windows of the run.
func powerOf(r footprint.Report, w windows, end func(window int) nanos) (powers, hosts metric) {
	powers, hosts = hwPower, hostPower
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
		w.joules, w.seconds = make([]float64, w.n), make([]float64, w.n)
		for _, p := range r.Power {
			if (key{p.Component, p.Kind, p.Basis}) == k {
				w.add(p, r.DurationS)
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
			to.Gauge.Points = append(to.Gauge.Points, point{Attributes: about, Time: end(i), Double: w.joules[i] / seconds})
		}
	}
	return powers, hosts
}

// windows add up power in n windows of equal width from a time of the run on.
type windows struct {
	from, width     float64 // s
	n               int
	joules, seconds []float64
}

// add spreads the steps of a series over the windows that they lie in. The last step ends
// with the run.
func (w *windows) add(p footprint.Power, end float64) {
	for i, watts := range p.Mean {
		a, b := p.StartS+float64(i)*p.StepS, min(p.StartS+float64(i+1)*p.StepS, end)
		for n := max(int((a-w.from)/w.width), 0); n < w.n; n++ {
			from := max(a, w.from+float64(n)*w.width)
			to := min(b, w.from+float64(n+1)*w.width)
			if to > from {
				w.seconds[n] += to - from
				w.joules[n] += float64(watts) * (to - from)
			}
			if w.from+float64(n+1)*w.width >= b {
				break
			}
		}
	}
}

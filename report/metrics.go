package report

import (
	"io"
	"math"

	"github.com/carbonctl/carbonctl/internal/exposition"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/runs"
)

// A metric is one that totals give to a monitoring system.
type metric struct {
	family exposition.Family
	value  func(*runs.Group) float64
}

// metrics are those that totals have. Their names are a contract, and stand in
// docs/metrics.md; none is that of a run, which it would be added to.
var metrics = []metric{
	{exposition.Family{Name: "carbonctl_ledger_runs", Kind: exposition.Counter, Help: "Runs that are in the totals."},
		func(g *runs.Group) float64 { return float64(g.Runs) }},
	{exposition.Family{Name: "carbonctl_ledger_run_seconds", Kind: exposition.Counter, Unit: "seconds", Help: "Time that the runs took, added up."},
		func(g *runs.Group) float64 { return g.Duration.Seconds() }},
	{exposition.Family{Name: "carbonctl_ledger_energy_joules", Kind: exposition.Counter, Unit: "joules", Help: "Energy that the runs are charged with."},
		func(g *runs.Group) float64 { return g.Energy.Joules() }},
	{exposition.Family{Name: "carbonctl_ledger_energy_measured_joules", Kind: exposition.Counter, Unit: "joules", Help: "The part of it that comes from counters."},
		func(g *runs.Group) float64 { return g.Measured.Joules() }},
	{exposition.Family{Name: "carbonctl_ledger_energy_low_joules", Kind: exposition.Gauge, Unit: "joules", Help: "The least that the energy can have been."},
		func(g *runs.Group) float64 { return g.Low.Joules() }},
	{exposition.Family{Name: "carbonctl_ledger_energy_high_joules", Kind: exposition.Gauge, Unit: "joules", Help: "The most that the energy can have been."},
		func(g *runs.Group) float64 { return bounded(facts.Boundless(g.Summary), g.High.Joules()) }},
}

// scopeMetrics are the emissions, one series for each scope: they do not add up.
var scopeMetrics = []struct {
	family exposition.Family
	value  func(runs.Summary, runs.Emitted) float64
}{
	{exposition.Family{Name: "carbonctl_ledger_emissions_grams", Kind: exposition.Counter, Unit: "grams", Help: "Emissions of CO2 equivalent, by the scope of their factors."},
		func(_ runs.Summary, e runs.Emitted) float64 { return float64(e.Grams) }},
	{exposition.Family{Name: "carbonctl_ledger_emissions_low_grams", Kind: exposition.Gauge, Unit: "grams", Help: "The least that the emissions can have been, by the energy."},
		func(_ runs.Summary, e runs.Emitted) float64 { return float64(e.Low) }},
	{exposition.Family{Name: "carbonctl_ledger_emissions_high_grams", Kind: exposition.Gauge, Unit: "grams", Help: "The most that the emissions can have been, by the energy."},
		func(s runs.Summary, e runs.Emitted) float64 {
			return bounded(e.Open > 0 || s.Unknown > 0, float64(e.High))
		}},
}

// bounded is an upper bound, infinite where a run has none.
func bounded(open bool, high float64) float64 {
	if open {
		return math.Inf(1)
	}
	return high
}

// Metrics are the totals as families of metrics, one series a group, with the keys as
// labels: "label:team" is label_team.
func (t Totals) Metrics() []exposition.Family {
	groups, keys := t.Groups.List(), t.Groups.By
	if len(keys) == 0 {
		groups = []*runs.Group{&t.Groups.Total.Group}
	}
	labels := func(g *runs.Group) (all []exposition.Label) {
		for i, k := range keys {
			all = append(all, exposition.Label{Name: string(k), Value: g.Name[i]})
		}
		return all
	}
	var all []exposition.Family
	for _, m := range metrics {
		for _, g := range groups {
			m.family.Samples = append(m.family.Samples, exposition.Sample{Labels: labels(g), Value: m.value(g)})
		}
		all = append(all, m.family)
	}
	for _, m := range scopeMetrics {
		for _, g := range groups {
			for _, e := range g.Scopes {
				m.family.Samples = append(m.family.Samples, exposition.Sample{Labels: append(labels(g), exposition.Label{Name: "scope", Value: string(e.Scope)}), Value: m.value(g.Summary, e)})
			}
		}
		all = append(all, m.family)
	}
	return all
}

// openMetrics writes the totals in the text format 1.0.0 of OpenMetrics.
func (t Totals) openMetrics(w io.Writer) error { return exposition.OpenMetrics.Write(w, t.Metrics()) }

// prometheus writes the totals in the text format 0.0.4 of Prometheus.
func (t Totals) prometheus(w io.Writer) error { return exposition.Text.Write(w, t.Metrics()) }

package report

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/runs"
)

// A metric is one that totals give to a monitoring system.
type metric struct {
	name, kind, unit, help string
	value                  func(*runs.Group) float64
}

// metrics are the OpenMetrics that totals have. Their names are a contract, and
// stand in docs/metrics.md.
var metrics = []metric{
	{"carbonctl_runs", "counter", "", "Runs that are in the totals.", func(g *runs.Group) float64 { return float64(g.Runs) }},
	{"carbonctl_run_seconds", "counter", "seconds", "Time that the runs took, added up.", func(g *runs.Group) float64 { return g.Duration.Seconds() }},
	{"carbonctl_energy_joules", "counter", "joules", "Energy that the runs are charged with.", func(g *runs.Group) float64 { return g.Energy.Joules() }},
	{"carbonctl_energy_measured_joules", "counter", "joules", "The part of it that comes from counters.", func(g *runs.Group) float64 { return g.Measured.Joules() }},
	{"carbonctl_energy_low_joules", "gauge", "joules", "The least that the energy can have been.", func(g *runs.Group) float64 { return g.Low.Joules() }},
	{"carbonctl_energy_high_joules", "gauge", "joules", "The most that the energy can have been.", func(g *runs.Group) float64 { return bounded(g, g.High.Joules()) }},
}

// scopeMetrics writes the emissions, one series for each scope: they do not add up.
func scopeMetrics(out io.Writer, groups []*runs.Group, keys []runs.Key) {
	for _, m := range []struct {
		name, kind, suffix, help string
		value                    func(runs.Emitted) float64
	}{
		{"carbonctl_emissions_grams", "counter", "_total", "Emissions of CO2 equivalent, by the scope of their factors.", func(e runs.Emitted) float64 { return float64(e.Grams) }},
		{"carbonctl_emissions_low_grams", "gauge", "", "The least that the emissions can have been, by the energy.", func(e runs.Emitted) float64 { return float64(e.Low) }},
		{"carbonctl_emissions_high_grams", "gauge", "", "The most that the emissions can have been, by the energy.", func(e runs.Emitted) float64 {
			if e.Open > 0 {
				return math.Inf(1)
			}
			return float64(e.High)
		}},
	} {
		fmt.Fprintf(out, "# TYPE %s %s\n# UNIT %s grams\n# HELP %s %s\n", m.name, m.kind, m.name, m.name, m.help)
		for _, g := range groups {
			for _, e := range g.Scopes {
				fmt.Fprintf(out, "%s%s%s %s\n", m.name, m.suffix, labels(append(slices.Clone(keys), "scope"), append(slices.Clone(g.Name), string(e.Scope))),
					strconv.FormatFloat(m.value(e), 'g', -1, 64))
			}
		}
	}
}

// bounded is an upper bound of a group, infinite where a run of it has none.
func bounded(g *runs.Group, high float64) float64 {
	if g.Unbounded() {
		return math.Inf(1)
	}
	return high
}

// OpenMetrics writes the totals in the text format 1.0.0 of OpenMetrics, one
// series a group, with the keys as labels.
func (t Totals) OpenMetrics(w io.Writer) error {
	groups, keys := t.Groups.List(), t.Groups.By
	if len(keys) == 0 {
		groups = []*runs.Group{&t.Groups.Total.Group}
	}
	out := bufio.NewWriter(w)
	for _, m := range metrics {
		fmt.Fprintf(out, "# TYPE %s %s\n", m.name, m.kind)
		if m.unit != "" {
			fmt.Fprintf(out, "# UNIT %s %s\n", m.name, m.unit)
		}
		fmt.Fprintf(out, "# HELP %s %s\n", m.name, m.help)
		suffix := ""
		if m.kind == "counter" {
			suffix = "_total"
		}
		for _, g := range groups {
			fmt.Fprintf(out, "%s%s%s %s\n", m.name, suffix, labels(keys, g.Name), strconv.FormatFloat(m.value(g), 'g', -1, 64))
		}
	}
	scopeMetrics(out, groups, keys)
	fmt.Fprintln(out, "# EOF")
	return out.Flush()
}

// notLabel is what a label's name may not hold.
var notLabel = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^a-zA-Z0-9_]`) })

// labels gives the labels of a group: its keys, "label:team" as label_team.
func labels(keys []runs.Key, name []string) string {
	if len(keys) == 0 {
		return ""
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var list []string
	for i, k := range keys {
		list = append(list, fmt.Sprintf(`%s="%s"`, notLabel().ReplaceAllString(string(k), "_"), quote.Replace(strings.ToValidUTF8(name[i], "�"))))
	}
	return "{" + strings.Join(list, ",") + "}"
}

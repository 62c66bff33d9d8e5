package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// JSON writes the report as one JSON object, indented, with a final newline.
func JSON(w io.Writer, r footprint.Report) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// Text writes the result of a run for a person; see [Run.Result].
func Text(w io.Writer, r footprint.Report) error { return Run{Report: r}.Result(w, Screen{}) }

func (run Run) text(w io.Writer) error {
	r := run.Report
	var p Page
	p.head(r)
	p.identity(r)
	p.energy(r)
	p.emissions(run)
	p.waited(r)
	p.work(r)
	p.epochs(r)
	p.warnings(r)
	if l := r.Ledger; l != nil && l.Rows > 0 {
		p.Row("recorded", "%s, row %d", Clean(l.Path), l.Rows)
	} else if l != nil {
		p.Row("recorded", "%s", Clean(l.Path))
	}
	_, err := p.WriteTo(w)
	return err
}

func (p *Page) head(r footprint.Report) {
	p.line("carbonctl: %s", r)
}

// identity says which run it is.
func (p *Page) identity(r footprint.Report) {
	if r.RunID != "" {
		p.Row("run", "%s", strings.TrimSuffix(r.RunID+", "+r.Project, ", "))
	}
	if !r.StartedAt.IsZero() {
		started := r.StartedAt.UTC().Format("2006-01-02 15:04:05 MST")
		if r.Host.Name != "" {
			started += ", on " + r.Host.Name
		}
		p.Row("started", "%s", started)
	}
	if text := attachedTo(r); text != "" {
		p.Row("attached", "to %s", text)
	}
	if r.Revision != "" {
		p.Row("revision", "%s", clip(r.Revision, maxName))
	}
	var labels []string
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		labels = append(labels, k+"="+r.Labels[k])
	}
	if len(labels) > 0 {
		p.Row("labels", "%s", strings.Join(labels, ", "))
	}
}

// state is how a run ended: "failed (exit 137)".
func state(r footprint.Report) string { return cmp.Or(r.Headline().State, string(r.Status)) }

// waited says what came of waiting for a greener grid.
func (p *Page) waited(r footprint.Report) {
	if text := waited(r); text != "" {
		p.Row("waited", "%s", text)
	}
	if text := planned(r); text != "" {
		p.Row("plan", "%s", text)
	}
	if r.Embodied != nil {
		p.Row("embodied", "%s CO2e of making the machine, not in the emissions above", Mass(*r.Embodied))
	}
}

// waited says how long a run has waited for a greener grid, and for what; "" if
// it did not.
func waited(r footprint.Report) string {
	w := r.Wait
	if w == nil || r.StartedAt.Sub(w.AskedAt) < time.Second {
		return ""
	}
	by := w.Kind
	switch w.Kind {
	case string(regions.Profile):
		by = "typical hours"
	case string(regions.Forecast):
		by = "a forecast"
	}
	text := Duration(r.StartedAt.Sub(w.AskedAt)) + " for a greener grid"
	switch {
	case w.Reason == footprint.WaitBlind:
		return ""
	case w.PerKWh == nil || w.AtOnce == nil:
		return text + ", up to the bound"
	case w.Marginal:
		by += " of marginal emissions, which are none of those above"
	}
	return fmt.Sprintf("%s: %s g/kWh was expected, %s without the wait, by %s", text, digits(*w.PerKWh), digits(*w.AtOnce), by)
}

// seconds is a duration of s seconds; one too long for a Duration is the longest.
func seconds(s float64) time.Duration {
	if ns := s * float64(time.Second); math.Abs(ns) < math.MaxInt64 {
		return time.Duration(ns)
	}
	if s < 0 {
		return math.MinInt64
	}
	return math.MaxInt64
}

func (p *Page) energy(r footprint.Report) {
	if r.MeasuredShare == nil && r.MachineEnergy == 0 {
		p.Row("energy", "unknown")
		return
	}
	p.Row("energy", "%s (%s), %s", EnergyWithin(r.Energy, r.EnergyLow, r.EnergyHigh), energyBounds(r.Energy, r.EnergyLow, r.EnergyHigh), measured(deref(r.MeasuredShare)))
	lines := kinds(r)
	joules := make([]float64, len(lines))
	for i, l := range lines {
		joules[i] = l.Charged.Joules()
	}
	for i, amount := range r.EnergyScale().Parts(joules) {
		p.kind(r, lines[i], amount)
	}
	p.unknown(r)
	p.Row("counted", "%s", countedText(r))
	p.Row("", "%s", NotCounted)
}

// measured says how much of an energy comes from counters.
func measured(share float64) string {
	switch {
	case share >= 1:
		return "measured"
	case share > 0:
		return Percent(share) + " measured, the rest modelled"
	}
	return "modelled"
}

func part(r footprint.Report) string {
	if r.MachineEnergy == 0 {
		return "nothing"
	}
	return Percent(float64(*r.ProcessEnergy) / float64(r.MachineEnergy))
}

// NotCounted says what no figure of a run holds.
const NotCounted = "not counted: power supply, disks, network, fans"

// owner is whose share of the machine a run is: "command's".
func owner(r footprint.Report) string {
	switch {
	case r.Attached == nil:
		return "command's"
	case r.Attached.Cgroup != "":
		return "cgroup's"
	}
	return "process's"
}

// attachedTo is what a run has followed that ran already, "" for any other run.
func attachedTo(r footprint.Report) string {
	if r.Attached == nil {
		return ""
	}
	return r.Attached.String()
}

// countedText says whose energy the headline is.
func countedText(r footprint.Report) string {
	share := ""
	unshared := has(r.Warnings, footprint.ShareUnknown) // and in the share whole
	if r.ProcessEnergy != nil && r.MachineEnergy > 0 && !(unshared && *r.ProcessEnergy >= r.MachineEnergy.Scale(0.995)) {
		share = "this " + owner(r) + " share: "
		if unshared {
			share += "at most "
		}
		share += part(r)
		if r.Policy != "" {
			share += " (by " + r.Policy + ")"
		}
	}
	switch {
	case share == "":
		return "whole machine; this " + owner(r) + " share is unknown"
	case r.Charge == footprint.ChargeProcess:
		return share + " of the machine's " + r.EnergyScale().Text(r.MachineEnergy.Joules())
	}
	text := "whole machine; " + share
	if *r.ProcessEnergy >= r.MachineEnergy.Scale(0.01) { // less has too many zeros in the headline's unit
		text += ", " + r.EnergyScale().Text(r.ProcessEnergy.Joules())
	}
	if has(r.Warnings, footprint.MachineWhole) {
		text += " (--charge process)"
	}
	return text
}

func has(list []footprint.Warning, code string) bool {
	return slices.ContainsFunc(list, func(w footprint.Warning) bool { return w.Code == code })
}

// kinds gives the kinds and bases that the headline counts, in a fixed order.
func kinds(r footprint.Report) []footprint.Line {
	var sums []footprint.Line
	for _, l := range r.Components {
		if l.Within != nil || l.Kind == energy.Platform || l.Energy == nil {
			continue
		}
		i := slices.IndexFunc(sums, func(s footprint.Line) bool {
			return s.Kind == l.Kind && s.Basis == l.Basis && s.Source == l.Source
		})
		if i < 0 {
			sums = append(sums, l)
			continue
		}
		sums[i].Charged += l.Charged
		sums[i].Name += "; " + l.Name
	}
	slices.SortStableFunc(sums, func(a, b footprint.Line) int { return cmp.Compare(a.Kind, b.Kind) })
	return sums
}

func (p *Page) kind(r footprint.Report, l footprint.Line, amount string) {
	name := count(strings.Split(l.Name, "; "))
	if l.Charged == 0 && r.Charge == footprint.ChargeProcess && r.MachineEnergy > 0 {
		p.Row("  "+string(l.Kind), "no use by this %s seen: %s", strings.TrimSuffix(owner(r), "'s"), name)
		return
	}
	p.Row("  "+string(l.Kind), "%s, %s: %s", amount, l.Basis, name)
}

// count says names once, with how many of them there are: "8 × NVIDIA H100".
func count(names []string) string {
	var said []string
	for i, name := range names {
		if slices.Index(names, name) < i {
			continue
		}
		n := 0
		for _, other := range names {
			if other == name {
				n++
			}
		}
		if n > 1 {
			name = fmt.Sprintf("%d × %s", n, name)
		}
		said = append(said, name)
	}
	return strings.Join(said, "; ")
}

// unknown names what should have been counted, and was not read.
func (p *Page) unknown(r footprint.Report) {
	for _, l := range r.Components {
		if l.Within == nil && l.Kind != energy.Platform && l.Energy == nil && l.Low != nil {
			most := "no limit known"
			if l.High != nil {
				most = "at most " + Energy(*l.High)
			}
			p.Row("  "+string(l.Kind), "unknown, %s: %s", most, l.Name)
		}
	}
}

func (p *Page) emissions(run Run) {
	r := run.Report
	in := r.Intensity
	if in.Source != "" || in.PerKWh != 0 {
		year := ""
		if in.Year != nil {
			year = fmt.Sprintf(" %d", *in.Year)
		}
		scope := string(in.Scope)
		if scope != "" {
			scope = ", " + scope
		}
		name := cmp.Or(r.Region.Name, r.Region.Zone, "own figure")
		p.Row("grid", "%s%s: %s g/kWh%s; %s", Clean(name), year, digits(float64(in.PerKWh)), scope, Clean(in.Source))
	}
	if in.Annual != nil && r.EmissionsAnnual != nil {
		p.Row("  yearly", "%s g/kWh; emissions by it %s", digits(float64(*in.Annual)), *r.EmissionsAnnual)
	}
	if in.Low != nil && in.High != nil {
		old := ""
		if in.RangeOld {
			old = "; old: no bound of this run"
		}
		p.Row("  range", "%s to %s g/kWh by its fuels' factors%s", digits(float64(*in.Low)), digits(float64(*in.High)), old)
	}
	if r.PUE.Source != "not given" {
		p.Row("PUE", "%.4g", r.PUE.Value)
	}
	if r.MeasuredShare == nil && r.Energy == 0 && r.MachineEnergy == 0 {
		p.Row("emissions", "unknown")
		return
	}
	p.Row("emissions", "%s CO2e (%s)", MassWithin(r.Emissions, r.EmissionsLow, r.EmissionsHigh), massBounds(r.Emissions, r.EmissionsLow, r.EmissionsHigh))
	if o := r.Outer; o != nil {
		p.Row("", "outer bound, energy and factor together: %s", massBounds(r.Emissions, o.Low, &o.High))
	}
	for _, c := range run.Car.Compare(r.Emissions, r.EmissionsLow) {
		p.Row("", "%s", c)
	}
	p.water(r.Water)
}

func (p *Page) warnings(r footprint.Report) {
	for _, w := range r.Warnings {
		p.Row("warning", "%s", Clean(w.Text))
		if w.Hint != "" {
			p.Row("  hint", "%s", Clean(w.Hint))
		}
	}
}

func deref(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

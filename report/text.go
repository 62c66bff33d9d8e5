package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
)

// epochs says what the epochs and tasks took, and what the whole run is expected
// to, once that is more than what it has taken.
func (p *wholeRun) epochs(r footprint.Report) {
	if text := facts.EpochsText(r); text != "" {
		p.Row("epochs", "%s", text)
	}
	head, tail := facts.Ends(len(r.Tasks))
	for i, t := range r.Tasks {
		switch {
		case i < head || i >= tail:
			p.Row("task", "%s: %s", format.Clip(format.NameText(t.Name), facts.MaxName), facts.StretchText(r, t.Stretch))
		case i == head:
			p.Row("", "… %d tasks more", tail-head+r.TasksOmitted)
		}
	}
	if q := r.Prediction; facts.Underway(q) {
		p.Row("predicted", "%s", facts.Predicted(*q))
	} else if said := facts.Hindsight(r); len(said) > 0 {
		p.Row("predicted", "%s", strings.Join(said, ", "))
	}
}

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
	var p wholeRun
	p.Line("carbonctl: " + r.String())
	p.identity(r)
	p.energy(r)
	p.emissions(run)
	p.waited(r)
	p.work(r)
	p.epochs(r)
	p.warnings(r)
	if l := r.Ledger; l != nil && l.Rows > 0 {
		p.Row("saved", "%s, row %d", format.Clean(l.Path), l.Rows)
	} else if l != nil {
		p.Row("saved", "%s", format.Clean(l.Path))
	}
	_, err := p.WriteTo(w)
	return err
}

// wholeRun is the text of a run with all that is known of it.
type wholeRun struct{ layout.Page }

// identity says which run it is.
func (p *wholeRun) identity(r footprint.Report) {
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
	if text := facts.AttachedTo(r); text != "" {
		p.Row("attached", "to %s", text)
	}
	if r.Revision != "" {
		p.Row("revision", "%s", format.Clip(r.Revision, facts.MaxName))
	}
	var labels []string
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		labels = append(labels, k+"="+r.Labels[k])
	}
	if len(labels) > 0 {
		p.Row("labels", "%s", strings.Join(labels, ", "))
	}
}

// waited says what came of waiting for a greener grid.
func (p *wholeRun) waited(r footprint.Report) {
	if text := facts.Waited(r); text != "" {
		p.Row("waited", "%s", text)
	}
	if text := facts.Planned(r); text != "" {
		p.Row("plan", "%s", text)
	}
	if r.Embodied != nil {
		p.Row("embodied", "%s CO2e of making the machine, not in the emissions above", format.Mass(*r.Embodied))
	}
}

func (p *wholeRun) energy(r footprint.Report) {
	if r.MeasuredShare == nil && r.MachineEnergy == 0 {
		p.Row("energy", "unknown")
		return
	}
	p.Row("energy", "%s (%s), %s", format.EnergyWithin(r.Energy, r.EnergyLow, r.EnergyHigh), format.EnergyBounds(r.Energy, r.EnergyLow, r.EnergyHigh), facts.Measured(format.OrZero(r.MeasuredShare)))
	lines := facts.Kinds(r)
	joules := make([]float64, len(lines))
	for i, l := range lines {
		joules[i] = l.Charged.Joules()
	}
	for i, amount := range r.EnergyScale().Parts(joules) {
		p.kind(r, lines[i], amount)
	}
	p.unknown(r)
	p.Row("charged", "%s", facts.Counted(r))
	p.Row("", "%s", facts.NotCounted)
}

func (p *wholeRun) kind(r footprint.Report, l footprint.Line, amount string) {
	name := facts.CountNames(strings.Split(l.Name, "; "))
	if l.Charged == 0 && r.Charge == footprint.ChargeProcess && r.MachineEnergy > 0 {
		p.Row("  "+string(l.Kind), "no use by this %s seen: %s", strings.TrimSuffix(facts.Owner(r), "'s"), name)
		return
	}
	p.Row("  "+string(l.Kind), "%s, %s: %s", amount, l.Basis, name)
}

// unknown names what should have been counted, and was not read.
func (p *wholeRun) unknown(r footprint.Report) {
	for _, l := range r.Components {
		if l.Within == nil && l.Kind != energy.Platform && l.Energy == nil && l.Low != nil {
			most := "no limit known"
			if l.High != nil {
				most = "at most " + format.Energy(*l.High)
			}
			p.Row("  "+string(l.Kind), "unknown, %s: %s", most, l.Name)
		}
	}
}

func (p *wholeRun) emissions(run Run) {
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
		p.Row("grid", "%s%s: %s g/kWh%s; %s", format.Clean(name), year, format.Digits(float64(in.PerKWh)), scope, format.Clean(in.Source))
	}
	if in.Annual != nil && r.EmissionsAnnual != nil {
		p.Row("  yearly", "%s g/kWh; emissions by it %s", format.Digits(float64(*in.Annual)), *r.EmissionsAnnual)
	}
	if in.Low != nil && in.High != nil {
		old := ""
		if in.RangeOld {
			old = "; old: no bound of this run"
		}
		p.Row("  range", "%s to %s g/kWh, depending on the factors of its fuels%s", format.Digits(float64(*in.Low)), format.Digits(float64(*in.High)), old)
	}
	if r.PUE.Source != "not given" {
		p.Row("PUE", "%.4g", r.PUE.Value)
	}
	if r.MeasuredShare == nil && r.Energy == 0 && r.MachineEnergy == 0 {
		p.Row("emissions", "unknown")
		return
	}
	p.Row("emissions", "%s CO2e (%s)", format.MassWithin(r.Emissions, r.EmissionsLow, r.EmissionsHigh), format.MassBounds(r.Emissions, r.EmissionsLow, r.EmissionsHigh))
	if o := r.Outer; o != nil {
		p.Row("", "outer bound, energy and factor together: %s", format.MassBounds(r.Emissions, o.Low, &o.High))
	}
	for _, c := range run.Car.Compare(r.Emissions, r.EmissionsLow) {
		p.Row("", "%s", c)
	}
	p.water(r.Water)
}

func (p *wholeRun) warnings(r footprint.Report) {
	for _, w := range r.Warnings {
		p.Row("warning", "%s", format.Clean(w.Text))
		if w.Hint != "" {
			p.Row("  hint", "%s", format.Clean(w.Hint))
		}
	}
}

// water shows what was consumed and, apart, what was withdrawn.
func (p *wholeRun) water(w *footprint.Water) {
	if w == nil {
		return
	}
	if amount, bounds, ok := facts.Water(w); ok {
		p.Row("water", "%s consumed (%s)", amount, bounds)
		p.Row("", "%s", format.Clean(w.GridSource))
	}
	switch {
	case w.Site == nil:
		p.Row("", "on site: unknown")
	case w.SiteCounted:
		p.Row("", "on site: %s of it; %s", facts.Litres(*w.Site), format.Clean(w.SiteSource))
	default:
		p.Row("", "on site: %s %s, not added; %s", facts.Litres(*w.Site), cmp.Or(w.SiteBasis, "of unknown basis"), format.Clean(w.SiteSource))
	}
}

// work says what was done in the text of a whole run.
func (p *wholeRun) work(r footprint.Report) {
	for i, w := range r.Counted() {
		label := ""
		if i == 0 {
			label = "work"
		}
		text := facts.WorkOf(r, w, true)
		if w.Source != "" {
			text += "; by " + format.Clip(w.Source, facts.MaxName)
		}
		p.Row(label, "%s", text)
	}
	if text := facts.Activity(r); text != "" {
		p.Row("busy", "%s", text)
	}
	if text := facts.Cost(r); text != "" {
		p.Row("cost", "%s", text)
	}
}

package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// Width is how many columns the text of a report takes at the most.
const Width = 80

// JSON writes the report as one JSON object, indented, with a final newline.
func JSON(w io.Writer, r footprint.Report) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// Text writes the report for a person.
func Text(w io.Writer, r footprint.Report) error {
	var p page
	p.head(r)
	p.energy(r)
	p.emissions(r)
	p.warnings(r)
	if r.Ledger != nil {
		p.row("recorded", "%s, row %d", clean(r.Ledger.Path), r.Ledger.Rows)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// A page is rows of a label and what belongs to it.
type page struct{ strings.Builder }

const indent = 13 // where the second column begins

// row writes a label and its text, folded at the width.
func (p *page) row(label, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	lead := fmt.Sprintf("  %-*s", indent-2, label)
	for i, l := range fold(text, Width-indent) {
		if i > 0 {
			lead = strings.Repeat(" ", indent)
		}
		p.WriteString(strings.TrimRight(lead+l, " ") + "\n")
	}
}

func (p *page) head(r footprint.Report) {
	state := string(r.Status)
	if r.ExitCode != nil && *r.ExitCode != 0 {
		state += fmt.Sprintf(", exit code %d", *r.ExitCode)
	}
	fmt.Fprintf(p, "carbonctl: %s after %s\n", state, Duration(seconds(r.DurationS)))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (p *page) energy(r footprint.Report) {
	if r.MeasuredShare == nil && r.MachineEnergy == 0 {
		p.row("energy", "not known")
		return
	}
	how := "modelled"
	switch share := deref(r.MeasuredShare); {
	case share == 1:
		how = "measured"
	case share > 0:
		how = Percent(share) + " measured, the rest modelled"
	}
	p.row("energy", "%s (%s), %s", Energy(r.Energy), between(Energy(r.EnergyLow), Energy(r.EnergyHigh)), how)
	for _, k := range kinds(r) {
		p.kind(r, k)
	}
	switch {
	case r.ProcessEnergy == nil:
		p.row("charged", "the whole machine; how much of it the work used is not known")
	case r.Charge == footprint.ChargeProcess:
		p.row("charged", "the work's part: %s of the machine's %s", part(r), Energy(r.MachineEnergy))
	default:
		p.row("charged", "the whole machine; the work's part of it is %s, %s", part(r), Energy(*r.ProcessEnergy))
	}
}

func part(r footprint.Report) string {
	if r.MachineEnergy == 0 {
		return "nothing"
	}
	return Percent(float64(*r.ProcessEnergy) / float64(r.MachineEnergy))
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

func (p *page) kind(r footprint.Report, l footprint.Line) {
	// Names of equal sockets say the same twice.
	names := slices.Compact(strings.Split(l.Name, "; "))
	p.row("  "+string(l.Kind), "%-9s %s by %s: %s", Energy(l.Charged), l.Basis, l.Source, clean(strings.Join(names, "; ")))
}

func (p *page) emissions(r footprint.Report) {
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
		p.row("grid", "%s%s: %s g/kWh%s; %s", clean(name), year, digits(float64(in.PerKWh)), scope, clean(in.Source))
	}
	if r.PUE.Source != "not given" {
		p.row("PUE", "%.4g", r.PUE.Value)
	}
	if r.MeasuredShare == nil && r.Energy == 0 && r.MachineEnergy == 0 {
		p.row("emissions", "not known")
		return
	}
	p.row("emissions", "%s CO2e (%s)", Mass(r.Emissions), between(Mass(r.EmissionsLow), Mass(r.EmissionsHigh)))
	if r.Emissions > 0 {
		p.row("", "%s", Compare(r.Emissions))
	}
}

func (p *page) warnings(r footprint.Report) {
	for _, w := range r.Warnings {
		p.row("warning", "%s", clean(w.Text))
		if w.Hint != "" {
			p.row("  hint", "%s", clean(w.Hint))
		}
	}
}

// carPerKm is what an average US petrol car emits a kilometre: 393 g a mile (US
// EPA, Greenhouse Gas Equivalencies Calculator, 2026; public domain) over
// 1.609344 km a mile.
const carPerKm regions.Grams = 393 / 1.609344

// Compare shows emissions as the way that a car drives for them.
func Compare(g regions.Grams) string {
	return fmt.Sprintf("as much as %s in an average US petrol car (%.0f g/km, US EPA 2026)",
		fit(float64(g/carPerKm)*1000, lengthScale), float64(carPerKm))
}

func deref(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

// fold breaks text at blanks into lines of at most n characters; a longer word
// stays whole.
func fold(text string, n int) []string {
	lines := []string{""}
	for word := range strings.SplitSeq(text, " ") {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len([]rune(*last))+1+len([]rune(word)) > n:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}

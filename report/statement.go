package report

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// A Form is what a statement is for.
type Form string

// The forms; docs/statements.md describes each and links its rules.
const (
	Paper     Form = "paper"      // a LaTeX paragraph and its BibTeX
	ModelCard Form = "model-card" // co2_eq_emissions of a Hugging Face model card, YAML
	BoAmps    Form = "boamps"     // the report of an AI task, JSON
	SCI       Form = "sci"        // software carbon intensity, ISO/IEC 21031:2024
	GHG       Form = "ghg"        // a note for an inventory by the GHG Protocol
	Summary   Form = "markdown"   // a paragraph for a README or a pull request
)

// Forms are all forms of a statement.
func Forms() []Form { return []Form{Paper, ModelCard, BoAmps, SCI, GHG, Summary} }

// About is what a statement needs and no record holds. A zero field is unknown, and omitted
// where the form allows that.
type About struct {
	// Subject is what the runs did: "the training of the models in table 2".
	Subject string
	// Run is one of the runs, for its machine.
	Run *footprint.Report
	// Hardware and Location replace what Run has of them.
	Hardware, Location string
	// Stage is "training", "fine-tuning", "inference" …; Family the kind of task,
	// as "text classification"; Data the kind of its data, as "text" or "image".
	Stage, Family, Data string
	// Unit is what SCI is counted by, and Units how many of it the runs did.
	Unit  string
	Units float64
	// Car is what emissions are compared with (summary).
	Car Car
	// Date of the statement; zero is the end of the last run.
	Date time.Time
}

// ErrNoRuns is a statement about nothing.
var ErrNoRuns = errors.New("no run to make a statement about")

// A NeedError names the fields of About that a form requires.
type NeedError struct {
	Form  Form
	Needs []string // in small letters: "unit", "units", "stage" …
}

// Error names the form and what it needs.
func (e *NeedError) Error() string {
	return fmt.Sprintf("statement %s: needs %s", e.Form, strings.Join(e.Needs, ", "))
}

// Statement writes what the runs took in the words of one form. Nothing is invented: what is
// unknown is marked as unknown or omitted, and where the form requires it the error is a
// *NeedError.
func Statement(w io.Writer, form Form, t runs.Total, a About) error {
	if t.Runs == 0 {
		return ErrNoRuns
	}
	if a.Date.IsZero() {
		a.Date = t.Last
	}
	var s string
	var err error
	switch form {
	case Paper:
		s = paper(t, a)
	case ModelCard:
		s = modelCard(t, a)
	case BoAmps:
		s, err = boamps(t, a)
	case SCI:
		s, err = sci(t, a)
	case GHG:
		s = ghg(t, a)
	case Summary:
		s = summary(t, a)
	default:
		err = fmt.Errorf("unknown form of statement %.40q: use one of %v", form, Forms())
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, s)
	return err
}

const home = "https://github.com/carbonctl/carbonctl"

// tool names us and the versions that wrote the rows.
func tool(t runs.Total) string {
	return strings.TrimSpace("carbonctl " + strings.Join(slices.Sorted(maps.Keys(t.Tools)), ", "))
}

// runsOf says what is counted: "27 runs (the training of …)".
func runsOf(t runs.Total, a About) string {
	s := fmt.Sprintf("%d %s", t.Runs, format.Plural(t.Runs, "run", "runs"))
	if a.Subject != "" {
		s += " (" + escape.Plain(a.Subject) + ")"
	}
	return s
}

// span says when: "on 2026-09-01", "from 2026-09-01 to 2026-11-27".
func span(t runs.Total) string {
	first, last := t.First.UTC().Format(time.DateOnly), t.Last.UTC().Format(time.DateOnly)
	switch {
	case t.First.IsZero():
		return "at a time that is not recorded"
	case first == last || t.Last.IsZero():
		return "on " + first
	}
	return "from " + first + " to " + last
}

// basis says how the energy is known, after "of which".
func basis(t runs.Total) string {
	share, ok := t.MeasuredShare()
	switch {
	case !ok && t.Energy > 0:
		return "recorded by other tools without its basis"
	case t.Unknown > 0:
		unknown := float64(t.Unknown) / float64(t.Energy)
		if share+unknown >= 0.9995 { // none is modelled
			return format.Percent(share) + " of it measured by hardware counters; the basis of the rest is not recorded"
		}
		return fmt.Sprintf("%s of it measured by hardware counters, %s of unknown basis, the rest modelled", format.Percent(share), format.Percent(unknown))
	case !ok || share == 0:
		return "all of it modelled from hardware type and load"
	case share >= 0.9995:
		return "all of it measured by hardware counters"
	}
	return format.Percent(share) + " of it measured by hardware counters, the rest modelled from hardware type and load"
}

// charged says whose energy it is.
func charged(t runs.Total) string {
	s := "The energy of the whole machine during a run is charged."
	switch n := t.Charges[footprint.ChargeProcess]; {
	case n == t.Runs:
		s = "Only the runs' own share of the machines' energy is charged."
	case n > 0:
		s = fmt.Sprintf("The energy of the whole machine during a run is charged, for %d of the runs only its own share.", n)
	}
	if t.Shared > 0 {
		s += fmt.Sprintf(" %d of the runs shared a machine with others at the same time; its energy is counted once.", t.Shared)
	}
	return s
}

// counts says what a factor counts.
func counts(scope string) string {
	switch regions.Scope(scope) {
	case regions.Lifecycle:
		return "life cycle"
	case regions.Direct:
		return "direct emissions only"
	}
	return "scope not stated"
}

// factor says a grid's factor: "41.0 g CO2e/kWh in FR (life cycle, 2025)".
func factor(t runs.Total, g runs.Grid) string {
	where := g.Zone
	switch {
	case regions.Kind(g.Kind) == regions.WorldDefault:
		where = "the world, for want of a region"
	case where == "":
		where = "a region that is not recorded"
	}
	s := fmt.Sprintf("%s g CO2e/kWh in %s (%s", format.Digits(float64(t.Grids[g].PerKWh())), escape.Plain(where), counts(g.Scope))
	if g.Kind != "" && regions.Kind(g.Kind) != regions.AnnualAverage && regions.Kind(g.Kind) != regions.WorldDefault {
		s += ", " + escape.Plain(kindWords(g.Kind))
	}
	if g.Year != 0 {
		s += fmt.Sprintf(", %d", g.Year)
	}
	return s + ")"
}

// maxFactors is how many factors a paragraph names.
const maxFactors = 6

// factors names the grids with the most energy, and how many more there are.
func factors(t runs.Total) (list []runs.Grid, more int) {
	list = facts.ByEnergy(t)
	more = max(0, len(list)-maxFactors)
	return list[:len(list)-more], more
}

// pue says what the buildings add: the range over the factors.
func pue(t runs.Total) string {
	low, high := 0.0, 0.0
	for _, c := range t.Grids {
		if v := c.PUE(); v > 0 {
			if low == 0 || v < low {
				low = v
			}
			high = max(high, v)
		}
	}
	switch {
	case t.NoPUE == t.Runs:
		return "Whether what the building adds (PUE) is included is not recorded."
	case t.NoPUE > 0:
		return fmt.Sprintf("What the building adds (PUE) is not recorded for %d of the runs; for the others it is up to %.4g.", t.NoPUE, high)
	case high < 1.0005:
		return "What the building adds (PUE) is not included."
	case high-low < 0.0005:
		return fmt.Sprintf("A power usage effectiveness (PUE) of %.4g is included.", high)
	}
	return fmt.Sprintf("A power usage effectiveness (PUE) of %.4g to %.4g is included.", low, high)
}

func embodied(t runs.Total) string {
	switch t.EmbodiedRuns {
	case 0:
		return "Emissions from making the hardware are not included."
	case t.Runs:
		return "Emissions from making the hardware are not included; the runs' part of them is " + format.Mass(t.Embodied) + " CO2e."
	}
	return fmt.Sprintf("Emissions from making the hardware are not included; for %d of the runs their part is %s CO2e.", t.EmbodiedRuns, format.Mass(t.Embodied))
}

const ofEnergy = "The bounds carry the uncertainty of the energy, not that of the factors."

// summary is a paragraph in Markdown.
func summary(t runs.Total, a About) string {
	list, more := factors(t)
	var grid []string
	for _, g := range list {
		grid = append(grid, fmt.Sprintf("%s [%s]", factor(t, g), escape.Plain(cmp.Or(g.Source, "source unknown"))))
	}
	if more > 0 {
		grid = append(grid, fmt.Sprintf("%d more", more))
	}
	var b strings.Builder
	head := t.Headline()
	if len(t.Scopes) == 1 {
		fmt.Fprintf(&b, "**%s CO2e** (%s)", format.Mass(head.Grams), facts.EmittedRange(t.Summary, head))
	} else {
		b.WriteString(facts.Emitted(t.Summary, escape.Markdown))
	}
	fmt.Fprintf(&b, " from **%s** of electricity (%s): ", format.Energy(t.Energy), facts.EnergyRange(t.Summary))
	b.WriteString(escape.Markdown(fmt.Sprintf("%s %s, %s in all. ", runsOf(t, a), span(t), format.Duration(t.Duration))))
	b.WriteString(escape.Markdown(fmt.Sprintf("The energy was taken by %s, %s. %s %s %s ", tool(t), basis(t), charged(t), pue(t), embodied(t))))
	b.WriteString(escape.Markdown("Factors: " + strings.Join(grid, "; ") + ". " + ofEnergy))
	b.WriteString("\n")
	for _, c := range a.Car.Compare(head.Grams, head.Low) {
		b.WriteString("\n- " + escape.Markdown(c))
	}
	return layout.Tidy(b.String())
}

// modelCard is the metadata of a model card on the Hugging Face Hub: the five
// keys that it knows, in its order.
func modelCard(t runs.Total, a About) string {
	var b strings.Builder
	b.WriteString("co2_eq_emissions:\n")
	head := t.Headline()
	fmt.Fprintf(&b, "  emissions: %s # grams of CO2 equivalent, %s\n", decimal(float64(head.Grams)), facts.EmittedRange(t.Summary, head))
	for _, e := range t.Scopes[min(1, len(t.Scopes)):] {
		fmt.Fprintf(&b, "  # not in it: %s CO2e of %d %s, %s\n", format.Mass(e.Grams), e.Runs, format.Plural(e.Runs, "run", "runs"), counts(string(e.Scope)))
	}
	list, more := factors(t)
	var grid []string
	for _, g := range list {
		grid = append(grid, factor(t, g))
	}
	if more > 0 {
		grid = append(grid, fmt.Sprintf("%d more", more))
	}
	fmt.Fprintf(&b, "  source: %s\n", escape.YAML(fmt.Sprintf("%s: %s, %s; %s", tool(t), format.Energy(t.Energy), basis(t), strings.Join(grid, "; "))))
	if a.Stage != "" {
		fmt.Fprintf(&b, "  training_type: %s\n", escape.YAML(a.Stage))
	}
	if where := location(t, a); where != "" {
		fmt.Fprintf(&b, "  geographical_location: %s\n", escape.YAML(where))
	}
	if what := hardware(a); what != "" {
		fmt.Fprintf(&b, "  hardware_used: %s\n", escape.YAML(what))
	}
	return b.String()
}

// location is where the runs were, "" if no row tells.
func location(t runs.Total, a About) string {
	if a.Location != "" {
		return a.Location
	}
	var zones []string
	for _, g := range facts.ByEnergy(t) {
		zone := g.Zone
		if a.Run != nil && a.Run.Region.Zone == zone && a.Run.Region.Name != "" {
			zone = a.Run.Region.Name
		}
		if zone != "" && regions.Kind(g.Kind) != regions.WorldDefault && !slices.Contains(zones, zone) {
			zones = append(zones, zone)
		}
	}
	return strings.Join(zones, ", ")
}

// hardware names the machine in words, "" if it is not known.
func hardware(a About) string {
	if a.Hardware != "" || a.Run == nil {
		return a.Hardware
	}
	var all []string
	for name, n := range inOrder(a.Run.Host.GPUs) {
		all = append(all, fmt.Sprintf("%d x %s", n, name))
	}
	if h := a.Run.Host; h.CPUModel != "" {
		all = append(all, h.CPUModel)
	}
	return strings.Join(all, ", ")
}

// inOrder counts equal names, in the order in which they come.
func inOrder(names []string) func(yield func(string, int) bool) {
	return func(yield func(string, int) bool) {
		n := map[string]int{}
		for _, s := range names {
			n[s]++
		}
		for i, s := range names {
			if slices.Index(names, s) == i && !yield(s, n[s]) {
				return
			}
		}
	}
}

func kindWords(kind string) string {
	if regions.Kind(kind) == regions.Own {
		return "own figure"
	}
	return kind
}

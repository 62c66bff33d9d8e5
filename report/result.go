package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
)

// Result writes what a person wants to know when a run has ended: the answer in one line
// that can be searched for, its parts, and what else matters. The run whole is its text
// format.
func (r Run) Result(w io.Writer, s Screen) error {
	res := result{Report: r.Report, screen: s}
	res.headline()
	if text := facts.AttachedTo(r.Report); text != "" {
		res.row("attached", "to "+text)
	}
	if !res.tiny() {
		if facts.Known(r.Report) {
			res.parts()
			res.row("charged", facts.Counted(r.Report))
		}
		res.grid()
		if all := r.Car.Compare(r.Emissions, r.EmissionsLow); len(all) > 0 {
			res.row("like", strings.TrimPrefix(all[0], "like "))
		}
		res.rest()
	}
	if amount, bounds, ok := facts.Water(res.Water); ok {
		res.row("water", amount+" consumed ("+bounds+")")
	} else if res.Water != nil {
		res.row("water", "unknown")
	}
	res.warnings()
	res.saved()
	_, err := io.WriteString(w, res.text.String())
	return err
}

// result is the text of one run as it grows.
type result struct {
	footprint.Report
	screen Screen
	text   strings.Builder
}

// labelWidth is that of the longest label and what sets it apart.
const labelWidth = 9

// row writes a label and what belongs to it, folded at the width of the screen.
func (r *result) row(label, text string) {
	lead := "  " + label + strings.Repeat(" ", max(1, labelWidth-format.Columns(label)))
	for i, line := range layout.Fold(format.Clean(text), r.screen.Columns()-labelWidth-2) {
		if i > 0 {
			lead = strings.Repeat(" ", labelWidth+2)
		}
		r.text.WriteString(strings.TrimRight(lead+line, " ") + "\n")
	}
}

// headline writes the answer. It is never folded.
func (r *result) headline() {
	h := r.Headline()
	h.State, h.Energy = r.screen.Red(format.Clean(h.State)), r.screen.Bold(h.Energy)
	h.Emissions = r.screen.Bold(h.Emissions)
	text := "carbonctl: " + h.String()
	if r.tiny() && r.Intensity.Kind == regions.WorldDefault {
		text += "; no region set: world mean"
	}
	r.text.WriteString(text + "\n")
}

// tiny reports whether a run is so short that its parts say nothing.
func (r *result) tiny() bool {
	return r.DurationS < 1 && len(r.Epochs)+len(r.Tasks) == 0 && r.Budget == nil && r.Plan == nil && len(r.Work) == 0 && r.Cost == nil && facts.Waited(r.Report) == ""
}

// parts writes what the energy is made of, the most first: amounts in the unit of the
// headline that add up to it, and their shares.
func (r *result) parts() {
	lines := slices.DeleteFunc(facts.Kinds(r.Report), func(l footprint.Line) bool { return l.Charged <= 0 })
	slices.SortStableFunc(lines, func(a, b footprint.Line) int { return cmp.Compare(b.Charged, a.Charged) })
	joules, sum := make([]float64, len(lines)), 0.0
	for i, l := range lines {
		joules[i] = l.Charged.Joules()
		sum += joules[i]
	}
	amounts, shares := r.EnergyScale().Parts(joules), energy.Shares(joules)
	of := make([]float64, len(lines))
	for i := range joules {
		of[i] = joules[i] / sum
	}
	bars := r.screen.Blocks(of, barWidth)
	pad(amounts)
	pad(shares)
	for i, l := range lines {
		text := amounts[i] + "  "
		if bars != nil {
			text += bars[i] + "  "
		}
		text += shares[i]
		if name := facts.ComponentName(r.Report, l); name != "" {
			text += "   " + name
		}
		r.text.WriteString(fmt.Sprintf("  %-*s%s\n", labelWidth, format.KindWord(l.Kind), format.Cut(format.Clean(text), r.screen.Columns()-labelWidth-2)))
	}
	for _, l := range r.Components {
		if l.Within == nil && l.Kind != energy.Platform && l.Energy == nil && l.Low != nil {
			text := "not measured: " + l.Name
			if l.Basis == energy.Modelled { // its use was not told in the run
				text = "not read: " + l.Name
			}
			if l.High != nil {
				text += ", at most " + format.Energy(*l.High)
			}
			r.row(format.KindWord(l.Kind), text)
		}
	}
}

// barWidth is how many columns all of the energy takes.
const barWidth = 20

// pad aligns texts to the right.
func pad(texts []string) {
	longest := 0
	for _, t := range texts {
		longest = max(longest, format.Columns(t))
	}
	for i, t := range texts {
		texts[i] = strings.Repeat(" ", longest-format.Columns(t)) + t
	}
}

// grid says what a kWh emitted: how much, where and when, what it counts, and who says so.
func (r *result) grid() {
	in := r.Intensity
	if in.Source == "" && in.PerKWh == 0 {
		return
	}
	where := cmp.Or(r.Region.Name, r.Region.Zone, "your own figure")
	if in.Kind == regions.WorldDefault {
		where = "world mean"
	}
	if in.Year != nil {
		where += fmt.Sprintf(" %d", *in.Year)
	}
	text := format.Digits(float64(in.PerKWh)) + " g/kWh, " + where
	if in.Kind == regions.Profile {
		text += ", typical hours"
	}
	switch in.Scope {
	case regions.Direct:
		text += ", direct only"
	case "":
	default:
		text += ", " + string(in.Scope)
	}
	if who, _, _ := strings.Cut(in.Source, ","); who != "" && who != where {
		text += " (" + format.Cut(who, 30) + ")"
	}
	if r.PUE.Source != "not given" {
		text += fmt.Sprintf("; PUE %.4g", r.PUE.Value)
	}
	r.row("grid", text)
	for _, w := range r.Warnings {
		if w.Code == footprint.RegionAssumed {
			r.row("region", cmp.Or(w.Hint, w.Text))
		}
	}
}

// rest says what the run had beside its energy: a wait, a budget, epochs, tasks.
func (r *result) rest() {
	if text := facts.Waited(r.Report); text != "" {
		r.row("waited", text)
	}
	if text := facts.Planned(r.Report); text != "" {
		r.row("plan", text)
	}
	if b := r.Budget; b != nil && !strings.HasPrefix(r.Headline().State, "stopped") {
		text := b.Limit
		if amount, err := footprint.ParseAmount(b.Limit); err == nil {
			text = amount.String()
		}
		if used, ok := r.BudgetUsed(); ok && used < 10 {
			text += ", " + format.Percent(used) + " used"
		} else if ok {
			text += fmt.Sprintf(", used %.0f times over", used)
		}
		r.row("budget", text)
	}
	if text := facts.WorkText(r.Report); text != "" {
		r.row("work", text)
	}
	if text := facts.Activity(r.Report); text != "" {
		r.row("busy", text)
	}
	if text := facts.Cost(r.Report); text != "" {
		r.row("cost", text)
	}
	if text := facts.EpochsText(r.Report); text != "" {
		text = strings.TrimSuffix(text, " CO2e")
		if after := facts.Hindsight(r.Report); len(after) > 0 {
			text += "; predicted " + after[0]
		}
		r.row("epochs", text)
	}
	for i, t := range r.Tasks[:min(len(r.Tasks), maxTasks)] {
		label := ""
		if i == 0 {
			label = "tasks"
		}
		r.row(label, fmt.Sprintf("%s: %s", format.Clip(format.NameText(t.Name), facts.MaxName), facts.StretchText(r.Report, t.Stretch)))
	}
	if n := len(r.Tasks) + r.TasksOmitted; n > maxTasks {
		r.row("", fmt.Sprintf("… %d more", n-maxTasks))
	}
	if facts.Underway(r.Prediction) {
		r.row("total", facts.Predicted(*r.Prediction))
	}
}

// maxTasks is how many tasks a result shows.
const maxTasks = 4

// said are warnings of what the other lines of a result say, or its bounds.
var said = []string{
	footprint.RegionAssumed, footprint.AllModelled, footprint.PartModelled, footprint.NoCounter, footprint.ShareUnknown,
	footprint.MachineWhole, footprint.MachineShared, footprint.TooShort, footprint.CPUUntrue, footprint.GPUNote, footprint.BudgetReached,
}

// unsaid are the warnings of what no other line says.
func (r *result) unsaid() []footprint.Warning {
	all := slices.Clone(r.Warnings)
	for i := range all {
		if all[i].Code == footprint.IntensityInstead {
			all[i].Text = r.instead(all[i].Text)
		}
	}
	return slices.DeleteFunc(all, func(w footprint.Warning) bool { return slices.Contains(said, w.Code) || w.Text == "" })
}

// instead is what the line of the grid, which has a year and a scope, does not say of why
// its figure is not the usual one.
func (r *result) instead(text string) string {
	var rest []string
	for part := range strings.SplitSeq(text, "; ") {
		year := r.Intensity.Year != nil && strings.HasPrefix(part, fmt.Sprintf("that of %d: ", *r.Intensity.Year))
		direct := r.Intensity.Scope == regions.Direct && strings.HasPrefix(part, "only direct emissions ")
		if !year && !direct {
			rest = append(rest, part)
		}
	}
	return strings.Join(rest, "; ")
}

func (r *result) warnings() {
	for _, w := range r.unsaid() {
		r.row("warning", w.Text)
		if w.Hint != "" {
			r.row("hint", w.Hint)
		}
	}
}

// saved says where the run is recorded, and how to see all of it.
func (r *result) saved() {
	if r.Ledger == nil {
		return
	}
	row := fmt.Sprintf("%s row %s", r.screen.Path(r.Ledger.Path), format.Thousands(int(r.Ledger.Rows)))
	const more = "carbonctl report show last"
	if labelWidth+2+format.Columns(row)+len("   more: ")+len(more) > r.screen.Columns() {
		fmt.Fprintf(&r.text, "  %-*s%s\n  %-*s%s\n", labelWidth, "saved", row, labelWidth, "more", r.screen.Dim(more))
		return
	}
	fmt.Fprintf(&r.text, "  %-*s%s   %s\n", labelWidth, "saved", row, r.screen.Dim("more: "+more))
}

// Package facts has what reports say before it has a form: the phrases, figures and
// tables of one run, of sums of runs, of places. So text, pages and documents say the
// same.
package facts

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
)

// ComponentName says what a part of the energy is, as short as that can be.
func ComponentName(r footprint.Report, l footprint.Line) string {
	names := strings.Split(l.Name, "; ")
	name := CountNames(names)
	switch {
	case l.Kind == energy.GPU:
		name = strings.ReplaceAll(name, "NVIDIA ", "")
	case l.Kind == energy.CPU && l.Basis == energy.Measured && r.Host.CPUModel != "":
		if name = shortModel(r.Host.CPUModel); len(names) > 1 {
			name = fmt.Sprintf("%d × %s", len(names), name)
		}
	case l.Kind == energy.Memory && l.Basis == energy.Measured:
		name = ""
	}
	if l.Basis == energy.Modelled && format.OrZero(r.MeasuredShare) > 0 {
		name = strings.TrimSuffix("modelled: "+name, ": ")
	}
	return name
}

var modelNoise = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\((R|TM|r|tm)\)|( CPU)? @ .*$|( \d+-Core)? Processor$`)
})

// shortModel is a processor's name without what it says of itself: "Intel Xeon Gold 5222".
func shortModel(s string) string {
	return strings.Join(strings.Fields(modelNoise().ReplaceAllString(s, "")), " ")
}

// Versions names the versions of the tool and of its tables.
func Versions(tool, tables string) string {
	s := "carbonctl " + cmp.Or(tool, "of unknown version")
	if tables != "" {
		s += ", tables " + tables
	}
	return s
}

// Known reports whether the energy of a run is known.
func Known(r footprint.Report) bool { return r.Headline().Energy != "" }

// Components are the parts of a machine with their energy and bounds.
func Components(r footprint.Report) layout.Section {
	p := layout.Section{Title: "Components"}
	p.Table.Columns = []layout.Column{layout.Name("component"), layout.Text("kind"), layout.Text("basis"), layout.Amount("energy"), layout.Amount("bounds"), layout.Amount("charged"), layout.Amount("seen"), layout.Text("state")}
	if r.Charge == footprint.ChargeProcess && len(r.Components) > 0 {
		p.Notes = []string{"Energy is what the machine used; charged is the " + Owner(r) + " share of it, which counts."}
	}
	for _, l := range r.Components {
		row := []string{l.Name, string(l.Kind), string(l.Basis) + ", " + l.Source, "unknown", "", "", "", l.Status}
		if l.Energy != nil {
			scale := format.EnergyScale(*l.Energy, *l.Energy, l.Energy)
			if l.Low != nil {
				scale = format.EnergyScale(*l.Energy, *l.Low, l.High)
			}
			row[3], row[6] = scale.Text(l.Energy.Joules()), format.Percent(l.Coverage)
			row[5] = "not added"
			if l.Low != nil {
				row[4] = format.EnergyBounds(*l.Energy, *l.Low, l.High)
			}
			if l.Within == nil && l.Kind != energy.Platform {
				row[5] = scale.Text(l.Charged.Joules())
				p.Paper = true
			}
		}
		if row[7] == "ok" {
			row[7] = ""
		}
		p.Table.Rows = append(p.Table.Rows, row)
	}
	return p
}

// Warnings are those of a run, and what to do.
func Warnings(list []footprint.Warning) layout.Section {
	p := layout.Section{Title: "Warnings", Table: layout.Table{Columns: []layout.Column{layout.Text("warning"), layout.Text("what to do"), layout.Name("code")}}}
	for _, w := range list {
		p.Table.Rows = append(p.Table.Rows, []string{w.Text, w.Hint, w.Code})
	}
	return p
}

// Grid is the factor that made emissions of energy, with its source.
func Grid(r footprint.Report) layout.Section {
	in, year, pue := r.Intensity, "", ""
	if in.Source == "" && in.PerKWh == 0 {
		return layout.Section{}
	}
	if in.Year != nil {
		year = fmt.Sprint(*in.Year)
	}
	if pue = fmt.Sprintf("%.4g (%s)", r.PUE.Value, r.PUE.Source); r.PUE.Source == "not given" {
		pue = "not given: counted as 1"
	}
	region := strings.TrimSpace(r.Region.Name + " " + r.Region.Zone)
	if r.Region.Provider != nil && r.Region.CloudRegion != nil {
		region += ", " + *r.Region.Provider + " " + *r.Region.CloudRegion
	}
	return layout.Section{Title: "Grid", Table: layout.Pairs(
		"region", region, "set by", r.Region.How,
		"factor", format.Digits(float64(in.PerKWh))+" g CO2e/kWh", "counts", strings.Trim(string(in.Scope)+", "+in.Basis, ", "),
		"kind", string(in.Kind), "year", year, "source", in.Source, "licence", in.Licence, "instead", in.Instead, "note", in.Note, "range", factorRange(in), "PUE", pue, "waited", Waited(r))}
}

// factorRange is the range of the factor itself, "" where its source gives none.
func factorRange(in footprint.Intensity) string {
	if in.Low == nil || in.High == nil {
		return ""
	}
	text := format.Digits(float64(*in.Low)) + " to " + format.Digits(float64(*in.High)) + " g CO2e/kWh, depending on the factors of its fuels"
	if in.RangeOld {
		text += "; old: no bound of this run"
	}
	return text
}

// Machine is where and what the run was.
func Machine(r footprint.Report) layout.Section {
	h := r.Host
	threads, memory, virtual, job := "", "", "", ""
	if h.CPUThreads > 0 {
		threads = fmt.Sprint(h.CPUThreads)
	}
	if h.MemoryBytes > 0 {
		memory = format.Bytes(h.MemoryBytes)
	}
	if h.Virtual {
		virtual = "yes"
	}
	if r.Job != nil {
		job = r.Job.System + " " + r.Job.ID
	}
	pairs := []string{"host", h.Name, "system", h.OS, "processor", h.CPUModel, "threads", threads, "memory", memory,
		"GPUs", strings.Join(h.GPUs, "; "), "virtual machine", virtual, "job", job, "attached to", AttachedTo(r), "command", strings.Join(r.Command, " ")}
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		pairs = append(pairs, "label "+k, format.NameText(r.Labels[k]))
	}
	return layout.Section{Title: "Machine", Table: layout.Pairs(pairs...)}
}

// HowToVerify is the command that finds later changes of the record.
func HowToVerify(r footprint.Report) layout.Section {
	if r.RunID == "" {
		return layout.Section{}
	}
	p := layout.Section{Title: "How to verify", Table: layout.Pairs("run", r.RunID, "revision", format.Clip(r.Revision, MaxName))}
	if r.Ledger == nil {
		p.Notes = []string{"This run is in no ledger: later changes to these figures cannot be detected."}
		return p
	}
	row := ""
	if r.Ledger.Rows > 0 {
		row = fmt.Sprint(r.Ledger.Rows)
	}
	p.Table.Rows = append(p.Table.Rows, layout.Pairs("ledger", r.Ledger.LedgerID, "row", row).Rows...)
	p.Notes = []string{"The ledger's rows form a chain. This finds any change of them since this run was recorded:"}
	p.Code = "carbonctl verify " + shell(r.Ledger.Path) + " --head " + shell(r.Ledger.Hash)
	return p
}

// shell quotes a word for a POSIX shell.
func shell(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%") == "" && s[0] != '-' {
		return s
	}
	return "'" + strings.ReplaceAll(escape.Plain(s), "'", `'\''`) + "'"
}

// State is how a run ended: "failed (exit 137)".
func State(r footprint.Report) string { return cmp.Or(r.Headline().State, string(r.Status)) }

// Waited says how long a run has waited for a greener grid, and for what; "" if
// it did not.
func Waited(r footprint.Report) string {
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
	text := format.Duration(r.StartedAt.Sub(w.AskedAt)) + " for a greener grid"
	switch {
	case w.Reason == footprint.WaitBlind:
		return ""
	case w.PerKWh == nil || w.AtOnce == nil:
		return text + ", up to the bound"
	case w.Marginal:
		by += " of marginal emissions, which are none of those above"
	}
	return fmt.Sprintf("%s: %s g/kWh was expected, %s without the wait, by %s", text, format.Digits(*w.PerKWh), format.Digits(*w.AtOnce), by)
}

// Measured says how much of an energy comes from counters.
func Measured(share float64) string {
	switch {
	case share >= 1:
		return "measured"
	case share > 0:
		return format.Percent(share) + " measured, the rest modelled"
	}
	return "modelled"
}

func part(r footprint.Report) string {
	if r.MachineEnergy == 0 {
		return "nothing"
	}
	return format.Percent(float64(*r.ProcessEnergy) / float64(r.MachineEnergy))
}

// NotCounted says what no figure of a run holds.
const NotCounted = "not included: power supply, disks, network, fans"

// Owner is whose share of the machine a run is: "command's".
func Owner(r footprint.Report) string {
	switch {
	case r.Attached == nil:
		return "command's"
	case r.Attached.Cgroup != "":
		return "cgroup's"
	}
	return "process's"
}

// AttachedTo is what a run has followed that ran already, "" for any other run.
func AttachedTo(r footprint.Report) string {
	if r.Attached == nil {
		return ""
	}
	return r.Attached.String()
}

// Counted says whose energy the headline is.
func Counted(r footprint.Report) string {
	share := ""
	unshared := has(r.Warnings, footprint.ShareUnknown) // and in the share whole
	if r.ProcessEnergy != nil && r.MachineEnergy > 0 && !(unshared && *r.ProcessEnergy >= r.MachineEnergy.Scale(0.995)) {
		share = "this " + Owner(r) + " share: "
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
		return "whole machine; this " + Owner(r) + " share is unknown"
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

// Kinds gives the kinds and bases that the headline counts, in a fixed order.
func Kinds(r footprint.Report) []footprint.Line {
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

// CountNames says names once, with how many of them there are: "8 × NVIDIA H100".
func CountNames(names []string) string {
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

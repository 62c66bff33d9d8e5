package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// ErrNotRun is what is no report of a run in JSON.
var ErrNotRun = errors.New("not the JSON of a run")

// Parse reads a report as [JSON] writes it. What follows the object is left.
func Parse(r io.Reader) (footprint.Report, error) {
	var v footprint.Report
	if err := json.NewDecoder(r).Decode(&v); err != nil {
		return footprint.Report{}, fmt.Errorf("%w: %w", ErrNotRun, err)
	}
	if v.Schema != footprint.Schema {
		return footprint.Report{}, fmt.Errorf("%w: its schema is %.40q, not %q", ErrNotRun, v.Schema, footprint.Schema)
	}
	return v, nil
}

// sheet says what a report says.
func (run Run) sheet() sheet {
	r := run.Report
	s := sheet{title: "Footprint of a run", figures: run.figures()}
	if r.Project != "" {
		s.title = "Footprint of " + r.Project
	}
	s.subtitle = fmt.Sprintf("%s after %s", state(r), Duration(seconds(r.DurationS)))
	if !r.StartedAt.IsZero() {
		s.subtitle += ", started " + r.StartedAt.UTC().Format("2006-01-02 15:04:05 MST")
	}
	for _, p := range []section{
		componentSection(r), workSection(r), epochSection(r), taskSection(r), predictionSection(r), budgetSection(r),
		warningSection(r.Warnings), gridSection(r), machineSection(r), verifySection(r),
	} {
		if len(p.table.rows) > 0 || p.code != "" || len(p.notes) > 0 {
			s.sections = append(s.sections, p)
		}
	}
	if s.foot = versions(r.Versions.Tool, r.Versions.Data); r.RunID != "" {
		s.foot = "run " + r.RunID + "; " + s.foot
	}
	return s
}

func versions(tool, tables string) string {
	s := "carbonctl " + cmp.Or(tool, "of unknown version")
	if tables != "" {
		s += ", tables " + tables
	}
	return s
}

func known(r footprint.Report) bool { return r.Headline().Energy != "" }

func (run Run) figures() []figure {
	r := run.Report
	if !known(r) {
		return append([]figure{{label: "Emissions", value: "unknown"}, {label: "Energy", value: "unknown"}}, predictionFigure(r)...)
	}
	e := figure{"Energy", EnergyWithin(r.Energy, r.EnergyLow, r.EnergyHigh), []string{
		"(" + energyBounds(r.Energy, r.EnergyLow, r.EnergyHigh) + ")", measured(deref(r.MeasuredShare)), "counted: " + countedText(r), NotCounted,
	}}
	g := figure{"Emissions", MassWithin(r.Emissions, r.EmissionsLow, r.EmissionsHigh) + " CO2e", append([]string{"(" + massBounds(r.Emissions, r.EmissionsLow, r.EmissionsHigh) + ")"}, run.Car.Compare(r.Emissions, r.EmissionsLow)...)}
	if o := r.Outer; o != nil {
		g.details = append(g.details, "energy and factor together: "+massBounds(r.Emissions, o.Low, &o.High))
	}
	if r.EmissionsAnnual != nil {
		g.details = append(g.details, "by the year's mean: "+Mass(*r.EmissionsAnnual))
	}
	all := append([]figure{g, e}, predictionFigure(r)...)
	if r.Market != nil {
		all = append(all, figure{"Contracts", Mass(r.Market.Emissions) + " CO2e", []string{"(market-based, " + digits(float64(r.Market.PerKWh)) + " g/kWh)", r.Market.Source}})
	}
	if r.Embodied != nil {
		all = append(all, figure{"Manufacture", Mass(*r.Embodied) + " CO2e", []string{"(the run's part of the machine's, not in the emissions above)"}})
	}
	if text := planned(r); text != "" {
		all = append(all, figure{"Estimate", MassWithin(r.Plan.Emissions, r.Plan.EmissionsLow, r.Plan.EmissionsHigh) + " CO2e", []string{"before the run: " + text}})
	}
	if amount, bounds, ok := waterText(r.Water); ok {
		all = append(all, figure{"Water", amount, []string{"consumed (" + bounds + ")", r.Water.GridSource}})
	}
	if r.Coverage < 0.9995 {
		all = append(all, figure{"Seen", Percent(r.Coverage), []string{"of the run's time; the bounds cover the rest"}})
	}
	return all
}

func componentSection(r footprint.Report) section {
	p := section{title: "Components"}
	p.table.columns = []column{{"component", name}, {"kind", text}, {"basis", text}, {"energy", amount}, {"bounds", amount}, {"charged", amount}, {"seen", amount}, {"state", text}}
	if r.Charge == footprint.ChargeProcess && len(r.Components) > 0 {
		p.notes = []string{"Energy is what the machine used; charged is the " + owner(r) + " share of it, which counts."}
	}
	for _, l := range r.Components {
		row := []string{l.Name, string(l.Kind), string(l.Basis) + ", " + l.Source, "unknown", "", "", "", l.Status}
		if l.Energy != nil {
			scale := EnergyScale(*l.Energy, *l.Energy, l.Energy)
			if l.Low != nil {
				scale = EnergyScale(*l.Energy, *l.Low, l.High)
			}
			row[3], row[6] = scale.Text(l.Energy.Joules()), Percent(l.Coverage)
			row[5] = "not added"
			if l.Low != nil {
				row[4] = energyBounds(*l.Energy, *l.Low, l.High)
			}
			if l.Within == nil && l.Kind != energy.Platform {
				row[5] = scale.Text(l.Charged.Joules())
				p.paper = true
			}
		}
		if row[7] == "ok" {
			row[7] = ""
		}
		p.table.rows = append(p.table.rows, row)
	}
	return p
}

func warningSection(list []footprint.Warning) section {
	p := section{title: "Warnings", table: table{columns: []column{{"warning", text}, {"what to do", text}, {"code", name}}}}
	for _, w := range list {
		p.table.rows = append(p.table.rows, []string{w.Text, w.Hint, w.Code})
	}
	return p
}

// facts is a table of two columns without heads; empty values are left out.
func facts(pairs ...string) table {
	t := table{columns: []column{{"", text}, {"", text}}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			t.rows = append(t.rows, []string{pairs[i], pairs[i+1]})
		}
	}
	return t
}

func gridSection(r footprint.Report) section {
	in, year, pue := r.Intensity, "", ""
	if in.Source == "" && in.PerKWh == 0 {
		return section{}
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
	return section{title: "Grid", table: facts(
		"region", region, "set by", r.Region.How,
		"factor", digits(float64(in.PerKWh))+" g CO2e/kWh", "counts", strings.Trim(string(in.Scope)+", "+in.Basis, ", "),
		"kind", string(in.Kind), "year", year, "source", in.Source, "licence", in.Licence, "instead", in.Instead, "note", in.Note, "range", factorRange(in), "PUE", pue, "waited", waited(r))}
}

// factorRange is the range of the factor itself, "" where its source gives none.
func factorRange(in footprint.Intensity) string {
	if in.Low == nil || in.High == nil {
		return ""
	}
	text := digits(float64(*in.Low)) + " to " + digits(float64(*in.High)) + " g CO2e/kWh by its fuels' factors"
	if in.RangeOld {
		text += "; old: no bound of this run"
	}
	return text
}

func machineSection(r footprint.Report) section {
	h := r.Host
	threads, memory, virtual, job := "", "", "", ""
	if h.CPUThreads > 0 {
		threads = fmt.Sprint(h.CPUThreads)
	}
	if h.MemoryBytes > 0 {
		memory = Bytes(h.MemoryBytes)
	}
	if h.Virtual {
		virtual = "yes"
	}
	if r.Job != nil {
		job = r.Job.System + " " + r.Job.ID
	}
	pairs := []string{"host", h.Name, "system", h.OS, "processor", h.CPUModel, "threads", threads, "memory", memory,
		"GPUs", strings.Join(h.GPUs, "; "), "virtual machine", virtual, "job", job, "attached to", attachedTo(r), "command", strings.Join(r.Command, " ")}
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		pairs = append(pairs, "label "+k, nameText(r.Labels[k]))
	}
	return section{title: "Machine", table: facts(pairs...)}
}

func verifySection(r footprint.Report) section {
	if r.RunID == "" {
		return section{}
	}
	p := section{title: "How to verify", table: facts("run", r.RunID, "revision", clip(r.Revision, maxName))}
	if r.Ledger == nil {
		p.notes = []string{"This run is in no ledger: later changes to these figures cannot be detected."}
		return p
	}
	row := ""
	if r.Ledger.Rows > 0 {
		row = fmt.Sprint(r.Ledger.Rows)
	}
	p.table.rows = append(p.table.rows, facts("ledger", r.Ledger.LedgerID, "row", row).rows...)
	p.notes = []string{"The ledger's rows form a chain. This finds any change of them since this run was recorded:"}
	p.code = "carbonctl verify " + shell(r.Ledger.Path) + " --head " + shell(r.Ledger.Hash)
	return p
}

// shell quotes a word for a POSIX shell.
func shell(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%") == "" && s[0] != '-' {
		return s
	}
	return "'" + strings.ReplaceAll(plain(s), "'", `'\''`) + "'"
}

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// print shows old against new for a person.
func (r *recomputing) print(given bool) {
	a := &r.answer
	var p report.Page
	head := fmt.Sprintf("%s, %s", count(int64(a.Runs), "run"), report.Energy(a.Energy))
	if a.Nested > 0 {
		head += fmt.Sprintf("; %d nested, not counted", a.Nested)
	}
	p.Title(head)
	if a.Old != nil && len(a.Scopes) == 1 {
		p.Row("recorded", "%s", a.Old)
		p.Row("recomputed", "%s", a.New)
		if given {
			p.Row("change", "%s", a.Scopes[0].change())
		}
	} else {
		for _, s := range a.Scopes { // of two scopes there is no sum
			p.Row("recorded", "%s, %s, %s", s.Old, scopeName(s.From), count(int64(s.Runs), "run"))
			p.Row("recomputed", "%s, %s", s.New, scopeName(s.To))
			if given {
				p.Row("change", "%s", s.change())
			}
		}
	}
	for i, text := range report.Shared(r.sums.Summary) {
		p.Row([]string{"overlaps", ""}[min(i, 1)], "%s", text)
	}
	switch {
	case given:
	case a.Wrong == 0:
		p.Row("check", "all recorded emissions follow from energy × PUE × intensity of their row")
	default:
		p.Row("check", "%s: the recorded emissions do not follow from energy × PUE × intensity", count(int64(a.Wrong), "row"))
		for _, id := range a.Which {
			p.Code(id)
		}
		if n := a.Wrong - len(a.Which); n > 0 {
			p.Row("", "and %d more", n)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(a.Why)) {
		p.Row("left out", "%s: %s", count(int64(a.Why[why]), "run"), why)
	}
	for i, g := range a.Grids {
		if i == maxLines {
			p.Note(fmt.Sprintf("and %d more factors", len(a.Grids)-i))
			break
		}
		p.Title(fmt.Sprintf("%s, %s", count(int64(g.Runs), "run"), report.Energy(g.Energy)))
		p.Row("recorded", "%s, at %s", report.Mass(g.Old.Grams)+" CO2e", g.From)
		if given {
			p.Row("recomputed", "%s, at %s", report.Mass(g.New.Grams)+" CO2e", g.To)
		}
	}
	const line = "  %-16s %9s %9s %10s %9s  %s"
	if len(a.List) > 0 {
		title := "runs"
		if len(a.List) < a.Runs {
			title = fmt.Sprintf("the latest %d", len(a.List))
		}
		p.Title(title)
		p.Line(fmt.Sprintf(line, "started (UTC)", "energy", "recorded", "recomputed", "change", "project"))
	}
	for _, v := range a.List {
		started := strings.Replace(v.Started[:min(16, len(v.Started))], "T", " ", 1)
		p.Line(fmt.Sprintf(line, started, report.Energy(v.Energy), report.Mass(v.Old.Grams), report.Mass(v.New.Grams),
			cmp.Or(sameScope(v.From, v.To, v.Old, v.New), "n/a"), report.Short(v.Project, 18)))
	}
	_, _ = p.WriteTo(r.out)
}

// change is by how much the new emissions are above the old.
func (s rescope) change() string {
	return cmp.Or(sameScope(s.From, s.To, s.Old, s.New), fmt.Sprintf("not comparable: %s and %s", scopeName(s.From), scopeName(s.To)))
}

// sameScope is the change, "" between two scopes: they are different quantities.
func sameScope(from, to regions.Scope, old, new emitted) string {
	if from != to && from != "" && to != "" {
		return ""
	}
	return change(old.Grams, new.Grams)
}

// scopeName is a scope in words.
func scopeName(s regions.Scope) string {
	if s == "" {
		return "scope not known"
	}
	return string(s)
}

// String shows emissions with their bounds.
func (e emitted) String() string {
	if e.High == nil {
		return fmt.Sprintf("%s CO2e (at least %s)", report.Mass(e.Grams), report.Mass(e.Low))
	}
	return fmt.Sprintf("%s CO2e (%s to %s)", report.Mass(e.Grams), report.Mass(e.Low), report.Mass(*e.High))
}

// String shows a factor in words.
func (f factor) String() string {
	s := report.PerKWh(float64(f.PerKWh)) + " g/kWh"
	if f.Zone != "" {
		s += " in " + f.Zone
	}
	var more []string
	if f.Year != 0 {
		more = append(more, fmt.Sprint(f.Year))
	}
	for _, word := range []string{string(f.Scope), string(f.Kind)} {
		if word != "" {
			more = append(more, word)
		}
	}
	if f.PUE != 1 {
		more = append(more, fmt.Sprintf("PUE %.4g", f.PUE))
	}
	if len(more) > 0 {
		s += " (" + strings.Join(more, ", ") + ")"
	}
	if f.Source != "" {
		s += ": " + f.Source
	}
	return s
}

// change shows by how much new is above old.
func change(old, new regions.Grams) string {
	switch {
	case old == new:
		return "none"
	case old == 0:
		return "from 0"
	}
	part := float64(new/old) - 1
	switch {
	case part > -5e-10 && part < 5e-10:
		return "none"
	case part > 9:
		return fmt.Sprintf("× %.3g", part+1)
	case part < 0:
		return "−" + report.Percent(-part)
	}
	return "+" + report.Percent(part)
}

// redone is what recompute --samples answers.
type redone struct {
	Schema  string           `json:"schema"`
	RunID   string           `json:"run_id"`
	Same    *bool            `json:"same"` // null: there is nothing to compare with
	Against string           `json:"against"`
	Figures int              `json:"figures"` // how many were compared
	Differ  []difference     `json:"differences"`
	Report  footprint.Report `json:"report"`
}

// difference is a figure that came out otherwise than recorded.
type difference struct {
	Key      string `json:"key"`
	Recorded string `json:"recorded"`
	Redone   string `json:"recomputed"`
}

// replay computes a run from its samples and compares it with its record, a
// ledger or its JSON.
func (r *recomputing) replay(args []string) error {
	wrong := func(err error) error { return fmt.Errorf("recompute: %w", err) }
	f, err := r.Open(r.samples)
	if err != nil {
		return wrong(fmt.Errorf("--samples: %w", err))
	}
	defer f.Close()
	run, err := footprint.Replay(f)
	switch {
	case err != nil && run.RunID == "":
		return wrong(fmt.Errorf("--samples %s: %w", r.samples, err))
	case err != nil: // what there is of it is computed
		r.told(wrong(fmt.Errorf("--samples %s: %w", r.samples, err)))
	}
	answer := redone{Schema: recomputeSchema, RunID: run.RunID, Differ: []difference{}, Report: run}
	if len(args) == 1 {
		answer.Against = args[0]
		if answer.Figures, answer.Differ, err = r.compare(args[0], run); err != nil {
			return wrong(err)
		}
		same := len(answer.Differ) == 0
		answer.Same = &same
	}
	if r.json {
		err = output.JSON(r.out, answer)
	} else {
		err = r.printRedone(answer)
	}
	if err == nil && (r.bad || len(answer.Differ) > 0) {
		err = &exitError{code: exitFinding}
	}
	return err
}

// compare compares a computed run with its record: the whole of it where that is
// kept, else its row.
func (r *recomputing) compare(name string, run footprint.Report) (int, []difference, error) {
	found, err := r.RunOf(name, run.RunID)
	switch {
	case err != nil:
		return 0, nil, err
	case found.Row.LedgerID == "": // the JSON of a run
		return differ(keyed(*found.Report), keyed(run))
	}
	n, all, err := differ(columns(found.Row), columns(runs.FromReport(run)))
	if found.Report != nil && err == nil { // which was kept beside the ledger
		more, kept, err := differ(keyed(*found.Report), keyed(run))
		return n + more, append(all, kept...), err
	}
	return n, all, err
}

// after are the keys of a report that are told only when it has been computed.
var after = []string{"ledger", "warnings"}

// keyed gives the values of a report by their paths of keys: "components/0/name".
func keyed(r footprint.Report) map[string]string {
	all := map[string]string{}
	b, err := json.Marshal(r)
	var keys map[string]any
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		err = d.Decode(&keys)
	}
	if err != nil {
		return all // a report always encodes
	}
	maps.DeleteFunc(keys, func(k string, _ any) bool { return slices.Contains(after, k) })
	flatten(all, "", keys)
	return all
}

func flatten(to map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, in := range v {
			flatten(to, path+"/"+k, in)
		}
	case []any:
		for i, in := range v {
			flatten(to, fmt.Sprintf("%s/%d", path, i), in)
		}
	case nil:
		to[path[1:]] = "null"
	default:
		to[path[1:]] = fmt.Sprint(v)
	}
}

// columns gives the figures of a row by the names of their columns. Left out are
// those of the chain, and those that no sample knows.
func columns(r runs.Row) map[string]string {
	all := map[string]string{}
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("csv"), ",")
		if !slices.Contains(unsampled, name) {
			all[name] = cellText(v.Field(i).Interface())
		}
	}
	return all
}

// unsampled are the columns that samples say nothing of.
var unsampled = []string{"schema", "ledger_id", "previous_hash", "hash", "run_sha256", "user", "warnings", "details"}

// cellText shows the value of a cell.
func cellText(v any) string {
	switch v := v.(type) {
	case *energy.Energy:
		if v != nil {
			return v.Fixed()
		}
		return ""
	case energy.Energy:
		return v.Fixed()
	case runs.Stamp:
		return v.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer {
		if p.IsNil() {
			return ""
		}
		v = p.Elem().Interface()
	}
	return fmt.Sprint(v)
}

// shown is a value for people.
func shown(v string) string {
	if v == "" {
		return "nothing"
	}
	return report.Short(v, 60)
}

func differ(recorded, again map[string]string) (figures int, all []difference, err error) {
	all = []difference{}
	keys := maps.Clone(recorded)
	maps.Copy(keys, again)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		figures++
		if recorded[k] != again[k] {
			all = append(all, difference{k, recorded[k], again[k]})
		}
	}
	return figures, all, nil
}

func (r *recomputing) printRedone(v redone) error {
	if v.Same == nil {
		return report.Text(r.out, v.Report)
	}
	var p report.Page
	p.Title(fmt.Sprintf("run %s, computed again from %s", v.RunID, r.samples))
	p.Row("energy", "%s", report.Energy(v.Report.Energy))
	p.Row("emissions", "%s CO2e", report.Mass(v.Report.Emissions))
	for _, l := range v.Report.Components {
		if l.Wraps+l.Resets+l.Gaps > 0 {
			p.Row(string(l.Kind), "%s: %s, %s, %s", l.Name, count(int64(l.Wraps), "wrap"), count(int64(l.Resets), "reset"), count(int64(l.Gaps), "gap"))
		}
	}
	if *v.Same {
		p.Row("same", "all %d figures are those of %s, to the last digit", v.Figures, v.Against)
	} else {
		p.Row("differs", "%d of %d figures of %s:", len(v.Differ), v.Figures, v.Against)
	}
	for i, d := range v.Differ {
		if i == maxLines {
			p.Row("", "and %d more", len(v.Differ)-i)
			break
		}
		p.Row("", "%s: recorded %s, computed %s", d.Key, shown(d.Recorded), shown(d.Redone))
	}
	_, err := p.WriteTo(r.out)
	return err
}

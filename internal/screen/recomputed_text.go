package screen

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
)

// Text shows old against new for a person on a screen.
func (a Recomputed) Text(w io.Writer, screen layout.Screen) error {
	p := layout.Page{Screen: screen}
	p.Headline(a.headline())
	for _, s := range a.Scopes { // of two scopes there is no sum
		of := ""
		if len(a.Scopes) > 1 || s.From != s.To {
			of = ", " + scopeName(s.From)
		}
		p.Row("recorded", "%s%s, from %s in %s", s.Old, of, format.Energy(s.Energy), format.RunCount(s.Runs))
		if a.Given {
			if of != "" {
				of = ", " + scopeName(s.To)
			}
			p.Row("recomputed", "%s%s", s.New, of)
			if len(a.Scopes) > 1 { // of one it stands above
				p.Row("change", "%s", s.change())
			}
		}
	}
	if a.Nested > 0 {
		p.Row("nested", "%s inside others, not counted again", format.RunCount(a.Nested))
	}
	for i, text := range facts.Shared(a.Sums) {
		p.Row([]string{"overlaps", ""}[min(i, 1)], "%s", text)
	}
	if !a.Given && a.Wrong > 0 {
		for i, id := range a.Which {
			p.Row([]string{"wrong", ""}[min(i, 1)], "%s", id)
		}
		if n := a.Wrong - len(a.Which); n > 0 {
			p.Row("", "%s more", format.Thousands(n))
		}
	}
	for _, why := range slices.Sorted(maps.Keys(a.Why)) {
		p.Row("ignored", "%s: %s", format.RunCount(a.Why[why]), why)
	}
	source := "" // that was named last
	for i, g := range a.Grids {
		if i == 0 {
			p.Title("factors")
		}
		if i == MaxListed {
			p.Note(format.Thousands(len(a.Grids)-i) + " more")
			break
		}
		used := g.From
		text := g.From.String()
		if a.Given {
			used = g.To
			text = g.To.String() + ", instead of " + text
		}
		p.Row(cmp.Or(g.From.Zone, "(none)"), "%s; %s, %s", text, format.Energy(g.Energy), format.RunCount(g.Runs))
		if used.Source != "" && used.Source != source {
			p.Row("", "%s", used.Source)
			source = used.Source
		}
	}
	a.runs(&p)
	_, err := p.WriteTo(w)
	return err
}

// headline is the answer in a sentence.
func (a Recomputed) headline() string {
	switch {
	case a.Runs == 0 && a.Given:
		return "no run has a figure for that"
	case a.Runs == 0:
		return "no row to check"
	case !a.Given && a.Wrong == 0:
		return format.RunCount(a.Runs) + ": the recorded emissions follow from energy × PUE × intensity"
	case !a.Given:
		return fmt.Sprintf("%s of %s: the recorded emissions do not follow from energy × PUE × intensity", format.Thousands(a.Wrong), format.RunCount(a.Runs))
	case len(a.Scopes) != 1:
		return format.RunCount(a.Runs) + " of different scopes: they have no common sum"
	}
	s := a.Scopes[0]
	text := format.MassWithin(s.New.Grams, s.New.Low, s.New.High) + " CO2e in " + format.RunCount(a.Runs)
	switch by := sameScope(s.From, s.To, s.Old, s.New); by {
	case "":
		return fmt.Sprintf("%s, %s: not comparable with the %s emissions recorded", text, scopeName(s.To), scopeName(s.From))
	case "none":
		return text + ", as recorded"
	case "from 0":
		return text + ", 0 recorded"
	default:
		return fmt.Sprintf("%s, %s the %s recorded", text, facts.Against(by), format.MassWithin(s.Old.Grams, s.Old.Low, s.Old.High))
	}
}

// runs lists the runs, all in the units of the largest.
func (a Recomputed) runs(p *layout.Page) {
	if len(a.List) == 0 {
		return
	}
	title := "runs"
	if len(a.List) < a.Runs {
		title = fmt.Sprintf("latest %d runs", len(a.List))
	}
	p.Title(title)
	var most regions.Grams
	var used energy.Energy
	mixed := false // where all runs have one scope, that is not said of each
	for _, v := range a.List {
		mixed = mixed || v.From != a.List[0].From
		most, used = max(most, v.Old.Grams, v.New.Grams), max(used, v.Energy)
	}
	mass := format.MassScale(most, most, &most)
	joules := format.EnergyScale(used, used, &used)
	number := func(e Emitted) string {
		return format.MassScale(e.Grams, e.Low, e.High).In(mass.Unit).Number(float64(e.Grams))
	}
	t := layout.Table{Columns: []layout.Column{layout.Name("run"), layout.Text("started"), layout.Amount(mass.Unit.Name + " CO2e"), layout.Amount(joules.Unit.Name), layout.Text("scope"), layout.Name("project")}}
	if a.Given {
		t.Columns = slices.Replace(t.Columns, 2, 4, layout.Amount(mass.Unit.Name+" recorded"), layout.Amount("recomputed"), layout.Amount("change"))
	}
	ids := format.ShortIDs(len(a.List), func(i int) string { return a.List[i].RunID })
	for i, v := range a.List {
		started, _, _ := strings.Cut(v.Started, "T")
		row := []string{ids[i], started, number(v.Old)}
		if a.Given {
			row = append(row, number(v.New), cmp.Or(sameScope(v.From, v.To, v.Old, v.New), "n/a"))
		} else {
			row = append(row, joules.Number(v.Energy.Joules()))
		}
		scope := ""
		if mixed {
			scope = scopeName(v.From)
		}
		t.Rows = append(t.Rows, append(row, scope, v.Project))
	}
	p.Table(t)
}

// change is by how much the new emissions are above the old.
func (s RecomputedScope) change() string {
	return cmp.Or(sameScope(s.From, s.To, s.Old, s.New), fmt.Sprintf("not comparable: %s and %s", scopeName(s.From), scopeName(s.To)))
}

// sameScope is the change, "" between two scopes: they are different quantities.
func sameScope(from, to regions.Scope, old, new Emitted) string {
	if from != to && from != "" && to != "" {
		return ""
	}
	return facts.Change(old.Grams, new.Grams)
}

// scopeName is a scope in words.
func scopeName(s regions.Scope) string {
	if s == "" {
		return "scope unknown"
	}
	return string(s)
}

// String shows emissions with their bounds.
func (e Emitted) String() string {
	if e.High == nil {
		return fmt.Sprintf("%s CO2e (at least %s)", format.MassWithin(e.Grams, e.Low, nil), format.Mass(e.Low))
	}
	return fmt.Sprintf("%s CO2e (%s)", format.MassWithin(e.Grams, e.Low, e.High), format.MassBounds(e.Grams, e.Low, e.High))
}

// String shows a factor in words, without its source.
func (f Factor) String() string {
	s := format.Digits(float64(f.PerKWh)) + " g/kWh"
	if f.Zone != "" {
		s += " in " + f.Zone
	}
	var more []string
	if f.Year != 0 {
		more = append(more, fmt.Sprint(f.Year))
	}
	for _, word := range []string{string(f.Scope), facts.KindText(string(f.Kind))} {
		if word != "" {
			more = append(more, word)
		}
	}
	if f.PUE != 1 && f.PUE != 0 {
		more = append(more, fmt.Sprintf("PUE %.4g", f.PUE))
	}
	if len(more) > 0 {
		s += " (" + strings.Join(more, ", ") + ")"
	}
	return s
}

package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/regions"
)

// Text shows old against new for a person.
func (a Recomputed) Text(w io.Writer) error {
	var p Page
	head := fmt.Sprintf("%s, %s", Count(a.Runs, "run"), Energy(a.Energy))
	if a.Nested > 0 {
		head += fmt.Sprintf("; %d nested, not counted", a.Nested)
	}
	p.Title(head)
	if a.Old != nil && len(a.Scopes) == 1 {
		p.Row("recorded", "%s", a.Old)
		p.Row("recomputed", "%s", a.New)
		if a.Given {
			p.Row("change", "%s", a.Scopes[0].change())
		}
	} else {
		for _, s := range a.Scopes { // of two scopes there is no sum
			p.Row("recorded", "%s, %s, %s", s.Old, scopeName(s.From), Count(s.Runs, "run"))
			p.Row("recomputed", "%s, %s", s.New, scopeName(s.To))
			if a.Given {
				p.Row("change", "%s", s.change())
			}
		}
	}
	for i, text := range Shared(a.Sums) {
		p.Row([]string{"overlaps", ""}[min(i, 1)], "%s", text)
	}
	switch {
	case a.Given:
	case a.Runs == 0:
		p.Row("check", "no row to check")
	case a.Wrong == 0:
		p.Row("check", "all recorded emissions follow from energy × PUE × intensity of their row")
	default:
		p.Row("check", "%s: the recorded emissions do not follow from energy × PUE × intensity", Count(a.Wrong, "row"))
		for _, id := range a.Which {
			p.Code(id)
		}
		if n := a.Wrong - len(a.Which); n > 0 {
			p.Row("", "and %d more", n)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(a.Why)) {
		p.Row("left out", "%s: %s", Count(a.Why[why], "run"), why)
	}
	for i, g := range a.Grids {
		if i == MaxListed {
			p.Note(fmt.Sprintf("and %d more factors", len(a.Grids)-i))
			break
		}
		p.Title(fmt.Sprintf("%s, %s", Count(g.Runs, "run"), Energy(g.Energy)))
		p.Row("recorded", "%s, at %s", Mass(g.Old.Grams)+" CO2e", g.From)
		if a.Given {
			p.Row("recomputed", "%s, at %s", Mass(g.New.Grams)+" CO2e", g.To)
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
		p.Line(fmt.Sprintf(line, started, Energy(v.Energy), Mass(v.Old.Grams), Mass(v.New.Grams),
			cmp.Or(sameScope(v.From, v.To, v.Old, v.New), "n/a"), Short(v.Project, 18)))
	}
	_, err := p.WriteTo(w)
	return err
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
func (e Emitted) String() string {
	if e.High == nil {
		return fmt.Sprintf("%s CO2e (at least %s)", Mass(e.Grams), Mass(e.Low))
	}
	return fmt.Sprintf("%s CO2e (%s to %s)", Mass(e.Grams), Mass(e.Low), Mass(*e.High))
}

// String shows a factor in words.
func (f Factor) String() string {
	s := PerKWh(float64(f.PerKWh)) + " g/kWh"
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
		return "−" + Percent(-part)
	}
	return "+" + Percent(part)
}

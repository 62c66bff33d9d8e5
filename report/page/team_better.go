package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// better says what would make the figure less or surer: amounts first, then parts of the
// energy, then runs, each the greatest first.
func (t Team) better(s teamSums) (all []adviceLine) {
	total := t.Groups.Total
	add := func(value, text, small string) {
		all = append(all, adviceLine{value, escape.Plain(text), escape.Plain(small)})
	}
	if lost := s.of(s.failed); lost.x > 0 {
		of := "in all"
		if s.monthly {
			of = "of this month"
		}
		add(s.text(lost), "went into "+format.RunCount(s.failed.Runs)+" "+of+" that "+s.lostWord(), "a checkpoint keeps part of the work")
	}
	if l, ok := t.elsewhere(s); ok {
		all = append(all, l)
	}
	all = append(all, t.modelled(s)...)
	if total.Unknown > 0 && total.Energy > 0 {
		small := "such as those imported from other tools: no bounds, neither measured nor modelled"
		add(format.Percent(float64(total.Unknown)/float64(total.Energy)), "of the energy is in records that do not state how it was found", small)
	}
	var world runs.Charged
	for g, c := range total.Grids {
		if g.Kind == string(regions.WorldDefault) {
			world.Runs += c.Runs
			world.Energy = world.Energy.Plus(c.Energy)
		}
	}
	if world.Runs > 0 {
		add(format.RunCount(world.Runs), "had no region: the world’s mean was used for "+format.Energy(world.Energy), `set it on the machine: region = "FR" in ~/.config/carbonctl/config.toml`)
	}
	if n := total.Uncounted; n > 0 && n < total.Runs {
		add(format.RunCount(n), withoutWord(n)+" unknown energy, which is in no sum", "there was neither a counter nor a model: carbonctl devices")
	}
	if n := len(total.Scopes); n > 1 {
		others := 0
		for _, e := range total.Scopes[1:] {
			others += e.Runs
		}
		add(format.RunCount(others), "by factors of another scope than "+facts.ScopeWord(s.scope)+": apart, below", "they do not add up")
	}
	if n := total.NoPUE; n > 0 {
		add(format.RunCount(n), "do not state the PUE that they were charged with", "it is in their factor, if at all")
	}
	if s.future > 0 {
		add(format.RunCount(s.future), format.Plural(s.future, "starts", "start")+" in the future: nothing is expected of this month until they are past", "the clock of their machine was wrong")
	}
	return all
}

// leastMoved is the least part of all emissions that another place is named for.
const leastMoved = 0.05

// elsewhere says what the work of one grid, that with the most emissions, would have emitted
// in the best place on its continent.
func (t Team) elsewhere(s teamSums) (l adviceLine, ok bool) {
	total := t.Groups.Total
	whole, _ := total.Of(s.scope)
	var at runs.Grid
	var most runs.Charged
	for _, g := range facts.ByEnergy(total) {
		if c := total.Grids[g]; g.Scope == string(s.scope) && c.Emissions > most.Emissions && g.Kind != string(regions.WorldDefault) && g.Kind != string(regions.Own) {
			at, most = g, c
		}
	}
	if t.Table == nil || most.PUE() == 0 || whole.Grams <= 0 {
		return l, false
	}
	places := runs.Elsewhere(t.Table, footprint.Report{
		Region: footprint.Region{Zone: at.Zone}, PUE: footprint.PUE{Value: most.PUE()}, Energy: most.Energy,
		Intensity: footprint.Intensity{PerKWh: most.PerKWh(), Scope: s.scope, Kind: regions.Kind(at.Kind), Source: at.Source},
	})
	i := slices.IndexFunc(places, func(c runs.Comparison) bool { return c.Here })
	if i <= 0 {
		return l, false
	}
	here, best := places[i], places[0]
	saves := here.Emissions - best.Emissions
	if saves < leastMoved*whole.Grams {
		return l, false
	}
	part := saves / whole.Grams // as sure as the sum is
	l.Saves = "−" + format.MassScale(saves, whole.Low*part, scaled(facts.HighOf(whole), part)).Text(float64(saves))
	l.Text = escape.Plain(fmt.Sprintf("had all %s in %s (%s) been in %s", format.RunCount(most.Runs), format.Clip(at.Zone, 24), format.Energy(most.Energy), facts.FullName(best)))
	l.Small = escape.Plain(fmt.Sprintf("%s instead of %s g/kWh, %s, PUE %.2f; moving data not counted", format.Digits(float64(best.PerKWh)), format.Digits(float64(here.PerKWh)), facts.Year(best.Year), best.PUE))
	return l, true
}

// scaled is a part of a bound, nil where there is none.
func scaled(g *regions.Grams, part regions.Grams) *regions.Grams {
	if g == nil {
		return nil
	}
	return new(*g * part)
}

func withoutWord(n int) string { return format.Plural(n, "has an", "have an") }

// modelled says which machines have energy that was not measured, and what can be done.
func (t Team) modelled(s teamSums) []adviceLine {
	total := t.Groups.Total
	if total.Energy <= 0 {
		return nil
	}
	of := func(s runs.Summary) energy.Energy { return max(0, s.Energy-s.Measured-s.Unknown) }
	part := float64(of(total.Summary)) / float64(total.Energy)
	if part < 0.01 {
		return nil
	}
	hosts := slices.Clone(s.hosts)
	slices.SortStableFunc(hosts, func(a, b *runs.Group) int { return cmp.Compare(of(b.Summary), of(a.Summary)) })
	var names []string
	covered := energy.Energy(0)
	for _, h := range hosts {
		if x := of(h.Summary); h.Name[0] != "" && x > 0 && len(names) < 3 && float64(covered) < 0.9*float64(of(total.Summary)) {
			names, covered = append(names, format.Clip(escape.Plain(h.Name[0]), 24)), covered+x
		}
	}
	l := adviceLine{Saves: format.Percent(part), Text: "of the energy is modelled"}
	if len(names) > 0 && len(hosts) > 1 {
		l.Text += ", most of it on " + list(names)
	}
	type cause struct {
		code, small string
	}
	for _, c := range []cause{
		{footprint.NoPermission, "counters are there but not readable: carbonctl devices --fix"},
		{footprint.CounterMasked, "a container hides the counters: carbonctl devices"},
		{footprint.NoCounter, "no counters on the machine: carbonctl calibrate fits the model to it"},
		{footprint.AllModelled, "no counters were read: carbonctl devices shows why"},
	} {
		if n := total.Warnings[c.code]; n > 0 && l.Small == "" {
			l.Small = c.small + " (" + format.RunCount(n) + ")"
		}
	}
	if l.Small == "" {
		l.Small = "carbonctl devices shows what could be measured"
	}
	return []adviceLine{l}
}

// list joins names: "a", "a and b", "a, b and c".
func list(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// apartTable is what was emitted by factors of another scope.
type apartTable struct {
	Heading, Note, Key, Unit string
	Rows                     []apartRow
}

type apartRow struct{ Name, Runs, Energy, Amount, Bounds string }

// maxApart is how many groups it names.
const maxApart = 10

// apart shows the other scopes, each by itself.
func (t Team) apart(s teamSums) (all []apartTable) {
	total := t.Groups.Total
	if len(total.Scopes) < 2 {
		return nil
	}
	for _, e := range total.Scopes[1:] {
		m := measure{scope: e.Scope}
		whole := m.of(total.Summary)
		scale := m.scale(whole)
		p := apartTable{Heading: "Apart: " + facts.ScopeWord(e.Scope) + " factors", Key: facts.By(untimed(t.Groups.By)), Unit: scale.Unit.Name + " CO2e"}
		if e.Scope == "" {
			p.Heading = "Apart: factors whose scope is not recorded"
		}
		p.Note = fmt.Sprintf("%s, %s from %s (%s). Another quantity than the figures above: they do not add up.", m.text(whole), format.RunCount(e.Runs), format.Energy(e.Energy), m.bounds(total.Summary))
		row := func(name string, g runs.Summary) {
			of, ok := g.Of(e.Scope)
			if !ok {
				return
			}
			p.Rows = append(p.Rows, apartRow{name, format.Thousands(of.Runs), format.Energy(of.Energy), m.scale(m.of(g)).In(scale.Unit).Number(float64(of.Grams)), facts.Unbounded(g, facts.EmittedSpan(m.scale(m.of(g)).In(scale.Unit), of))})
		}
		groups := slices.Clone(s.groups)
		slices.SortStableFunc(groups, func(a, b *teamGroup) int { return cmp.Compare(m.of(b.total).x, m.of(a.total).x) })
		var rest runs.Summary
		for i, g := range groups {
			if i < maxApart {
				row(format.Clip(groupName(g.name), 80), g.total)
			} else {
				rest.Merge(g.total)
			}
		}
		if rest.Runs > 0 {
			row("others", rest)
		}
		all = append(all, p)
	}
	return all
}

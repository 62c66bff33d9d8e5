package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/runs"
)

// answer is the answer, and what belongs to it.
func (t Team) answer(p *teamPage, s teamSums) {
	p.Big = "unknown"
	switch total := t.Groups.Total; {
	case total.Runs == 0:
		p.Big, p.Unit = "no runs", ""
		p.Say = []phrase{{"Runs tracked with carbonctl wrap will appear here.", false}}
		if facts.FilterWords(t.Filter) != "" {
			p.Say = []phrase{{format.Clip("No run matches: only "+facts.FilterWords(t.Filter)+".", 300), false}}
		}
		if total.Nested > 0 {
			p.Under = []string{"but " + format.RunCount(total.Nested) + " inside others, whose records are not here"}
		}
		return
	case s.period.Runs > 0 && s.period.Uncounted == s.period.Runs:
		p.Under = []string{"the energy of " + format.RunCount(s.period.Runs) + " is " + facts.WithoutEnergy(s.period)}
	default:
		m := measure{scope: s.scope, energy: s.energy && s.limit(t.Budget) > 0}
		a := m.of(s.period)
		p.Big, p.Unit = m.apart(m.text(a))
		if a.runs > 0 {
			text := m.bounds(s.period)
			if !m.energy {
				text = facts.Saying(text, " by the energy")
			}
			p.Under = append(p.Under, text)
		}
		if text := facts.WithoutEnergy(s.period); text != "" {
			p.Under = append(p.Under, text)
		}
		if !s.monthly {
			e, _ := s.period.Of(s.scope)
			p.Under = append(p.Under, t.Car.Compare(e.Grams, e.Low)...)
		}
	}
	if s.monthly {
		p.Unit += " this month"
	}
	p.Under = append(p.Under, s.against(t.Budget)...)
}

// against says how the month stands: against its budget, and by its end.
func (s teamSums) against(b runs.Allowance) (all []string) {
	if !s.monthly {
		return nil
	}
	spent, limit := s.of(s.period), s.limit(b)
	if limit > 0 {
		text := format.Percent(spent.x/limit) + " of the budget of " + s.plain(limit) + " a month"
		if over := spent.x - limit; over > 0 {
			text += ": " + s.plain(over) + " over"
		}
		all = append(all, text)
	}
	if other := (measure{scope: s.scope, energy: !s.energy}); other.limit(b) > 0 && limit > 0 {
		all = append(all, format.Percent(other.of(s.period).x/other.limit(b))+" of the budget of "+other.plain(other.limit(b)))
	}
	if o := s.outlook; o != nil {
		scale := s.scale(extent{x: o.Expected, low: o.Low, high: o.High})
		text := scale.Text(o.Expected) + " expected by " + s.monthEnd.AddDate(0, 0, -1).Format("2 January")
		if scale.Text(o.Low) != scale.Text(o.High) {
			text += fmt.Sprintf(" (90 %% interval %s to %s)", scale.Number(o.Low), scale.Text(o.High))
		}
		switch {
		case limit <= 0 || spent.x > limit:
		case o.High <= limit:
			text += ": within the budget"
		case o.Low > limit:
			text += ": over the budget"
		default:
			text += ": may exceed the budget"
		}
		all = append(all, text)
	}
	return all
}

// without is the key that a group has no value of, "" for a group with a name.
func (t Team) without(name []string) string {
	if keys := untimed(t.Groups.By); len(keys) == 1 && len(name) == 1 && name[0] == "" {
		return facts.By(keys)
	}
	return ""
}

// sentence says what matters most.
func (s teamSums) sentence(t Team) (say []phrase) {
	add := func(text string, strong bool) { say = append(say, phrase{escape.Plain(text), strong}) }
	whole := s.of(s.period)
	if s.period.Runs == 0 {
		add("No run has started this month", false)
		add(" yet.", false)
		return say
	}
	if len(s.groups) > 1 && whole.x > 0 {
		g := s.groups[0]
		if share := s.of(g.period).x / whole.x; share >= 0.1 {
			add(format.Percent(share), true)
			if key := t.without(g.name); key != "" {
				add(" has no "+key+".", false)
			} else {
				add(" is "+format.Clip(groupName(g.name), 40)+".", false)
			}
		}
	}
	if lost := s.of(s.failed); lost.x > 0 {
		if len(say) > 0 {
			add(" ", false)
		}
		who := "Runs that "
		if s.failed.Runs == 1 {
			who = "One run that "
		}
		add(who+s.lostWord()+" took ", false)
		add(s.text(lost), true)
		add(".", false)
	}
	if g, d := s.change(); g != nil {
		if len(say) > 0 {
			add(" ", false)
		}
		word := "more"
		if d < 0 {
			word = "less"
		}
		who := format.Clip(groupName(g.name), 40)
		if key := t.without(g.name); key != "" {
			who = "Runs with no " + key
		}
		add(who+" took ", false)
		by := max(d, -d)
		add(s.scale(s.of(g.period)).In(s.scale(extent{x: by, low: by, high: by}).Unit).Text(by)+" "+word, true)
		add(" than in "+s.beforeName()+".", false)
	}
	if len(say) == 0 {
		add(format.RunCount(s.period.Runs)+" took ", false)
		add(format.EnergyWithin(s.period.Energy, s.period.Low, facts.Upper(s.period, &s.period.High)), true)
		add(": "+facts.MeasuredWords(&runs.Group{Summary: s.period})+".", false)
	}
	return say
}

// lostWord says what happened to the runs without a result.
func (s teamSums) lostWord() string {
	were := "were"
	if s.failed.Runs == 1 {
		were = "was"
	}
	switch {
	case s.lost[footprint.Interrupted].Runs == 0:
		return "failed"
	case s.lost[footprint.Failed].Runs == 0:
		return were + " interrupted"
	}
	return "failed or " + were + " interrupted"
}

// beforeName is the month before, and up to which day of it.
func (s teamSums) beforeName() string {
	last := s.monthEnd.AddDate(0, -2, 0)
	if s.now.Day() >= last.AddDate(0, 1, -1).Day() {
		return last.Format("January")
	}
	return last.Format("January") + " up to its " + ordinal(s.now.Day())
}

// ordinal is a day of a month.
func ordinal(n int) string {
	end := "th"
	if n/10 != 1 {
		end = []string{"th", "st", "nd", "rd", "th", "th", "th", "th", "th", "th"}[n%10]
	}
	return fmt.Sprint(n, end)
}

// change is the group that changed most against the month before, where that is a tenth of
// the month or more; nil where there is none.
func (s teamSums) change() (most *teamGroup, by float64) {
	if !s.fair {
		return nil, 0
	}
	for _, g := range s.groups {
		if d := s.of(g.period).x - s.of(g.before).x; max(d, -d) > max(by, -by) {
			most, by = g, d
		}
	}
	if max(by, -by) < 0.1*s.of(s.before).x || s.before.Runs == 0 {
		return nil, 0
	}
	return most, by
}

// boxes are four figures below the headline.
func (s teamSums) boxes() (all []factorBox) {
	of := "of all runs"
	if s.monthly {
		of = "this month"
		a := s.of(s.total)
		if s.period.Runs != s.total.Runs {
			all = append(all, factorBox{Value: s.text(a), Label: "in all, since " + s.total.First.UTC().Format("January 2006"), Note: s.bounds(s.total)})
		}
	}
	sum := s.period
	if sum.Runs == 0 {
		return all
	}
	if !s.energy && len(sum.Scopes) > 1 {
		of += ", all scopes"
	}
	if sum.Uncounted < sum.Runs {
		group := runs.Group{Summary: sum}
		var share *float64
		if x, ok := group.MeasuredShare(); ok && sum.Unknown == 0 {
			share = &x
		}
		b := factorBox{Value: format.EnergyWithin(sum.Energy, sum.Low, facts.Upper(sum, &sum.High)), Sign: signOf(share), Label: "energy " + of, Note: facts.MeasuredWords(&group)}
		all = append(all, b)
	}
	if e, ok := sum.Of(s.scope); ok && e.Energy > 0 {
		all = append(all, factorBox{Value: format.Digits(float64(e.Grams)/e.Energy.KilowattHours()) + " g/kWh", Label: "mean of where it ran", Note: "PUE included"})
	}
	all = append(all, factorBox{Value: format.Duration(sum.Duration), Label: "in " + format.RunCount(sum.Runs), Note: strings.TrimSpace(of)})
	if whole, lost := s.of(sum), s.of(s.failed); whole.x > 0 && s.failed.Runs > 0 {
		var parts []string
		for _, status := range []footprint.Status{footprint.Failed, footprint.Interrupted} {
			if n := s.lost[status].Runs; n > 0 {
				parts = append(parts, fmt.Sprintf("%s %s", format.Thousands(n), status))
			}
		}
		all = append(all, factorBox{Value: format.Percent(lost.x / whole.x), Label: "of it in runs without a result", Note: strings.Join(parts, ", ")})
	}
	if len(all) > 4 { // time says least
		all = slices.DeleteFunc(all, func(b factorBox) bool { return b.Note == of })
	}
	return all[:min(4, len(all))]
}

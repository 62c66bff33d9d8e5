package page

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/runs"
)

//go:embed team.html
var teamSource string

//go:embed team.css
var teamStyle string

//go:embed team.js
var teamScript string

var teamTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.Must(template.Must(template.New("run").Parse(headSource)).Parse(runSource)).New("team").Parse(teamSource))
})

// teamPage is what the page shows, as texts and places in pictures.
type teamPage struct {
	Policy, Name, Title string
	Style               template.CSS
	Script, More        template.JS // More is what a server adds
	Going               string
	Facts               []string
	Filters             []Control
	Big, Unit           string
	Under               []string
	Say                 []phrase
	Boxes               []factorBox
	Months              *stackPicture
	Groups              *groupTable
	Runs                *runsTable
	Better              []adviceLine
	Apart               []apartTable
	Means               *block
	Records             []folded
	Foot                []string
}

// Policy is the content security policy of the page: what it needs and nothing else. The
// page holds it; a server sends it as well, with frame-ancestors.
func (t Team) Policy() string {
	allowed := "default-src 'none'; style-src " + hashOf(runStyle+teamStyle) + "; script-src " + hashOf(teamScript)
	form := "'none'"
	if t.Live != nil {
		if form = "'self'"; t.Live.Script != "" {
			allowed += " " + hashOf(t.Live.Script)
		}
		allowed += "; connect-src 'self'"
	}
	return allowed + "; base-uri 'none'; form-action " + form
}

func (t Team) page() teamPage {
	s := t.sums()
	total := t.Groups.Total
	p := teamPage{Policy: t.Policy(), Style: template.CSS(runStyle + teamStyle), Script: template.JS(teamScript), Name: format.Clip(escape.Plain(cmp.Or(t.Title, teamTitle(t.Filter))), maxTitle)}
	p.Facts = t.whichRuns(s)
	if l := t.Live; l != nil {
		p.Filters, p.More = l.Filters, template.JS(l.Script)
		if n := len(l.Underway); n > 0 {
			p.Going = format.RunCount(n) + " underway"
		}
	}
	p.Foot = append(slices.Clone(t.Foot), escape.Plain(facts.Versions(strings.Join(slices.Sorted(maps.Keys(total.Tools)), ", "), strings.Join(slices.Sorted(maps.Keys(total.Tables)), ", "))))
	if t.Live == nil {
		p.Foot = append(p.Foot, "this page loads nothing")
	}
	for i := range p.Foot {
		p.Foot[i] = format.Clip(escape.Plain(p.Foot[i]), 200)
	}
	t.answer(&p, s)
	p.Title = p.Name + ": " + strings.TrimSpace(p.Big+" "+p.Unit)
	p.Runs = t.runsTable(s)
	if total.Runs == 0 {
		return p
	}
	p.Say = s.sentence(t)
	p.Boxes = s.boxes()
	p.Months = t.drawMonths(s)
	p.Groups = t.groupTable(s)
	p.Better = t.better(s)
	p.Apart = t.apart(s)
	if t.Spread {
		if m := facts.Means(t.Groups, t.Groups.List()); len(m.Table.Rows) > 0 {
			b := blockOf(m)
			p.Means = &b
		}
	}
	p.Records = t.records()
	return p
}

// maxTitle is how long a title may be.
const maxTitle = 80

// teamTitle says whose runs a filter takes.
func teamTitle(f runs.Filter) string {
	if len(f.Projects) == 1 && strings.TrimSpace(f.Projects[0]) != "" {
		return f.Projects[0]
	}
	return "All runs"
}

// whichRuns say which runs these are.
func (t Team) whichRuns(s teamSums) (all []string) {
	total := t.Groups.Total
	if total.Runs == 0 {
		all = append(all, "no runs recorded")
	} else if !total.First.IsZero() {
		first, last := total.First.UTC(), total.Last.UTC()
		text := first.Format("2 January 2006") + " to " + last.Format("2 January 2006")
		if first.Format(dayLayout) == last.Format(dayLayout) {
			text = first.Format("2 January 2006")
		}
		all = append(all, text)
	}
	if total.Runs > 0 {
		hosts := 0
		for _, h := range s.hosts {
			if h.Name[0] != "" && h.Runs > 0 {
				hosts++
			}
		}
		text := format.RunCount(total.Runs)
		if hosts > 0 {
			text += " on " + format.Count(hosts, "machine")
		}
		all = append(all, text)
	}
	if total.Nested > 0 {
		all = append(all, fmt.Sprintf("%s more inside them", format.Thousands(total.Nested)))
	}
	if n := len(total.Scopes); n > 0 && total.Uncounted < total.Runs {
		text := "factors of unknown scope"
		if scope := total.Headline().Scope; scope != "" {
			text = facts.ScopeWord(scope) + " factors"
		}
		if n > 1 {
			text += ", others apart"
		}
		all = append(all, text)
	}
	if f := facts.FilterWords(t.Filter); f != "" {
		all = append(all, format.Clip("only "+f, 300))
	}
	return all
}

// groupName is the name of a group on one line.
func groupName(name []string) string {
	var all []string
	for _, n := range name {
		all = append(all, format.NameText(escape.Plain(n)))
	}
	return strings.Join(all, " / ")
}

// maxRecords is how many rows a table has that is folded away.
const maxRecords = 80

// records are the exact figures that are folded away.
func (t Team) records() (all []folded) {
	total := t.Groups.Total
	add := func(title string, sections ...layout.Section) {
		f := folded{Title: title}
		for _, s := range sections {
			if len(s.Table.Rows) > maxRecords {
				s.Notes = append(s.Notes, fmt.Sprintf("%d of %d rows are shown; CSV has all.", maxRecords, len(s.Table.Rows)))
				s.Table.Rows = s.Table.Rows[:maxRecords]
			}
			if len(s.Table.Rows) > 0 {
				f.Blocks = append(f.Blocks, clipped(blockOf(s)))
			}
		}
		if len(f.Blocks) > 0 {
			all = append(all, f)
		}
	}
	sums := layout.Section{Title: "Sums"}
	sums.Table.Columns = []layout.Column{layout.Text(""), layout.Text("")}
	for _, f := range facts.TotalFigures(total, t.Car.Compare) {
		sums.Table.Rows = append(sums.Table.Rows, []string{f.Label, strings.Join(append([]string{f.Value}, f.Details...), "; ")})
	}
	add("All sums, and what is in them", sums)
	if months := t.Groups.Months(); len(months) > 0 {
		add("Every month", facts.Months(t.Groups, t.Budget, months[max(0, len(months)-maxRecords):]))
	}
	if list := t.Groups.List(); len(list) > 0 {
		add("Every "+facts.By(t.Groups.By)+", with intervals", facts.Groups(t.Groups, list))
	}
	add("Factors, warnings, predictions", facts.Grids(total), facts.WarningCounts(total), facts.Foresights(total.Foresights))
	return all
}

// clipped is a block whose texts are short enough for a page.
func clipped(b block) block {
	for _, row := range b.Rows {
		for i := range row {
			row[i].Text = format.Clip(row[i].Text, 64)
		}
	}
	for i := range b.Notes {
		b.Notes[i] = format.Clip(b.Notes[i], 300)
	}
	return b
}

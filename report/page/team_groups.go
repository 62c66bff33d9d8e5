package page

import (
	"fmt"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/runs"
)

// groupTable has a line a project, or what else rows are grouped by.
type groupTable struct {
	Heading, Note, Key string
	Unit               string
	Change             bool // against the month before
	Spark              bool
	Rows               []groupRow
}

type groupRow struct {
	Class, Name    string
	Link           string // of the page of it alone
	Value, Amount  string // as a number, and as it is shown
	Width          string
	Change, By     string // as text, and as a number
	Runs, RunCount string
	Each, EachOf   string // what a run takes, and as a number
	Spark, DotX    string
	DotY, SparkOf  string
	Known          []knownPart
	KnownText      string
	KnownOf        string
}

// knownPart is a part of the energy that is measured, modelled, or of which that is not
// known.
type knownPart struct {
	Sign     sign
	X, Width string
}

const (
	// maxGroups is how many groups have a line of their own.
	maxGroups = 40
	knownBar  = 100.0
	sparkBar  = 120.0
)

// groupTable shows the groups of the period, the greatest first.
func (t Team) groupTable(s teamSums) *groupTable {
	if len(s.groups) == 0 || s.byTime || len(s.groups) == 1 && t.Overview && s.groups[0].name[0] == "" {
		return nil
	}
	groups := s.groups
	key := facts.By(untimed(t.Groups.By))
	g := &groupTable{Heading: "By " + key, Key: key, Change: s.fair && s.before.Runs > 0}
	if t.Overview {
		g.Heading = "Projects"
	}
	whole := s.of(s.period)
	if whole.x <= 0 {
		whole = s.of(s.total)
	}
	scale := s.scale(whole)
	g.Unit = scale.Unit.Name + " " + s.word()
	if s.energy {
		g.Unit = scale.Unit.Name
	}
	switch {
	case g.Change:
		g.Note = "This month; change against " + s.beforeName() + "."
	case s.monthly:
		g.Note = "This month."
	default:
		g.Note = "All runs."
	}
	series := s.series()
	classes := map[string]string{}
	for i, d := range series {
		if len(series) > 1 && !d.rest {
			classes[d.text] = seriesClass(i, d)
		}
	}
	rest := &teamGroup{name: []string{""}, bins: map[string]*runs.Summary{}}
	for _, x := range groups[min(len(groups), maxGroups):] {
		rest.period.Merge(x.period)
		rest.before.Merge(x.before)
		for bin, sum := range x.bins {
			if rest.bins[bin] == nil {
				rest.bins[bin] = &runs.Summary{}
			}
			rest.bins[bin].Merge(*sum)
		}
	}
	shown := groups[:min(len(groups), maxGroups)]
	most := format.Drawable(s.of(rest.period).x)
	for _, x := range shown {
		most = max(most, format.Drawable(s.of(x.period).x))
	}
	g.Spark = len(s.bins) > 2
	for _, x := range shown {
		row := s.groupRow(x, scale, most)
		row.Name = format.Clip(groupName(x.name), 64)
		row.Link = s.narrow(x.name[0], "")
		row.Class = classes[groupName(x.name)]
		if row.Class == "" {
			row.Class = "s-rest"
		}
		g.Rows = append(g.Rows, row)
	}
	if n := len(groups) - len(shown); n > 0 {
		row := s.groupRow(rest, scale, most)
		row.Name, row.Class = fmt.Sprintf("%d more", n), "s-rest"
		g.Rows = append(g.Rows, row)
	}
	return g
}

func (s teamSums) groupRow(x *teamGroup, scale energy.Scale, most float64) groupRow {
	a := s.of(x.period)
	row := groupRow{Value: raw(a.x), Amount: s.scale(a).In(scale.Unit).Number(a.x), RunCount: format.Thousands(a.runs), Runs: fmt.Sprint(a.runs), By: "", EachOf: raw(0)}
	if n := x.period.Runs; a.runs == 0 && n > 0 { // all by factors of another scope
		row.Amount, row.RunCount, row.Runs = "apart", format.Thousands(n), fmt.Sprint(n)
	}
	row.Width = format.Pixels(barUnits * min(1, format.Drawable(a.x)/max(most, 1e-300)))
	if s.fair && s.before.Runs > 0 {
		row.Change, row.By = changeText(a, s.of(x.before))
	}
	if a.runs > 0 {
		n := float64(a.runs)
		each := extent{x: a.x / n, low: a.low / n, high: a.high / n, open: a.open}
		row.Each, row.EachOf = s.text(each), raw(each.x)
	}
	if len(s.bins) > 2 {
		row.Spark, row.DotX, row.DotY, row.SparkOf = s.spark(x)
	}
	row.Known, row.KnownText, row.KnownOf = knownParts(x.period)
	if x.period.Runs == 0 {
		if row.KnownText = ""; x.period.Nested > 0 {
			row.KnownText = "inside others"
		}
	}
	return row
}

// raw is a number as a script reads it.
func raw(x float64) string { return fmt.Sprintf("%.6g", x) }

// changeText is how much more or less an amount is than one before.
func changeText(now, before extent) (text, by string) {
	switch {
	case before.runs == 0 && now.runs == 0:
		return "", ""
	case before.x <= 0:
		return "new", raw(1e9)
	}
	d := now.x/before.x - 1
	if d >= 9.995 {
		return fmt.Sprintf("× %s", format.Digits(now.x/before.x)), raw(d)
	}
	return format.Signed(d), raw(d)
}

// spark is a line through the bins, and a dot at the last.
func (s teamSums) spark(x *teamGroup) (line, dotX, dotY, text string) {
	const left, right, top, bottom = 3.0, sparkBar - 4, 3.0, 21.0
	most := 0.0
	value := func(bin string) float64 {
		if sum := x.bins[bin]; sum != nil {
			return format.Drawable(s.of(*sum).x)
		}
		return 0
	}
	for _, b := range s.bins {
		most = max(most, value(b))
	}
	if most == 0 {
		return "", "", "", ""
	}
	var points []string
	for i, b := range s.bins {
		dotX = format.Pixels(left + (right-left)*float64(i)/float64(len(s.bins)-1))
		dotY = format.Pixels(bottom - (bottom-top)*value(b)/most)
		points = append(points, dotX+","+dotY)
	}
	return strings.Join(points, " "), dotX, dotY, "at most " + s.plain(most) + ", last " + s.plain(value(s.bins[len(s.bins)-1]))
}

// knownParts say how much of the energy was measured, modelled, or neither as far as the
// records tell.
func knownParts(sum runs.Summary) (parts []knownPart, text, of string) {
	if sum.Energy <= 0 {
		return nil, "unknown", raw(-1)
	}
	whole := float64(sum.Energy)
	measured, unknown := float64(sum.Measured)/whole, float64(sum.Unknown)/whole
	measured = min(1, max(0, measured))
	unknown = min(1-measured, max(0, unknown))
	modelled := 1 - measured - unknown
	at := 0.0
	var words []string
	for _, p := range []struct {
		sign sign
		part float64
		word string
	}{{isMeasured, measured, "measured"}, {isModelled, modelled, "modelled"}, {isUnknown, unknown, "not recorded"}} {
		if p.part < 0.0005 {
			continue
		}
		parts = append(parts, knownPart{p.sign, format.Pixels(1 + at*knownBar), format.Pixels(max(0.5, p.part*knownBar-0.5))})
		at += p.part
		words = append(words, format.Percent(p.part)+" "+p.word)
	}
	return parts, strings.Join(words, ", "), raw(measured - unknown)
}

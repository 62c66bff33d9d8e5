package page

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/runs"
)

// stackPicture is what months or days took, stacked by group: once for wide windows, once
// for narrow ones.
type stackPicture struct {
	Heading, Note string
	Drawn         []stackDrawing
	Names         []seriesName // below the narrow one
}

type stackDrawing struct {
	Class, Title, Describe string
	Width, Height          string
	Left, Right            string // of the plot
	TextX                  string // of what the levels are named by
	Levels                 []label
	Bars                   []stackBar
	Narrows                bool // some parts are links
	Limit, Expected        *label
	ExpectedBox            *boxShape
	Names                  []seriesName
}

type stackBar struct {
	Parts          []stackPart
	X, Text, Small string // below it
	Y, Y2          string
	Title, Link    string
	Now            bool
}

type stackPart struct{ Class, X, Y, W, H, Title, Link string }

type seriesName struct{ Class, X, Y, Text, Link string }

// maxSeries is how many groups have a colour of their own: it is all that can be told
// apart, also in grey.
const maxSeries = 5

// A plot is where the picture lies, in the units of its view box.
type plot struct {
	class                    string
	width, height            float64
	left, right, top, bottom float64
	most                     int // bars
}

var plots = []plot{
	{"wide", 1040, 300, 58, 880, 30, 258, maxDays},
	{"narrow", 360, 250, 56, 352, 26, 212, 8},
}

// drawMonths draws the months; nil where there is nothing to draw.
func (t Team) drawMonths(s teamSums) *stackPicture {
	most := s.limit(t.Budget)
	if s.byDay {
		most = 0
	}
	highest := 0.0
	for _, b := range s.bins {
		highest = max(highest, format.Drawable(s.of(*s.binned[b]).x))
	}
	if s.outlook != nil && !s.byDay {
		highest = max(highest, format.Drawable(s.outlook.Expected))
	}
	if highest == 0 || len(s.bins) == 0 {
		return nil
	}
	if most > 3*highest { // a budget far above all bars would leave nothing to see
		most = 0
	}
	most = max(most, highest)
	p := &stackPicture{Heading: "Energy"}
	if !s.energy {
		p.Heading = "Emissions"
	}
	each := "month"
	if s.byDay {
		each = "day"
	}
	p.Heading += " by " + each
	p.Note = s.word() + " of the runs that started in each " + each + ", UTC."
	series := s.series()
	if len(series) > 1 {
		p.Heading += " and " + facts.By(untimed(t.Groups.By))
	}
	if s.narrow("", s.bins[0]) != "" {
		p.Note += " Select a bar, month or project to narrow the page."
	}
	if s.older.Runs > 0 {
		p.Note += " Earlier months, not shown: " + s.text(s.of(s.older)) + "."
	}
	for _, at := range plots {
		p.Drawn = append(p.Drawn, s.draw(at, series, most, s.limit(t.Budget), p.Heading))
	}
	if len(series) > 1 {
		for i, g := range series {
			p.Names = append(p.Names, seriesName{Class: seriesClass(i, g), Text: format.Clip(g.text, 40)})
		}
	}
	return p
}

// series are the groups that are drawn, the greatest first, and last what the others are
// together.
func (s teamSums) series() (all []drawnGroup) {
	shown := map[string]float64{}
	for _, g := range s.groups {
		for _, b := range g.bins {
			shown[groupID(g)] += format.Drawable(s.of(*b).x)
		}
	}
	groups := slices.DeleteFunc(slices.Clone(s.groups), func(g *teamGroup) bool { return shown[groupID(g)] == 0 })
	slices.SortStableFunc(groups, func(a, b *teamGroup) int {
		switch x, y := shown[groupID(a)], shown[groupID(b)]; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	if s.byTime || len(groups) == 0 { // all are one
		return []drawnGroup{{text: "all runs", bins: s.binned}}
	}
	for i, g := range groups {
		if i < maxSeries || len(groups) == maxSeries+1 {
			all = append(all, drawnGroup{groupName(g.name), g.name[0], g.bins, false})
			continue
		}
		if i == maxSeries {
			all = append(all, drawnGroup{fmt.Sprintf("%d more", len(groups)-i), "", map[string]*runs.Summary{}, true})
		}
		rest := all[maxSeries].bins
		for bin, sum := range g.bins {
			if rest[bin] == nil {
				rest[bin] = &runs.Summary{}
			}
			rest[bin].Merge(*sum)
		}
	}
	return all
}

type drawnGroup struct {
	text string
	name string // by itself, as a filter has it
	bins map[string]*runs.Summary
	rest bool
}

func groupID(g *teamGroup) string { return strings.Join(g.name, "\x00") }

// seriesClass is the class of a group's colour.
func seriesClass(i int, g drawnGroup) string {
	if g.rest || i >= maxSeries {
		return "s-rest"
	}
	return fmt.Sprintf("s-%d", i)
}

func (s teamSums) draw(at plot, series []drawnGroup, most, limit float64, heading string) stackDrawing {
	bins := s.bins[max(0, len(s.bins)-at.most):]
	d := stackDrawing{Class: at.class, Title: heading, Width: format.Pixels(at.width), Height: format.Pixels(at.height), Left: format.Pixels(at.left), Right: format.Pixels(at.right), TextX: format.Pixels(at.left - 8)}
	levels, top := levelsOf(most, s.units())
	y := func(x float64) float64 { return at.bottom - (at.bottom-at.top)*min(1, format.Drawable(x)/top) }
	for _, l := range levels {
		d.Levels = append(d.Levels, label{X: d.TextX, Y: format.Pixels(y(l.at)), Text: l.Text})
	}
	step := (at.right - at.left) / float64(max(len(bins), 4))
	width := step * 0.72
	var ends []float64 // middles of the last bar's parts
	for i, bin := range bins {
		x := at.left + step*(float64(i)+0.5) - width/2
		b := stackBar{X: format.Pixels(x + width/2), Y: format.Pixels(at.bottom + 18), Y2: format.Pixels(at.bottom + 33), Title: binTitle(bin), Link: s.narrow("", bin), Now: i == len(bins)-1 && s.monthly && !s.byDay}
		b.Text, b.Small = binText(bin, i, len(bins), at)
		base := 0.0
		for n, g := range series {
			value := extent{}
			if sum := g.bins[bin]; sum != nil {
				value = s.of(*sum)
			}
			value.x = format.Drawable(value.x)
			if height := y(base) - y(base+value.x); value.x > 0 && height > 0 {
				gap := min(0.8, height/3)
				b.Parts = append(b.Parts, stackPart{seriesClass(n, g), format.Pixels(x), format.Pixels(y(base + value.x)), format.Pixels(width), format.Pixels(height - gap), fmt.Sprintf("%s, %s: %s", binTitle(bin), format.Clip(g.text, 30), s.text(value)), s.narrow(g.name, bin)})
			}
			if i == len(bins)-1 {
				ends = append(ends, y(base+value.x/2))
			}
			base += value.x
		}
		d.Bars = append(d.Bars, b)
		if o := s.outlook; b.Now && o != nil && !s.byDay && o.Expected > base {
			d.ExpectedBox = &boxShape{X: format.Pixels(x), Y: format.Pixels(y(o.Expected)), W: format.Pixels(width), H: format.Pixels(max(0, y(base)-y(o.Expected)-1)), Title: "expected by the end of the month: " + s.plain(o.Expected)}
		}
	}
	if limit > 0 && limit <= top && !s.byDay {
		d.Limit = &label{X: format.Pixels(at.right), Y: format.Pixels(y(limit)), Text: "budget " + s.plain(limit), Anchor: format.Pixels(at.top - 12)}
	}
	if at.class == "wide" {
		d.Names = s.names(at, series, ends, d, y)
		d.Limit = d.Limit.unnamed()
	}
	d.Describe, d.Narrows = s.describe(bins), s.narrow("", bins[0]) != ""
	return d
}

// unnamed is a line whose name stands elsewhere.
func (l *label) unnamed() *label {
	if l != nil {
		l.Text = ""
	}
	return l
}

// names stand beside the last bar, each at its part of it, and with them what is expected
// and the budget.
func (s teamSums) names(at plot, series []drawnGroup, ends []float64, d stackDrawing, y func(float64) float64) (all []seriesName) {
	if len(series) > 1 {
		for i, g := range series {
			all = append(all, seriesName{Class: "part " + seriesClass(i, g), Text: format.Clip(g.text, 19), Link: s.narrow(g.name, "")})
		}
	} else {
		ends = nil
	}
	if d.ExpectedBox != nil {
		all = append(all, seriesName{Class: "expected", Text: s.scale(extent{x: s.outlook.Expected, low: s.outlook.Low, high: s.outlook.High}).Text(s.outlook.Expected) + " expected"})
		ends = append(ends, y(s.outlook.Expected)+4)
	}
	if d.Limit != nil {
		at, _ := strconv.ParseFloat(d.Limit.Y, 64) // it is one of ours
		i := 0
		for i < len(ends) && ends[i] >= at {
			i++
		}
		all, ends = slices.Insert(all, i, seriesName{Class: "limit", Text: d.Limit.Text}), slices.Insert(ends, i, at)
	}
	for i, place := range apart(ends, 16, at.top, at.bottom-2) {
		all[i].X, all[i].Y = format.Pixels(at.right+12), format.Pixels(place+4)
	}
	return all
}

// binText names a bar, where there is room, and its year below where that begins.
func binText(bin string, i, n int, at plot) (text, small string) {
	if day, err := time.Parse(dayLayout, bin); err == nil {
		if n <= 8 || day.Day() == 1 || day.Day()%5 == 0 {
			return fmt.Sprint(day.Day()), ""
		}
		return "", ""
	}
	month, err := time.Parse(format.MonthLayout, bin)
	if err != nil {
		return escape.Plain(bin), ""
	}
	if i == 0 || month.Month() == time.January {
		small = month.Format("2006")
	}
	if n > 14 && (n-i)%2 == 0 && small == "" {
		return "", ""
	}
	return month.Format("Jan"), small
}

func binTitle(bin string) string {
	if day, err := time.Parse(dayLayout, bin); err == nil {
		return day.Format("2 January 2006")
	}
	if month, err := time.Parse(format.MonthLayout, bin); err == nil {
		return month.Format("January 2006")
	}
	return escape.Plain(bin)
}

// describe says for who does not see it what the picture shows.
func (s teamSums) describe(bins []string) string {
	most, least := bins[0], bins[0]
	value := func(bin string) float64 { return format.Drawable(s.of(*s.binned[bin]).x) }
	for _, b := range bins {
		if value(b) > value(most) {
			most = b
		}
		if value(b) < value(least) {
			least = b
		}
	}
	return fmt.Sprintf("Most in %s: %s. Least in %s: %s.", binTitle(most), s.text(s.of(*s.binned[most])), binTitle(least), s.text(s.of(*s.binned[least])))
}

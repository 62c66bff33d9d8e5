package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/runs"
)

// Text writes the ranking for a person, as wide as its screen: what is left of the columns
// is for the names of places.
func (r Ranking) Text(w io.Writer) error {
	const least, most, line = 12, 36, "%4s  %s %8s %5s  %8s %6s%s  %4s %6s"
	width, far, free := r.Screen.Columns()-44, false, false
	for _, c := range r.Places {
		far, free = far || c.Kilometres != nil, free || c.CFE != nil
	}
	if far {
		width -= 6
	}
	if free {
		width -= 5
	}
	names, of := r.sources()
	if len(names) > 1 {
		width -= 7
	}
	width = max(least, min(width, most))
	carbonFree := func(s string) string {
		if !free {
			return ""
		}
		return fmt.Sprintf(" %4s", s)
	}
	label := func(s, km string) string {
		s += strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
		if far {
			s += fmt.Sprintf(" %5s", km)
		}
		return s
	}
	source := func(c runs.Comparison) string { return fmt.Sprintf("[%d]", of(c)) }
	heading := "source"
	if len(names) < 2 {
		heading, source = "", func(runs.Comparison) string { return "" }
	}
	scale := r.scale()
	p := layout.Page{Screen: r.Screen}
	p.Headline(r.headline())
	p.Lead("", r.title()+"; "+r.subtitle())
	p.Linef("")
	p.Linef(line, "rank", label("region", "km"), "g/kWh ", "PUE ", scale.Unit.Name+" CO2e", "ratio", carbonFree("CFE"), "year", heading)
	for i, c := range r.Places {
		if i > 0 && c.Rank > r.Places[i-1].Rank+1 && len(r.Places) < r.All && i == len(r.Places)-1 {
			p.Linef("   …")
		}
		cfe, km := "", ""
		if c.CFE != nil {
			cfe = strconv.FormatFloat(*c.CFE, 'f', 0, 64) + "%"
		}
		if c.Kilometres != nil {
			km = strconv.FormatFloat(*c.Kilometres, 'f', 0, 64)
		}
		text, mark := format.Clip(facts.Place(c), width), markedPUE(c)
		if utf8.RuneCountInString(mark) < 5 {
			mark += " " // digits below digits
		}
		if rest := width - 1 - utf8.RuneCountInString(text); rest >= 4 {
			text = strings.TrimSpace(text + " " + format.Clip(facts.Near(c), rest))
		}
		p.Linef(line, strconv.Itoa(c.Rank), label(text, km), markedFactor(c),
			mark, r.scaleOf(c.Emissions).In(scale.Unit).Number(float64(c.Emissions)), ratio(c), carbonFree(cfe), facts.Year(c.Year), source(c))
	}
	p.Linef("")
	for i, n := range names {
		if len(names) < 2 {
			p.Row("source", "%s", n)
		} else {
			p.Row(fmt.Sprintf("[%d]", i+1), "%s", n)
		}
	}
	for _, n := range r.notes(true) {
		p.Note(n)
	}
	_, err := p.WriteTo(w)
	return err
}

// markedFactor is the intensity, marked where it stands in for the place's own.
func markedFactor(c runs.Comparison) string {
	if c.Instead != "" {
		return format.Digits(float64(c.PerKWh)) + "*"
	}
	return format.Digits(float64(c.PerKWh)) + " "
}

// markdown writes the ranking for a pull request, in GitHub's dialect.
func (r Ranking) markdown(w io.Writer) error {
	t := layout.Table{Columns: []layout.Column{layout.Amount("rank"), layout.Name("region"), layout.Text("where"), layout.Amount("g/kWh"), layout.Amount("PUE"), layout.Amount("CO2e"),
		layout.Amount("ratio"), layout.Amount("CFE"), layout.Amount("km"), layout.Amount("year"), layout.Text("source")}}
	scale := r.scale()
	for _, c := range r.Places {
		row := []string{strconv.Itoa(c.Rank), facts.Place(c), facts.Near(c), strings.TrimSpace(markedFactor(c)), markedPUE(c), r.scaleOf(c.Emissions).In(scale.Unit).Text(float64(c.Emissions)),
			ratio(c), "", "", facts.Year(c.Year), c.Source}
		if c.CFE != nil {
			row[7] = strconv.FormatFloat(*c.CFE, 'f', 0, 64) + " %"
		}
		if c.Kilometres != nil {
			row[8] = strconv.FormatFloat(*c.Kilometres, 'f', 0, 64)
		}
		t.Rows = append(t.Rows, row)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n%s\n\n", escape.Markdown(r.headline()), escape.Markdown(r.title()+"; "+r.subtitle()))
	t.Used().Markdown(&b)
	b.WriteString("\n")
	for _, n := range r.notes(true) {
		fmt.Fprintf(&b, "- %s\n", escape.Markdown(n))
	}
	fmt.Fprintf(&b, "\n<sub>table %s</sub>\n", escape.Markdown(r.Data))
	_, err := io.WriteString(w, layout.Tidy(b.String()))
	return err
}

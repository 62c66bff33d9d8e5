package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carbonctl/carbonctl/runs"
)

// Text writes the ranking for a person, as wide as its screen: what is left of the columns
// is for the names of places.
func (r Ranking) Text(w io.Writer) error {
	const least, most, line = 12, 36, "%4s  %s %8s %5s  %8s %6s%s  %4s %6s"
	width, far, free := r.Screen.columns()-44, false, false
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
	p := Page{Screen: r.Screen}
	p.Headline(r.headline())
	p.Lead("", r.title()+"; "+r.subtitle())
	p.line("")
	p.line(line, "rank", label("place", "km"), "g/kWh ", "PUE ", scale.Unit.Name+" CO2e", "ratio", carbonFree("CFE"), "year", heading)
	for i, c := range r.Places {
		if i > 0 && c.Rank > r.Places[i-1].Rank+1 && len(r.Places) < r.All && i == len(r.Places)-1 {
			p.line("   …")
		}
		cfe, km := "", ""
		if c.CFE != nil {
			cfe = strconv.FormatFloat(*c.CFE, 'f', 0, 64) + "%"
		}
		if c.Kilometres != nil {
			km = strconv.FormatFloat(*c.Kilometres, 'f', 0, 64)
		}
		text, mark := clip(place(c), width), markedPUE(c)
		if utf8.RuneCountInString(mark) < 5 {
			mark += " " // digits below digits
		}
		if rest := width - 1 - utf8.RuneCountInString(text); rest >= 4 {
			text = strings.TrimSpace(text + " " + clip(near(c), rest))
		}
		p.line(line, strconv.Itoa(c.Rank), label(text, km), markedFactor(c),
			mark, r.scaleOf(c.Emissions).In(scale.Unit).Number(float64(c.Emissions)), ratio(c), carbonFree(cfe), yearText(c.Year), source(c))
	}
	p.line("")
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
		return PerKWh(float64(c.PerKWh)) + "*"
	}
	return PerKWh(float64(c.PerKWh)) + " "
}

func yearText(year int) string {
	if year == 0 {
		return ""
	}
	return strconv.Itoa(year)
}

// Markdown writes the ranking for a pull request, in GitHub's dialect.
func (r Ranking) Markdown(w io.Writer) error {
	t := table{columns: []column{{"rank", amount}, {"place", name}, {"where", text}, {"g/kWh", amount}, {"PUE", amount}, {"CO2e", amount},
		{"ratio", amount}, {"CFE", amount}, {"km", amount}, {"year", amount}, {"source", text}}}
	scale := r.scale()
	for _, c := range r.Places {
		row := []string{strconv.Itoa(c.Rank), place(c), near(c), strings.TrimSpace(markedFactor(c)), markedPUE(c), r.scaleOf(c.Emissions).In(scale.Unit).Text(float64(c.Emissions)),
			ratio(c), "", "", yearText(c.Year), c.Source}
		if c.CFE != nil {
			row[7] = strconv.FormatFloat(*c.CFE, 'f', 0, 64) + " %"
		}
		if c.Kilometres != nil {
			row[8] = strconv.FormatFloat(*c.Kilometres, 'f', 0, 64)
		}
		t.rows = append(t.rows, row)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n%s\n\n", markdown(r.headline()), markdown(r.title()+"; "+r.subtitle()))
	t.used().markdown(&b)
	b.WriteString("\n")
	for _, n := range r.notes(true) {
		fmt.Fprintf(&b, "- %s\n", markdown(n))
	}
	fmt.Fprintf(&b, "\n<sub>table %s</sub>\n", markdown(r.Data))
	_, err := io.WriteString(w, tidy(b.String()))
	return err
}

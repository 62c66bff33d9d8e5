package report

import (
	"fmt"
	"io"
	"strings"
)

// latex writes the tables for a paper, or the headline where there is none.
// The first caption holds the headline, since a table stands by itself in a
// paper.
func (s sheet) latex(w io.Writer) error {
	var b strings.Builder
	write := func(caption string, t table) {
		fmt.Fprintf(&b, "\\begin{table}[htb]\n\\centering\n\\caption{%s.}\n", latexCO2(latex(caption)))
		t.used().latex(&b)
		b.WriteString("\\end{table}\n")
	}
	n := 0
	for _, p := range s.sections {
		if !p.paper || len(p.table.rows) == 0 {
			continue
		}
		caption := s.title + ": " + lower(p.title)
		if n == 0 {
			caption = s.caption() + ": " + lower(p.title)
		}
		write(caption, p.table)
		n++
	}
	if n == 0 {
		t := table{columns: []column{{"", text}, {"", text}}}
		for _, f := range s.figures {
			t.rows = append(t.rows, []string{f.label, f.value})
		}
		write(s.title+". "+s.foot, t)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// caption says the headline in a sentence.
func (s sheet) caption() string {
	var all []string
	for _, f := range s.figures {
		v := f.value
		if _, scope, ok := strings.Cut(f.label, ", "); ok {
			v += " " + scope
		}
		if len(f.details) > 0 && strings.HasPrefix(f.details[0], "(") {
			v += " " + f.details[0]
		}
		if all = append(all, v); !strings.HasPrefix(f.label, "Emissions") {
			break
		}
	}
	return s.title + ", " + strings.Join(all, ", ") + "; " + s.foot
}

// latexCO2 sets the 2 of CO2e low.
func latexCO2(s string) string { return strings.ReplaceAll(s, "CO2e", "CO$_2$e") }

func (t table) latex(b *strings.Builder) {
	format := ""
	for _, c := range t.columns {
		format += map[kind]string{name: "l", text: "l", amount: "r"}[c.kind]
	}
	fmt.Fprintf(b, "\\begin{tabular}{%s}\n\\hline\n", format)
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = latexCO2(latex(c.head))
	}
	if strings.Join(heads, "") != "" {
		b.WriteString(strings.Join(heads, " & ") + " \\\\\n\\hline\n")
	}
	for _, r := range t.rows {
		cells := make([]string, len(r))
		for i, v := range r {
			switch t.columns[i].kind {
			case name:
				cells[i] = latex(nameText(v))
			case amount:
				cells[i] = latexAmount(v)
			default:
				cells[i] = latexCO2(latex(v))
			}
		}
		b.WriteString(strings.Join(cells, " & ") + " \\\\\n")
	}
	b.WriteString("\\hline\n\\end{tabular}\n")
}

package layout

import (
	"fmt"
	"io"
	"strings"

	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/format"
)

// LaTeX writes the tables for a paper, or the headline where there is none.
// The first caption holds the headline, since a table stands by itself in a
// paper.
func (s Sheet) LaTeX(w io.Writer) error {
	var b strings.Builder
	write := func(caption string, t Table) {
		fmt.Fprintf(&b, "\\begin{table}[htb]\n\\centering\n\\caption{%s.}\n", escape.LaTeXCO2(escape.LaTeX(caption)))
		t.Used().LaTeX(&b)
		b.WriteString("\\end{table}\n")
	}
	n := 0
	for _, p := range s.Sections {
		if !p.Paper || len(p.Table.Rows) == 0 {
			continue
		}
		caption := s.Title + ": " + format.Lower(p.Title)
		if n == 0 {
			caption = s.caption() + ": " + format.Lower(p.Title)
		}
		write(caption, p.Table)
		n++
	}
	if n == 0 {
		t := Table{Columns: []Column{Text(""), Text("")}}
		for _, f := range s.Figures {
			t.Rows = append(t.Rows, []string{f.Label, f.Value})
		}
		write(s.Title+". "+s.Foot, t)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// caption says the headline in a sentence.
func (s Sheet) caption() string {
	var all []string
	for _, f := range s.Figures {
		v := f.Value
		if _, scope, ok := strings.Cut(f.Label, ", "); ok {
			v += " " + scope
		}
		if len(f.Details) > 0 && strings.HasPrefix(f.Details[0], "(") {
			v += " " + f.Details[0]
		}
		if all = append(all, v); !strings.HasPrefix(f.Label, "Emissions") {
			break
		}
	}
	return s.Title + ", " + strings.Join(all, ", ") + "; " + s.Foot
}

// LaTeX writes the table as a tabular.
func (t Table) LaTeX(b *strings.Builder) {
	align := ""
	for _, c := range t.Columns {
		align += map[Kind]string{Names: "l", Texts: "l", Amounts: "r"}[c.Kind]
	}
	fmt.Fprintf(b, "\\begin{tabular}{%s}\n\\hline\n", align)
	heads := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		heads[i] = escape.LaTeXCO2(escape.LaTeX(c.Head))
	}
	if strings.Join(heads, "") != "" {
		b.WriteString(strings.Join(heads, " & ") + " \\\\\n\\hline\n")
	}
	for _, r := range t.Rows {
		cells := make([]string, len(r))
		for i, v := range r {
			switch t.Columns[i].Kind {
			case Names:
				cells[i] = escape.LaTeX(format.NameText(v))
			case Amounts:
				cells[i] = escape.LaTeXAmount(v)
			default:
				cells[i] = escape.LaTeXCO2(escape.LaTeX(v))
			}
		}
		b.WriteString(strings.Join(cells, " & ") + " \\\\\n")
	}
	b.WriteString("\\hline\n\\end{tabular}\n")
}

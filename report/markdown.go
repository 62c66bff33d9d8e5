package report

import (
	"fmt"
	"io"
	"strings"
)

func (s sheet) markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", markdown(s.title))
	if s.subtitle != "" {
		fmt.Fprintf(&b, "%s\n\n", markdown(s.subtitle))
	}
	if len(s.figures) > 0 {
		b.WriteString("| | |\n|---|---|\n")
	}
	for _, f := range s.figures {
		fmt.Fprintf(&b, "| %s | **%s**", markdown(f.label), markdown(f.value))
		for i, d := range f.details {
			b.WriteString([]string{" ", "<br>"}[min(i, 1)] + markdown(d))
		}
		b.WriteString(" |\n")
	}
	for _, p := range s.sections {
		fmt.Fprintf(&b, "\n#### %s\n\n", markdown(p.title))
		for _, n := range p.notes {
			fmt.Fprintf(&b, "%s\n\n", markdown(n))
		}
		if len(p.table.rows) > 0 {
			p.table.used().markdown(&b)
		}
		if p.code != "" {
			// A fence longer than any run of backquotes inside.
			fence := "```"
			for strings.Contains(p.code, fence) {
				fence += "`"
			}
			fmt.Fprintf(&b, "%s\n%s\n%s\n", fence, plain(p.code), fence)
		}
	}
	if s.foot != "" {
		fmt.Fprintf(&b, "\n<sub>%s</sub>\n", markdown(s.foot))
	}
	_, err := io.WriteString(w, tidy(b.String()))
	return err
}

// tidy leaves at most one empty line between others, and none at the end.
func tidy(s string) string {
	for strings.Contains(s, "\n\n\n") {
		s = strings.ReplaceAll(s, "\n\n\n", "\n\n")
	}
	return strings.TrimRight(s, "\n") + "\n"
}

func (t table) markdown(b *strings.Builder) {
	for _, c := range t.columns {
		fmt.Fprintf(b, "| %s ", markdown(c.head))
	}
	b.WriteString("|\n")
	for _, c := range t.columns {
		b.WriteString(map[kind]string{name: "|---", text: "|---", amount: "|---:"}[c.kind])
	}
	b.WriteString("|\n")
	for _, r := range t.rows {
		for i, v := range r {
			if t.columns[i].kind == name {
				v = markdownName(v)
			} else {
				v = markdown(v)
			}
			fmt.Fprintf(b, "| %s ", v)
		}
		b.WriteString("|\n")
	}
}

package layout

import (
	"fmt"
	"io"
	"strings"

	"github.com/carbonctl/carbonctl/internal/escape"
)

// Markdown writes the sheet in the dialect of GitHub.
func (s Sheet) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", escape.Markdown(s.Title))
	if s.Subtitle != "" {
		fmt.Fprintf(&b, "%s\n\n", escape.Markdown(s.Subtitle))
	}
	if len(s.Figures) > 0 {
		b.WriteString("| | |\n|---|---|\n")
	}
	for _, f := range s.Figures {
		fmt.Fprintf(&b, "| %s | **%s**", escape.Markdown(f.Label), escape.Markdown(f.Value))
		for i, d := range f.Details {
			b.WriteString([]string{" ", "<br>"}[min(i, 1)] + escape.Markdown(d))
		}
		b.WriteString(" |\n")
	}
	for _, p := range s.Sections {
		fmt.Fprintf(&b, "\n#### %s\n\n", escape.Markdown(p.Title))
		for _, n := range p.Notes {
			fmt.Fprintf(&b, "%s\n\n", escape.Markdown(n))
		}
		if len(p.Table.Rows) > 0 {
			p.Table.Used().Markdown(&b)
		}
		if p.Code != "" {
			// A fence longer than any run of backquotes inside.
			fence := "```"
			for strings.Contains(p.Code, fence) {
				fence += "`"
			}
			fmt.Fprintf(&b, "%s\n%s\n%s\n", fence, escape.Plain(p.Code), fence)
		}
	}
	if s.Foot != "" {
		fmt.Fprintf(&b, "\n<sub>%s</sub>\n", escape.Markdown(s.Foot))
	}
	_, err := io.WriteString(w, Tidy(b.String()))
	return err
}

// Tidy leaves at most one empty line between others, and none at the end.
func Tidy(s string) string {
	for strings.Contains(s, "\n\n\n") {
		s = strings.ReplaceAll(s, "\n\n\n", "\n\n")
	}
	return strings.TrimRight(s, "\n") + "\n"
}

// Markdown writes the table in the dialect of GitHub.
func (t Table) Markdown(b *strings.Builder) {
	for _, c := range t.Columns {
		fmt.Fprintf(b, "| %s ", escape.Markdown(c.Head))
	}
	b.WriteString("|\n")
	for _, c := range t.Columns {
		b.WriteString(map[Kind]string{Names: "|---", Texts: "|---", Amounts: "|---:"}[c.Kind])
	}
	b.WriteString("|\n")
	for _, r := range t.Rows {
		for i, v := range r {
			if t.Columns[i].Kind == Names {
				v = escape.MarkdownCode(v)
			} else {
				v = escape.Markdown(v)
			}
			fmt.Fprintf(b, "| %s ", v)
		}
		b.WriteString("|\n")
	}
}

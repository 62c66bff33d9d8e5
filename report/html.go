package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
)

//go:embed page.html
var pageSource string

// page parses the template once, and only where a page is asked for.
var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(pageSource))
})

// A block is a section as a template takes it.
type block struct {
	Title string
	Notes []string
	Heads []blockCell
	Rows  [][]blockCell
	Chart *drawing
	Code  string
	Facts bool
}

// blockCell is a cell of a table with the class of its column.
type blockCell struct {
	Text string
	Kind string
}

// blockOf is a section; id keeps the patterns of its picture apart from those of others.
func blockOf(p section, id int) block {
	class := map[kind]string{name: "name", text: "text", amount: "amount"}
	b := block{Title: plain(p.title)}
	for i, line := range strings.Split(p.code, "\n") {
		if i > 0 {
			b.Code += "\n"
		}
		b.Code += plain(line)
	}
	for _, n := range p.notes {
		b.Notes = append(b.Notes, plain(n))
	}
	if len(p.table.rows) > 0 {
		t := p.table.used()
		b.Facts = t.columns[0].head == ""
		for _, c := range t.columns {
			b.Heads = append(b.Heads, blockCell{c.head, class[c.kind]})
		}
		for _, r := range t.rows {
			var row []blockCell
			for j := range r {
				row = append(row, blockCell{t.cell(r, j), class[t.columns[j].kind]})
			}
			b.Rows = append(b.Rows, row)
		}
	}
	if p.chart != nil && len(p.chart.bars) > 0 {
		d := p.chart.draw(id)
		b.Chart = &d
	}
	return b
}

func (s sheet) html(w io.Writer) error {
	var blocks []block
	for i, p := range s.sections {
		blocks = append(blocks, blockOf(p, i))
	}
	type headline struct {
		Label, Value string
		Details      []string
	}
	var figures []headline
	for _, f := range s.figures {
		h := headline{f.label, f.value, nil}
		for _, d := range f.details {
			h.Details = append(h.Details, plain(d))
		}
		figures = append(figures, h)
	}
	err := page().Execute(w, map[string]any{
		"Title": plain(s.title), "Subtitle": plain(s.subtitle), "Figures": figures, "Blocks": blocks, "Foot": plain(s.foot),
	})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

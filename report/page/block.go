package page

import (
	"strings"

	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/layout"
)

// A block is a section as a template takes it.
type block struct {
	Title string
	Notes []string
	Heads []blockCell
	Rows  [][]blockCell
	Code  string
	Facts bool
}

// blockCell is a cell of a table with the class of its column.
type blockCell struct {
	Text string
	Kind string
}

// blockOf is a section, without its picture.
func blockOf(p layout.Section) block {
	class := map[layout.Kind]string{layout.Names: "name", layout.Texts: "text", layout.Amounts: "amount"}
	b := block{Title: escape.Plain(p.Title)}
	for i, line := range strings.Split(p.Code, "\n") {
		if i > 0 {
			b.Code += "\n"
		}
		b.Code += escape.Plain(line)
	}
	for _, n := range p.Notes {
		b.Notes = append(b.Notes, escape.Plain(n))
	}
	if len(p.Table.Rows) > 0 {
		t := p.Table.Used()
		b.Facts = t.Columns[0].Head == ""
		for _, c := range t.Columns {
			b.Heads = append(b.Heads, blockCell{c.Head, class[c.Kind]})
		}
		for _, r := range t.Rows {
			var row []blockCell
			for j := range r {
				row = append(row, blockCell{t.Cell(r, j), class[t.Columns[j].Kind]})
			}
			b.Rows = append(b.Rows, row)
		}
	}
	return b
}

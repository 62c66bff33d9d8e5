package report

import "strings"

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
func blockOf(p section) block {
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
	return b
}

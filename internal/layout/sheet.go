// Package layout gives reports their form: a [Page] is text in two columns for a
// [Screen], and a [Sheet] is what Markdown, LaTeX and HTML are made of alike.
package layout

import (
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/format"
)

// A Sheet is what a page says, before it has a form: Markdown, HTML and LaTeX are
// made of the same one, so that they say the same.
type Sheet struct {
	Title, Subtitle string
	Figures         []Figure // the headline
	Sections        []Section
	Foot            string
}

// A Figure is one number of the headline.
type Figure struct {
	Label, Value string
	Details      []string
}

// A Section is a part of a sheet: notes, a table, a code to copy. The zero Section is empty.
type Section struct {
	Title string
	Notes []string
	Table Table
	Code  string // to be copied
	// paper says that the table stands in a paper too.
	Paper bool
}

// A Kind of cell says who wrote it and on which side it stands.
type Kind int

const (
	Names   Kind = iota // what a user named: shown as it is, whatever it holds
	Texts               // words, some of which may come from elsewhere
	Amounts             // a number and its unit, written here
)

// A Column is the head of a column and the kind of its cells.
type Column struct {
	Head string
	Kind Kind
}

// Name is a column of what users named.
func Name(head string) Column { return Column{head, Names} }

// Text is a column of words.
func Text(head string) Column { return Column{head, Texts} }

// Amount is a column of amounts.
func Amount(head string) Column { return Column{head, Amounts} }

// A Table has as many cells in each row as it has columns.
type Table struct {
	Columns []Column
	Rows    [][]string
}

// Used leaves out the columns that are empty in all rows.
func (t Table) Used() Table {
	var keep []int
	for i := range t.Columns {
		if i == 0 || slices.ContainsFunc(t.Rows, func(r []string) bool { return r[i] != "" }) {
			keep = append(keep, i)
		}
	}
	out := Table{}
	for _, i := range keep {
		out.Columns = append(out.Columns, t.Columns[i])
	}
	for _, r := range t.Rows {
		var row []string
		for _, i := range keep {
			row = append(row, r[i])
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

const (
	// minName is the least that a column of names is cut to, maxFirst what the first
	// column is given for that.
	minName, maxFirst = 10, 18
)

// Table writes a table for a person, at most [Width] wide: the first column takes
// what the others leave, and a longer name has a line of its own. The last other column
// of names is cut where there is no room.
func (p *Page) Table(t Table) {
	t = t.Used()
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = format.Columns(c.Head)
		for _, r := range t.Rows {
			widths[i] = max(widths[i], format.Columns(t.Cell(r, i)))
		}
	}
	rest := p.Screen.Columns() - 2
	for _, w := range widths[1:] {
		rest -= w + 2
	}
	shrink := 0 // a column of names that is cut, for want of room
	for i := 1; i < len(widths); i++ {
		if t.Columns[i].Kind == Names && widths[i] > minName {
			shrink = i
		}
	}
	if want := min(widths[0], maxFirst); shrink > 0 && rest < want {
		w := max(minName, widths[shrink]-(want-rest))
		rest, widths[shrink] = rest+widths[shrink]-w, w
	}
	first := min(widths[0], max(rest, 4))
	line := func(cells []string) {
		if format.Columns(cells[0]) > first {
			p.Linef("  %s", cells[0])
			cells = append([]string{""}, cells[1:]...)
		}
		var b strings.Builder
		b.WriteString("  " + cells[0] + strings.Repeat(" ", first-format.Columns(cells[0])))
		for i, c := range cells[1:] {
			if i+1 == shrink {
				c = format.Cut(c, widths[shrink])
			}
			gap := strings.Repeat(" ", max(0, widths[i+1]-format.Columns(c)))
			if t.Columns[i+1].Kind == Amounts {
				b.WriteString("  " + gap + c)
			} else {
				b.WriteString("  " + c + gap)
			}
		}
		p.Linef("%s", b.String())
	}
	heads := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		heads[i] = c.Head
	}
	line(heads)
	for _, r := range t.Rows {
		cells := make([]string, len(r))
		for i := range r {
			cells[i] = t.Cell(r, i)
		}
		line(cells)
	}
}

// Cell is the text of a cell, without what could move a cursor.
func (t Table) Cell(row []string, i int) string {
	if t.Columns[i].Kind == Names {
		return format.NameText(escape.Plain(row[i]))
	}
	return escape.Plain(row[i])
}

// Pairs is a table of two columns without heads; empty values are left out.
func Pairs(pairs ...string) Table {
	t := Table{Columns: []Column{Text(""), Text("")}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			t.Rows = append(t.Rows, []string{pairs[i], pairs[i+1]})
		}
	}
	return t
}

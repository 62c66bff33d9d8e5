package report

import (
	"slices"
	"strings"
)

// A sheet is what a page says, before it has a form: Markdown, HTML and LaTeX are
// made of the same one, so that they say the same.
type sheet struct {
	title, subtitle string
	figures         []figure // the headline
	sections        []section
	foot            string
}

// A figure is one number of the headline.
type figure struct {
	label, value string
	details      []string
}

type section struct {
	title string
	notes []string
	table table
	code  string // to be copied
	// paper says that the table stands in a paper too.
	paper bool
}

// A kind of cell says who wrote it and on which side it stands.
type kind int

const (
	name   kind = iota // what a user named: shown as it is, whatever it holds
	text               // words, some of which may come from elsewhere
	amount             // a number and its unit, written here
)

type column struct {
	head string
	kind kind
}

type table struct {
	columns []column
	rows    [][]string
}

// used leaves out the columns that are empty in all rows.
func (t table) used() table {
	var keep []int
	for i := range t.columns {
		if i == 0 || slices.ContainsFunc(t.rows, func(r []string) bool { return r[i] != "" }) {
			keep = append(keep, i)
		}
	}
	out := table{}
	for _, i := range keep {
		out.columns = append(out.columns, t.columns[i])
	}
	for _, r := range t.rows {
		var row []string
		for _, i := range keep {
			row = append(row, r[i])
		}
		out.rows = append(out.rows, row)
	}
	return out
}

// maxRows is how many rows a table of a run's parts has at the most: it is to
// be read.
const maxRows = 20

// parts gives those of n that a table shows: all of them, or the first up to head
// and the last from tail on.
func parts(n int) (head, tail int) {
	if n <= maxRows {
		return n, n
	}
	return maxRows / 2, n - maxRows/2
}

// nameText shows a name where nothing else can tell that there is none.
func nameText(s string) string {
	if strings.TrimSpace(s) == "" {
		return "(none)"
	}
	return s
}

const (
	// minName is the least that a column of names is cut to, maxFirst what the first
	// column is given for that.
	minName, maxFirst = 10, 18
)

// table writes a table for a person, at most [Width] wide: the first column takes
// what the others leave, and a longer name has a line of its own. The last other column
// of names is cut where there is no room.
func (p *Page) table(t table) {
	t = t.used()
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = cellWidth(c.head)
		for _, r := range t.rows {
			widths[i] = max(widths[i], cellWidth(t.cell(r, i)))
		}
	}
	rest := p.Screen.columns() - 2
	for _, w := range widths[1:] {
		rest -= w + 2
	}
	shrink := 0 // a column of names that is cut, for want of room
	for i := 1; i < len(widths); i++ {
		if t.columns[i].kind == name && widths[i] > minName {
			shrink = i
		}
	}
	if want := min(widths[0], maxFirst); shrink > 0 && rest < want {
		w := max(minName, widths[shrink]-(want-rest))
		rest, widths[shrink] = rest+widths[shrink]-w, w
	}
	first := min(widths[0], max(rest, 4))
	line := func(cells []string) {
		if cellWidth(cells[0]) > first {
			p.line("  %s", cells[0])
			cells = append([]string{""}, cells[1:]...)
		}
		var b strings.Builder
		b.WriteString("  " + cells[0] + strings.Repeat(" ", first-cellWidth(cells[0])))
		for i, c := range cells[1:] {
			if i+1 == shrink {
				c = Cut(c, widths[shrink])
			}
			gap := strings.Repeat(" ", max(0, widths[i+1]-cellWidth(c)))
			if t.columns[i+1].kind == amount {
				b.WriteString("  " + gap + c)
			} else {
				b.WriteString("  " + c + gap)
			}
		}
		p.line("%s", b.String())
	}
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = c.head
	}
	line(heads)
	for _, r := range t.rows {
		cells := make([]string, len(r))
		for i := range r {
			cells[i] = t.cell(r, i)
		}
		line(cells)
	}
}

func (t table) cell(row []string, i int) string {
	if t.columns[i].kind == name {
		return nameText(plain(row[i]))
	}
	return plain(row[i])
}

// lower begins a title of ours with a small letter.
func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

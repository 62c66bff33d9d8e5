package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
)

// Width is how many columns text takes at the most where no Screen says otherwise.
const Width = 80

// indent is where the second column of a page begins.
const indent = 13

// A Page is text in two columns, a label and what belongs to it, folded at
// the width of its screen. The zero Page is empty, of [Width] columns. Control
// characters in it are replaced, so that no name can move a terminal's cursor.
type Page struct {
	Screen Screen
	text   strings.Builder
}

// line writes a line as it is, folded nowhere.
func (p *Page) line(format string, args ...any) {
	p.text.WriteString(strings.TrimRight(Clean(fmt.Sprintf(format, args...)), " ") + "\n")
}

// Title begins a part of the page.
func (p *Page) Title(title string) {
	if p.text.Len() > 0 {
		p.line("")
	}
	p.line("%s", title)
}

// Row writes a label and its text.
func (p *Page) Row(label, format string, args ...any) {
	lead := "  " + label + strings.Repeat(" ", max(1, indent-2-cellWidth(label)))
	for i, l := range fold(fmt.Sprintf(format, args...), p.Screen.columns()-indent) {
		switch {
		case i > 0:
			lead = strings.Repeat(" ", indent)
		case cellWidth(lead) > indent: // a long label has a line of its own
			p.line("%s", lead)
			lead = strings.Repeat(" ", indent)
		}
		p.line("%s%s", lead, l)
	}
}

// Line writes a line of a table: never folded.
func (p *Page) Line(line string) { p.line("%s", line) }

// Code writes a line to be copied: never folded.
func (p *Page) Code(line string) { p.line("    %s", line) }

// Note writes text over the whole width.
func (p *Page) Note(text string) {
	for _, l := range fold(text, p.Screen.columns()-2) {
		p.line("  %s", l)
	}
}

// Headline writes the answer, which stands out on a screen with colours.
func (p *Page) Headline(text string) {
	for _, l := range fold(text, p.Screen.columns()) {
		p.text.WriteString(p.Screen.bold(strings.TrimRight(Clean(l), " ")) + "\n")
	}
}

// Lead writes text after a lead, and folds it below its beginning.
func (p *Page) Lead(lead, text string) {
	n := cellWidth(lead)
	for i, l := range fold(text, p.Screen.columns()-n) {
		if i > 0 {
			lead = strings.Repeat(" ", n)
		}
		p.line("%s%s", lead, l)
	}
}

// WriteTo writes the page.
func (p *Page) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, p.text.String())
	return int64(n), err
}

// withUnit is a number and its unit, which stay on one line.
var withUnit = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(\d) (%|[nµmkMG]?(?:g|J|Wh?)|ms|s|t)(\W|$)`)
})

const noBreak = "\u00a0"

// fold breaks text at blanks into lines of at most n columns; a longer word
// stays whole, and so does a number with its unit.
func fold(text string, n int) []string {
	lines := []string{""}
	text = withUnit().ReplaceAllString(text, "$1"+noBreak+"$2$3")
	for word := range strings.SplitSeq(text, " ") {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case cellWidth(*last)+1+cellWidth(word) > n:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], noBreak, " ")
	}
	return lines
}

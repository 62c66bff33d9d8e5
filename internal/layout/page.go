package layout

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/carbonctl/carbonctl/internal/format"
)

// Width is how many columns text takes at the most where no Screen says otherwise.
const Width = 80

// Indent is where the second column of a page begins.
const Indent = 13

// A Page is text in two columns, a label and what belongs to it, folded at
// the width of its screen. The zero Page is empty, of [Width] columns. Control
// characters in it are replaced, so that no name can move a terminal's cursor.
type Page struct {
	Screen Screen
	text   strings.Builder
}

// Linef writes a line of a table: never folded.
func (p *Page) Linef(pattern string, args ...any) {
	p.text.WriteString(strings.TrimRight(format.Clean(fmt.Sprintf(pattern, args...)), " ") + "\n")
}

// Title begins a part of the page.
func (p *Page) Title(title string) {
	if p.text.Len() > 0 {
		p.Linef("")
	}
	p.Linef("%s", title)
}

// Row writes a label and its text.
func (p *Page) Row(label, pattern string, args ...any) {
	lead := "  " + label + strings.Repeat(" ", max(1, Indent-2-format.Columns(label)))
	for i, l := range Fold(fmt.Sprintf(pattern, args...), p.Screen.Columns()-Indent) {
		switch {
		case i > 0:
			lead = strings.Repeat(" ", Indent)
		case format.Columns(lead) > Indent: // a long label has a line of its own
			p.Linef("%s", lead)
			lead = strings.Repeat(" ", Indent)
		}
		p.Linef("%s%s", lead, l)
	}
}

// Line writes a line as it is: never folded.
func (p *Page) Line(line string) { p.Linef("%s", line) }

// Code writes a line to be copied: never folded.
func (p *Page) Code(line string) { p.Linef("    %s", line) }

// Note writes text over the whole width.
func (p *Page) Note(text string) {
	for _, l := range Fold(text, p.Screen.Columns()-2) {
		p.Linef("  %s", l)
	}
}

// Headline writes the answer, which stands out on a screen with colours.
func (p *Page) Headline(text string) {
	for _, l := range Fold(text, p.Screen.Columns()) {
		p.text.WriteString(p.Screen.Bold(strings.TrimRight(format.Clean(l), " ")) + "\n")
	}
}

// Lead writes text after a lead, and folds it below its beginning.
func (p *Page) Lead(lead, text string) {
	n := format.Columns(lead)
	for i, l := range Fold(text, p.Screen.Columns()-n) {
		if i > 0 {
			lead = strings.Repeat(" ", n)
		}
		p.Linef("%s%s", lead, l)
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

// NoBreak is a blank at which no line is broken.
const NoBreak = "\u00a0"

// Fold breaks text at blanks into lines of at most n columns; a longer word
// stays whole, and so does a number with its unit.
func Fold(text string, n int) []string {
	lines := []string{""}
	text = withUnit().ReplaceAllString(text, "$1"+NoBreak+"$2$3")
	for word := range strings.SplitSeq(text, " ") {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case format.Columns(*last)+1+format.Columns(word) > n:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], NoBreak, " ")
	}
	return lines
}

// Package escape keeps what users name (projects, labels, hosts, sources) from running in
// the languages of reports. Every such text passes one of the functions here, or a
// template of html/template.
package escape

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carbonctl/carbonctl/internal/formula"
)

// Plain puts a text on one line: control characters, line ends of Unicode and
// bytes that are no text become blanks or U+FFFD.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\v' || r == '\f' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return utf8.RuneError
		}
		return r
	}, s)
}

// latexEscapes write each special character so that it prints as itself, in any
// font encoding and anywhere in a paragraph or a table. Braces are named, since
// BibTeX counts even those that are escaped; brackets and stars are wrapped, since
// they would be taken for an argument of the line break before them.
var latexEscapes = strings.NewReplacer(
	`\`, `\textbackslash{}`, `{`, `\textbraceleft{}`, `}`, `\textbraceright{}`,
	`$`, `\$`, `&`, `\&`, `#`, `\#`, `_`, `\_`, `%`, `\%`,
	`~`, `\textasciitilde{}`, `^`, `\textasciicircum{}`,
	`<`, `\textless{}`, `>`, `\textgreater{}`, `|`, `\textbar{}`, `"`, `\textquotedblright{}`,
	"`", "\\`{}", `[`, `{[}`, `]`, `{]}`, `*`, `{*}`,
	"µ", `$\mu$`, "±", `$\pm$`, "−", `$-$`, "×", `$\times$`, "–", `\textendash{}`, "\u00a0", "~", "\u202f", `\,`, "…", `\dots{}`,
)

// LaTeX makes text of any string. Dashes in a row would melt into one.
func LaTeX(s string) string {
	s = strings.ReplaceAll(latexEscapes.Replace(Plain(s)), "--", "-{}-")
	return strings.ReplaceAll(s, "--", "-{}-")
}

// latexAmounts keep a number, its unit and its bounds on one line.
var latexAmounts = strings.NewReplacer(" to ", "~to~", " over", "~over", ` $\pm$ `, `~$\pm$~`, " ", `\,`)

// LaTeXAmount writes an amount of ours, "1.83 kWh".
func LaTeXAmount(s string) string { return latexAmounts.Replace(LaTeX(s)) }

// markdownEscapes keep a text from being anything else on GitHub and elsewhere:
// emphasis, code, a link, an image, HTML, a cell's end, mathematics, a mention or
// the number of an issue.
var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", `*`, `\*`, `_`, `\_`, `[`, `\[`, `]`, `\]`, `|`, `\|`, `~`, `\~`, `!`, `\!`, `$`, `\$`,
	`&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`, `@`, "@\u2060", `#`, "\\#\u2060",
	`://`, `:\//`, `www.`, `www\.`,
)

// Markdown makes a text of any string, for the middle of a line.
func Markdown(s string) string { return markdownEscapes.Replace(Plain(s)) }

// MarkdownCode shows a name as code, where nothing in it is taken for a mention,
// a link or a mark; it fits a table's cell.
func MarkdownCode(s string) string {
	s = Plain(s)
	if strings.TrimSpace(s) == "" {
		return "(none)"
	}
	longest, run := 0, 0
	for _, r := range s {
		run++
		if r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") {
		s = " " + s + " "
	}
	// In a table a bar ends the cell, even in code; a backslash before it is taken
	// away there, and only there.
	return fence + strings.ReplaceAll(s, "|", `\|`) + fence
}

// Cell makes text of any string, for a cell of CSV.
func Cell(s string) string { return formula.Guard(Plain(s)) }

// YAML quotes a text: JSON's strings are strings of YAML too.
func YAML(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(Plain(s)); err != nil {
		return `""` // a string always encodes
	}
	return strings.TrimSpace(b.String())
}

// LaTeXCO2 sets the 2 of CO2e low.
func LaTeXCO2(s string) string { return strings.ReplaceAll(s, "CO2e", "CO$_2$e") }

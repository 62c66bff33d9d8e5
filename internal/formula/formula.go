// Package formula keeps spreadsheets from running what a text cell of a CSV file holds.
//
// A text is written as it is, unless a spreadsheet would run it as a formula, or it holds
// what does not belong on one line of a text file. Such a cell is an apostrophe and the
// text with backslash escapes:
//
//	\\  \n  \r  \t  \uXXXX (a control character, or a semicolon in front of a
//	formula: some spreadsheets separate cells by it)  \xXX (a byte that is no UTF-8)
//
// A cell that starts with an apostrophe is always of this form, so that reading gives back
// exactly what was written.
package formula

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Guard returns a text as it stands in a cell.
func Guard(s string) string {
	if !needsGuard(s) {
		return s
	}
	b := make([]byte, 0, len(s)+8)
	b = append(b, '\'')
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = fmt.Appendf(b, `\x%02x`, s[i])
		case r == '\\':
			b = append(b, `\\`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case unprintable(r), r == ';' && runs(s[i+1:]):
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return string(b)
}

func needsGuard(s string) bool {
	if s == "" {
		return false
	}
	if s[0] == '\'' || strings.ContainsFunc(s, unprintable) || !utf8.ValidString(s) {
		return true
	}
	if runs(s) {
		return true
	}
	for {
		var ok bool
		if _, s, ok = strings.Cut(s, ";"); !ok || runs(s) {
			return ok
		}
	}
}

// runs reports whether a spreadsheet takes a text for a formula.
func runs(s string) bool {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, func(r rune) bool { return r == '"' || unicode.IsSpace(r) }))
	return strings.ContainsRune("=+-@＝＋－＠", first)
}

// unprintable runes break lines, in one program or another, or are no text.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff'
}

// Unguard undoes Guard. An escape that Guard never writes is kept as it is.
func Unguard(cell string) string {
	if cell == "" || cell[0] != '\'' {
		return cell
	}
	cell = cell[1:]
	if !strings.Contains(cell, `\`) {
		return cell
	}
	b := make([]byte, 0, len(cell))
	for i := 0; i < len(cell); {
		if cell[i] != '\\' {
			b = append(b, cell[i])
			i++
			continue
		}
		text, n := unescape(cell[i:])
		b = append(b, text...)
		i += n
	}
	return string(b)
}

// unescape reads the escape at the start of s, and says how long it is.
func unescape(s string) (text string, n int) {
	if len(s) < 2 {
		return s, len(s)
	}
	switch s[1] {
	case '\\':
		return `\`, 2
	case 'n':
		return "\n", 2
	case 'r':
		return "\r", 2
	case 't':
		return "\t", 2
	case 'x':
		if v, ok := hexValue(s, 4); ok {
			return string([]byte{byte(v)}), 4
		}
	case 'u':
		if v, ok := hexValue(s, 6); ok {
			return string(rune(v)), 6
		}
	}
	return s[:2], 2
}

func hexValue(s string, end int) (uint64, bool) {
	if len(s) < end {
		return 0, false
	}
	v, err := strconv.ParseUint(s[2:end], 16, 32)
	return v, err == nil
}

package watch

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A Tally reads how much a program has done from its output: a number that only grows, as
// "consumed samples: 1280". Each Matcher needs its own.
type Tally struct {
	// Unit of what is counted.
	Unit string
	// Expr is the expression, in RE2 syntax.
	Expr string

	re      *regexp.Regexp
	literal string

	lines       int64   // that fit
	first, last float64 // the first number, and the latest
	based       bool    // where it began is decided
}

// CompileTally makes a Tally of an expression with one group, which holds the number;
// commas in it set thousands apart.
func CompileTally(unit, expr string) (*Tally, error) {
	if !isUnit(unit) {
		return nil, fmt.Errorf("invalid unit %.60q: use lower case letters, digits and _, such as sample", unit)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	if re.NumSubexp() != 1 {
		return nil, fmt.Errorf("%.80q has %d groups: use one, for the number, as in 'consumed samples: +([0-9]+)'", expr, re.NumSubexp())
	}
	return &Tally{Unit: unit, Expr: expr, re: re, literal: literal(expr)}, nil
}

// Lines is how many lines have fitted; after the Matcher's Close.
func (t *Tally) Lines() int64 { return t.lines }

// match looks for the number in a line, and gives what was done since the one before.
//
// A program that was resumed begins at its checkpoint's number: work of an earlier run. It
// began at 0 where the first number is no more than the first step; else what was done up
// to the first number is not known, and the count is a lower bound.
func (t *Tally) match(line []byte) (e Event, ok bool) {
	if t.literal != "" && !bytes.Contains(line, []byte(t.literal)) {
		return e, false
	}
	text := colourless(line)
	at := t.re.FindSubmatchIndex(text)
	if at == nil || at[2] < 0 {
		return e, false
	}
	n, ok := amount(strings.ReplaceAll(string(text[at[2]:at[3]]), ",", ""))
	if !ok {
		return e, false
	}
	e = Event{Edge: Count, Name: t.Unit, Source: t.Expr}
	switch t.lines++; {
	case t.lines == 1:
		t.first, t.last = n, n
		if n > 0 {
			return e, false // where it began is seen by the next one
		}
		t.based = true
	case n < t.last: // it has started again
		e.N, e.Reset, e.Lower = n, true, !t.based
		t.based = true
	case n == t.last:
		return e, false
	default:
		if e.N = n - t.last; !t.based {
			t.based = true
			if t.first <= e.N {
				e.N += t.first
			} else {
				e.Lower = true
			}
		}
	}
	t.last = n
	return e, true
}

// end gives what is left to tell when the output has ended.
func (t *Tally) end() (e Event, ok bool) {
	if t.lines == 0 || t.based {
		return e, false
	}
	t.based = true // one number alone: nothing says where it began
	return Event{Edge: Count, Name: t.Unit, Source: t.Expr, Lower: true}, true
}

// ParseTally reads UNIT=RE.
func ParseTally(s string) (*Tally, error) {
	unit, expr, ok := strings.Cut(s, "=")
	if !ok || !isUnit(strings.TrimSpace(unit)) {
		return nil, fmt.Errorf("%.60s: name the unit, as in %s", strconv.Quote(s), `'sample=consumed samples: +([0-9]+)'`)
	}
	return CompileTally(strings.TrimSpace(unit), expr)
}

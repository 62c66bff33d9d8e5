package regions

import (
	"fmt"
	"slices"
	"strings"
)

// An UnknownError reports that no zone has the code or name asked for.
type UnknownError struct {
	Zone string // as asked for
	// Nearest are the codes and names most like it: "FR (France)".
	Nearest []string
}

func (e *UnknownError) Error() string {
	s := "unknown region " + quote(e.Zone)
	if len(e.Nearest) > 0 {
		s += "; nearest: " + strings.Join(e.Nearest, ", ")
	}
	return s
}

// An AmbiguousError reports that several zones have the name asked for.
type AmbiguousError struct {
	Zone string // as asked for
	// Matches are the codes and names of those zones: "GE (Georgia)".
	Matches []string
}

func (e *AmbiguousError) Error() string {
	return "region " + quote(e.Zone) + " may be " + strings.Join(e.Matches, " or ") + ": give the code"
}

// A MissingError reports that a zone is known but has no figure of the scope, or for the year,
// that was asked for.
type MissingError struct {
	Zone, Name string
	Scope      Scope // in which there is no figure
	Year       int   // for which there is none; 0: for no year at all
	// Scopes in which the zone has figures for some year.
	Scopes []Scope
	// Years that have a figure of Scope next before and after Year: one or two,
	// none where Scope has none at all.
	Years []int
}

func (e *MissingError) Error() string {
	s := fmt.Sprintf("%s (%s) has no %s figure", e.Zone, e.Name, e.Scope)
	switch len(e.Years) {
	case 0:
		have := make([]string, len(e.Scopes))
		for i, scope := range e.Scopes {
			have[i] = string(scope)
		}
		return s + ", only " + strings.Join(have, ", ")
	case 1:
		return fmt.Sprintf("%s for %d; the nearest year is %d", s, e.Year, e.Years[0])
	}
	return fmt.Sprintf("%s for %d; the nearest years are %d and %d", s, e.Year, e.Years[0], e.Years[1])
}

// missing explains why pick found nothing.
func (e *entry) missing(scope Scope, year int) *MissingError {
	m := &MissingError{Zone: e.Code, Name: e.Name, Scope: scope, Year: year}
	before, after := 0, 0
	series := e.all()
	for i := range series {
		s := &series[i]
		if !slices.Contains(m.Scopes, s.scope) {
			m.Scopes = append(m.Scopes, s.scope)
		}
		for y := s.first; s.scope == scope && y <= s.last(); y++ {
			if _, ok := s.at(y); !ok {
				continue
			}
			if y < year {
				before = max(before, y)
			} else if after == 0 || y < after {
				after = y
			}
		}
	}
	m.add(before, after)
	return m
}

// add notes the years next before and after, 0 for none.
func (e *MissingError) add(before, after int) {
	for _, y := range []int{before, after} {
		if y != 0 {
			e.Years = append(e.Years, y)
		}
	}
}

// quote shortens what a user typed so that a message stays one line.
func quote(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

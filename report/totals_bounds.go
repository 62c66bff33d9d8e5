package report

import (
	"strings"

	"github.com/carbonctl/carbonctl/runs"
)

// energyRange shows between which amounts a sum may lie, as far as its runs tell.
func energyRange(s runs.Summary) string {
	return unbounded(s, energyBounds(s.Energy, s.Low, upper(s, &s.High)))
}

// upper is an upper bound of a sum, nil if one of its runs has none.
func upper[T any](s runs.Summary, bound *T) *T {
	if s.Unbounded() {
		return nil
	}
	return bound
}

func unbounded(s runs.Summary, bounds string) string {
	switch {
	case s.Unknown == 0:
		return bounds
	case s.Unknown == s.Energy:
		return "bounds unknown"
	}
	return bounds + someUnbounded
}

// someUnbounded stands behind the bounds of a sum in which some runs count as if they were
// exact, since none are recorded.
const someUnbounded = "; some runs have no bounds"

// saying puts a word behind bounds, where there are any.
func saying(bounds, word string) string {
	head, some := strings.CutSuffix(bounds, someUnbounded)
	switch {
	case some:
		return head + word + someUnbounded
	case bounds == "bounds unknown":
		return bounds
	}
	return bounds + word
}

// boundless reports whether a sum has no upper bound as far as its runs tell.
func boundless(s runs.Summary) bool { return s.Unbounded() || s.Unknown > 0 }

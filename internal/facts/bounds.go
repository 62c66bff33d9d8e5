package facts

import (
	"strings"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/runs"
)

// EnergyRange shows between which amounts a sum may lie, as far as its runs tell.
func EnergyRange(s runs.Summary) string {
	return Unbounded(s, format.EnergyBounds(s.Energy, s.Low, Upper(s, &s.High)))
}

// Upper is an upper bound of a sum, nil if one of its runs has none.
func Upper[T any](s runs.Summary, bound *T) *T {
	if s.Unbounded() {
		return nil
	}
	return bound
}

// Unbounded says of the bounds of a sum how far they hold for all of its runs.
func Unbounded(s runs.Summary, bounds string) string {
	switch {
	case s.Unknown == 0:
		return bounds
	case s.Unknown == s.Energy:
		return "bounds unknown"
	}
	return bounds + SomeUnbounded
}

// SomeUnbounded stands behind the bounds of a sum in which some runs count as if they were
// exact, since none are recorded.
const SomeUnbounded = "; some runs have no bounds"

// Saying puts a word behind bounds, where there are any.
func Saying(bounds, word string) string {
	head, some := strings.CutSuffix(bounds, SomeUnbounded)
	switch {
	case some:
		return head + word + SomeUnbounded
	case bounds == "bounds unknown":
		return bounds
	}
	return bounds + word
}

// Boundless reports whether a sum has no upper bound as far as its runs tell.
func Boundless(s runs.Summary) bool { return s.Unbounded() || s.Unknown > 0 }

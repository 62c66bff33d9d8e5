package report

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// A chart is amounts in the order of time, as a picture shows them.
type chart struct {
	title   string
	caption string // what else it takes to read the picture
	bars    []bar
}

// A bar is one amount of a chart; full names it where there is room. Without a value it is
// a gap.
type bar struct {
	label, full, value string
	x                  float64
}

func px(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// sound is what of a figure can be drawn: rows that come from elsewhere may hold
// anything.
func sound(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 0) {
		return 0
	}
	return x
}

// clip shortens a text to n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

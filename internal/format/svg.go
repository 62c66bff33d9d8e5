package format

import (
	"math"
	"strconv"
)

// Pixels writes a coordinate of a picture.
func Pixels(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// Drawable is what of a figure can be drawn: rows that come from elsewhere may hold
// anything.
func Drawable(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 0) {
		return 0
	}
	return x
}

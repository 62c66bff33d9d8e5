package energy

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Scale shows the amounts of one block alike: all in the unit of the headline, and
// none more precisely than the headline's bounds warrant. It holds three significant
// digits at most, and none below a tenth of the bounds' half-width, except that two are
// always kept: 7.05 g ± 0.2 %, but 1.3 mg where 0.6 to 2.9 mg are likely.
type Scale struct {
	// Unit is the one of the block; its Size is in base units.
	Unit  Unit
	value float64 // of the headline, in the unit
	half  float64 // of what the bounds span, in the unit
}

// ScaleOf is the scale of a headline x in base units, whose bounds have a half-width,
// infinite where there is no upper one. unit gives the unit that fits an amount.
func ScaleOf(x, half float64, unit func(float64) Unit) Scale {
	u := unit(x)
	shown := round(x/u.Size, lastPlace(x/u.Size, half/u.Size)) * u.Size
	u = unit(shown * (1 + 1e-12)) // 998 mg with two digits is 1.0 g
	return Scale{u, x / u.Size, half / u.Size}
}

// HalfWidth is what bounds are to [ScaleOf]: infinite where only a lower one is known, and 0
// where none is, so that an amount keeps the digits with which it was recorded.
func HalfWidth(low float64, high *float64) float64 {
	switch {
	case high != nil:
		return (*high - low) / 2
	case low > 0:
		return math.Inf(1)
	}
	return 0
}

// In is the scale in another unit, as precise as before.
func (s Scale) In(u Unit) Scale {
	f := s.Unit.Size / u.Size
	return Scale{u, s.value * f, s.half * f}
}

// Text shows an amount of the block with its unit, as precisely as its size and the
// bounds warrant: "18.4 Wh".
func (s Scale) Text(x float64) string { return s.Number(x) + " " + s.Unit.Name }

// Number is Text without the unit.
func (s Scale) Number(x float64) string {
	x /= s.Unit.Size
	return Fixed(x, lastPlace(x, s.half))
}

// Bounds shows the least and the most that the headline x may be: "200 to 790 J", or,
// where they are within 1 % of it, by how much: "± 0.2 %".
func (s Scale) Bounds(x, low, high float64) string {
	if off := max(x-low, high-x); x > 0 && off < x/100 {
		return "± " + Percent(max(off/x, 0.001)) // nothing is exact to the last digit
	}
	return s.Number(low) + " to " + s.Text(high)
}

// Parts shows amounts that add up to the headline, all to its last digit, so that what is
// shown adds up too: largest remainders round up. A part that is less than half of that
// digit is shown to be below it: "< 0.1 Wh".
func (s Scale) Parts(parts []float64) []string {
	at := lastPlace(s.value, s.half)
	step := s.Unit.Size * math.Pow(10, float64(at))
	shown := make([]string, len(parts))
	for i, n := range apportion(parts, step) {
		shown[i] = Fixed(n*math.Pow(10, float64(at)), at) + " " + s.Unit.Name
		if n == 0 && parts[i] > 0 {
			shown[i] = "< " + Fixed(math.Pow(10, float64(at)), at) + " " + s.Unit.Name
		}
	}
	return shown
}

// Shares shows parts as percent of their sum; what is shown adds up to 100 %.
func Shares(parts []float64) []string {
	sum := 0.0
	for _, x := range parts {
		sum += x
	}
	shown := make([]string, len(parts))
	for i, n := range apportion(parts, sum/100) {
		shown[i] = Fixed(n, 0) + " %"
		if n == 0 && parts[i] > 0 {
			shown[i] = "< 1 %"
		}
	}
	return shown
}

// apportion gives each part a whole number of steps, so that they add up to the steps of
// the sum.
func apportion(parts []float64, step float64) []float64 {
	n := make([]float64, len(parts))
	if !(step > 0) || math.IsInf(step, 0) {
		return n
	}
	order := make([]int, len(parts))
	left, sum := 0.0, 0.0
	for i, x := range parts {
		order[i], n[i] = i, math.Floor(x/step)
		sum += x
		left -= n[i]
	}
	left += math.Round(sum / step)
	slices.SortStableFunc(order, func(a, b int) int {
		if ra, rb := parts[a]/step-n[a], parts[b]/step-n[b]; ra != rb {
			if ra > rb {
				return -1
			}
			return 1
		}
		return 0
	})
	for _, i := range order {
		if left <= 0 {
			break
		}
		n[i]++
		left--
	}
	return n
}

// lastPlace is the power of ten of the last digit that is shown of x.
func lastPlace(x, half float64) int {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	if last := exponent(x, 3) - 2; !(half/10 > math.Pow(10, float64(last))*(1+1e-9)) {
		return last
	}
	return exponent(x, 2) - 1
}

// exponent is the power of ten of the first of some digits of x: 9.996 is 1.00e+01.
func exponent(x float64, digits int) int {
	_, e, _ := strings.Cut(strconv.FormatFloat(x, 'e', digits-1, 64), "e")
	n, _ := strconv.Atoi(e)
	return n
}

func round(x float64, place int) float64 {
	if place >= 0 {
		step := math.Pow(10, float64(place))
		return math.Round(x/step) * step
	}
	v, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'f', -place, 64), 64)
	return v
}

// Fixed shows a number down to a power of ten, thousands set apart: "1,900", "0.50", "−3".
func Fixed(x float64, place int) string {
	s := strconv.FormatFloat(round(math.Abs(x), place), 'f', max(0, -place), 64)
	whole, rest, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	if x < 0 {
		return "−" + whole
	}
	return whole
}

// Percent shows a part of 1: "37 %", "0.4 %".
func Percent(x float64) string {
	switch p := 100 * x; {
	case p == 0, p >= 9.95:
		return strconv.FormatFloat(p, 'f', 0, 64) + " %"
	case p < 0.05:
		return "< 0.1 %"
	default:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
}

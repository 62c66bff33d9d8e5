package report

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// A Scale shows the amounts of one block alike: all in the unit of the headline, and
// none more precisely than the headline's bounds warrant. It holds three significant
// digits at most, and none below a tenth of the bounds' half-width, except that two are
// always kept: 7.05 g ± 0.2 %, but 1.3 mg where 0.6 to 2.9 mg are likely.
type Scale struct {
	unit  energy.Unit
	value float64 // of the headline, in the unit
	half  float64 // of what the bounds span, in the unit
}

// EnergyScale is the scale of a headline of energy between bounds; a nil high is none.
// Amounts that it shows are in joules.
func EnergyScale(e, low energy.Energy, high *energy.Energy) Scale {
	half := math.Inf(1)
	if high != nil {
		half = (high.Joules() - low.Joules()) / 2
	}
	return scale(e.Joules(), half, func(j float64) energy.Unit { return energy.Joules(j).Unit() })
}

// MassScale is the scale of a headline of emissions between bounds; a nil high is none.
// Amounts that it shows are in grams.
func MassScale(g, low regions.Grams, high *regions.Grams) Scale {
	half := math.Inf(1)
	if high != nil {
		half = float64(*high-low) / 2
	}
	return scale(float64(g), half, func(g float64) energy.Unit { return regions.Grams(g).Unit() })
}

func scale(x, half float64, unit func(float64) energy.Unit) Scale {
	u := unit(x)
	shown := round(x/u.Size, lastPlace(x/u.Size, half/u.Size)) * u.Size
	u = unit(shown * (1 + 1e-12)) // 998 mg with two digits is 1.0 g
	return Scale{u, x / u.Size, half / u.Size}
}

// in is the scale in another unit, as precise as before.
func (s Scale) in(u energy.Unit) Scale {
	f := s.unit.Size / u.Size
	return Scale{u, s.value * f, s.half * f}
}

// Text shows an amount of the block with its unit, as precisely as its size and the
// bounds warrant: "18.4 Wh".
func (s Scale) Text(x float64) string { return s.number(x) + " " + s.unit.Name }

func (s Scale) number(x float64) string {
	x /= s.unit.Size
	return fixed(x, lastPlace(x, s.half))
}

// Parts shows amounts that add up to the headline, all to its last digit, so that what is
// shown adds up too: largest remainders round up. A part that is less than half of that
// digit is shown to be below it: "< 0.1 Wh".
func (s Scale) Parts(parts []float64) []string {
	at := lastPlace(s.value, s.half)
	step := s.unit.Size * math.Pow(10, float64(at))
	shown := make([]string, len(parts))
	for i, n := range apportion(parts, step) {
		shown[i] = fixed(n*math.Pow(10, float64(at)), at) + " " + s.unit.Name
		if n == 0 && parts[i] > 0 {
			shown[i] = "< " + fixed(math.Pow(10, float64(at)), at) + " " + s.unit.Name
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
		shown[i] = fixed(n, 0) + " %"
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

// EnergyWithin shows an amount of energy as precisely as its bounds warrant; a nil high
// is none.
func EnergyWithin(e, low energy.Energy, high *energy.Energy) string {
	return EnergyScale(e, low, high).Text(e.Joules())
}

// MassWithin shows a mass of CO2 equivalent as precisely as its bounds warrant; a nil
// high is none.
func MassWithin(g, low regions.Grams, high *regions.Grams) string {
	return MassScale(g, low, high).Text(float64(g))
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

// fixed shows a number to a place, thousands set apart: "1,900", "0.50", "−3".
func fixed(x float64, place int) string {
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

package energy

import (
	"math"
	"strconv"
)

// A Unit has a name and holds so many base units.
type Unit struct {
	Name string
	Size float64
}

// Fit shows an amount with three significant digits in the largest of some units,
// the smallest first, that leaves at least 1 before the point: "412 mg", "1.83 kg".
// An amount of 0 is in the base unit.
func Fit(x float64, units []Unit) string {
	u := Fitting(x, units)
	return Digits(x/u.Size) + " " + u.Name
}

// Fitting is the unit, of some with the smallest first, that Fit shows an amount in.
func Fitting(x float64, units []Unit) Unit {
	best := units[0]
	for _, u := range units {
		// 999.6 mg is 1.00 g with three digits.
		if x == 0 && u.Size == 1 || x != 0 && math.Abs(x) >= u.Size*0.9995 {
			best = u
		}
	}
	return best
}

// Digits shows three significant digits, and more only before the point.
func Digits(x float64) string {
	if x == 0 {
		return "0"
	}
	before := int(math.Floor(math.Log10(math.Abs(x)))) + 1
	s := strconv.FormatFloat(x, 'f', max(0, 3-before), 64)
	if v, _ := strconv.ParseFloat(s, 64); int(math.Floor(math.Log10(math.Abs(v))))+1 > before {
		s = strconv.FormatFloat(x, 'f', max(0, 2-before), 64) // 9.996 is 10.0
	}
	return s
}

// Short returns e with three significant digits in a fitting unit: "37.2 J",
// "0.397 Wh", "1.83 kWh". Joules go up to a tenth of a watt-hour. MaxEnergy,
// which stands for more than can be added up, is "≥ 2.56 GWh".
func (e Energy) Short() string {
	if e == MaxEnergy {
		return "≥ 2.56 GWh"
	}
	u := e.Unit()
	return Digits(e.Joules()/u.Size) + " " + u.Name
}

// Unit is the one that Short shows e in; its Size is in joules.
func (e Energy) Unit() Unit {
	if j := math.Abs(e.Joules()); j >= 360 && j < 3600 {
		return Unit{"Wh", 3600}
	}
	return Fitting(e.Joules(), []Unit{{"µJ", 1e-6}, {"mJ", 1e-3}, {"J", 1}, {"Wh", 3600}, {"kWh", 3.6e6}, {"MWh", 3.6e9}, {"GWh", 3.6e12}})
}

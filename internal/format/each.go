package format

import (
	"fmt"
	"math"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
)

// The units of what one unit of work takes.
var (
	EnergyEach = []energy.Unit{
		{Name: "fJ", Size: 1e-15}, {Name: "pJ", Size: 1e-12}, {Name: "nJ", Size: 1e-9}, {Name: "µJ", Size: 1e-6}, {Name: "mJ", Size: 1e-3},
		{Name: "J", Size: 1}, {Name: "Wh", Size: 3600}, {Name: "kWh", Size: 3.6e6}, {Name: "MWh", Size: 3.6e9},
	}
	MassEach = []energy.Unit{
		{Name: "zg", Size: 1e-21}, {Name: "ag", Size: 1e-18}, {Name: "fg", Size: 1e-15}, {Name: "pg", Size: 1e-12}, {Name: "ng", Size: 1e-9}, {Name: "µg", Size: 1e-6}, {Name: "mg", Size: 1e-3},
		{Name: "g", Size: 1}, {Name: "kg", Size: 1e3}, {Name: "t", Size: 1e6},
	}
)

// Each shows what one unit takes, in no more digits than its bounds warrant.
func Each(x float64, low, high *float64, units []energy.Unit) string {
	half := math.Inf(1)
	switch {
	case low != nil && high != nil:
		half = (*high - *low) / 2
	case high != nil: // more may have been done
		half = *high - x
	}
	return EachScale(x, half, units).Text(x)
}

// EachScale is the scale of what one unit takes; half is half the width of its bounds.
func EachScale(x, half float64, units []energy.Unit) energy.Scale {
	return energy.ScaleOf(x, half, func(v float64) energy.Unit {
		if u := energy.Fitting(v, units); u.Name != "J" || v < 360 {
			return u
		}
		return energy.WattHour.Unit() // as elsewhere
	})
}

// Many shows a great number in three digits.
func Many(x float64) string {
	switch {
	case x >= 1e15:
		return CountNumber(x)
	case x >= 0.9995e9:
		return energy.Digits(x/1e9) + " billion"
	}
	return energy.Digits(x/1e6) + " million"
}

// leastMoney is the least amount that is shown.
const leastMoney = 0.001

// Money shows an amount in no more digits than its bounds warrant, as [Each] does: "0.42 EUR".
// What is next to nothing is shown to be below a thousandth of the currency.
func Money(x float64, low, high *float64, currency string) string {
	if x > 0 && x < leastMoney {
		return strings.TrimSpace(fmt.Sprintf("< %g %s", leastMoney, currency))
	}
	return strings.TrimSpace(Each(x, low, high, []energy.Unit{{Name: currency, Size: 1}}))
}

// MoneyEach is Money of what one unit takes: of a million, or a billion, where one costs
// next to nothing.
func MoneyEach(x float64, low, high *float64, currency string) string {
	n, of := 1.0, ""
	for _, many := range []string{" a million", " a billion"} {
		if x > 0 && x*n < leastMoney {
			n, of = max(n*1e3, 1e6), many
		}
	}
	if low != nil {
		low = new(n * *low)
	}
	if high != nil {
		high = new(n * *high)
	}
	return Money(n*x, low, high, currency) + of
}

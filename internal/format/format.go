// Package format writes numbers as people read them: three significant digits or fewer,
// none that the bounds do not warrant, and a fitting unit.
package format

import (
	"math"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

var (
	PowerScale = []energy.Unit{{Name: "mW", Size: 1e-3}, {Name: "W", Size: 1}, {Name: "kW", Size: 1e3}, {Name: "MW", Size: 1e6}}
	bytesScale = []energy.Unit{{Name: "B", Size: 1}, {Name: "KiB", Size: 1 << 10}, {Name: "MiB", Size: 1 << 20}, {Name: "GiB", Size: 1 << 30}, {Name: "TiB", Size: 1 << 40}}
)

// Energy shows an amount of energy with three significant digits: "37.2 J",
// "0.397 Wh", "1.83 kWh".
func Energy(e energy.Energy) string { return e.Short() }

// Mass shows a mass of CO2 equivalent with three significant digits: "412 mg".
func Mass(g regions.Grams) string { return g.String() }

// Power shows a power with three significant digits.
func Power(p energy.Power) string { return fit(p.Watts(), PowerScale) }

// Bytes shows an amount of memory with three significant digits, in powers of 1024:
// "23.5 GiB".
func Bytes(n uint64) string { return fit(float64(n), bytesScale) }

func fit(x float64, units []energy.Unit) string { return energy.Fit(x, units) }

// Digits shows a number, such as g/kWh, with three significant digits, and more only before
// the point: "0.497", "41.4", "7,692".
func Digits(x float64) string {
	if math.Abs(x) >= 999.5 {
		return energy.Fixed(x, 0)
	}
	return energy.Digits(x)
}

// MinuteLayout is the layout of a time as it is shown to people.
const MinuteLayout = "2006-01-02 15:04 MST"

// Percent shows a part of 1: "37 %", "0.4 %".
func Percent(x float64) string { return energy.Percent(x) }

// Duration shows a time: "83 ms", "12.3 s", "4m 7s", "3h 12m", "2d 5h".
func Duration(d time.Duration) string { return footprint.Duration(d) }

// EnergyBounds shows the bounds of an energy; high is nil if there is none.
func EnergyBounds(e, low energy.Energy, high *energy.Energy) string {
	if high == nil {
		return "at least " + Energy(low)
	}
	return EnergyScale(e, low, high).Bounds(e.Joules(), low.Joules(), high.Joules())
}

// MassBounds shows the bounds of a mass; high is nil if there is none.
func MassBounds(g, low regions.Grams, high *regions.Grams) string {
	if high == nil {
		return "at least " + Mass(low)
	}
	return MassScale(g, low, high).Bounds(float64(g), float64(low), float64(*high))
}

// Clean takes away what could move a terminal's cursor: control characters.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '�'
		}
		return r
	}, s)
}

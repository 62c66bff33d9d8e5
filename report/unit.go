// Package report shows what runs took to people and programs. A single
// footprint.Report is text, JSON, Markdown, HTML or LaTeX; the [Totals] of many
// are these and CSV; a [Statement] is what a paper, a model card or an auditor
// asks for. It writes to an io.Writer and does nothing else.
//
// What users name is escaped in each of these languages: no name can be a
// formula, a tag, a command or a mention.
package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

var (
	powerScale = []energy.Unit{{Name: "mW", Size: 1e-3}, {Name: "W", Size: 1}, {Name: "kW", Size: 1e3}, {Name: "MW", Size: 1e6}}
	bytesScale = []energy.Unit{{Name: "B", Size: 1}, {Name: "KiB", Size: 1 << 10}, {Name: "MiB", Size: 1 << 20}, {Name: "GiB", Size: 1 << 30}, {Name: "TiB", Size: 1 << 40}}
)

// Energy shows an amount of energy with three significant digits: "37.2 J",
// "0.397 Wh", "1.83 kWh".
func Energy(e energy.Energy) string { return e.Short() }

// Mass shows a mass of CO2 equivalent with three significant digits: "412 mg".
func Mass(g regions.Grams) string { return g.String() }

// Power shows a power with three significant digits.
func Power(p energy.Power) string { return fit(p.Watts(), powerScale) }

// Bytes shows an amount of memory with three significant digits, in powers of 1024:
// "23.5 GiB".
func Bytes(n uint64) string { return fit(float64(n), bytesScale) }

func fit(x float64, units []energy.Unit) string { return energy.Fit(x, units) }

func digits(x float64) string { return energy.Digits(x) }

// PerKWh shows an intensity in g/kWh as exactly as its sources do, to a tenth.
func PerKWh(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// Minute is the layout of a time as it is shown to people.
const Minute = "2006-01-02 15:04 MST"

// Percent shows a part of 1: "37 %", "0.4 %".
func Percent(x float64) string {
	switch p := 100 * x; {
	case p == 0, p >= 9.95:
		return fmt.Sprintf("%.0f %%", p)
	case p < 0.05:
		return "< 0.1 %"
	default:
		return fmt.Sprintf("%.1f %%", p)
	}
}

// Duration shows a time: "83 ms", "12.3 s", "4m 7s", "3h 12m", "2d 5h".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(max(-d, -(d+1))) // the least has no opposite
	case d < 999500*time.Microsecond:
		return digits(d.Seconds()*1e3) + " ms"
	case d < 59950*time.Millisecond:
		return digits(d.Seconds()) + " s"
	case d < time.Hour-500*time.Millisecond:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm %ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour-30*time.Second:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh %dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		d = d.Round(time.Hour)
		return fmt.Sprintf("%dd %dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}

// energyBounds shows the bounds of an energy; high is nil if there is none.
func energyBounds(e, low energy.Energy, high *energy.Energy) string {
	if high == nil {
		return "at least " + Energy(low)
	}
	return EnergyScale(e, low, high).bounds(e.Joules(), low.Joules(), high.Joules())
}

// massBounds shows the bounds of a mass; high is nil if there is none.
func massBounds(g, low regions.Grams, high *regions.Grams) string {
	if high == nil {
		return "at least " + Mass(low)
	}
	return MassScale(g, low, high).bounds(float64(g), float64(low), float64(*high))
}

// bounds shows the least and the most that a value may be: "200 to 790 J", or,
// where they are within 1 % of it, by how much: "± 0.2 %".
func (s Scale) bounds(x, low, high float64) string {
	if off := max(x-low, high-x); x > 0 && off < x/100 {
		return "± " + Percent(max(off/x, 1e-9)) // nothing is exact to the last digit
	}
	return s.number(low) + " to " + s.Text(high)
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

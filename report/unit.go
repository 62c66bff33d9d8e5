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
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// A scale is a unit and how many base units it holds, the smallest first.
type scale struct {
	unit string
	size float64
}

var (
	// Joules up to a tenth of a watt-hour, where watt-hours would need zeros.
	energyScale = []scale{{"µJ", 1e-6}, {"mJ", 1e-3}, {"J", 1}, {"Wh", 3600}, {"kWh", 3.6e6}, {"MWh", 3.6e9}, {"GWh", 3.6e12}}
	massScale   = []scale{{"ng", 1e-9}, {"µg", 1e-6}, {"mg", 1e-3}, {"g", 1}, {"kg", 1e3}, {"t", 1e6}, {"kt", 1e9}}
	powerScale  = []scale{{"mW", 1e-3}, {"W", 1}, {"kW", 1e3}, {"MW", 1e6}}
	lengthScale = []scale{{"nm", 1e-9}, {"µm", 1e-6}, {"mm", 1e-3}, {"m", 1}, {"km", 1e3}}
	bytesScale  = []scale{{"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}}
)

// Energy shows an amount of energy with three significant digits: "37.2 J",
// "0.397 Wh", "1.83 kWh".
func Energy(e energy.Energy) string {
	if j := e.Joules(); math.Abs(j) >= 360 && math.Abs(j) < 3600 {
		return digits(j/3600) + " Wh"
	}
	return fit(e.Joules(), energyScale)
}

// Mass shows a mass of CO2 equivalent with three significant digits: "412 mg".
func Mass(g regions.Grams) string { return fit(float64(g), massScale) }

// Power shows a power with three significant digits.
func Power(p energy.Power) string { return fit(p.Watts(), powerScale) }

// Bytes shows an amount of memory with three significant digits.
func Bytes(n uint64) string { return fit(float64(n), bytesScale) }

// fit shows x in the largest unit that leaves at least 1 in front of the point.
func fit(x float64, scales []scale) string {
	if x == 0 {
		base := scales[0]
		for _, s := range scales {
			if s.size == 1 {
				base = s
			}
		}
		return "0 " + base.unit
	}
	best := scales[0]
	for _, s := range scales {
		// 999.6 mg is 1.00 g with three digits.
		if math.Abs(x) >= s.size*0.9995 {
			best = s
		}
	}
	return digits(x/best.size) + " " + best.unit
}

// digits shows three significant digits, and more only in front of the point.
func digits(x float64) string {
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
	return bounds(e.Joules(), low.Joules(), high.Joules(), Energy(low), Energy(*high))
}

// massBounds shows the bounds of a mass; high is nil if there is none.
func massBounds(g, low regions.Grams, high *regions.Grams) string {
	if high == nil {
		return "at least " + Mass(low)
	}
	return bounds(float64(g), float64(low), float64(*high), Mass(low), Mass(*high))
}

// bounds shows the least and the most that a value may be: "198 to 794 J", or,
// where they are within 1 % of it, by how much: "± 0.2 %".
func bounds(x, low, high float64, lowText, highText string) string {
	if off := max(x-low, high-x); x > 0 && off < x/100 {
		return "± " + Percent(off/x)
	}
	l, unit, _ := strings.Cut(lowText, " ")
	if _, other, _ := strings.Cut(highText, " "); other == unit {
		return l + " to " + highText
	}
	return lowText + " to " + highText
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

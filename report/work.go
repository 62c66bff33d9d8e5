package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

// The units of what one unit of work takes.
var (
	energyEach = []energy.Unit{
		{Name: "fJ", Size: 1e-15}, {Name: "pJ", Size: 1e-12}, {Name: "nJ", Size: 1e-9}, {Name: "µJ", Size: 1e-6}, {Name: "mJ", Size: 1e-3},
		{Name: "J", Size: 1}, {Name: "Wh", Size: 3600}, {Name: "kWh", Size: 3.6e6}, {Name: "MWh", Size: 3.6e9},
	}
	massEach = []energy.Unit{
		{Name: "zg", Size: 1e-21}, {Name: "ag", Size: 1e-18}, {Name: "fg", Size: 1e-15}, {Name: "pg", Size: 1e-12}, {Name: "ng", Size: 1e-9}, {Name: "µg", Size: 1e-6}, {Name: "mg", Size: 1e-3},
		{Name: "g", Size: 1}, {Name: "kg", Size: 1e3}, {Name: "t", Size: 1e6},
	}
)

// each shows what one unit takes, in no more digits than its bounds warrant.
func each(x float64, low, high *float64, units []energy.Unit) string {
	half := math.Inf(1)
	switch {
	case low != nil && high != nil:
		half = (*high - *low) / 2
	case high != nil: // more may have been done
		half = *high - x
	}
	return eachScale(x, half, units).Text(x)
}

func eachScale(x, half float64, units []energy.Unit) energy.Scale {
	return energy.ScaleOf(x, half, func(v float64) energy.Unit {
		if u := energy.Fitting(v, units); u.Name != "J" || v < 360 {
			return u
		}
		return energy.WattHour.Unit() // as elsewhere
	})
}

// unitText is the name of a unit for n of it.
func unitText(unit string, n float64) string {
	switch {
	case unit == footprint.UnitFLOP:
		return "FLOP"
	case n == 1, strings.HasSuffix(unit, "s"):
		return strings.ReplaceAll(unit, "_", " ")
	}
	return strings.ReplaceAll(unit, "_", " ") + "s"
}

// countNumber shows a count whole, and one of more than 15 digits as a power of ten.
func countNumber(n float64) string {
	if n >= 1e15 {
		s := fmt.Sprintf("%.2e", n)
		return strings.Replace(s, "e+", "e", 1)
	}
	if n == math.Trunc(n) {
		return energy.Fixed(n, 0)
	}
	return energy.Fixed(n, -2)
}

// workText says what was done and what each has taken, "" where nothing was counted: the
// first unit with emissions and cost, the others with their energy.
func workText(r footprint.Report) string {
	var all []string
	for i, w := range r.Counted() {
		if w.Unit == footprint.UnitCachedToken && i > 0 {
			all[i-1] += ", " + countNumber(w.Count) + " of them cached"
			all = append(all, "")
			continue
		}
		all = append(all, workOf(r, w, i == 0))
	}
	var some []string
	for _, s := range all {
		if s != "" {
			some = append(some, s)
		}
	}
	if n := len(some); n > maxUnits {
		some = append(some[:maxUnits], fmt.Sprintf("%d more units", n-maxUnits))
	}
	return strings.Join(some, "; ")
}

// maxUnits is of how many units a result says what was done. The text of a whole run has
// all.
const maxUnits = 8

func workOf(r footprint.Report, w footprint.Work, first bool) string {
	text := countNumber(w.Count) + " " + unitText(w.Unit, w.Count)
	if w.Bound == footprint.CountLower {
		text = "at least " + text
	}
	switch {
	case w.Count == 0 && w.Bound == footprint.CountLower:
		text = "an unknown number of " + unitText(w.Unit, 0)
	case w.Count == 0:
		text += ": no work in this run"
	case w.Energy != nil:
		most := ""
		if w.Bound == footprint.CountLower {
			most = "at most "
		}
		text += ", " + most + each(*w.Energy, w.EnergyLow, w.EnergyHigh, energyEach)
		if first && most == "" && *w.Energy < 0.01 {
			text += " (" + many(3.6e6 / *w.Energy) + " per kWh)"
		}
		if first && w.Emissions != nil {
			text += " and " + each(*w.Emissions, w.EmissionsLow, w.EmissionsHigh, massEach) + " CO2e"
		}
		text += " each"
		if first && w.Cost != nil && r.Cost != nil { // a file may lack one
			text += ", " + costEach(*w.Cost, r.Cost.Currency)
		}
	}
	if w.Aborted > 0 {
		text += " (" + countNumber(w.Aborted) + " more aborted)"
	}
	return text
}

// many shows a great number in three digits.
func many(x float64) string {
	switch {
	case x >= 1e15:
		return countNumber(x)
	case x >= 0.9995e9:
		return energy.Digits(x/1e9) + " billion"
	}
	return energy.Digits(x/1e6) + " million"
}

// money shows an amount in three digits.
func money(x float64, currency string) string {
	text := energy.Digits(x)
	if x > 0 && x < 0.001 {
		text = strings.Replace(fmt.Sprintf("%.2e", x), "e-0", "e-", 1)
	}
	return strings.TrimSpace(text + " " + currency)
}

// costEach shows what one costs, or a million where one costs next to nothing.
func costEach(x float64, currency string) string {
	of := ""
	if x < 0.001 {
		x, of = 1e6*x, " a million"
	}
	return money(x, currency) + of
}

// costText is what the run has cost, "" where no price was given.
func costText(r footprint.Report) string {
	c := r.Cost
	if c == nil {
		return ""
	}
	return money(c.Amount, c.Currency) + fmt.Sprintf(" at %s a kWh", energy.Digits(c.PerKWh))
}

// activityText tells busy time from idle time, "" where that is not known.
func activityText(r footprint.Report) string {
	a := r.Activity
	if a == nil || !known(r) {
		return ""
	}
	scale := r.EnergyScale()
	text := scale.Text(a.Busy.Energy.Joules()) + " in " + Duration(seconds(a.Busy.DurationS))
	if a.Idle.DurationS > 0 {
		text += "; idle " + scale.Text(a.Idle.Energy.Joules()) + " in " + Duration(seconds(a.Idle.DurationS))
	}
	if part := a.Unseen.DurationS; part > 0.01*r.DurationS {
		text += fmt.Sprintf("; not watched %s in %s", scale.Text(a.Unseen.Energy.Joules()), Duration(seconds(part)))
	}
	return text
}

// workSection is what was done, one row a unit.
func workSection(r footprint.Report) section {
	p := section{title: "Work", table: table{columns: []column{{"unit", name}, {"count", amount}, {"energy each", amount}, {"bounds", amount}, {"CO2e each", amount}, {"counted by", text}}}}
	for _, w := range r.Work {
		count := countNumber(w.Count)
		switch w.Bound {
		case footprint.CountLower:
			count = "≥ " + count
		case footprint.CountEstimate:
			count = "~ " + count
		}
		row := []string{unitText(w.Unit, 1), count, "", "", "", string(w.How)}
		if w.Source != "" {
			row[5] += ": " + clip(w.Source, maxName)
		}
		switch {
		case w.Count == 0 && w.Bound == footprint.CountLower:
			row[2] = "unknown"
		case w.Count == 0:
			row[2] = "no work"
		case w.Energy != nil:
			row[2], row[3] = each(*w.Energy, w.EnergyLow, w.EnergyHigh, energyEach), eachBounds(w)
		}
		if w.Emissions != nil {
			row[4] = each(*w.Emissions, w.EmissionsLow, w.EmissionsHigh, massEach)
		}
		p.table.rows = append(p.table.rows, row)
	}
	if len(p.table.rows) == 0 {
		return section{}
	}
	if text := activityText(r); text != "" {
		p.notes = append(p.notes, "Busy "+text+". Busy is the time between two looks at the counters in which one moved.")
	}
	if text := costText(r); text != "" {
		p.notes = append(p.notes, "The energy cost "+text+".")
	}
	return p
}

func eachBounds(w footprint.Work) string {
	switch {
	case w.EnergyHigh == nil && w.EnergyLow == nil:
		return ""
	case w.EnergyHigh == nil:
		return "at least " + each(*w.EnergyLow, nil, w.EnergyLow, energyEach)
	case w.EnergyLow == nil:
		return "at most " + each(*w.EnergyHigh, nil, w.EnergyHigh, energyEach)
	}
	return eachScale(*w.Energy, (*w.EnergyHigh-*w.EnergyLow)/2, energyEach).Bounds(*w.Energy, *w.EnergyLow, *w.EnergyHigh)
}

// work says what was done in the text of a whole run.
func (p *Page) work(r footprint.Report) {
	for i, w := range r.Counted() {
		label := ""
		if i == 0 {
			label = "work"
		}
		text := workOf(r, w, true)
		if w.Source != "" {
			text += "; by " + clip(w.Source, maxName)
		}
		p.Row(label, "%s", text)
	}
	if text := activityText(r); text != "" {
		p.Row("busy", "%s", text)
	}
	if text := costText(r); text != "" {
		p.Row("cost", "%s", text)
	}
}

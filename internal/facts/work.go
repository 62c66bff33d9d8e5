package facts

import (
	"fmt"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
)

// UnitText is the name of a unit for n of it.
func UnitText(unit string, n float64) string {
	switch {
	case unit == footprint.UnitFLOP:
		return "FLOP"
	case n == 1, strings.HasSuffix(unit, "s"):
		return strings.ReplaceAll(unit, "_", " ")
	}
	return strings.ReplaceAll(unit, "_", " ") + "s"
}

// WorkText says what was done and what each has taken, "" where nothing was counted: the
// first unit with emissions and cost, the others with their energy.
func WorkText(r footprint.Report) string {
	var all []string
	for i, w := range r.Counted() {
		if w.Unit == footprint.UnitCachedToken && i > 0 {
			all[i-1] += ", " + format.CountNumber(w.Count) + " of them cached"
			all = append(all, "")
			continue
		}
		all = append(all, WorkOf(r, w, i == 0))
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

// WorkOf says what was done of one unit; the first one also with emissions and cost.
func WorkOf(r footprint.Report, w footprint.Work, first bool) string {
	text := format.CountNumber(w.Count) + " " + UnitText(w.Unit, w.Count)
	if w.Bound == footprint.CountLower {
		text = "at least " + text
	}
	switch {
	case w.Count == 0 && w.Bound == footprint.CountLower:
		text = "an unknown number of " + UnitText(w.Unit, 0)
	case w.Count == 0:
		text += ": no work in this run"
	case w.Energy != nil:
		most := ""
		if w.Bound == footprint.CountLower {
			most = "at most "
		}
		text += ", " + most + format.Each(*w.Energy, w.EnergyLow, w.EnergyHigh, format.EnergyEach)
		if first && most == "" && *w.Energy < 0.01 {
			text += " (" + format.Many(3.6e6 / *w.Energy) + " per kWh)"
		}
		if first && w.Emissions != nil {
			text += " and " + format.Each(*w.Emissions, w.EmissionsLow, w.EmissionsHigh, format.MassEach) + " CO2e"
		}
		text += " each"
		if first && w.Cost != nil && r.Cost != nil { // a file may lack one
			text += ", " + format.MoneyEach(*w.Cost, w.CostLow, w.CostHigh, r.Cost.Currency)
		}
	}
	if w.Aborted > 0 {
		text += " (" + format.CountNumber(w.Aborted) + " more aborted)"
	}
	return text
}

// Cost is what the run has cost, "" where no price was given.
func Cost(r footprint.Report) string {
	c := r.Cost
	if c == nil {
		return ""
	}
	return format.Money(c.Amount, &c.Low, c.High, c.Currency) + fmt.Sprintf(" at %s a kWh", format.Digits(c.PerKWh))
}

// Activity tells busy time from idle time, "" where that is not known.
func Activity(r footprint.Report) string {
	a := r.Activity
	if a == nil || !Known(r) {
		return ""
	}
	scale := r.EnergyScale()
	text := scale.Text(a.Busy.Energy.Joules()) + " in " + format.Duration(format.Seconds(a.Busy.DurationS))
	if a.Idle.DurationS > 0 {
		text += "; idle " + scale.Text(a.Idle.Energy.Joules()) + " in " + format.Duration(format.Seconds(a.Idle.DurationS))
	}
	if part := a.Unseen.DurationS; part > 0.01*r.DurationS {
		text += fmt.Sprintf("; not watched %s in %s", scale.Text(a.Unseen.Energy.Joules()), format.Duration(format.Seconds(part)))
	}
	return text
}

// Work is what was done, one row a unit.
func Work(r footprint.Report) layout.Section {
	p := layout.Section{Title: "Work", Table: layout.Table{Columns: []layout.Column{layout.Name("unit"), layout.Amount("count"), layout.Amount("energy each"), layout.Amount("bounds"), layout.Amount("CO2e each"), layout.Text("counted by")}}}
	for _, w := range r.Work {
		count := format.CountNumber(w.Count)
		switch w.Bound {
		case footprint.CountLower:
			count = "≥ " + count
		case footprint.CountEstimate:
			count = "~ " + count
		}
		row := []string{UnitText(w.Unit, 1), count, "", "", "", string(w.How)}
		if w.Source != "" {
			row[5] += ": " + format.Clip(w.Source, MaxName)
		}
		switch {
		case w.Count == 0 && w.Bound == footprint.CountLower:
			row[2] = "unknown"
		case w.Count == 0:
			row[2] = "no work"
		case w.Energy != nil:
			row[2], row[3] = format.Each(*w.Energy, w.EnergyLow, w.EnergyHigh, format.EnergyEach), eachBounds(w)
		}
		if w.Emissions != nil {
			row[4] = format.Each(*w.Emissions, w.EmissionsLow, w.EmissionsHigh, format.MassEach)
		}
		p.Table.Rows = append(p.Table.Rows, row)
	}
	if len(p.Table.Rows) == 0 {
		return layout.Section{}
	}
	if text := Activity(r); text != "" {
		p.Notes = append(p.Notes, "Busy "+text+". Busy is the time between two looks at the counters in which one moved.")
	}
	if text := Cost(r); text != "" {
		p.Notes = append(p.Notes, "The energy cost "+text+".")
	}
	return p
}

func eachBounds(w footprint.Work) string {
	switch {
	case w.EnergyHigh == nil && w.EnergyLow == nil:
		return ""
	case w.EnergyHigh == nil:
		return "at least " + format.Each(*w.EnergyLow, nil, w.EnergyLow, format.EnergyEach)
	case w.EnergyLow == nil:
		return "at most " + format.Each(*w.EnergyHigh, nil, w.EnergyHigh, format.EnergyEach)
	}
	return format.EachScale(*w.Energy, (*w.EnergyHigh-*w.EnergyLow)/2, format.EnergyEach).Bounds(*w.Energy, *w.EnergyLow, *w.EnergyHigh)
}

package facts

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
)

// maxRows is how many rows a table of a run's parts has at the most: it is to
// be read.
const maxRows = 20

// Ends gives those of n that a table shows: all of them, or the first up to head
// and the last from tail on.
func Ends(n int) (head, tail int) {
	if n <= maxRows {
		return n, n
	}
	return maxRows / 2, n - maxRows/2
}

// EpochsText says how many epochs of a run have ended, and what one took, "" if it has
// had none. Where none has ended it is of the one that was cut off.
func EpochsText(r footprint.Report) string {
	if len(r.Epochs) == 0 {
		return ""
	}
	var sum footprint.Stretch
	var high energy.Energy
	bounded := true
	some := Ended(r.Epochs)
	if len(some) == 0 {
		some = r.Epochs
	}
	for _, e := range some {
		sum.Energy, sum.Emissions, sum.DurationS = sum.Energy.Plus(e.Energy), sum.Emissions+e.Emissions, sum.DurationS+e.DurationS
		sum.EnergyLow = sum.EnergyLow.Plus(e.EnergyLow)
		if e.EnergyHigh == nil {
			bounded = false
		} else {
			high = high.Plus(*e.EnergyHigh)
		}
	}
	n, count := float64(len(some)), len(some)+r.EpochsOmitted
	if q := r.Prediction; q != nil && q.AfterEpochs > count { // each stands for several
		n *= float64(q.AfterEpochs) / float64(count)
		count = q.AfterEpochs
	}
	sum.Energy, sum.Emissions, sum.DurationS = sum.Energy.Scale(1/n), sum.Emissions/regions.Grams(n), sum.DurationS/n
	if sum.EnergyLow = sum.EnergyLow.Scale(1 / n); bounded {
		sum.EnergyHigh = new(high.Scale(1 / n))
	}
	of := ""
	if r.Prediction != nil && r.Prediction.OfEpochs > 0 {
		of = " of " + format.Thousands(r.Prediction.OfEpochs)
	}
	return fmt.Sprintf("%s%s, each %s", format.Thousands(count), of, StretchText(r, sum))
}

// Ended leaves out the epochs that the run's end has cut off.
func Ended(all []footprint.Epoch) []footprint.Epoch {
	return slices.DeleteFunc(slices.Clone(all), func(e footprint.Epoch) bool { return !e.Ended })
}

// StretchText says what an epoch or a task took.
func StretchText(r footprint.Report, s footprint.Stretch) string {
	if !Known(r) {
		return format.Duration(format.Seconds(s.DurationS)) + ", energy unknown"
	}
	return fmt.Sprintf("%s, %s, %s CO2e", format.Duration(format.Seconds(s.DurationS)), format.EnergyWithin(s.Energy, s.EnergyLow, s.EnergyHigh), stretchMass(s))
}

// stretchMass shows the emissions of a stretch, whose bounds are those of its energy.
func stretchMass(s footprint.Stretch) string {
	if s.Energy <= 0 {
		return format.Mass(s.Emissions)
	}
	per := s.Emissions / regions.Grams(s.Energy.Joules())
	var high *regions.Grams
	if s.EnergyHigh != nil {
		high = new(per * regions.Grams(s.EnergyHigh.Joules()))
	}
	return format.MassWithin(s.Emissions, per*regions.Grams(s.EnergyLow.Joules()), high)
}

// stretchColumns are those of an epoch or a task, after what says which it is.
var stretchColumns = []layout.Column{layout.Amount("time"), layout.Amount("energy"), layout.Amount("bounds"), layout.Amount("CO2e"), layout.Amount("seen"), layout.Text("state")}

func stretchCells(r footprint.Report, s footprint.Stretch) []string {
	row := []string{format.Duration(format.Seconds(s.DurationS)), "unknown", "", "unknown", "", ""}
	// What nobody has seen is no 0; its bounds say what it can be.
	if seen := s.Coverage > 0 || s.Energy != 0 || s.DurationS == 0; Known(r) && seen {
		row[1], row[2], row[3] = format.EnergyWithin(s.Energy, s.EnergyLow, s.EnergyHigh), format.EnergyBounds(s.Energy, s.EnergyLow, s.EnergyHigh), stretchMass(s)
	} else if Known(r) && s.EnergyHigh != nil && *s.EnergyHigh > 0 {
		row[2] = "at most " + format.Energy(*s.EnergyHigh)
	}
	if s.Coverage < 0.9995 && Known(r) {
		row[4] = format.Percent(s.Coverage)
	}
	if !s.Ended {
		row[5] = "not ended"
	}
	return row
}

// rest is the row in place of n that a table leaves out.
func rest(n int, columns []layout.Column) []string {
	row := make([]string, len(columns))
	row[0] = "…"
	row[slices.IndexFunc(columns, func(c layout.Column) bool { return c.Kind == layout.Texts })] += fmt.Sprintf(" %d more", n)
	return row
}

// Epochs are the epochs of a run, the first and the last where they are many.
func Epochs(r footprint.Report) layout.Section {
	said := EpochsText(r)
	if said == "" {
		return layout.Section{}
	}
	p := layout.Section{Title: "Epochs", Notes: []string{said + "."}, Paper: true}
	p.Table.Columns = append([]layout.Column{layout.Text("epoch"), layout.Name("name")}, stretchColumns...)
	told := slices.ContainsFunc(r.Epochs, func(e footprint.Epoch) bool { return len(e.Metrics) > 0 })
	if told {
		p.Table.Columns = append(p.Table.Columns, layout.Name("results"))
	}
	head, tail := Ends(len(r.Epochs))
	for i, e := range r.Epochs {
		switch {
		case i < head || i >= tail:
			row := append([]string{strconv.Itoa(e.Index), format.Clip(e.Name, MaxName)}, stretchCells(r, e.Stretch)...)
			if told {
				row = append(row, format.Clip(metricsText(e.Metrics), MaxName))
			}
			p.Table.Rows = append(p.Table.Rows, row)
		case i == head:
			p.Table.Rows = append(p.Table.Rows, rest(tail-head+r.EpochsOmitted, p.Table.Columns))
		}
	}
	if b := r.Between; b != nil {
		row := append(make([]string, 2), stretchCells(r, footprint.Stretch{
			DurationS: b.DurationS, Energy: b.Energy, EnergyLow: b.Energy, EnergyHigh: &b.Energy, Emissions: b.Emissions, Coverage: 1, Ended: true,
		})...)
		if row[0], row[4] = "in no epoch", ""; told {
			row = append(row, "")
		}
		p.Table.Rows = append(p.Table.Rows, row)
	}
	if r.EpochsOmitted > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("The report holds %d of them, the first and the last; the average is of these.", len(r.Epochs)))
	}
	return p
}

// metricsText are the results of an epoch: "loss 0.41, val_acc 0.9".
func metricsText(all map[string]float64) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+" "+strconv.FormatFloat(all[name], 'g', 5, 64))
	}
	return strings.Join(list, ", ")
}

// MaxName is how much of a name a table shows.
const MaxName = 120

// Tasks are the tasks of a run, the first and the last where they are many.
func Tasks(r footprint.Report) layout.Section {
	if len(r.Tasks) == 0 {
		return layout.Section{}
	}
	p := layout.Section{Title: "Tasks", Paper: true}
	if len(r.Tasks) > 1 {
		p.Notes = []string{"Tasks may be within others, or run at the same time: they do not add up."}
	}
	p.Table.Columns = append([]layout.Column{layout.Name("task"), layout.Text("within")}, stretchColumns...)
	head, tail := Ends(len(r.Tasks))
	for i, t := range r.Tasks {
		switch {
		case i < head || i >= tail:
			within := ""
			if t.Within != nil {
				within = format.Clip(*t.Within, MaxName)
			}
			p.Table.Rows = append(p.Table.Rows, append([]string{format.Clip(t.Name, MaxName), within}, stretchCells(r, t.Stretch)...))
		case i == head:
			p.Table.Rows = append(p.Table.Rows, rest(tail-head+r.TasksOmitted, p.Table.Columns))
		}
	}
	return p
}

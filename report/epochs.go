package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// epochs says what the epochs and tasks took, and what the whole run is expected
// to, once that is more than what it has taken.
func (p *Page) epochs(r footprint.Report) {
	if text := epochsText(r); text != "" {
		p.Row("epochs", "%s", text)
	}
	head, tail := parts(len(r.Tasks))
	for i, t := range r.Tasks {
		switch {
		case i < head || i >= tail:
			p.Row("task", "%s: %s", clip(nameText(t.Name), maxName), stretchText(r, t.Stretch))
		case i == head:
			p.Row("", "… %d tasks more", tail-head+r.TasksOmitted)
		}
	}
	if q := r.Prediction; underway(q) {
		p.Row("predicted", "%s", Predicted(*q))
	} else if said := hindsight(r); len(said) > 0 {
		p.Row("predicted", "%s", strings.Join(said, ", "))
	}
}

// epochsText says how many epochs of a run have ended, and what one took, "" if it has
// had none. Where none has ended it is of the one that was cut off.
func epochsText(r footprint.Report) string {
	if len(r.Epochs) == 0 {
		return ""
	}
	var sum footprint.Stretch
	var high energy.Energy
	bounded := true
	some := ended(r.Epochs)
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
		of = " of " + thousands(r.Prediction.OfEpochs)
	}
	return fmt.Sprintf("%s%s, each %s", thousands(count), of, stretchText(r, sum))
}

// ended leaves out the epochs that the run's end has cut off.
func ended(all []footprint.Epoch) []footprint.Epoch {
	return slices.DeleteFunc(slices.Clone(all), func(e footprint.Epoch) bool { return !e.Ended })
}

func stretchText(r footprint.Report, s footprint.Stretch) string {
	if !known(r) {
		return Duration(seconds(s.DurationS)) + ", energy unknown"
	}
	return fmt.Sprintf("%s, %s, %s CO2e", Duration(seconds(s.DurationS)), EnergyWithin(s.Energy, s.EnergyLow, s.EnergyHigh), stretchMass(s))
}

// stretchMass shows the emissions of a stretch, whose bounds are those of its energy.
func stretchMass(s footprint.Stretch) string {
	if s.Energy <= 0 {
		return Mass(s.Emissions)
	}
	per := s.Emissions / regions.Grams(s.Energy.Joules())
	var high *regions.Grams
	if s.EnergyHigh != nil {
		high = new(per * regions.Grams(s.EnergyHigh.Joules()))
	}
	return MassWithin(s.Emissions, per*regions.Grams(s.EnergyLow.Joules()), high)
}

// stretchColumns are those of an epoch or a task, after what says which it is.
var stretchColumns = []column{{"time", amount}, {"energy", amount}, {"bounds", amount}, {"CO2e", amount}, {"seen", amount}, {"state", text}}

func stretchCells(r footprint.Report, s footprint.Stretch) []string {
	row := []string{Duration(seconds(s.DurationS)), "unknown", "", "unknown", "", ""}
	// What nobody has seen is no 0; its bounds say what it can be.
	if seen := s.Coverage > 0 || s.Energy != 0 || s.DurationS == 0; known(r) && seen {
		row[1], row[2], row[3] = EnergyWithin(s.Energy, s.EnergyLow, s.EnergyHigh), energyBounds(s.Energy, s.EnergyLow, s.EnergyHigh), stretchMass(s)
	} else if known(r) && s.EnergyHigh != nil && *s.EnergyHigh > 0 {
		row[2] = "at most " + Energy(*s.EnergyHigh)
	}
	if s.Coverage < 0.9995 && known(r) {
		row[4] = Percent(s.Coverage)
	}
	if !s.Ended {
		row[5] = "not ended"
	}
	return row
}

// rest is the row in place of n that a table leaves out.
func rest(n int, columns []column) []string {
	row := make([]string, len(columns))
	row[0] = "…"
	row[slices.IndexFunc(columns, func(c column) bool { return c.kind == text })] += fmt.Sprintf(" %d more", n)
	return row
}

func epochSection(r footprint.Report) section {
	said := epochsText(r)
	if said == "" {
		return section{}
	}
	p := section{title: "Epochs", notes: []string{said + "."}, paper: true}
	p.table.columns = append([]column{{"epoch", text}, {"name", name}}, stretchColumns...)
	told := slices.ContainsFunc(r.Epochs, func(e footprint.Epoch) bool { return len(e.Metrics) > 0 })
	if told {
		p.table.columns = append(p.table.columns, column{"results", name})
	}
	head, tail := parts(len(r.Epochs))
	for i, e := range r.Epochs {
		switch {
		case i < head || i >= tail:
			row := append([]string{strconv.Itoa(e.Index), clip(e.Name, maxName)}, stretchCells(r, e.Stretch)...)
			if told {
				row = append(row, clip(metricsText(e.Metrics), maxName))
			}
			p.table.rows = append(p.table.rows, row)
		case i == head:
			p.table.rows = append(p.table.rows, rest(tail-head+r.EpochsOmitted, p.table.columns))
		}
	}
	if b := r.Between; b != nil {
		row := append(make([]string, 2), stretchCells(r, footprint.Stretch{
			DurationS: b.DurationS, Energy: b.Energy, EnergyLow: b.Energy, EnergyHigh: &b.Energy, Emissions: b.Emissions, Coverage: 1, Ended: true,
		})...)
		if row[0], row[4] = "in no epoch", ""; told {
			row = append(row, "")
		}
		p.table.rows = append(p.table.rows, row)
	}
	if r.EpochsOmitted > 0 {
		p.notes = append(p.notes, fmt.Sprintf("The report holds %d of them, the first and the last; the average is of these.", len(r.Epochs)))
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

// maxName is how much of a name a table shows.
const maxName = 120

func taskSection(r footprint.Report) section {
	if len(r.Tasks) == 0 {
		return section{}
	}
	p := section{title: "Tasks", paper: true}
	if len(r.Tasks) > 1 {
		p.notes = []string{"Tasks may be within others, or run at the same time: they do not add up."}
	}
	p.table.columns = append([]column{{"task", name}, {"within", text}}, stretchColumns...)
	head, tail := parts(len(r.Tasks))
	for i, t := range r.Tasks {
		switch {
		case i < head || i >= tail:
			within := ""
			if t.Within != nil {
				within = clip(*t.Within, maxName)
			}
			p.table.rows = append(p.table.rows, append([]string{clip(t.Name, maxName), within}, stretchCells(r, t.Stretch)...))
		case i == head:
			p.table.rows = append(p.table.rows, rest(tail-head+r.TasksOmitted, p.table.columns))
		}
	}
	return p
}

// maxColumns is how many epochs a picture shows each by itself.
const maxColumns = 50

// epochChart shows the energy of the epochs that have ended. Where they are too
// many, a bar is the mean of several. nil if there is nothing to be seen.
func epochChart(r footprint.Report) *chart {
	c := &chart{title: "Energy of each epoch"}
	each := 1
	for i := 0; len(r.Epochs) > each*maxColumns; i++ { // 2, 5, 10, 20, 50 …
		each = each * [...]int{2, 5, 2}[i%3] / [...]int{1, 2, 1}[i%3]
	}
	head := len(r.Epochs)
	if r.EpochsOmitted > 0 {
		head = min(footprint.HalfShown, head)
	}
	n := 0
	add := func(list []footprint.Epoch) {
		list = ended(list)
		for some := range slices.Chunk(list, each) {
			c.bars = append(c.bars, epochBar(some))
		}
		n += len(list)
	}
	add(r.Epochs[:head])
	if head < len(r.Epochs) {
		c.bars = append(c.bars, bar{full: fmt.Sprintf("%d epochs left out", r.EpochsOmitted)})
		add(r.Epochs[head:])
	}
	if n == 0 || !known(r) {
		return nil
	}
	if each > 1 {
		c.title = fmt.Sprintf("Mean energy of every %d epochs", each)
		c.caption = fmt.Sprintf("A bar is the mean of %d epochs; the line spans from the lowest to the highest that one of them can be.", each)
	}
	if head < len(r.Epochs) {
		c.caption += fmt.Sprintf(" The gap stands for the %d that the report leaves out.", r.EpochsOmitted)
	}
	return c
}

// epochBar is the mean of some epochs.
func epochBar(some []footprint.Epoch) bar {
	first, last := some[0], some[len(some)-1]
	b := bar{label: strconv.Itoa(first.Index)}
	var sum energy.Energy
	for _, e := range some {
		sum = sum.Plus(e.Energy)
	}
	mean := sum.Scale(1 / float64(len(some)))
	b.x, b.value = mean.Joules(), Energy(mean)
	if b.full = "epoch " + b.label; len(some) > 1 {
		b.full = fmt.Sprintf("epochs %d to %d, on average", first.Index, last.Index)
	}
	return b
}

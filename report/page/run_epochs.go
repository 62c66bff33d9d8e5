package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
)

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
		list = facts.Ended(list)
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
	if n == 0 || !facts.Known(r) {
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
	b.x, b.value = mean.Joules(), format.Energy(mean)
	if b.full = "epoch " + b.label; len(some) > 1 {
		b.full = fmt.Sprintf("epochs %d to %d, on average", first.Index, last.Index)
	}
	return b
}

// smallFrame is where epochs and predictions stand on a page, spreadFrame where GPUs do.
var (
	smallFrame  = frame{width: 480, left: 62, right: 470, top: 16, bottom: 164}
	spreadFrame = frame{width: 1040, left: 62, right: 860, top: 16, bottom: 164}
)

// forTruth is the room for the truth at the right of a prediction.
const forTruth = 80.0

// dotsPicture is the energy of each epoch.
type dotsPicture struct {
	Frame       placed
	Title, Note string
	Levels      []label
	Dots        []dot
	Sign        sign
}

// dot is an epoch, or the mean of several in a row.
type dot struct {
	X, Y, Title, Text string
	Stall             bool // the greatest stall of the run lies in it
	Few               bool // they are few enough for a stem
}

// drawEpochs draws the epochs that have ended by their energy, without the bounds that all
// of them share; nil where there are fewer than two.
func drawEpochs(r footprint.Report, f frame) *dotsPicture {
	list := facts.Ended(r.Epochs)
	if len(list) < 2 || !facts.Known(r) {
		return nil
	}
	p := &dotsPicture{Frame: f.placed(), Title: "Energy of each epoch", Sign: signOf(r.MeasuredShare), Note: "On average " + strings.TrimSuffix(meanText(r, list), " CO2e") + "."}
	c := epochChart(r)
	if c == nil {
		return nil
	}
	most := 0.0
	for _, b := range c.bars {
		most = max(most, format.Drawable(b.x))
	}
	if most == 0 {
		return nil
	}
	if len(list) > maxColumns {
		p.Title = c.title
		p.Note += " " + strings.SplitAfter(c.caption, ";")[0]
		p.Note = strings.TrimSuffix(p.Note, ";") + "."
	}
	if p.Sign == isMixed || p.Sign == isModelled {
		p.Note += " The bounds of the model are common to all of them, and not drawn."
	}
	levels, top := levelsOf(most, energyUnits)
	for _, l := range levels {
		p.Levels = append(p.Levels, label{X: format.Pixels(f.left - 8), Y: format.Pixels(f.bottom - (f.bottom-f.top)*l.at/top), Text: l.Text})
	}
	stalled := stallEpoch(r)
	step := (f.right - f.left) / float64(len(c.bars))
	free := math.Inf(-1)
	for i, b := range c.bars {
		if b.value == "" { // the gap of those that are left out
			continue
		}
		x := f.left + step*(float64(i)+0.5)
		d := dot{X: format.Pixels(x), Y: format.Pixels(f.bottom - (f.bottom-f.top)*format.Drawable(b.x)/top), Title: b.full + ": " + b.value, Few: len(c.bars) <= 30}
		d.Stall = len(list) <= maxColumns && stalled > 0 && b.label == strconv.Itoa(stalled)
		if wide := 8*float64(len(b.label)) + 8; x-wide/2 > free {
			d.Text, free = b.label, x+wide/2
		}
		p.Dots = append(p.Dots, d)
	}
	if stalled > 0 && len(list) <= maxColumns {
		p.Note += fmt.Sprintf(" The stall lies in epoch %d.", stalled)
	}
	return p
}

// energyUnits are those of an axis.
var energyUnits = []energy.Unit{{Name: "mJ", Size: 1e-3}, {Name: "J", Size: 1}, {Name: "Wh", Size: 3600}, {Name: "kWh", Size: 3.6e6}, {Name: "MWh", Size: 3.6e9}}

// massUnits are those of an axis.
var massUnits = []energy.Unit{{Name: "µg", Size: 1e-6}, {Name: "mg", Size: 1e-3}, {Name: "g", Size: 1}, {Name: "kg", Size: 1e3}, {Name: "t", Size: 1e6}}

// meanText is what an epoch took on average.
func meanText(r footprint.Report, list []footprint.Epoch) string {
	_, text, _ := strings.Cut(facts.EpochsText(r), ", each ")
	return text
}

// stallEpoch is the epoch that the greatest stall lies in, 0 for none.
func stallEpoch(r footprint.Report) int {
	stalls := r.Stalls()
	if len(stalls) == 0 || r.StartedAt.IsZero() {
		return 0
	}
	mid := r.StartedAt.Add(format.Seconds((stalls[0].FromS + stalls[0].ToS) / 2))
	for _, e := range r.Epochs {
		if !mid.Before(e.StartedAt) && mid.Before(e.StartedAt.Add(format.Seconds(e.DurationS))) {
			return e.Index
		}
	}
	return 0
}

// fanPicture is what the whole run was predicted to emit, as it went on.
type fanPicture struct {
	Frame           placed
	Heading         string
	Title, Note     string
	Levels          []label
	Fan, Middle     string // paths; Fan is "" without an interval
	TruthY          string // "" where it is not known
	Truth, TruthSub string
	TruthText       string // y of the text
	Ticks           []label
}

// drawFan draws the predictions; nil where there are fewer than two.
func drawFan(r footprint.Report, f frame) *fanPicture {
	f.right -= forTruth
	q := r.Prediction
	if q == nil || q.Fraction != nil || !facts.Known(r) {
		return nil
	}
	var all []footprint.Earlier
	for _, e := range q.History {
		if e.AfterEpochs < min(q.AfterEpochs, q.OfEpochs) && e.AfterEpochs > 0 {
			all = append(all, e)
		}
	}
	all = append(all, footprint.Earlier{AfterEpochs: q.AfterEpochs, Emissions: q.Emissions, Spread: q.Spread})
	if len(all) < 2 || all[len(all)-1].AfterEpochs <= all[0].AfterEpochs {
		return nil
	}
	most, truth := 0.0, r.Status == footprint.Completed && !facts.Underway(q)
	for _, e := range all {
		g := e.Spread.Emissions
		if most = max(most, format.Drawable(float64(g.Expected))); g.High != nil {
			most = max(most, format.Drawable(float64(*g.High)))
		}
	}
	if truth {
		most = max(most, format.Drawable(float64(r.Emissions)))
	}
	if most == 0 {
		return nil
	}
	p := &fanPicture{Frame: f.placed(), Heading: "Prediction of the whole run", Title: "Predicted emissions of the whole run, after each epoch"}
	if truth {
		p.Heading = "How good the prediction was"
	}
	levels, top := levelsOf(most, massUnits)
	y := func(g float64) float64 { return f.bottom - (f.bottom-f.top)*min(1, format.Drawable(g)/top) }
	for _, l := range levels {
		p.Levels = append(p.Levels, label{X: format.Pixels(f.left - 8), Y: format.Pixels(y(l.at)), Text: l.Text})
	}
	first, last := float64(all[0].AfterEpochs), float64(all[len(all)-1].AfterEpochs)
	x := func(n int) float64 { return f.left + (f.right-f.left)*(float64(n)-first)/(last-first) }
	var upper, lower, middle []string
	held, of := 0, 0
	free := math.Inf(-1)
	for _, e := range all {
		g, at := e.Spread.Emissions, format.Pixels(x(e.AfterEpochs))
		middle = append(middle, at+" "+format.Pixels(y(float64(g.Expected))))
		lower = append([]string{at + " " + format.Pixels(y(float64(g.Low)))}, lower...)
		high := top
		if g.High != nil {
			high = float64(*g.High)
		}
		upper = append(upper, at+" "+format.Pixels(y(high)))
		if truth && e.AfterEpochs < q.OfEpochs {
			if of++; g.Holds(r.Emissions) {
				held++
			}
		}
		text := strconv.Itoa(e.AfterEpochs)
		if wide := 8*float64(len(text)) + 8; x(e.AfterEpochs)-wide/2 > free {
			p.Ticks = append(p.Ticks, label{X: at, Text: text})
			free = x(e.AfterEpochs) + wide/2
		}
	}
	p.Middle = "M" + strings.Join(middle, "L")
	p.Note = "The whole run as expected after each epoch"
	if q.Level != nil {
		p.Fan = "M" + strings.Join(append(upper, lower...), "L") + "Z"
		p.Note += "; shaded, the " + facts.Level(*q) + " by the spread of the epochs"
	}
	p.Note += "."
	ends := float64(q.Spread.Emissions.Expected)
	p.Truth, p.TruthSub = format.MassWithin(q.Emissions.Expected, q.Emissions.Low, q.Emissions.High), "expected"
	switch {
	case truth:
		ends = float64(r.Emissions)
		p.TruthY, p.Truth, p.TruthSub = format.Pixels(y(ends)), r.MassScale().Text(float64(r.Emissions)), "in the end"
		if q.Level != nil && of > 0 {
			p.Note += fmt.Sprintf(" It held the truth %d of %d times.", held, of)
		}
	case r.Status != footprint.Running:
		p.Note += fmt.Sprintf(" The run ended after %d of %d epochs: the truth is unknown.", q.AfterEpochs, q.OfEpochs)
	}
	p.TruthText = format.Pixels(min(max(y(ends), f.top+12), f.bottom-16))
	return p
}

// spreadPicture is the power of the least, the median and the most loaded of many GPUs.
type spreadPicture struct {
	Title, Note string
	Levels      []label
	Fan, Middle string
}

// drawSpread draws many GPUs as a band; nil where they are few.
func drawSpread(r footprint.Report, c footprint.Curves) *spreadPicture {
	f := spreadFrame
	g := c.GPUs
	if g == nil {
		return nil
	}
	most := 0.0
	for _, w := range g.High {
		most = max(most, format.Drawable(w))
	}
	if most == 0 {
		return nil
	}
	p := &spreadPicture{
		Title: fmt.Sprintf("Power of each of %d GPUs: least, median, most", g.Count),
		Note:  fmt.Sprintf("The line is the median of %d GPUs, the band reaches from the least to the most loaded.", g.Count),
	}
	levels, top := levelsOf(most, format.PowerScale)
	y := func(w float64) float64 { return f.bottom - (f.bottom-f.top)*min(1, format.Drawable(w)/top) }
	x := func(s float64) float64 { return f.left + (f.right-f.left)*min(1, max(0, s/r.DurationS)) }
	for _, l := range levels {
		p.Levels = append(p.Levels, label{X: format.Pixels(f.left - 8), Y: format.Pixels(y(l.at)), Text: l.Text})
	}
	p.Fan = band(c, g.Low, g.High, x, y)
	p.Middle = band(c, g.Median, g.Median, x, y)
	return p
}

package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
)

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
	list := ended(r.Epochs)
	if len(list) < 2 || !known(r) {
		return nil
	}
	p := &dotsPicture{Frame: f.placed(), Title: "Energy of each epoch", Sign: signOf(r.MeasuredShare), Note: "On average " + strings.TrimSuffix(meanText(r, list), " CO2e") + "."}
	c := epochChart(r)
	if c == nil {
		return nil
	}
	most := 0.0
	for _, b := range c.bars {
		most = max(most, sound(b.x))
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
		p.Levels = append(p.Levels, label{X: px(f.left - 8), Y: px(f.bottom - (f.bottom-f.top)*l.at/top), Text: l.Text})
	}
	stalled := stallEpoch(r)
	step := (f.right - f.left) / float64(len(c.bars))
	free := math.Inf(-1)
	for i, b := range c.bars {
		if b.value == "" { // the gap of those that are left out
			continue
		}
		x := f.left + step*(float64(i)+0.5)
		d := dot{X: px(x), Y: px(f.bottom - (f.bottom-f.top)*sound(b.x)/top), Title: b.full + ": " + b.value, Few: len(c.bars) <= 30}
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
	_, text, _ := strings.Cut(epochsText(r), ", each ")
	return text
}

// stallEpoch is the epoch that the greatest stall lies in, 0 for none.
func stallEpoch(r footprint.Report) int {
	stalls := r.Stalls()
	if len(stalls) == 0 || r.StartedAt.IsZero() {
		return 0
	}
	mid := r.StartedAt.Add(seconds((stalls[0].FromS + stalls[0].ToS) / 2))
	for _, e := range r.Epochs {
		if !mid.Before(e.StartedAt) && mid.Before(e.StartedAt.Add(seconds(e.DurationS))) {
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
	if q == nil || q.Fraction != nil || !known(r) {
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
	most, truth := 0.0, r.Status == footprint.Completed && !underway(q)
	for _, e := range all {
		g := e.Spread.Emissions
		if most = max(most, sound(float64(g.Expected))); g.High != nil {
			most = max(most, sound(float64(*g.High)))
		}
	}
	if truth {
		most = max(most, sound(float64(r.Emissions)))
	}
	if most == 0 {
		return nil
	}
	p := &fanPicture{Frame: f.placed(), Heading: "Prediction of the whole run", Title: "Predicted emissions of the whole run, after each epoch"}
	if truth {
		p.Heading = "How good the prediction was"
	}
	levels, top := levelsOf(most, massUnits)
	y := func(g float64) float64 { return f.bottom - (f.bottom-f.top)*min(1, sound(g)/top) }
	for _, l := range levels {
		p.Levels = append(p.Levels, label{X: px(f.left - 8), Y: px(y(l.at)), Text: l.Text})
	}
	first, last := float64(all[0].AfterEpochs), float64(all[len(all)-1].AfterEpochs)
	x := func(n int) float64 { return f.left + (f.right-f.left)*(float64(n)-first)/(last-first) }
	var upper, lower, middle []string
	held, of := 0, 0
	free := math.Inf(-1)
	for _, e := range all {
		g, at := e.Spread.Emissions, px(x(e.AfterEpochs))
		middle = append(middle, at+" "+px(y(float64(g.Expected))))
		lower = append([]string{at + " " + px(y(float64(g.Low)))}, lower...)
		high := top
		if g.High != nil {
			high = float64(*g.High)
		}
		upper = append(upper, at+" "+px(y(high)))
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
		p.Note += "; shaded, the " + levelText(*q) + " by the spread of the epochs"
	}
	p.Note += "."
	ends := float64(q.Spread.Emissions.Expected)
	p.Truth, p.TruthSub = MassWithin(q.Emissions.Expected, q.Emissions.Low, q.Emissions.High), "expected"
	switch {
	case truth:
		ends = float64(r.Emissions)
		p.TruthY, p.Truth, p.TruthSub = px(y(ends)), r.MassScale().Text(float64(r.Emissions)), "in the end"
		if q.Level != nil && of > 0 {
			p.Note += fmt.Sprintf(" It held the truth %d of %d times.", held, of)
		}
	case r.Status != footprint.Running:
		p.Note += fmt.Sprintf(" The run ended after %d of %d epochs: the truth is unknown.", q.AfterEpochs, q.OfEpochs)
	}
	p.TruthText = px(min(max(y(ends), f.top+12), f.bottom-16))
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
		most = max(most, sound(w))
	}
	if most == 0 {
		return nil
	}
	p := &spreadPicture{
		Title: fmt.Sprintf("Power of each of %d GPUs: least, median, most", g.Count),
		Note:  fmt.Sprintf("The line is the median of %d GPUs, the band reaches from the least to the most loaded.", g.Count),
	}
	levels, top := levelsOf(most, powerScale)
	y := func(w float64) float64 { return f.bottom - (f.bottom-f.top)*min(1, sound(w)/top) }
	x := func(s float64) float64 { return f.left + (f.right-f.left)*min(1, max(0, s/r.DurationS)) }
	for _, l := range levels {
		p.Levels = append(p.Levels, label{X: px(f.left - 8), Y: px(y(l.at)), Text: l.Text})
	}
	p.Fan = band(c, g.Low, g.High, x, y)
	p.Middle = band(c, g.Median, g.Median, x, y)
	return p
}

package page

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/regions"
)

// maxPoints bounds the points of a curve.
const maxPoints = 300

// powerFrame is where power stands on a page.
var powerFrame = frame{width: 1040, left: 62, right: 860, top: 30, bottom: 224}

// powerPicture is power over time: bands of components, stacked, and below them epochs,
// the grid and the clock.
type powerPicture struct {
	Frame                 placed
	Title, Describe, Note string
	Height                string
	Levels                []label
	Bands                 []areaShape
	Names                 []bandName
	Gaps                  []boxShape
	GapsNote, Late        string
	Stalls                []noteShape
	Budget                *label
	Epochs                []label // where they begin, with a number where there is room
	EpochsY               string
	Grid                  []gridShape
	GridY, GridText       string
	Clock                 []label
	ClockY                string
}

type label struct{ X, Y, Text, Anchor string }

type areaShape struct {
	Class string
	Sign  sign
	Path  string
	Title string
}

type bandName struct {
	Class, X, Y, Y2, Text, Small string
	Sign                         sign
}

type boxShape struct{ X, Y, W, H, Title string }

type noteShape struct{ X, Y, Text, Small, BoxX, BoxY, BoxW, TextY, SmallY string }

type gridShape struct{ X, Y, W, Opacity, Text, TextX, Title string }

// drawPower draws the power of a run, nil if nothing is known of it.
func drawPower(r footprint.Report, c footprint.Curves, f frame) *powerPicture {
	most := 0.0
	for n := range c.Steps {
		sum := 0.0
		for _, b := range c.Bands {
			sum += b.Watts[n]
		}
		most = max(most, sum)
	}
	if len(c.Bands) == 0 || !(most > 0) || math.IsInf(most, 0) {
		return nil
	}
	p := &powerPicture{Frame: f.placed(), Title: "Power over time, stacked by component", EpochsY: format.Pixels(f.bottom + 18)}
	levels, top := levelsOf(most, format.PowerScale)
	for _, l := range levels {
		l.Y = format.Pixels(f.bottom - (f.bottom-f.top)*l.at/top)
		p.Levels = append(p.Levels, label{X: format.Pixels(f.left - 8), Y: l.Y, Text: l.Text})
	}
	y := func(w float64) float64 { return f.bottom - (f.bottom-f.top)*w/top }
	x := func(s float64) float64 {
		return f.left + (f.right-f.left)*min(1, max(0, s/r.DurationS))
	}
	p.bands(c, f, x, y)
	p.gaps(r, c, f, x)
	p.stalls(r, c, f, x, y)
	if b := r.Budget; b != nil && b.TrippedAt != nil {
		limit := b.Limit
		if amount, err := footprint.ParseAmount(limit); err == nil {
			limit = amount.String()
		}
		if at := b.TrippedAt.Sub(r.StartedAt).Seconds(); at >= 0 && at <= r.DurationS*1.01 {
			p.Budget = &label{X: format.Pixels(x(at)), Y: format.Pixels(f.top - 14), Text: "budget " + escape.Plain(limit) + " reached", Anchor: f.edge(x(at))}
		}
	}
	bottom := f.bottom + 6
	if p.epochs(r, x); len(p.Epochs) > 0 {
		bottom += 24
	}
	if p.grid(r, x, bottom); len(p.Grid) > 0 {
		bottom += 26
	}
	p.clock(r, f, x)
	p.ClockY = format.Pixels(bottom + 14)
	p.Height = format.Pixels(max(bottom+24, f.bottom+50))
	p.describe(r, c, most)
	return p
}

type level struct {
	at float64
	label
}

// levelsOf are round values from 0 to above the most, with the unit at the greatest.
func levelsOf(most float64, units []energy.Unit) (all []level, top float64) {
	u := energy.Fitting(most, units)
	step := math.Pow(10, math.Floor(math.Log10(most/u.Size))) * u.Size
	for _, f := range []float64{0.2, 0.25, 0.5, 1, 2, 2.5} {
		if most/(step*f) <= 4.001 {
			step *= f
			break
		}
	}
	n := int(math.Ceil(most/step - 1e-9))
	for i := 0; i <= n; i++ {
		l := level{at: float64(i) * step}
		l.Text = strconv.FormatFloat(math.Round(l.at/u.Size*1e6)/1e6, 'g', 6, 64)
		if i == n {
			l.Text += " " + u.Name
		}
		all = append(all, l)
	}
	return all, float64(n) * step
}

// bands stacks the curves, from below, each named at its right.
func (p *powerPicture) bands(c footprint.Curves, f frame, x, y func(float64) float64) {
	base := make([]float64, c.Steps)
	sums, total := make([]float64, len(c.Bands)), 0.0
	for i, b := range c.Bands {
		for _, w := range b.Watts {
			sums[i] += w
		}
		total += sums[i]
	}
	shares := energy.Shares(sums)
	var at []float64
	for i, b := range c.Bands {
		top := make([]float64, c.Steps)
		for n, w := range b.Watts {
			top[n] = base[n] + w
		}
		s := areaShape{Class: kindClass(b.Kind), Sign: isModelled, Path: band(c, base, top, x, y)}
		word := "modelled"
		if b.Basis == energy.Measured {
			s.Sign, word = isMeasured, "measured"
		}
		s.Title = fmt.Sprintf("%s, %s: %s on average", kindTitle(b.Kind), word, format.Power(energy.Watts(sums[i]/float64(c.Steps))))
		p.Bands = append(p.Bands, s)
		last := c.Steps - 1
		at = append(at, (y(base[last])+y(top[last]))/2)
		p.Names = append(p.Names, bandName{Class: s.Class, Sign: s.Sign, Text: kindTitle(b.Kind) + "  " + shares[i], Small: word})
		base = top
	}
	if f.narrow {
		p.legend(f)
		return
	}
	for i, y := range apart(at, 34, f.top+10, f.bottom-6) {
		p.Names[i].Y, p.Names[i].Y2 = format.Pixels(y), format.Pixels(y+14)
	}
}

// legend names the bands above the plot, two a line: the top one first.
func (p *powerPicture) legend(f frame) {
	slices.Reverse(p.Names)
	for i := range p.Names {
		n := &p.Names[i]
		y := f.top - 8 - 18*float64((len(p.Names)-1)/2-i/2)
		n.X, n.Y, n.Y2 = format.Pixels(f.left+float64(i%2)*(f.right-f.left)/2), format.Pixels(y), format.Pixels(y-10)
	}
}

// band is the area between two curves, whose steps are level.
func band(c footprint.Curves, low, high []float64, x, y func(float64) float64) string {
	var b strings.Builder
	b.WriteString("M" + format.Pixels(x(0)) + " " + format.Pixels(y(high[0])))
	at := format.Pixels(y(high[0]))
	for n := range c.Steps {
		if to := format.Pixels(y(high[n])); to != at {
			b.WriteString("H" + format.Pixels(x(float64(n)*c.StepS)) + "V" + to)
			at = to
		}
	}
	b.WriteString("H" + format.Pixels(x(float64(c.Steps)*c.StepS)))
	at = ""
	for n := c.Steps - 1; n >= 0; n-- {
		if to := format.Pixels(y(low[n])); to != at {
			b.WriteString("H" + format.Pixels(x(float64(n+1)*c.StepS)) + "V" + to)
			at = to
		}
	}
	return b.String() + "H" + format.Pixels(x(0)) + "Z"
}

// apart moves places that fall from the first to the last so far that each is gap above
// the one before, within bounds where that is possible.
func apart(at []float64, gap, top, bottom float64) []float64 {
	out := slices.Clone(at)
	for i := range out {
		if out[i] = min(out[i], bottom); i > 0 {
			out[i] = min(out[i], out[i-1]-gap)
		}
	}
	for i := len(out) - 1; i >= 0; i-- {
		if least := top + gap*float64(len(out)-1-i); out[i] < least {
			out[i] = least
		}
	}
	return out
}

// stalls names the two greatest stalls, where they are.
func (p *powerPicture) stalls(r footprint.Report, c footprint.Curves, f frame, x, y func(float64) float64) {
	const width = 214.0
	var taken []float64
	for _, s := range r.Stalls() {
		mid := (x(s.FromS) + x(s.ToS)) / 2
		left := min(max(mid-width/2, f.left+4), f.right-width-4)
		if len(taken) == 2 || slices.ContainsFunc(taken, func(o float64) bool { return math.Abs(o-left) < width+6 }) {
			continue
		}
		taken = append(taken, left)
		at, n := 0.0, int((s.FromS+s.ToS)/2/c.StepS)
		for _, b := range c.Bands {
			at += b.Watts[min(n, c.Steps-1)]
		}
		box := max(f.top+8, min(y(at)-64, f.top+70))
		p.Stalls = append(p.Stalls, noteShape{
			X: format.Pixels(mid), Y: format.Pixels(y(at) - 2), BoxX: format.Pixels(left), BoxY: format.Pixels(box), BoxW: format.Pixels(width), TextY: format.Pixels(box + 15), SmallY: format.Pixels(box + 30),
			Text:  fmt.Sprintf("%s stall: %s at %s", format.Duration(format.Seconds(s.ToS-s.FromS)), gpus(r), format.Power(s.GPU)),
			Small: fmt.Sprintf("%s, %s CO2e", format.Energy(s.Energy), savedMass(r, s.Emissions)),
		})
	}
}

// epochs marks where the epochs begin.
func (p *powerPicture) epochs(r footprint.Report, x func(float64) float64) {
	if r.StartedAt.IsZero() || len(r.Epochs) == 0 {
		return
	}
	last, numbered := math.Inf(-1), math.Inf(-1)
	step := epochStep(len(r.Epochs))
	for i, e := range r.Epochs {
		if i > 0 && e.Index%step != 0 {
			continue
		}
		from := e.StartedAt.Sub(r.StartedAt).Seconds()
		if !(from > -1 && from < r.DurationS && e.DurationS >= 0) {
			continue
		}
		at, mid := x(from), (x(from)+x(from+e.DurationS))/2
		text := ""
		if wide := 8*float64(len(strconv.Itoa(e.Index))) + 10; mid-wide/2 > numbered {
			text, numbered = strconv.Itoa(e.Index), mid+wide/2
		}
		if text == "" && at < last+3 {
			continue
		}
		last = at
		p.Epochs = append(p.Epochs, label{X: format.Pixels(at), Y: format.Pixels(mid), Text: text})
	}
}

// epochStep is the distance between the epochs that are marked: of many only round ones, where
// there is room for their numbers.
func epochStep(n int) int {
	const all, most = 60, 16
	step := 1
	if n <= all {
		return step
	}
	for i := 0; n > most*step; i++ {
		step = []int{2, 5, 10}[i%3] * int(math.Pow10(i/3))
	}
	return step
}

// grid shows the parts of time with their own intensities, darker where a kWh emits more.
func (p *powerPicture) grid(r footprint.Report, x func(float64) float64, top float64) {
	parts := r.GridHours(48)
	if len(parts) < 2 || r.StartedAt.IsZero() {
		return
	}
	most := regions.Grams(0)
	for _, g := range parts {
		most = max(most, g.PerKWh)
	}
	if !(most > 0) {
		return
	}
	p.GridY = format.Pixels(top + 14)
	p.GridText = "g/kWh, " + intensityWord(r.Intensity.Kind)
	for _, g := range parts {
		from, to := x(g.From.Sub(r.StartedAt).Seconds()), x(g.To.Sub(r.StartedAt).Seconds())
		if to-from < 0.5 {
			continue
		}
		s := gridShape{X: format.Pixels(from), Y: format.Pixels(top), W: format.Pixels(to - from), Opacity: strconv.FormatFloat(0.08+0.32*float64(g.PerKWh/most), 'f', 2, 64), TextX: format.Pixels((from + to) / 2)}
		s.Title = fmt.Sprintf("%s to %s UTC: %s g/kWh", g.From.UTC().Format("2 Jan 15:04"), g.To.UTC().Format("2 Jan 15:04"), format.Digits(float64(g.PerKWh)))
		if to-from > 34 {
			s.Text = format.Digits(float64(g.PerKWh))
		}
		p.Grid = append(p.Grid, s)
	}
}

// clockSteps are the distances between ticks of the clock.
var clockSteps = []time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 48 * time.Hour, 5 * 24 * time.Hour, 10 * 24 * time.Hour, 30 * 24 * time.Hour, 90 * 24 * time.Hour, 365 * 24 * time.Hour,
}

// clock marks round times, UTC.
func (p *powerPicture) clock(r footprint.Report, f frame, x func(float64) float64) {
	maxTicks := time.Duration(max(2, (f.right-f.left)/90)) // each has room
	length := format.Seconds(r.DurationS)
	i := slices.IndexFunc(clockSteps, func(d time.Duration) bool { return length/d <= maxTicks })
	if i < 0 {
		return
	}
	step := clockSteps[i]
	layout := "15:04"
	switch {
	case step < time.Second:
		layout = "05.0 s"
	case step < time.Minute:
		layout = "15:04:05"
	case step >= 24*time.Hour:
		layout = "2 Jan"
	case length > 24*time.Hour:
		layout = "2 Jan 15:04"
	}
	start := r.StartedAt.UTC()
	for at := start.Truncate(step); !at.After(start.Add(length)); at = at.Add(step) {
		if !at.Before(start) {
			p.Clock = append(p.Clock, label{X: format.Pixels(x(at.Sub(start).Seconds())), Text: at.Format(layout)})
		}
	}
}

// describe says in words what the picture shows.
func (p *powerPicture) describe(r footprint.Report, c footprint.Curves, most float64) {
	p.Note = "Solid was read from a counter, hatched is modelled. Means of " + format.Duration(format.Seconds(c.StepS)) + "; at most " + format.Power(energy.Watts(most)) + "."
	if c.Steps == 1 {
		p.Note = "One reading: the mean power is all that is known of it. Solid was read from a counter, hatched is modelled."
	}
	if r.Charge == footprint.ChargeProcess {
		p.Note += " It is the machine’s power; this " + strings.TrimSuffix(facts.Owner(r), "'s") + " is charged a share of it."
	}
	if outlined := strings.Trim(p.GapsNote+"; "+p.Late, "; "); outlined != "" {
		p.Note += " Outlined with dashes: " + outlined + "."
	}
	var said []string
	for i := len(p.Bands) - 1; i >= 0; i-- {
		said = append(said, p.Bands[i].Title)
	}
	p.Describe = fmt.Sprintf("%s, over %s. %s.", cmp.Or(strings.Join(said, "; "), "nothing"), format.Duration(format.Seconds(r.DurationS)), "The most at one time was "+format.Power(energy.Watts(most)))
}

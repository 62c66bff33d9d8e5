package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A bar is one amount of a picture with its bounds. All are in one unit, which
// value shows.
type bar struct {
	label, value string
	x, low, high float64
	// measured is the part of x that comes from counters, 0 to 1; the rest is
	// drawn hatched.
	measured float64
	full     string // what to say in place of label where there is room, or ""
}

// A chart is a picture of amounts. What it shows stands in a table beside it.
type chart struct {
	title   string
	caption string // what else it takes to read the picture
	bars    []bar
	most    int    // bars that are drawn, 0 is maxBars
	hatch   string // what is hatched, "" is what is modelled
	// upright bars stand in the order of time.
	upright bool
	// limit is a dashed line across upright bars, with its name at the right, none
	// if that is "".
	limit                 float64
	limitName, limitValue string
	// level is a thin line of the same kind. A chart has one of the two.
	level                 float64
	levelName, levelValue string
}

// drawing is a chart in the coordinates of an SVG; lengths are strings, since
// that is all that an attribute takes.
type drawing struct {
	ID            int
	Title         string
	Width, Height string
	Bars          []shape
	Limit, Level  *shape
	Modelled      bool
	Caption       string
	Hatch         string // what is hatched where that is not what is modelled
	Legend        string // y of the legend
}

type shape struct {
	Label, Full, Value             string
	LabelX, LabelY, ValueX, ValueY string
	Anchor                         string
	// The measured part, the modelled one, and the line from low to high.
	MX, MY, MW, MH, EX, EY, EW, EH string
	X1, Y1, X2, Y2                 string
}

const (
	chartWidth = 720.0
	maxBars    = 24
)

func px(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// draw places the chart; id keeps its patterns apart from those of others.
func (c chart) draw(id int) drawing {
	c.bars = slices.Clone(c.bars)
	if n := cmp.Or(c.most, maxBars); len(c.bars) > n {
		if c.upright {
			c.bars = c.bars[len(c.bars)-n:]
		} else {
			c.bars = c.bars[:n]
		}
	}
	c.limit, c.level = sound(c.limit), sound(c.level)
	most := max(c.limit, c.level)
	for i, b := range c.bars {
		if b.full == "" {
			b.label = nameText(plain(b.label))
			b.full = b.label
		}
		b.x, b.low, b.high, b.measured = sound(b.x), sound(b.low), sound(b.high), min(1, sound(b.measured))
		most = max(most, b.x, b.low, b.high)
		c.bars[i] = b
	}
	if most == 0 {
		most = 1
	}
	d := drawing{ID: id, Title: c.title, Width: px(chartWidth), Caption: c.caption, Hatch: c.hatch}
	for _, b := range c.bars {
		d.Modelled = d.Modelled || b.measured < 0.9995 && b.x > 0
	}
	if c.upright {
		c.columns(&d, most)
	} else {
		c.rows(&d, most)
	}
	return d
}

// sound is what of a figure can be drawn: rows that come from elsewhere may hold
// anything.
func sound(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 0) {
		return 0
	}
	return x
}

// rows draws the bars from left to right, one below the other.
func (c chart) rows(d *drawing, most float64) {
	const left, right, step, thick = 210.0, 610.0, 28.0, 16.0
	at := func(x float64) float64 { return left + (right-left)*x/most }
	for i, b := range c.bars {
		y := 6 + step*float64(i)
		split := at(b.x * b.measured)
		d.Bars = append(d.Bars, shape{
			Label: clip(b.label, 25), Full: b.full, Value: b.value, Anchor: "end",
			LabelX: px(left - 10), LabelY: px(y + thick - 3), ValueX: px(max(at(b.x), at(b.high)) + 8), ValueY: px(y + thick - 3),
			MX: px(left), MY: px(y), MW: px(split - left), MH: px(thick),
			EX: px(split), EY: px(y), EW: px(at(b.x) - split), EH: px(thick),
			X1: px(at(b.low)), Y1: px(y + thick/2), X2: px(at(b.high)), Y2: px(y + thick/2),
		})
	}
	height := 6 + step*float64(len(c.bars))
	d.Legend = px(height + 14)
	d.Height = px(height + 24)
}

// columns draws the bars side by side, in the order of time.
func (c chart) columns(d *drawing, most float64) {
	const top, bottom, left = 26.0, 196.0, 10.0
	right := 710.0
	if c.limitName+c.levelName != "" {
		right = 620 // what is right of it is for the name, which no bar may lie below
	}
	at := func(x float64) float64 { return bottom - (bottom-top)*x/most }
	step := min((right-left)/float64(max(1, len(c.bars))), 120)
	thick := step * 0.6
	labels, values := 1, 1 // the widest, in pixels
	for _, b := range c.bars {
		labels, values = max(labels, 8*utf8.RuneCountInString(b.label)+8), max(values, 8*utf8.RuneCountInString(b.value)+4)
	}
	every := int(math.Ceil(float64(labels) / step))
	for i, b := range c.bars {
		mid := left + step*(float64(i)+0.5)
		split := at(b.x * b.measured)
		s := shape{
			Full: b.full, Anchor: "middle", LabelX: px(mid), LabelY: px(bottom + 16), ValueX: px(mid), ValueY: px(min(at(b.x), at(b.high)) - 6),
			MX: px(mid - thick/2), MY: px(split), MW: px(thick), MH: px(bottom - split),
			EX: px(mid - thick/2), EY: px(at(b.x)), EW: px(thick), EH: px(split - at(b.x)),
			X1: px(mid), Y1: px(at(b.low)), X2: px(mid), Y2: px(at(b.high)),
		}
		if i%every == 0 {
			s.Label = b.label
		}
		if step >= float64(values) {
			s.Value = b.value
		} else if b.value != "" {
			s.Full += ": " + b.value
		}
		d.Bars = append(d.Bars, s)
	}
	across := func(x float64, name, value string) *shape {
		y := at(x)
		return &shape{Label: name, Value: value, X1: px(left), Y1: px(y), X2: px(right), Y2: px(y),
			LabelX: px(right + 8), LabelY: px(y - 2), ValueX: px(right + 8), ValueY: px(y + 13)}
	}
	if c.limitName != "" {
		d.Limit = across(c.limit, c.limitName, c.limitValue)
	}
	if c.levelName != "" {
		d.Level = across(c.level, c.levelName, c.levelValue)
	}
	d.Legend = px(bottom + 40)
	d.Height = px(bottom + 50)
}

// clip shortens a text to n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

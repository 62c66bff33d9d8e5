package page

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/runs"
)

// A Size is that of a picture on paper, in millimetres. The zero Size is that of a page on
// a screen; a Height of 0 follows from what is drawn.
type Size struct{ Width, Height float64 }

const (
	// perMM is how many units of a picture are a millimetre: its texts are 12 and 12.5 of
	// them high, 7.8 and 8.1 points.
	perMM = 4.37
	// columnWidth is below what width a picture is a column's, with nothing beside its plot.
	columnWidth = 120.0
	leastSize   = 60.0
	mostSize    = 1000.0
	leastPlot   = 60.0 // units of height
)

// ParseSize reads the size of a picture: "85mm", "174mm", "85x60mm", also in cm and in.
func ParseSize(s string) (size Size, err error) {
	text, unit := strings.ToLower(strings.ReplaceAll(s, " ", "")), 1.0
	wrong := fmt.Errorf("invalid size %.40q: use a width, or width and height, such as 85mm, 174mm or 85x60mm", s)
	for name, mm := range map[string]float64{"mm": 1, "cm": 10, "in": 25.4} {
		if strings.HasSuffix(text, name) {
			text, unit = strings.ReplaceAll(text, name, ""), mm
		}
	}
	width, height, both := strings.Cut(text, "x")
	if size.Width, err = strconv.ParseFloat(width, 64); err != nil {
		return Size{}, wrong
	}
	if both {
		if size.Height, err = strconv.ParseFloat(height, 64); err != nil || !(size.Height > 0) {
			return Size{}, wrong
		}
	}
	size.Width, size.Height = size.Width*unit, size.Height*unit
	if !(size.Width >= leastSize && size.Width <= mostSize) || both && !(size.Height >= leastSize/2 && size.Height <= mostSize) {
		return Size{}, fmt.Errorf("invalid size %.40q: use a width from %.0f to %.0f mm and a height from %.0f mm", s, leastSize, mostSize, leastSize/2)
	}
	return size, nil
}

// A pictureSheet is a picture with its title above and its note below.
type pictureSheet struct {
	size        Size
	frame       frame
	data        map[string]any
	title, foot string
	height      float64 // of what is drawn
}

// sheetOf is where a picture stands on a sheet of a size.
func sheetOf(size Size, picture Picture) pictureSheet {
	s := pictureSheet{size: size, frame: smallFrame}
	if picture == PowerPicture {
		s.frame = powerFrame
	}
	if size.Width == 0 {
		return s
	}
	width := size.Width * perMM
	f := &s.frame
	f.narrow = size.Width < columnWidth
	f.left, f.right = 62, width-10
	switch {
	case picture == PowerPicture && f.narrow:
		f.top += 24 // two lines of names
		f.bottom += 10
	case picture == PowerPicture:
		f.right = width - 116
	}
	f.width = width
	return s
}

// lines are those of the note below the picture.
func (s pictureSheet) lines() []string {
	if s.foot == "" {
		return nil
	}
	return layout.Fold(escape.Plain(s.foot), int((s.frame.width-20)/5.9))
}

// whole is the height of the sheet as it is drawn.
func (s pictureSheet) whole() float64 {
	return 24 + s.height + 8 + 15*float64(len(s.lines()))
}

// fit changes the height of the plot so that the sheet has the height that was asked for;
// it reports whether it has to be drawn again.
func (s *pictureSheet) fit() bool {
	want := s.size.Height * perMM
	off := want - s.whole()
	if want == 0 || math.Abs(off) < 0.5 {
		return false
	}
	bottom := max(s.frame.bottom+off, s.frame.top+leastPlot)
	changed := bottom != s.frame.bottom
	s.frame.bottom = bottom
	return changed
}

func (s pictureSheet) write(w io.Writer) error {
	type line struct{ Y, Text string }
	var foot []line
	for i, text := range s.lines() {
		foot = append(foot, line{format.Pixels(24 + s.height + 12 + 15*float64(i)), text})
	}
	// The picture begins below the title.
	height := s.whole()
	data := map[string]any{
		"Style": template.CSS(pictureStyle), "Title": escape.Plain(s.title), "Foot": foot, "Width": format.Pixels(s.frame.width), "Height": format.Pixels(height),
		"W": format.Pixels(s.frame.width), "H": format.Pixels(height), "Inner": format.Pixels(s.height), "Name": format.Clip(escape.Plain(s.title), int((s.frame.width-20)/7)),
	}
	if s.size.Width > 0 {
		data["W"], data["H"] = format.Pixels(s.size.Width)+"mm", format.Pixels(height/perMM)+"mm"
	}
	for k, v := range s.data {
		data[k] = v
	}
	if err := pictureTemplate().Execute(w, data); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// number reads a length that px wrote.
func number(s string) float64 {
	x, _ := strconv.ParseFloat(s, 64) // it is one of ours
	return x
}

// comparisonPicture is several runs as bars.
type comparisonPicture struct {
	Frame  placed
	Title  string
	Levels []label
	Bars   []comparisonBar
	Axis   string // y of the names of levels
}

type comparisonBar struct {
	Name, Small, Value      string
	Sign                    sign
	X, Y, W, H              string
	NameY, SmallY           string
	ValueX                  string
	X1, X2, Mid, Mid1, Mid2 string
	Bounds                  bool
	Title                   string
}

// maxCompared is how many runs a comparison draws.
const maxCompared = 12

// CompareSVG writes a picture of two to twelve runs for a paper: their emissions with
// their bounds, or their energy where the factors are of different scopes or one has none.
// A bar is solid where the run was measured, hatched where it was modelled, and a dashed
// outline up to its bound where it is not known.
func CompareSVG(w io.Writer, all []footprint.Report, size Size) error {
	if len(all) < 2 || len(all) > maxCompared {
		return fmt.Errorf("a comparison needs 2 to %d runs, not %d", maxCompared, len(all))
	}
	s := sheetOf(size, ComparisonPicture)
	d, err := drawComparison(all, &s)
	if err != nil {
		return err
	}
	s.data = map[string]any{"Comparison": d}
	return s.write(w)
}

func drawComparison(all []footprint.Report, s *pictureSheet) (*comparisonPicture, error) {
	m := measure{scope: all[0].Intensity.Scope}
	for _, r := range all {
		m.energy = m.energy || r.Intensity.Scope != m.scope || r.Headline().Emissions == "" && facts.Known(r)
	}
	values, most := make([]extent, len(all)), 0.0
	for i, r := range all {
		a := extent{open: true}
		switch {
		case !facts.Known(r):
			if r.EnergyHigh != nil && m.energy {
				a.high, a.open = r.EnergyHigh.Joules(), false
			}
		case m.energy:
			a = extent{r.Energy.Joules(), r.EnergyLow.Joules(), r.Energy.Joules(), r.EnergyHigh == nil, 1}
			if r.EnergyHigh != nil {
				a.high = r.EnergyHigh.Joules()
			}
		default:
			a = extent{float64(r.Emissions), float64(r.EmissionsLow), float64(r.Emissions), r.EmissionsHigh == nil, 1}
			if r.EmissionsHigh != nil {
				a.high = float64(*r.EmissionsHigh)
			}
		}
		values[i], most = a, max(most, format.Drawable(a.x), format.Drawable(a.high))
	}
	if most == 0 {
		return nil, errors.New("nothing is known of these runs that could be compared")
	}
	f := s.frame
	names := min(150.0, f.width*0.34)
	f.left, f.right = names+12, f.width-64
	s.title, s.foot = "Emissions of "+strconv.Itoa(len(all))+" runs", "Lines span the bounds of the energy. Solid: measured; hatched: modelled."
	if m.energy {
		s.title = "Energy of " + strconv.Itoa(len(all)) + " runs"
	} else if m.scope != "" {
		s.title += ", " + facts.ScopeWord(m.scope) + " factors"
	}
	step := 40.0
	f.top = 12
	if s.size.Height > 0 {
		step = max(28, (s.size.Height*perMM-24-f.top-30-8-15*float64(len(s.lines())))/float64(len(all)))
	}
	f.bottom = f.top + step*float64(len(all))
	s.frame, s.height = f, f.bottom+30
	levels, top := levelsOf(most, m.units())
	x := func(v float64) float64 { return f.left + (f.right-f.left)*min(1, format.Drawable(v)/top) }
	d := &comparisonPicture{Frame: f.placed(), Title: s.title, Axis: format.Pixels(f.bottom + 18)}
	for _, l := range levels {
		d.Levels = append(d.Levels, label{X: format.Pixels(x(l.at)), Text: l.Text})
	}
	for i, r := range all {
		a, y := values[i], f.top+step*float64(i)
		mid := y + step/2
		b := comparisonBar{
			Name: format.Clip(escape.Plain(comparedName(r)), int(names/6.6)), Small: format.Clip(escape.Plain(comparedSmall(r)), int(names/6.2)),
			X: format.Pixels(f.left), Y: format.Pixels(mid - 8), H: format.Pixels(16), W: format.Pixels(x(a.x) - f.left), NameY: format.Pixels(mid - 2), SmallY: format.Pixels(mid + 13), Mid: format.Pixels(mid), Mid1: format.Pixels(mid - 4), Mid2: format.Pixels(mid + 4),
			Sign: signOf(r.MeasuredShare),
		}
		if b.Sign == isMixed && *r.MeasuredShare >= 0.5 {
			b.Sign = isMeasured
		} else if b.Sign == isMixed {
			b.Sign = isModelled
		}
		switch {
		case !facts.Known(r):
			b.Sign, b.Value, b.W = isUnknown, "unknown", format.Pixels(max(6, x(a.high)-f.left))
			b.ValueX = format.Pixels(x(a.high) + 8)
		default:
			b.Value = m.text(a)
			end := x(a.x)
			if b.Bounds = a.high-a.low > a.x/50; b.Bounds {
				b.X1, b.X2 = format.Pixels(x(a.low)), format.Pixels(x(a.high))
				end = x(a.high)
			}
			b.ValueX = format.Pixels(end + 6)
		}
		b.Title = b.Name + ": " + b.Value
		d.Bars = append(d.Bars, b)
	}
	return d, nil
}

// comparedName is what a run is called beside others: its project, or its ID.
func comparedName(r footprint.Report) string {
	if r.Project != "" {
		return r.Project
	}
	return "run " + format.ShortID(r.RunID)
}

// comparedSmall tells runs of one project apart: by their labels, or when they began.
func comparedSmall(r footprint.Report) string {
	if text := labelText(runs.LabelCell(r.Labels)); text != "" {
		return text
	}
	if r.StartedAt.IsZero() {
		return ""
	}
	return r.StartedAt.UTC().Format("2 Jan 2006, 15:04")
}

package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"sync"

	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
)

//go:embed ranking.svg
var rankingSource string

var rankingPicture = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("ranking").Parse(rankingSource))
})

// maxRanked is how many bars a picture shows at the most.
const maxRanked = 60

// svg writes the ranking as a picture with a bar for each place, here in another
// colour. It needs nothing else and follows the reader's light or dark setting.
// Of more than 60 places it shows the first.
func (r Ranking) svg(w io.Writer) error {
	const left, most, top, step, width = 310.0, 300.0, 68.0, 24.0, 810.0
	type bar struct {
		Label, Value, Full       string
		Here                     bool
		Top, Text, Width, ValueX string
	}
	type line struct{ Y, Line string }
	r = r.Top(maxRanked)
	largest := 0.0
	for _, c := range r.Places {
		largest = max(largest, format.Drawable(float64(c.Emissions)))
	}
	if largest == 0 {
		largest = 1
	}
	var bars []bar
	for i, c := range r.Places {
		length, y := most*format.Drawable(float64(c.Emissions))/largest, top+step*float64(i)
		label := escape.Plain(facts.Place(c))
		if near := escape.Plain(facts.Near(c)); near != label {
			label += " " + near
		}
		value := format.Mass(c.Emissions)
		if s := ratio(c); s == "here" {
			value += ", here"
		} else if s != "" {
			value += ", " + s + " of here"
		}
		bars = append(bars, bar{
			Label: format.Clip(label, 36), Value: value, Here: c.Here,
			Full: fmt.Sprintf("%d: %s, %s g/kWh (%s), PUE %s, %s", c.Rank, label, format.Digits(float64(c.PerKWh)), facts.Year(c.Year), markedPUE(c), escape.Plain(c.Source)),
			Top:  format.Pixels(y), Text: format.Pixels(y + 13), Width: format.Pixels(length), ValueX: format.Pixels(left + length + 8),
		})
	}
	y := top + step*float64(len(bars)) + 22
	var foot []line
	names, _ := r.sources()
	for _, n := range append(names, r.notes(false)...) {
		for _, l := range layout.Fold(escape.Plain(n), 112) {
			foot = append(foot, line{format.Pixels(y), l})
			y += 16
		}
	}
	return rankingPicture().Execute(w, map[string]any{
		"Width": format.Pixels(width), "Height": format.Pixels(y + 4), "Title": escape.Plain("CO2e of " + r.title()), "Subtitle": escape.Plain(r.subtitle()), "Bars": bars, "Foot": foot,
	})
}

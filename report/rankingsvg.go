package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"sync"
)

//go:embed ranking.svg
var rankingSource string

var rankingPicture = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("ranking").Parse(rankingSource))
})

// maxRanked is how many bars a picture shows at the most.
const maxRanked = 60

// SVG writes the ranking as a picture with a bar for each place, here in another
// colour. It needs nothing else and follows the reader's light or dark setting.
// Of more than 60 places it shows the first.
func (r Ranking) SVG(w io.Writer) error {
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
		largest = max(largest, sound(float64(c.Emissions)))
	}
	if largest == 0 {
		largest = 1
	}
	var bars []bar
	for i, c := range r.Places {
		length, y := most*sound(float64(c.Emissions))/largest, top+step*float64(i)
		label := plain(place(c))
		if near := plain(near(c)); near != label {
			label += " " + near
		}
		value := Mass(c.Emissions)
		if s := ratio(c); s == "here" {
			value += ", here"
		} else if s != "" {
			value += ", " + s + " of here"
		}
		bars = append(bars, bar{
			Label: clip(label, 36), Value: value, Here: c.Here,
			Full: fmt.Sprintf("%d: %s, %s g/kWh (%s), PUE %s, %s", c.Rank, label, PerKWh(float64(c.PerKWh)), yearText(c.Year), markedPUE(c), plain(c.Source)),
			Top:  px(y), Text: px(y + 13), Width: px(length), ValueX: px(left + length + 8),
		})
	}
	y := top + step*float64(len(bars)) + 22
	var foot []line
	names, _ := r.sources()
	for _, n := range append(names, r.notes(false)...) {
		for _, l := range fold(plain(n), 112) {
			foot = append(foot, line{px(y), l})
			y += 16
		}
	}
	return rankingPicture().Execute(w, map[string]any{
		"Width": px(width), "Height": px(y + 4), "Title": plain("CO2e of " + r.title()), "Subtitle": plain(r.subtitle()), "Bars": bars, "Foot": foot,
	})
}

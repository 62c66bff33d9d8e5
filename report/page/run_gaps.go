package page

import (
	"fmt"
	"math"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
)

// recorded is until when the power of a run is in its journal, which takes it up to a minute
// later than the energy: of one that goes on, or was recovered from there.
func recorded(r footprint.Report) float64 {
	if r.Status != footprint.Running && r.Status != footprint.Recovered {
		return math.Inf(1)
	}
	until := 0.0
	for _, p := range r.Power {
		until = max(until, p.StartS+float64(len(p.Mean))*p.StepS)
	}
	return until
}

// gaps outlines when a component was not seen.
func (p *powerPicture) gaps(r footprint.Report, c footprint.Curves, f frame, x func(float64) float64) {
	var named []string
	until, all := recorded(r), len(c.Gaps)
	for _, g := range c.Gaps {
		if g.FromS >= until-c.StepS { // it was read
			word := "was not recorded"
			if r.Status == footprint.Running {
				word = "is not recorded yet"
			}
			title := "the power after " + format.Duration(format.Seconds(until)) + " " + word
			if p.Late == "" {
				p.Late = title
				p.Gaps = append(p.Gaps, boxShape{X: format.Pixels(x(g.FromS)), Y: format.Pixels(f.top), W: format.Pixels(max(1, x(g.ToS)-x(g.FromS))), H: format.Pixels(f.bottom - f.top), Title: title})
			}
			all--
			continue
		}
		what := kindTitle(g.Kind)
		if g.Of > 1 {
			what = fmt.Sprintf("%s (%d of %d)", what, g.Count, g.Of)
		}
		title := fmt.Sprintf("%s not read from %s to %s", what, format.Duration(format.Seconds(g.FromS)), format.Duration(format.Seconds(g.ToS)))
		if len(p.Gaps) < 40 {
			p.Gaps = append(p.Gaps, boxShape{X: format.Pixels(x(g.FromS)), Y: format.Pixels(f.top), W: format.Pixels(max(1, x(g.ToS)-x(g.FromS))), H: format.Pixels(f.bottom - f.top), Title: title})
		}
		if len(named) < 2 {
			named = append(named, title)
		}
	}
	if n := all - len(named); n > 0 {
		named = append(named, fmt.Sprintf("%d gaps more", n))
	}
	p.GapsNote = strings.Join(named, "; ")
}

package screen

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/regions"
)

// A Window is when some work would emit least. Its JSON keys are only ever added to.
type Window struct {
	Zone        string `json:"zone"`
	Name        string `json:"name"`
	CloudRegion string `json:"cloud_region"` // "aws:eu-west-1", "" if none was named
	// The work begins From on and is done at To; Wait is how long that is to come.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Wait float64   `json:"wait_s"`
	By   time.Time `json:"by"`
	// PerKWh is the mean over the window, Now that of one that begins at once.
	PerKWh   float64 `json:"g_per_kwh"`
	Now      float64 `json:"now_g_per_kwh"`
	Saving   float64 `json:"saving"` // part of the emissions that waiting avoids, 0 to 1
	Kind     string  `json:"kind"`   // forecast, or profile for typical hours
	Scope    string  `json:"scope"`
	Marginal bool    `json:"marginal"` // what one more kWh would emit
	// Until is how far the forecast reaches, where that is well before By.
	Until   *time.Time `json:"known_until"`
	Source  string     `json:"source"`
	Licence string     `json:"licence"`
	Instead string     `json:"instead"`
}

// Text shows the window to a person on a screen, in the time zone of now.
func (w Window) Text(out io.Writer, now time.Time, screen layout.Screen) error {
	p := layout.Page{Screen: screen}
	local := func(t time.Time) string { return t.In(now.Location()).Format(format.MinuteLayout) }
	saves := format.Percent(w.Saving) + " less CO2e than now"
	if wait := time.Duration(w.Wait * float64(time.Second)); wait < time.Minute {
		p.Headline("start now, " + local(w.From) + ": no later start emits less")
	} else {
		p.Headline(fmt.Sprintf("start %s, in %s: %s", local(w.From), format.Duration(w.From.Sub(now).Round(time.Minute)), saves))
	}
	p.Row("end", "%s; deadline %s", local(w.To), local(w.By))
	grid := fmt.Sprintf("%s, %s: %s g/kWh then, %s now", cmp.Or(w.CloudRegion, w.Zone), w.Name, format.Digits(w.PerKWh), format.Digits(w.Now))
	if w.Scope != "" && !w.Marginal {
		grid += ", " + w.Scope
	}
	p.Row("grid", "%s", grid)
	kind, instead := w.Kind, w.Instead
	if kind == string(regions.Profile) {
		kind = "typical hours"
		if strings.HasPrefix(instead, kind) { // it says which
			kind, instead = instead, ""
		}
		kind += "; weather not considered"
	}
	if w.Marginal {
		kind += ", marginal: emissions of one more kWh; such a saving is not in reports"
	}
	p.Row("basis", "%s", kind)
	if instead != "" {
		p.Row("", "%s", instead)
	}
	if w.Until != nil {
		p.Row("", "the forecast ends %s; later hours were not considered", local(*w.Until))
	}
	p.Row("source", "%s", w.Source)
	_, err := p.WriteTo(out)
	return err
}

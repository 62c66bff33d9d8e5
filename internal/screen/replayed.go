package screen

import (
	"fmt"
	"io"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// Replayed is a run that was computed again from its samples. Its JSON keys are only ever
// added to.
type Replayed struct {
	Schema  string            `json:"schema"`
	RunID   string            `json:"run_id"`
	Same    *bool             `json:"same"` // null: there is nothing to compare with
	Against string            `json:"against"`
	Figures int               `json:"figures"` // how many were compared
	Differ  []runs.Difference `json:"differences"`
	Report  footprint.Report  `json:"report"`

	Samples string `json:"-"` // the file of the samples
}

// Text shows for a person whether the figures are the same.
func (v Replayed) Text(w io.Writer) error {
	if v.Same == nil {
		return report.Text(w, v.Report)
	}
	var p layout.Page
	p.Title(fmt.Sprintf("run %s, computed again from %s", v.RunID, v.Samples))
	p.Row("energy", "%s", format.Energy(v.Report.Energy))
	p.Row("emissions", "%s CO2e", format.Mass(v.Report.Emissions))
	for _, l := range v.Report.Components {
		if l.Wraps+l.Resets+l.Gaps > 0 {
			p.Row(string(l.Kind), "%s: %s, %s, %s", l.Name, format.Count(l.Wraps, "wrap"), format.Count(l.Resets, "reset"), format.Count(l.Gaps, "gap"))
		}
	}
	if *v.Same {
		p.Row("identical", "all %d values match %s", v.Figures, v.Against)
	} else {
		p.Row("differs", "%d of %d values of %s:", len(v.Differ), v.Figures, v.Against)
	}
	for i, d := range v.Differ {
		if i == MaxListed {
			p.Row("", "and %d more", len(v.Differ)-i)
			break
		}
		p.Row("", "%s: recorded %s, computed %s", d.Key, shown(d.Recorded), shown(d.Redone))
	}
	_, err := p.WriteTo(w)
	return err
}

// shown is a value for people.
func shown(v string) string {
	if v == "" {
		return "nothing"
	}
	return format.Clip(v, 60)
}

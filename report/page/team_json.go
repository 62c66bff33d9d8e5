package page

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/runs"
)

// TeamSchema names the shape of a [Team] in JSON. Keys are only ever added to it.
const TeamSchema = "carbonctl.team/v1"

type teamJSON struct {
	Schema   string           `json:"schema"`
	Title    string           `json:"title"`
	Now      *string          `json:"now"`
	Filter   facts.FilterJSON `json:"filter"`
	Measure  string           `json:"measure"` // what expected and used are in: "emissions_g" or "energy_joules"
	Scope    string           `json:"scope"`
	Total    summaryJSON      `json:"total"`
	Month    *summaryJSON     `json:"month"` // of now; null: the page is about all
	Before   *summaryJSON     `json:"month_before"`
	Failed   *summaryJSON     `json:"without_result"` // failed or interrupted
	Used     *float64         `json:"budget_used"`
	Expected *outlookJSON     `json:"expected"`
	Bins     []string         `json:"bins"` // months, or days of the only month
	Groups   []teamGroupJSON  `json:"groups"`
	Runs     []facts.RunJSON  `json:"runs"`
	Going    []facts.RunJSON  `json:"underway"`
	Better   []betterJSON     `json:"improvements"`
}

type summaryJSON struct {
	Runs       int               `json:"runs"`
	DurationS  float64           `json:"duration_s"`
	Energy     *float64          `json:"energy_joules"` // null: that of none of its runs is known
	EnergyLow  float64           `json:"energy_low_joules"`
	EnergyHigh *float64          `json:"energy_high_joules"`
	Measured   float64           `json:"measured_joules"`
	Unknown    float64           `json:"unknown_joules"`
	Uncounted  int               `json:"uncounted_runs"`
	Scopes     []facts.ScopeJSON `json:"scopes"`
}

type outlookJSON struct {
	Low      float64 `json:"low"`
	Expected float64 `json:"expected"`
	High     float64 `json:"high"`
	Days     int     `json:"days"` // that it rests on
}

type teamGroupJSON struct {
	Key    map[string]string `json:"key"`
	Period summaryJSON       `json:"period"`
	Before *summaryJSON      `json:"month_before"`
	Failed *summaryJSON      `json:"without_result"`
	Bins   []float64         `json:"bins"` // in the measure
}

type betterJSON struct {
	Value string `json:"value"`
	Text  string `json:"text"`
	Hint  string `json:"hint"`
}

func summaryOf(s runs.Summary) summaryJSON {
	v := summaryJSON{s.Runs, s.Duration.Seconds(), nil, s.Low.Joules(), nil, s.Measured.Joules(), s.Unknown.Joules(), s.Uncounted, facts.ScopesOf(s)}
	if s.Known() {
		v.Energy = new(s.Energy.Joules())
	}
	if !facts.Boundless(s) {
		v.EnergyHigh = new(s.High.Joules())
	}
	return v
}

// json writes all figures of the page as one object, with a final newline. What is not
// known is null.
func (t Team) json(w io.Writer) error {
	s := t.sums()
	v := teamJSON{Schema: TeamSchema, Title: t.Title, Measure: "emissions_g", Scope: string(s.scope), Total: summaryOf(s.total), Bins: s.bins, Groups: []teamGroupJSON{}, Runs: []facts.RunJSON{}, Going: []facts.RunJSON{}, Better: []betterJSON{}}
	if s.energy {
		v.Measure = "energy_joules"
	}
	if v.Bins == nil {
		v.Bins = []string{}
	}
	if !s.now.IsZero() {
		v.Now = new(s.now.Format("2006-01-02T15:04:05Z"))
	}
	v.Filter = facts.FilterOf(t.Filter)
	if s.monthly {
		v.Month = new(summaryOf(s.period))
		if s.fair {
			v.Before = new(summaryOf(s.before))
		}
		if limit := s.limit(t.Budget); limit > 0 {
			v.Used = new(s.of(s.period).x / limit)
		}
	}
	if t.ready {
		v.Failed = new(summaryOf(s.failed))
	}
	if o := s.outlook; o != nil {
		v.Expected = &outlookJSON{o.Low, o.Expected, o.High, o.Days}
	}
	keys := untimed(t.Groups.By)
	for _, g := range s.groups {
		if s.byTime {
			break
		}
		x := teamGroupJSON{Key: map[string]string{}, Period: summaryOf(g.period), Bins: []float64{}}
		for i, k := range keys {
			x.Key[string(k)] = g.name[i]
		}
		if s.fair {
			x.Before = new(summaryOf(g.before))
		}
		if t.ready {
			x.Failed = new(summaryOf(g.failed))
		}
		for _, b := range s.bins {
			value := 0.0
			if sum := g.bins[b]; sum != nil {
				value = s.of(*sum).x
			}
			x.Bins = append(x.Bins, value)
		}
		v.Groups = append(v.Groups, x)
	}
	list := t.list(s)
	for i := range min(list.Len(), MaxRuns) {
		v.Runs = append(v.Runs, facts.RunOf(list.At(i)))
	}
	if t.Live != nil {
		for _, g := range t.Live.Underway {
			row := runs.FromReport(g.Report)
			row.Status = footprint.Running
			v.Going = append(v.Going, facts.RunOf(row))
		}
	}
	for _, b := range t.better(s) {
		v.Better = append(v.Better, betterJSON{b.Saves, b.Text, b.Small})
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(v); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

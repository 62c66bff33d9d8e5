package report

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// runLine is a line of the list of runs.
const runLine = "  %-16s %8s  %-11s %8s %8s  %-6s %s"

// runProject is how many columns are left in it for the project.
const runProject = 13

// Runs writes the totals of many runs and a list of some of them, for a person.
func Runs(w io.Writer, s footprint.Summary, list []footprint.Row) error {
	var p Page
	head := fmt.Sprintf("%d %s", s.Runs, plural(s.Runs, "run", "runs"))
	if s.Runs > 0 {
		head += fmt.Sprintf(", %s to %s UTC", minute(s.First), minute(s.Last))
	}
	if s.Nested > 0 {
		head += fmt.Sprintf("; %d more %s inside them", s.Nested, plural(s.Nested, "is", "are"))
	}
	p.line("%s", head)
	if s.Runs > 0 {
		p.Row("time", "%s", Duration(s.Duration))
		share := 0.0
		if s.Energy > 0 {
			share = float64(s.Measured) / float64(s.Energy)
		}
		p.Row("energy", "%s (%s), %s", Energy(s.Energy), energyBounds(s.Energy, s.Low, s.High), measured(share))
		p.Row("emissions", "%s CO2e (%s)", Mass(s.Emissions), massBounds(s.Emissions, s.GramsLow, s.GramsHigh))
		p.compare(s.Emissions)
	}
	if len(list) > 0 {
		if n := s.Runs - len(list); n > 0 {
			p.Title(fmt.Sprintf("the latest %d", len(list)))
		} else {
			p.line("")
		}
		p.line(runLine, "started", "time", "status", "energy", "CO2e", "zone", "project")
	}
	for _, r := range list {
		p.line(runLine, minute(r.StartedAt.Time), Duration(seconds(float64(r.DurationS))), r.Status,
			Energy(r.Energy), Mass(regions.Grams(r.Emissions)), r.Zone, short(r.Project, runProject))
	}
	_, err := p.WriteTo(w)
	return err
}

func minute(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// short cuts text to n columns and shows that it did.
func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// RunsJSON writes what Runs shows as one JSON object.
func RunsJSON(w io.Writer, s footprint.Summary, list []footprint.Row) error {
	type run struct {
		RunID     string           `json:"run_id"`
		Project   string           `json:"project"`
		Status    footprint.Status `json:"status"`
		StartedAt string           `json:"started_at"`
		DurationS float64          `json:"duration_s"`
		Zone      string           `json:"zone"`
		Energy    float64          `json:"energy_joules"`
		Emissions float64          `json:"emissions_g"`
		CountedBy *string          `json:"counted_by"`
	}
	runs := []run{}
	for _, r := range list {
		v := run{r.RunID, r.Project, r.Status, r.StartedAt.UTC().Format(time.RFC3339Nano), float64(r.DurationS),
			r.Zone, r.Energy.Joules(), float64(r.Emissions), nil}
		if r.CountedBy != "" {
			v.CountedBy = &r.CountedBy
		}
		runs = append(runs, v)
	}
	b, err := json.MarshalIndent(map[string]any{
		"runs": s.Runs, "nested": s.Nested, "duration_s": s.Duration.Seconds(),
		"energy_joules": s.Energy, "energy_low_joules": s.Low, "energy_high_joules": s.High,
		"measured_joules": s.Measured,
		"emissions_g":     s.Emissions, "emissions_low_g": s.GramsLow, "emissions_high_g": s.GramsHigh,
		"list": runs,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

package facts

import (
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// ScopeJSON is what was emitted by factors of one scope, "" where it is not known.
// Those of two scopes do not add up.
type ScopeJSON struct {
	Scope         string        `json:"scope"`
	Runs          int           `json:"runs"`
	Energy        energy.Energy `json:"energy_joules"`
	Emissions     float64       `json:"emissions_g"`
	EmissionsLow  float64       `json:"emissions_low_g"`
	EmissionsHigh *float64      `json:"emissions_high_g"`
}

// ScopesOf are the emissions of a sum by scope, as JSON.
func ScopesOf(s runs.Summary) []ScopeJSON {
	all := []ScopeJSON{}
	if !s.Known() {
		return all
	}
	for _, e := range s.Scopes {
		v := ScopeJSON{string(e.Scope), e.Runs, e.Energy, float64(e.Grams), float64(e.Low), nil}
		if e.Open == 0 && s.Unknown == 0 {
			v.EmissionsHigh = new(float64(e.High))
		}
		all = append(all, v)
	}
	return all
}

// TimeOrNil is a time in UTC, nil for the zero Time.
func TimeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// FilterJSON is a filter of runs as JSON.
type FilterJSON struct {
	From     *time.Time         `json:"from"`
	To       *time.Time         `json:"to"`
	Projects []string           `json:"projects,omitempty"`
	Hosts    []string           `json:"hosts,omitempty"`
	Users    []string           `json:"users,omitempty"`
	Zones    []string           `json:"regions,omitempty"`
	Statuses []footprint.Status `json:"statuses,omitempty"`
	Labels   map[string]string  `json:"labels,omitempty"`
}

// FilterOf is a filter as JSON.
func FilterOf(f runs.Filter) FilterJSON {
	return FilterJSON{TimeOrNil(f.From), TimeOrNil(f.To), f.Projects, f.Hosts, f.Users, f.Zones, f.Statuses, f.Labels}
}

// RunJSON is one run of a list as JSON.
type RunJSON struct {
	RunID     string           `json:"run_id"`
	Project   string           `json:"project"`
	Status    footprint.Status `json:"status"`
	StartedAt *time.Time       `json:"started_at"`
	DurationS float64          `json:"duration_s"`
	Zone      string           `json:"zone"`
	Energy    energy.Energy    `json:"energy_joules"`
	Emissions float64          `json:"emissions_g"`
	Scope     string           `json:"scope"`
	CountedBy *string          `json:"counted_by"`
}

// RunOf is the row of a run as JSON.
func RunOf(r runs.Row) RunJSON {
	v := RunJSON{r.RunID, r.Project, r.Status, TimeOrNil(r.StartedAt.Time), float64(r.DurationS), r.Zone, r.Energy, float64(r.Emissions), r.IntensityScope, nil}
	if r.CountedBy != "" {
		v.CountedBy = &r.CountedBy
	}
	return v
}

package input

import (
	"fmt"
	"slices"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/timespec"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// A Filter says which runs are meant as a user writes it, in flags or in an address. The
// zero Filter takes all.
type Filter struct {
	From, To               string   // times or periods, as package timespec reads them
	Labels                 []string // K=V
	Zones, Statuses        []string
	Projects, Hosts, Users []string // as they are
}

// A FilterError is what of a filter can't be read.
type FilterError struct {
	Name string // "from", "label" …
	Err  error
}

func (e *FilterError) Error() string { return e.Name + ": " + e.Err.Error() }

func (e *FilterError) Unwrap() error { return e.Err }

// statuses are those that a row may have.
var statuses = [...]footprint.Status{footprint.Completed, footprint.Failed, footprint.Interrupted, footprint.Recovered}

// Parse reads the filter; times count from now. The error is a *FilterError.
func (f Filter) Parse(now time.Time) (runs.Filter, error) {
	got := runs.Filter{Projects: f.Projects, Hosts: f.Hosts, Users: f.Users}
	now = now.UTC() // as the days of ledgers are
	var err error
	if got.From, _, err = timespec.Period(f.From, now); err != nil {
		return got, &FilterError{"from", err}
	}
	if _, got.To, err = timespec.Period(f.To, now); err != nil {
		return got, &FilterError{"to", err}
	}
	if !got.To.IsZero() && !got.From.Before(got.To) {
		return got, &FilterError{"to", fmt.Errorf("%s is not after %s", f.To, f.From)}
	}
	for _, zone := range f.Zones {
		if p, err := regions.Builtin().Place(zone); err == nil {
			zone = p.Zone.Code // else it is a zone of somebody's own
		}
		got.Zones = append(got.Zones, zone)
	}
	for _, s := range f.Statuses {
		if !slices.Contains(statuses[:], footprint.Status(s)) {
			return got, &FilterError{"status", fmt.Errorf("unknown status %.40q: use completed, failed, interrupted or recovered", s)}
		}
		got.Statuses = append(got.Statuses, footprint.Status(s))
	}
	for _, pair := range f.Labels {
		key, value, err := config.ParseLabel(pair)
		if err != nil {
			return got, &FilterError{"label", err}
		}
		if got.Labels == nil {
			got.Labels = map[string]string{}
		}
		got.Labels[key] = value
	}
	return got, nil
}

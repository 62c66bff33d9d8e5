package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// factors are those that were asked for.
type factors struct {
	place string // of all runs; "" is each run's own
	query regions.Query
	grid  regions.Provider // nil: the recorded intensity
	own   bool             // it is a figure of the user's, without year and scope
	pue   float64          // 0: the recorded one
	known map[asked]found
}

// found is a lookup that was made.
type found struct {
	intensity regions.Intensity
	err       error
}

// A factor is what made emissions of energy.
type factor struct {
	Zone   string        `json:"zone"`
	PerKWh regions.Grams `json:"g_per_kwh"`
	PUE    float64       `json:"pue"` // 0: not known
	Kind   regions.Kind  `json:"kind"`
	Scope  regions.Scope `json:"scope"`
	Year   int           `json:"year"` // 0: none
	Source string        `json:"source"`
}

func factorOf(f runs.Factor) factor {
	return factor{f.Zone, f.PerKWh, f.PUE, regions.Kind(f.Kind), regions.Scope(f.Scope), f.Year, f.Source}
}

// parse reads the flags for factors.
func (r *recomputing) parse(flags *pflag.FlagSet) error {
	f := &r.factors
	f.known = map[asked]found{}
	f.query = regions.Query{Scope: regions.Scope(r.scope), Year: r.year}
	if r.scope != "" && f.query.Scope != regions.Lifecycle && f.query.Scope != regions.Direct {
		return fmt.Errorf("--scope %.40q is neither %s nor %s", r.scope, regions.Lifecycle, regions.Direct)
	}
	if r.pue != "" {
		var err error
		if f.pue, err = config.ParsePUE(r.pue); err != nil {
			return fmt.Errorf("--pue: %w", err)
		}
	}
	newTable := flags.Changed(config.RegionsFile)
	if r.intensity != "" && (r.year != 0 || r.scope != "" || newTable) {
		return fmt.Errorf("--intensity is a figure of its own: leave out --year, --scope and --%s", config.RegionsFile)
	}
	known, err := table(flags)
	if err != nil {
		return err
	}
	switch {
	case r.intensity != "":
		if f.grid, err = config.ParseIntensity(r.intensity, known); err != nil {
			return fmt.Errorf("--intensity: %w", err)
		}
		f.own = true
	case r.region != "" || r.year != 0 || r.scope != "" || newTable:
		f.grid = known
	}
	if r.region != "" {
		if _, err := known.Place(r.region); err != nil {
			return fmt.Errorf("--region: %w", err)
		}
		f.place = r.region
	}
	return nil
}

// asked is a place and a year.
type asked struct {
	zone  string
	year  int
	scope regions.Scope
}

// errNoZone is a row that does not say where the run was.
var errNoZone = errors.New("no zone is recorded: give --region")

// errNoScope is a row whose figure says neither lifecycle nor direct, as one of
// the user's own: another scope would not be the same quantity.
var errNoScope = errors.New("no scope is recorded: give --scope lifecycle or direct")

// of gives the factors for a row.
func (f *factors) of(ctx context.Context, row runs.Row) (runs.Factors, error) {
	to := runs.Factors{PUE: f.pue}
	if f.grid == nil {
		return to, nil
	}
	q := f.query
	switch q.Zone = f.place; {
	case q.Zone != "":
	case row.Provider != "" && row.CloudRegion != "":
		q.Zone = row.Provider + ":" + row.CloudRegion
	case row.Zone != "":
		q.Zone = row.Zone
	default:
		return to, errNoZone
	}
	if !f.own { // year and scope stay those of the record, unless others are asked for
		if q.Scope == "" {
			q.Scope = regions.Scope(row.IntensityScope)
		}
		if q.Scope == "" {
			return to, errNoScope
		}
	}
	key := asked{q.Zone, q.Year, q.Scope}
	if q.Year == 0 { // the record's, or the nearest that the zone has
		q.Time = row.StartedAt.Time
		if row.IntensityYear != nil {
			q.Time = time.Date(*row.IntensityYear, time.July, 1, 0, 0, 0, 0, time.UTC)
		}
		key.year = q.Time.UTC().Year()
	}
	in, ok := f.known[key]
	if !ok {
		in.intensity, in.err = f.grid.Intensity(ctx, q)
		f.known[asked{strings.Clone(key.zone), key.year, regions.Scope(strings.Clone(string(key.scope)))}] = in
	}
	to.Intensity = &in.intensity
	return to, in.err
}

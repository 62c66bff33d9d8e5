package runs

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/regions"
)

// A Lookup finds the factors that rows are to be computed again with. Its fields must
// not change once Of was called; it is for one goroutine.
type Lookup struct {
	Place string           // of all runs; "" is each run's own
	Query regions.Query    // scope and year; the zone and time are those of Place and row
	Grid  regions.Provider // nil: the recorded intensity
	// Own: Grid is a figure of the user's, without year and scope.
	Own bool
	PUE float64 // 0: the recorded one

	known map[asked]found
}

// found is a lookup that was made.
type found struct {
	intensity regions.Intensity
	err       error
}

// asked is a place and a year.
type asked struct {
	zone  string
	year  int
	scope regions.Scope
}

// ErrNoZone is of a row that does not say where the run was.
var ErrNoZone = errors.New("no zone is recorded")

// ErrNoScope is of a row whose figure says neither lifecycle nor direct, as one of
// the user's own: another scope would not be the same quantity.
var ErrNoScope = errors.New("no scope is recorded")

// Of gives the factors for a row.
func (f *Lookup) Of(ctx context.Context, row Row) (Factors, error) {
	to := Factors{PUE: f.PUE}
	if f.Grid == nil {
		return to, nil
	}
	q := f.Query
	switch q.Zone = f.Place; {
	case q.Zone != "":
	case row.Provider != "" && row.CloudRegion != "":
		q.Zone = row.Provider + ":" + row.CloudRegion
	case row.Zone != "":
		q.Zone = row.Zone
	default:
		return to, ErrNoZone
	}
	if !f.Own { // year and scope stay those of the record, unless others are asked for
		if q.Scope == "" {
			q.Scope = regions.Scope(row.IntensityScope)
		}
		if q.Scope == "" {
			return to, ErrNoScope
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
		if f.known == nil {
			f.known = map[asked]found{}
		}
		in.intensity, in.err = f.Grid.Intensity(ctx, q)
		f.known[asked{strings.Clone(key.zone), key.year, regions.Scope(strings.Clone(string(key.scope)))}] = in
	}
	to.Intensity = &in.intensity
	return to, in.err
}

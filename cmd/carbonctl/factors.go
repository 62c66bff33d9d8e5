package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// factors are those that were asked for.
type factors struct {
	place string // of all runs; "" is each run's own
	query regions.Query
	grid  regions.Provider // nil: the recorded intensity
	pue   float64          // 0: the recorded one
	known map[string]found
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
	PUE    float64       `json:"pue"`
	Kind   regions.Kind  `json:"kind"`
	Scope  regions.Scope `json:"scope"`
	Year   int           `json:"year"` // 0: none
	Source string        `json:"source"`
}

// factorOf is the factor of a row, but for its figure: live ones differ in each.
func factorOf(r footprint.Row) factor {
	f := factor{r.Zone, 0, float64(r.PUE), regions.Kind(r.IntensityKind), regions.Scope(r.IntensityScope), 0, r.IntensitySource}
	if r.IntensityYear != nil {
		f.Year = *r.IntensityYear
	}
	return f
}

// parse reads the flags for factors.
func (r *recomputing) parse() error {
	f := &r.factors
	f.known = map[string]found{}
	f.query = regions.Query{Scope: regions.Scope(r.scope), Year: r.year}
	if r.scope != "" && f.query.Scope != regions.Lifecycle && f.query.Scope != regions.Direct {
		return fmt.Errorf("--scope %.40q is neither %s nor %s", r.scope, regions.Lifecycle, regions.Direct)
	}
	if r.pue != "" {
		var o options
		if err := setPUE(&o, r.pue); err != nil {
			return fmt.Errorf("--pue: %w", err)
		}
		f.pue = o.pue
	}
	if r.intensity != "" && (r.year != 0 || r.scope != "" || r.table != "") {
		return errors.New("--intensity is a figure of its own: leave out --year, --scope and --table")
	}
	table := regions.Builtin()
	if r.table != "" {
		own, err := readTable(r.table)
		if err == nil {
			table, err = table.With(own)
		}
		if err != nil {
			return fmt.Errorf("--table: %w", err)
		}
	}
	switch {
	case r.intensity != "":
		var o options
		if err := setIntensity(&o, r.intensity); err != nil {
			return fmt.Errorf("--intensity: %w", err)
		}
		f.grid = o.intensity
	case r.region != "" || r.year != 0 || r.scope != "" || r.table != "":
		f.grid = table
	}
	if r.region != "" {
		if _, err := table.Place(r.region); err != nil {
			return fmt.Errorf("--region: %w", err)
		}
		f.place = r.region
	}
	return nil
}

func readTable(path string) (*regions.Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return regions.ReadTable(f, path)
}

// errNoZone is a row that does not say where the run was.
var errNoZone = errors.New("no zone is recorded: give --region")

// of gives the factors for a row.
func (f *factors) of(ctx context.Context, row footprint.Row) (footprint.Factors, error) {
	to := footprint.Factors{PUE: f.pue}
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
	in, ok := f.known[q.Zone]
	if !ok {
		in.intensity, in.err = f.grid.Intensity(ctx, q)
		f.known[strings.Clone(q.Zone)] = in
	}
	to.Intensity = &in.intensity
	return to, in.err
}

// weighted is the mean of two intensities by their energies.
func weighted(a regions.Grams, of energy.Energy, b footprint.Number, more energy.Energy) regions.Grams {
	if of == 0 {
		return regions.Grams(b)
	}
	if more == 0 {
		return a
	}
	part := float64(more) / (float64(of) + float64(more))
	return a + (regions.Grams(b)-a)*regions.Grams(part)
}

// clone copies the texts of a factor: they would keep the whole row.
func (f factor) clone() factor {
	f.Zone, f.Source = strings.Clone(f.Zone), strings.Clone(f.Source)
	f.Kind, f.Scope = regions.Kind(strings.Clone(string(f.Kind))), regions.Scope(strings.Clone(string(f.Scope)))
	return f
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// recomputing is one run of recompute.
type recomputing struct {
	reading
	region, scope, samples string
	intensity, pue         string
	year, last             int
	json                   bool

	given   bool // at least one of the factors
	factors runs.Lookup
	sums    runs.Recomputed
	newest  runs.Newest    // the rows as they were
	wrong   int            // rows that do not follow from their own figures
	which   []string       // of them
	why     map[string]int // runs without a figure, by the reason
}

func (a *app) recompute() *cobra.Command {
	r := &recomputing{reading: reading{app: a}}
	cmd := &cobra.Command{
		Use:   "recompute [FILE|DIR|PATTERN…]",
		Short: "Recompute emissions with other intensities, or from samples",
		Long: `Recompute the emissions of recorded energy with another region, year, scope, PUE
or intensity, and show both. What is not given stays as recorded. Without these
flags, check that the emissions of each row follow from its own energy, PUE and
intensity. With --samples, recompute a run from its readings and compare.

FILE is a ledger (also gzip), a directory, a quoted pattern, a run (last, an ID
or a JSON file) or - for stdin; the default is the ledger that wrap writes.
Nothing is written.

The exit code is 1 if a result does not follow from its record, a row could not
be read, or there is no intensity for a run; 2 if nothing could be done.`,
		Example: `  carbonctl recompute ledger.csv
  carbonctl recompute ledger.csv --scope direct --year 2023
  carbonctl recompute run.json --region SE --pue 1.1
  carbonctl recompute run.json --samples run.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.run(cmd.Context(), cmd.Flags(), args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.region, "region", "", "`ZONE` use the intensity of this region for all runs")
	f.IntVar(&r.year, "year", 0, "`YEAR` use the intensity of this year (of each run's own region, without --region)")
	f.StringVar(&r.scope, "scope", "", "`SCOPE` lifecycle, or direct (combustion only)")
	f.StringVar(&r.intensity, "intensity", "", "`GRAMS` carbon intensity in g CO2e/kWh, instead of the region's")
	tableFlag(f)
	f.StringVar(&r.pue, "pue", "", "`FACTOR` power usage effectiveness of the building, 1 or more")
	f.StringVar(&r.samples, "samples", "", "`FILE` recompute the run from the readings of wrap --samples")
	f.IntVar(&r.last, "last", 20, "`N` list the latest N runs; 0 for all")
	f.BoolVar(&r.json, "json", false, "print as JSON")
	return cmd
}

func (r *recomputing) run(ctx context.Context, flags *pflag.FlagSet, args []string) error {
	r.given = slices.ContainsFunc([]string{"region", "year", "scope", "intensity", config.RegionsFile, "pue"}, flags.Changed)
	switch {
	case r.samples != "" && r.given:
		return errors.New("--samples cannot be used with other factors: recompute FILE in a second step")
	case r.samples != "" && len(args) > 1:
		return errors.New("--samples belongs to one run: give one FILE")
	case r.last < 0:
		return fmt.Errorf("--last: must be 0 or more, not %d", r.last)
	}
	if err := r.look(flags); err != nil {
		return err
	}
	if r.samples != "" {
		return r.replay(args)
	}
	var err error
	if r.factors, err = r.lookup(flags); err != nil {
		return err
	}
	files, err := r.Files(args)
	if err != nil {
		return err
	}
	r.newest.Most, r.which, r.why = r.last, []string{}, map[string]int{}
	if err = r.Rows(files, func(row *runs.Row) { r.add(ctx, row) }); err != nil {
		return err
	}
	return r.finish(ctx)
}

// lookup reads the flags for factors.
func (r *recomputing) lookup(flags *pflag.FlagSet) (f runs.Lookup, err error) {
	f.Query = regions.Query{Scope: regions.Scope(r.scope), Year: r.year}
	if r.scope != "" && f.Query.Scope != regions.Lifecycle && f.Query.Scope != regions.Direct {
		return f, fmt.Errorf("--scope: invalid scope %.40q: use %s or %s", r.scope, regions.Lifecycle, regions.Direct)
	}
	if r.pue != "" {
		if f.PUE, err = config.ParsePUE(r.pue); err != nil {
			return f, fmt.Errorf("--pue: %w", err)
		}
	}
	newTable := flags.Changed(config.RegionsFile)
	if r.intensity != "" && (r.year != 0 || r.scope != "" || newTable) {
		return f, fmt.Errorf("--intensity takes no --year, --scope or --%s", config.RegionsFile)
	}
	known, err := table(flags)
	if err != nil {
		return f, err
	}
	switch {
	case r.intensity != "":
		if f.Grid, err = config.ParseIntensity(r.intensity, known); err != nil {
			return f, fmt.Errorf("--intensity: %w", err)
		}
		f.Own = true
	case r.region != "" || r.year != 0 || r.scope != "" || newTable:
		f.Grid = known
	}
	if r.region != "" {
		if _, err := known.Place(r.region); err != nil {
			return f, fmt.Errorf("--region: %w", err)
		}
		f.Place = r.region
	}
	return f, nil
}

// add recomputes one row, which must come out as it was where no factor was given.
func (r *recomputing) add(ctx context.Context, row *runs.Row) {
	if row.CountedBy != "" {
		r.sums.Add(*row, *row)
		return
	}
	to, err := r.factors.Of(ctx, *row)
	if err != nil {
		r.sums.Beside(*row)
		r.why[without(err)]++
		return
	}
	if !r.given && !row.Follows() {
		r.wrong++
		if len(r.which) < screen.MaxListed {
			r.which = append(r.which, strings.Clone(row.RunID))
		}
	}
	r.sums.Add(*row, runs.Recompute(*row, to))
	r.newest.Add(row)
}

// without says why there is no figure for a run, and what would give one.
func without(err error) string {
	switch {
	case errors.Is(err, runs.ErrNoZone):
		return err.Error() + ": give --region"
	case errors.Is(err, runs.ErrNoScope):
		return err.Error() + ": give --scope lifecycle or direct"
	}
	return err.Error()
}

// finish makes the lists, and says it all.
func (r *recomputing) finish(ctx context.Context) (err error) {
	r.sums.Settle()
	a := screen.RecomputedOf(&r.sums)
	a.Given, a.Wrong, a.Which, a.Why = r.given, r.wrong, r.which, r.why
	for _, n := range r.why {
		a.Lost += n
	}
	for _, row := range r.newest.Rows() {
		to, _ := r.factors.Of(ctx, row) // it had none before
		a.List = append(a.List, screen.RecomputedRunOf(row, runs.Recompute(row, to)))
	}
	if r.json {
		err = output.JSON(r.out, a)
	} else {
		err = a.Text(r.out, r.screen(r.out))
	}
	if err == nil && (r.bad || a.Wrong > 0 || a.Lost > 0) {
		err = &exitError{code: exitFinding}
	}
	return err
}

package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// fibre is how far light comes and back in a millisecond in glass: c over a
// group index of 1.468 (ITU-T G.652 fibre at 1550 nm), half of it each way.
const fibre = 299.792458 / 1.468 / 2 // km

func (a *app) compare() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compare [RUN|LEDGER]",
		Short: "Rank regions by what the same work would emit there",
		Long: `Rank cloud regions and countries by what the energy of a run ("last", its ID or
its JSON), of a ledger, or of --energy would emit there. All figures are of one
scope, and the PUE follows one rule for all providers.`,
		Example: `  carbonctl compare --energy 1.2kWh --region FR --continent europe
  carbonctl compare run.json --provider aws,gcp --within 1500km
  carbonctl compare ledger.csv --top 0 --format csv
  carbonctl compare run.json --format svg > regions.svg`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			flags := cmd.Flags()
			format, _ := flags.GetString("format")
			if asJSON {
				format = "json"
			}
			if !slices.Contains(report.RankingFormats(), format) {
				return fmt.Errorf("--format: %.40q is not one of %s", format, strings.Join(report.RankingFormats(), ", "))
			}
			w, bad, err := a.work(flags, args)
			if err != nil {
				return err
			}
			r, err := rank(flags, w)
			if err != nil {
				return err
			}
			top, _ := flags.GetInt("top")
			if !flags.Changed("top") && (format == "json" || format == "csv") {
				top = 0
			}
			if err := r.Top(top).Write(a.out, format); err != nil {
				return err
			}
			if bad {
				return &exitError{code: exitFinding}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.String("energy", "", "`AMOUNT` of computing energy instead of a FILE: 1.2kWh, 500Wh, 3.6MJ")
	f.Bool("predicted", false, "the energy that the run in FILE was expected to take in the end")
	f.String("region", "", "`ZONE` that is here (default: that of the FILE, else as set)")
	f.StringSlice("provider", nil, "cloud `NAME`s only: aws, azure, gcp …")
	f.StringSlice("continent", nil, "`NAME`s of continents to stay on: europe, \"north america\" …")
	f.String("within", "", "`DISTANCE` from here at the most: 1500km, 900mi, or 20ms of round trip in glass fibre")
	f.String("from", "", "`PLACE` that the distance counts from, a ZONE or LAT,LON (default: here)")
	f.Float64("pue", 0, "`FACTOR` to use everywhere, instead of the recorded and the published ones")
	figureFlags(f)
	tableFlag(f)
	f.Int("top", 20, "show the first `N` places, and here; 0 for all, as json and csv do by default")
	f.String("format", "text", "`FORMAT`: "+strings.Join(report.RankingFormats(), ", "))
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// work is what a comparison is about.
type work struct {
	energy   energy.Energy
	of       string         // whose it is, for people
	zone     string         // where it was, "" if not known
	scope    regions.Scope  // of the intensity it was multiplied with, "" if not known
	recorded *regions.Grams // what its record says that it emitted
	pue      float64        // that of the record, 0 if not known
}

// work reads what to compare. bad: some lines of a ledger could not be read.
func (a *app) work(flags *pflag.FlagSet, args []string) (w work, bad bool, err error) {
	given, _ := flags.GetString("energy")
	predicted, _ := flags.GetBool("predicted")
	switch {
	case given != "" && len(args) > 0:
		return w, false, errors.New("compare: give a FILE or --energy, not both")
	case given != "" && predicted:
		return w, false, errors.New("compare: --predicted is of a run: give its FILE")
	case given != "":
		if w.energy, err = footprint.ParseEnergy(given); err != nil {
			return w, false, fmt.Errorf("--energy: %w", err)
		}
		return w, false, nil
	case len(args) == 0:
		return w, false, errNothing
	}
	r := &reading{app: a}
	if err := r.look(flags); err != nil {
		return w, false, err
	}
	w, err = r.workOf(args[0], predicted)
	if err != nil {
		err = fmt.Errorf("compare: %w", err)
	}
	return w, r.bad, err
}

var errNothing = errors.New("compare: nothing to compare: give the JSON of a run, a ledger, or --energy 1.2kWh")

// workOf adds up what a name stands for: one run, or many. Many are here where
// all of them were.
func (r *reading) workOf(name string, predicted bool) (w work, err error) {
	files, err := r.Files([]string{name})
	if err != nil {
		return w, err
	}
	var sums runs.Groups
	var only runs.Row // while there is no other
	all := 0
	zones, scopes := map[string]bool{}, map[string]bool{}
	err = r.Rows(files, func(row *runs.Row) {
		if all++; all == 1 {
			only = *row
		}
		sums.Add(*row)
		if row.CountedBy == "" {
			zones[zoneOf(*row)], scopes[row.IntensityScope] = true, true
		}
	})
	sums.Settle()
	sum := sums.Total.Summary
	switch {
	case err != nil:
		return w, err
	case all == 1:
		return runWork(only, name, predicted)
	case predicted:
		return w, errors.New("--predicted is of one run: name one")
	case sum.Runs == 0:
		return w, fmt.Errorf("%s holds no runs", name)
	}
	w = work{energy: sum.Energy, of: fmt.Sprintf("%d runs of %s", sum.Runs, name)}
	if len(sum.Scopes) == 1 {
		w.recorded = &sum.Scopes[0].Grams // of two scopes there is no sum
	}
	w.pue = sums.Total.PUE()
	w.zone = strings.Join(slices.Sorted(maps.Keys(zones)), ", ")
	if len(zones) > 1 {
		w.zone = severalZones + w.zone
	}
	for s := range scopes {
		if w.scope = regions.Scope(s); len(scopes) > 1 {
			w.scope = ""
		}
	}
	return w, nil
}

// runWork takes the energy of one run, or what it was expected to take.
func runWork(row runs.Row, name string, predicted bool) (work, error) {
	recorded := regions.Grams(row.Emissions)
	w := work{energy: row.Energy, of: "run " + row.RunID, zone: zoneOf(row), scope: regions.Scope(row.IntensityScope), recorded: &recorded}
	if row.Project != "" {
		w.of += " of " + row.Project
	}
	if row.PUE != nil {
		w.pue = float64(*row.PUE)
	}
	switch {
	case predicted && row.PredictedEnergy == nil:
		return w, fmt.Errorf("%s: the run has no prediction", name)
	case predicted:
		w.energy, w.of, w.recorded = *row.PredictedEnergy, w.of+", as predicted", (*regions.Grams)(row.PredictedEmissions)
	}
	return w, nil
}

// zoneOf is where a run was, as narrow as its record has it.
func zoneOf(row runs.Row) string {
	if row.Provider != "" && row.CloudRegion != "" {
		return row.Provider + ":" + row.CloudRegion
	}
	return row.Zone
}

// severalZones begins the zone of work that was done in more than one.
const severalZones = "\x00"

// rank compares the work everywhere that the flags leave.
func rank(flags *pflag.FlagSet, w work) (r report.Ranking, err error) {
	t, err := table(flags)
	if err != nil {
		return r, err
	}
	q, err := figureQuery(flags)
	if err != nil {
		return r, err
	}
	r = report.Ranking{Energy: w.energy, Of: w.of, Recorded: w.recorded, Data: t.Version()}
	if q.Scope == "" && !q.Market {
		q.Scope = w.scope // as the run was accounted
	}
	q.Zone = w.zone
	if flags.Changed("region") || w.zone == "" {
		if q.Zone, err = region(flags); err != nil {
			return r, err
		}
	}
	if many, ok := strings.CutPrefix(q.Zone, severalZones); ok {
		return r, fmt.Errorf("compare: the runs were in %s: set --region to the one that is here", many)
	}
	here, err := t.Site(q)
	if err != nil {
		return r, err
	}
	if q.Zone == "" {
		r.Notes = append(r.Notes, "here: no region given: using the world mean; set yours with --region.")
	}
	if in := here.Intensity; in.Instead != "" {
		r.Notes = append(r.Notes, "here: "+in.Instead+".")
	}
	filter, err := filterOf(flags, t, q.Zone)
	if err != nil {
		return r, err
	}
	sites, without, err := t.Sites(q, filter)
	if err != nil {
		return r, fmt.Errorf("compare: %w", err)
	}
	pue := regions.PUE{Value: w.pue, Of: runs.Recorded}
	if flags.Changed("pue") {
		pue.Of = runs.Given
		if pue.Value, _ = flags.GetFloat64("pue"); !(pue.Value >= 1 && pue.Value <= 10) {
			return r, fmt.Errorf("--pue: %v is not from 1 to 10", pue.Value)
		}
	}
	r.Places, err = runs.Compare(w.energy, pue, here, sites)
	if len(sites) == 0 {
		r.Notes = append(r.Notes, "no other place is left by these filters.")
	}
	r.All, r.Without = len(r.Places), without
	return r, err
}

// filterOf reads which places to leave out.
func filterOf(flags *pflag.FlagSet, t *regions.Table, here string) (f regions.Filter, err error) {
	f.Providers, _ = flags.GetStringSlice("provider")
	f.Continents, _ = flags.GetStringSlice("continent")
	within, _ := flags.GetString("within")
	from, _ := flags.GetString("from")
	if within == "" && from == "" {
		return f, nil
	}
	if within != "" {
		if f.Within, err = kilometres(within); err != nil {
			return f, fmt.Errorf("--within: %w", err)
		}
	}
	if from == "" {
		from = here
	}
	var ok bool
	if f.From, ok = t.Point(from); ok {
		f.Distances = true
		return f, nil
	}
	if _, err := t.Place(from); err != nil {
		return f, fmt.Errorf("--from: %w", err)
	}
	return f, fmt.Errorf("--from: no coordinates for %.40q: use a cloud region, or LAT,LON", from)
}

// kilometres reads a distance, or a time of round trip at the speed of light in
// glass: no region further away can answer in it.
func kilometres(s string) (float64, error) {
	text := strings.TrimSpace(s)
	factor := 1.0
	for _, u := range []struct {
		name string
		km   float64
	}{{"km", 1}, {"mi", 1.609344}, {"ms", fibre}} {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			text, factor = strings.TrimSpace(number), u.km
			break
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v > 0) || v > 1e6 {
		return 0, fmt.Errorf("invalid distance %.40q: use a number and a unit, such as 1500km, 900mi or 20ms", s)
	}
	return v * factor, nil
}

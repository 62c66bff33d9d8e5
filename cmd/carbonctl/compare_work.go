package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// work is what a comparison is about.
type work struct {
	energy   energy.Energy
	of       string            // whose it is, for people
	zones    []string          // where it was, as far as that is known
	scope    regions.Scope     // of the intensity it was multiplied with, "" if not known
	recorded *regions.Grams    // what its record says that it emitted
	pue      float64           // that of the record, 0 if not known
	low      energy.Energy     // bounds of the energy, where it has any
	high     *energy.Energy    // nil: none is known
	factor   regions.Intensity // what the record was multiplied with, as far as it is one
	started  time.Time         // of one run, zero if there is none
	took     time.Duration
	named    []string // the places to compare with, nil for those that the flags leave
}

// work reads what to compare. bad: some lines of a ledger could not be read.
func (a *app) work(flags *pflag.FlagSet, args []string) (w work, bad bool, err error) {
	given, _ := flags.GetString("energy")
	predicted, _ := flags.GetBool("predicted")
	named, _ := flags.GetStringSlice("regions")
	switch {
	case given != "" && predicted:
		return w, false, errors.New("--predicted needs a run, not --energy")
	case given != "":
		if w.energy, err = footprint.ParseEnergy(given); err != nil {
			return w, false, fmt.Errorf("--energy: %w", err)
		}
		w.low, w.high, w.named = w.energy, new(w.energy), append(args, named...)
		return w, false, nil
	case len(args) == 0:
		args = []string{input.Last}
	}
	r := &reading{app: a}
	if err := r.look(flags); err != nil {
		return w, false, err
	}
	w, err = r.workOf(args[0], predicted)
	if errors.As(err, &input.NoRunsError{}) {
		if t, _ := table(flags); t != nil {
			if _, unknown := t.Place(args[0]); unknown == nil {
				err = fmt.Errorf("%s is a region: give a run before it, or --energy 1.2kWh", args[0])
			}
		}
	}
	w.named = append(args[1:], named...)
	return w, r.bad, err
}

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
	zones := map[string]bool{}
	err = r.Rows(files, func(row *runs.Row) {
		if all++; all == 1 {
			only = *row
		}
		sums.Add(*row)
		if row.CountedBy == "" {
			zones[zoneOf(*row)] = true
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
		return w, errors.New("--predicted needs one run")
	case sum.Runs == 0:
		return w, fmt.Errorf("%s holds no runs", name)
	}
	w = work{energy: sum.Energy, low: sum.Low, of: fmt.Sprintf("%d runs of %s", sum.Runs, name), pue: sums.Total.PUE()}
	if !sum.Unbounded() {
		w.high = &sum.High
	}
	w.zones = slices.Sorted(maps.Keys(zones))
	if len(sum.Scopes) == 1 { // of two there is no sum
		w.recorded, w.scope = &sum.Scopes[0].Grams, sum.Scopes[0].Scope
		w.factor = regions.Intensity{Kind: "as recorded", Source: "as recorded"}
		if len(sums.Total.Grids) == 1 {
			for g := range sums.Total.Grids {
				w.factor = regions.Intensity{Kind: regions.Kind(g.Kind), Source: g.Source, Year: g.Year}
			}
		}
	}
	return w, nil
}

// runWork takes the energy of one run, or what it was expected to take.
func runWork(row runs.Row, name string, predicted bool) (work, error) {
	recorded := regions.Grams(row.Emissions)
	w := work{energy: row.Energy, low: row.Energy, high: row.EnergyHigh, of: "run " + format.ShortID(row.RunID), zones: []string{zoneOf(row)}, scope: regions.Scope(row.IntensityScope), recorded: &recorded,
		started: row.StartedAt.Time, took: time.Duration(float64(row.DurationS) * float64(time.Second))}
	if row.EnergyLow != nil {
		w.low = *row.EnergyLow
	} else if row.EnergyHigh == nil { // as of other tools: nothing is known of bounds
		w.high = &w.energy
	}
	w.factor = regions.Intensity{Kind: regions.Kind(row.IntensityKind), Source: row.IntensitySource}
	if row.IntensityYear != nil {
		w.factor.Year = *row.IntensityYear
	}
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
		w.low, w.high = w.energy, new(w.energy)
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

// here is the place that others are compared with: what was recorded, unless the flags ask
// for the table's figure. asked is what they ask for. All are compared in the scope of here,
// which q has afterwards.
func (w *work) here(flags *pflag.FlagSet, t *regions.Table, q *regions.Query, asked regions.Query) (here regions.Site, notes []string, err error) {
	other := flags.Changed("region") || asked.Year != 0 || asked.Market || asked.Scope != "" && asked.Scope != w.scope
	if w.recorded != nil && !other && w.energy > 0 {
		return w.record(t), nil, nil
	}
	q.Zone, err = region(flags)
	switch {
	case flags.Changed("region") || err != nil:
	case len(w.zones) == 1 && w.zones[0] != "":
		q.Zone = w.zones[0]
	case len(w.zones) > 1:
		return here, nil, fmt.Errorf("the runs were in several regions (%s): choose one as here with --region", strings.Join(w.zones, ", "))
	case q.Zone == "" && len(w.named) > 0:
		q.Zone = w.named[0] // what is named first is what the others are compared with
	}
	if err != nil {
		return here, nil, err
	}
	if q.Scope == "" && !q.Market && q.Zone != "" { // as a run there is accounted
		if in, err := t.Intensity(context.Background(), *q); err == nil {
			q.Scope = in.Scope
		}
	}
	if here, err = t.Site(*q); err != nil {
		return here, nil, err
	}
	if q.Zone == "" {
		return here, []string{"here: no region given: using the world mean; set yours with --region."}, nil
	}
	return here, nil, nil
}

// record is what was recorded, as a place: its intensity is what makes the recorded
// emissions of the energy and the PUE.
func (w *work) record(t *regions.Table) regions.Site {
	site := regions.Site{Zone: regions.Zone{Name: "as recorded"}}
	switch {
	case len(w.zones) > 1:
		site.Zone.Name = "as recorded in " + strings.Join(w.zones, ", ")
	case len(w.zones) == 1 && w.zones[0] != "":
		site.Zone = regions.Zone{Code: w.zones[0], Name: "as recorded"}
	case w.factor.Kind == regions.WorldDefault:
		site.Zone.Code = string(regions.World)
	}
	if known, err := t.Site(regions.Query{Zone: site.Zone.Code}); err == nil && site.Zone.Code != "" {
		site.Zone, site.Cloud, site.PUE = known.Zone, known.Cloud, known.PUE
	}
	in := w.factor
	in.Zone, in.Scope = site.Zone.Code, w.scope
	pue := w.pue
	if pue == 0 { // it is in the factor
		w.pue, pue = 1, 1
	}
	in.PerKWh = *w.recorded / regions.Grams(w.energy.KilowattHours()*pue)
	site.Intensity = in
	return site
}

// allProviders asks for the cloud regions of all providers.
const allProviders = "all"

// sites are the places to compare with: those that were named, or those that the flags
// leave of the cloud regions, and of countries if they are asked for.
func (w *work) sites(flags *pflag.FlagSet, t *regions.Table, q regions.Query, here regions.Site) (all []regions.Site, without int, err error) {
	for _, name := range w.named {
		q.Zone = name
		site, err := t.Site(q)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, site)
	}
	if len(w.named) > 0 {
		return all, 0, nil
	}
	at := here.Zone.Code
	if here.Cloud != nil {
		at = here.Cloud.String()
	}
	filter, err := filterOf(flags, t, at)
	if err != nil {
		return nil, 0, err
	}
	clouds := filter
	special, _ := flags.GetBool("special")
	clouds.Usual = !special && (here.Cloud == nil || !here.Cloud.Special())
	switch clouds.CloudOnly = true; {
	case slices.Equal(clouds.Providers, []string{allProviders}):
		clouds.Providers = nil
	case here.Cloud != nil && len(clouds.Providers) == 0:
		clouds.Providers = []string{here.Cloud.Provider}
	}
	if all, without, err = t.Sites(q, clouds); err != nil {
		return nil, 0, err
	}
	if countries, _ := flags.GetBool("countries"); countries {
		filter.Providers, filter.CountryOnly = nil, true
		more, missing, err := t.Sites(q, filter)
		if err != nil {
			return nil, 0, err
		}
		for _, s := range more { // those of a user's own table are there already
			if s.Zone.Kind == regions.Country {
				all = append(all, s)
			}
		}
		without += missing
	}
	return all, without, nil
}

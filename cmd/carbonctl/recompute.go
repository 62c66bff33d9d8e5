package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// recomputeSchema names the shape of what recompute answers. Keys are only ever
// added to it.
const recomputeSchema = "carbonctl.recompute/v1"

// recomputing is one run of recompute.
type recomputing struct {
	reading
	region, scope, samples string
	intensity, pue         string
	year, last             int
	json                   bool

	factors factors
	sums    runs.Recomputed
	answer  recomputed
	latest  latest // the rows as they were
}

// recomputed is what recompute answers.
type recomputed struct {
	Schema string        `json:"schema"`
	Runs   int           `json:"runs"`
	Nested int           `json:"nested"`
	Energy energy.Energy `json:"energy_joules"`
	// Old and New are null where Scopes has several: those do not add up.
	Old    *emitted  `json:"recorded"`
	New    *emitted  `json:"recomputed"`
	Scopes []rescope `json:"scopes"`
	// Overlaps is true: what runs of one machine shared is counted once.
	Overlaps      bool          `json:"overlaps_counted_once"`
	Shared        int           `json:"shared_runs"`
	Overlap       energy.Energy `json:"overlap_joules"`
	Contradicting int           `json:"contradicting_runs"`
	// Lost is how many runs have no figure for what was asked, and are in no sum.
	Lost  int            `json:"without_figure"`
	Why   map[string]int `json:"reasons"`
	Grids []regrid       `json:"factors"`
	List  []rerun        `json:"list"`
	Wrong int            `json:"not_following"` // rows whose emissions are not energy × PUE × intensity
	Which []string       `json:"not_following_run_ids"`
}

// emitted is a sum of emissions.
type emitted struct {
	Grams regions.Grams `json:"emissions_g"`
	Low   regions.Grams `json:"emissions_low_g"`
	// High is nil where a run has no upper bound.
	High *regions.Grams `json:"emissions_high_g"`
}

func emittedOf(e runs.Emitted) emitted {
	sum := emitted{e.Grams, e.Low, &e.High}
	if e.Open > 0 {
		sum.High = nil
	}
	return sum
}

// emittedBy is what one run emitted.
func emittedBy(r runs.Row) emitted {
	low, high := r.GramBounds()
	e := emitted{regions.Grams(r.Emissions), low, &high}
	if _, _, open := r.Bounds(); open {
		e.High = nil
	}
	return e
}

// regrid is what runs were charged by one factor, and are by another.
type regrid struct {
	Runs   int           `json:"runs"`
	Energy energy.Energy `json:"energy_joules"`
	From   factor        `json:"recorded"`
	To     factor        `json:"recomputed"`
	Old    emitted       `json:"recorded_emissions"`
	New    emitted       `json:"recomputed_emissions"`
}

// rescope is what runs were charged by factors of one scope, and are by those of one.
type rescope struct {
	From   regions.Scope `json:"recorded_scope"`
	To     regions.Scope `json:"recomputed_scope"`
	Runs   int           `json:"runs"`
	Energy energy.Energy `json:"energy_joules"`
	Old    emitted       `json:"recorded"`
	New    emitted       `json:"recomputed"`
}

// rerun is one run, old and new, as it is recorded: also what it shared.
type rerun struct {
	RunID   string        `json:"run_id"`
	Project string        `json:"project"`
	Started string        `json:"started_at"`
	Energy  energy.Energy `json:"energy_joules"`
	From    regions.Scope `json:"recorded_scope"`
	To      regions.Scope `json:"recomputed_scope"`
	Old     emitted       `json:"recorded"`
	New     emitted       `json:"recomputed"`
}

func (a *app) recompute() *cobra.Command {
	r := &recomputing{reading: reading{app: a}}
	cmd := &cobra.Command{
		Use:   "recompute [FILE|DIR|PATTERN…]",
		Short: "Apply other factors to recorded energy, or redo it from samples",
		Long: `Multiply the recorded energy by other factors and show the old emissions
against the new: for another region, year, scope or PUE, or a figure or table of
your own. FILE is a ledger, also compressed, a folder or pattern of them, the
JSON of a run, "last" or the ID of one in your ledger, or "-"; the default is
your ledger. Other factors stay as recorded; nothing is written.

Without a factor, repeat the recorded computation and name the rows whose
emissions do not follow from their own energy, PUE and intensity.

With --samples, from wrap --samples, compute the run again from the raw readings
of its counters, and compare all figures with those of FILE.

The exit code is 1 if a figure does not follow from its record, a row could not
be read, or a run has no figure for what was asked; 2 if nothing could be done.`,
		Example: `  carbonctl recompute ledger.csv
  carbonctl recompute ledger.csv --scope direct --year 2023
  carbonctl recompute run.json --region SE --pue 1.1
  carbonctl recompute run.json --samples run.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.run(cmd.Context(), cmd.Flags(), args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.region, "region", "", "the factor of this `ZONE`, for all runs")
	f.IntVar(&r.year, "year", 0, "the factor of this `YEAR`, of each run's own zone if no region is given")
	f.StringVar(&r.scope, "scope", "", "`SCOPE`: lifecycle or direct")
	f.StringVar(&r.intensity, "intensity", "", "your own carbon intensity, in `GRAMS` of CO2e per kWh")
	tableFlag(f)
	f.StringVar(&r.pue, "pue", "", "`FACTOR` of the building's energy over the computers', at least 1")
	f.StringVar(&r.samples, "samples", "", "`FILE` of recorded samples to compute the run from")
	f.IntVar(&r.last, "last", 20, "list the latest `N` runs; 0 for all")
	f.BoolVar(&r.json, "json", false, "print as JSON")
	return cmd
}

func (r *recomputing) run(ctx context.Context, flags *pflag.FlagSet, args []string) error {
	wrong := func(err error) error { return fmt.Errorf("recompute: %w", err) }
	given := slices.ContainsFunc([]string{"region", "year", "scope", "intensity", config.RegionsFile, "pue"}, flags.Changed)
	switch {
	case r.samples != "" && given:
		return wrong(errors.New("--samples does the recorded computation: apply other factors to FILE in a second step"))
	case r.samples != "" && len(args) > 1:
		return wrong(errors.New("--samples are those of one run: give one FILE"))
	case r.last < 0:
		return wrong(fmt.Errorf("--last: %d is below 0", r.last))
	}
	if err := r.look(flags); err != nil {
		return wrong(err)
	}
	if r.samples != "" {
		return r.replay(args)
	}
	if err := r.parse(flags); err != nil {
		return wrong(err)
	}
	files, err := r.Files(args)
	if err != nil {
		return wrong(err)
	}
	r.answer = recomputed{Schema: recomputeSchema, Overlaps: true, Why: map[string]int{}, List: []rerun{}, Which: []string{}, Grids: []regrid{}, Scopes: []rescope{}}
	r.latest.most = r.last
	err = r.Rows(files, func(row *runs.Row) { r.add(ctx, row, !given) })
	if err != nil {
		return wrong(err)
	}
	return r.finish(ctx, given)
}

// add recomputes one row. check says that it must come out as it was.
func (r *recomputing) add(ctx context.Context, row *runs.Row, check bool) {
	a := &r.answer
	if row.CountedBy != "" {
		r.sums.Add(*row, *row)
		return
	}
	to, err := r.factors.of(ctx, *row)
	if err != nil {
		r.sums.Beside(*row)
		a.Lost++
		a.Why[err.Error()]++
		return
	}
	if check && !row.Follows() {
		a.Wrong++
		if len(a.Which) < maxLines {
			a.Which = append(a.Which, strings.Clone(row.RunID))
		}
	}
	r.sums.Add(*row, runs.Recompute(*row, to))
	r.latest.add(row)
}

// finish makes the lists, and says it all.
func (r *recomputing) finish(ctx context.Context, given bool) error {
	r.sums.Settle()
	a := &r.answer
	sum := r.sums.Summary
	a.Runs, a.Nested, a.Energy = sum.Runs, sum.Nested, sum.Energy
	a.Shared, a.Overlap, a.Contradicting = sum.Shared, sum.Overlap, sum.Contradicting
	for _, c := range r.sums.Changes() {
		a.Scopes = append(a.Scopes, rescope{c.Recorded.Scope, c.Again.Scope, c.Recorded.Runs, c.Recorded.Energy, emittedOf(c.Recorded), emittedOf(c.Again)})
	}
	for _, f := range r.sums.Factors() {
		a.Grids = append(a.Grids, regrid{f.Recorded.Runs, f.Recorded.Energy, factorOf(f.From), factorOf(f.To), emittedOf(f.Recorded), emittedOf(f.Again)})
	}
	switch len(a.Scopes) {
	case 0:
		a.Old, a.New = new(emittedOf(runs.Emitted{})), new(emittedOf(runs.Emitted{}))
	case 1:
		a.Old, a.New = &a.Scopes[0].Old, &a.Scopes[0].New
	}
	for _, row := range r.latest.list() {
		to, _ := r.factors.of(ctx, row) // it had none before
		again := runs.Recompute(row, to)
		a.List = append(a.List, rerun{RunID: row.RunID, Project: row.Project, Started: stampOf(row), Energy: row.Energy,
			From: regions.Scope(row.IntensityScope), To: regions.Scope(again.IntensityScope), Old: emittedBy(row), New: emittedBy(again)})
	}
	var err error
	if r.json {
		err = output.JSON(r.out, a)
	} else {
		r.print(given)
	}
	if err == nil && (r.bad || a.Wrong > 0 || a.Lost > 0) {
		err = &exitError{code: exitFinding}
	}
	return err
}

func stampOf(row runs.Row) string {
	if row.StartedAt.IsZero() {
		return ""
	}
	return row.StartedAt.UTC().Format("2006-01-02T15:04:05.000Z")
}

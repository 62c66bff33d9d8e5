package screen

import (
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// RecomputeSchema names the shape of [Recomputed] and [Replayed]. Keys are only ever
// added to it.
const RecomputeSchema = "carbonctl.recompute/v1"

// MaxListed is how many lines of a kind are shown one by one.
const MaxListed = 20

// Recomputed is what recorded energy emits by other factors, beside what is recorded.
// Its JSON keys are only ever added to.
type Recomputed struct {
	Schema string        `json:"schema"`
	Runs   int           `json:"runs"`
	Nested int           `json:"nested"`
	Energy energy.Energy `json:"energy_joules"`
	// Old and New are null where Scopes has several: those do not add up.
	Old    *Emitted          `json:"recorded"`
	New    *Emitted          `json:"recomputed"`
	Scopes []RecomputedScope `json:"scopes"`
	// Overlaps is true: what runs of one machine shared is counted once.
	Overlaps      bool          `json:"overlaps_counted_once"`
	Shared        int           `json:"shared_runs"`
	Overlap       energy.Energy `json:"overlap_joules"`
	Contradicting int           `json:"contradicting_runs"`
	// Lost is how many runs have no figure for what was asked, and are in no sum.
	Lost  int                `json:"without_figure"`
	Why   map[string]int     `json:"reasons"`
	Grids []RecomputedFactor `json:"factors"`
	List  []RecomputedRun    `json:"list"`
	Wrong int                `json:"not_following"` // rows whose emissions are not energy × PUE × intensity
	Which []string           `json:"not_following_run_ids"`

	// Given: factors were given. Else each row was computed again with its own.
	Given bool `json:"-"`
	// Sums are the rows as they are recorded, and what they share.
	Sums runs.Summary `json:"-"`
}

// Emitted is a sum of emissions.
type Emitted struct {
	Grams regions.Grams `json:"emissions_g"`
	Low   regions.Grams `json:"emissions_low_g"`
	// High is nil where a run has no upper bound.
	High *regions.Grams `json:"emissions_high_g"`
}

func emittedOf(e runs.Emitted) Emitted {
	sum := Emitted{e.Grams, e.Low, &e.High}
	if e.Open > 0 {
		sum.High = nil
	}
	return sum
}

// emittedBy is what one run emitted.
func emittedBy(r runs.Row) Emitted {
	low, high := r.GramBounds()
	e := Emitted{regions.Grams(r.Emissions), low, &high}
	if _, _, open := r.Bounds(); open {
		e.High = nil
	}
	return e
}

// A RecomputedFactor is what runs were charged by one factor, and are by another.
type RecomputedFactor struct {
	Runs   int           `json:"runs"`
	Energy energy.Energy `json:"energy_joules"`
	From   Factor        `json:"recorded"`
	To     Factor        `json:"recomputed"`
	Old    Emitted       `json:"recorded_emissions"`
	New    Emitted       `json:"recomputed_emissions"`
}

// A RecomputedScope is what runs were charged by factors of one scope, and are by those of one.
type RecomputedScope struct {
	From   regions.Scope `json:"recorded_scope"`
	To     regions.Scope `json:"recomputed_scope"`
	Runs   int           `json:"runs"`
	Energy energy.Energy `json:"energy_joules"`
	Old    Emitted       `json:"recorded"`
	New    Emitted       `json:"recomputed"`
}

// A RecomputedRun is one run, old and new, as it is recorded: also what it shared.
type RecomputedRun struct {
	RunID   string        `json:"run_id"`
	Project string        `json:"project"`
	Started string        `json:"started_at"`
	Energy  energy.Energy `json:"energy_joules"`
	From    regions.Scope `json:"recorded_scope"`
	To      regions.Scope `json:"recomputed_scope"`
	Old     Emitted       `json:"recorded"`
	New     Emitted       `json:"recomputed"`
}

// A Factor is what made emissions of energy.
type Factor struct {
	Zone   string        `json:"zone"`
	PerKWh regions.Grams `json:"g_per_kwh"`
	PUE    float64       `json:"pue"` // 0: not known
	Kind   regions.Kind  `json:"kind"`
	Scope  regions.Scope `json:"scope"`
	Year   int           `json:"year"` // 0: none
	Source string        `json:"source"`
}

func factorOf(f runs.Factor) Factor {
	return Factor{f.Zone, f.PerKWh, f.PUE, regions.Kind(f.Kind), regions.Scope(f.Scope), f.Year, f.Source}
}

// RecomputedOf is the answer that sums come to, once they are settled.
func RecomputedOf(sums *runs.Recomputed) Recomputed {
	sum := sums.Summary
	a := Recomputed{
		Schema: RecomputeSchema, Runs: sum.Runs, Nested: sum.Nested, Energy: sum.Energy,
		Overlaps: true, Shared: sum.Shared, Overlap: sum.Overlap, Contradicting: sum.Contradicting, Sums: sum,
		Scopes: []RecomputedScope{}, Grids: []RecomputedFactor{}, Why: map[string]int{}, List: []RecomputedRun{}, Which: []string{},
	}
	for _, c := range sums.Changes() {
		a.Scopes = append(a.Scopes, RecomputedScope{c.Recorded.Scope, c.Again.Scope, c.Recorded.Runs, c.Recorded.Energy, emittedOf(c.Recorded), emittedOf(c.Again)})
	}
	for _, f := range sums.Factors() {
		a.Grids = append(a.Grids, RecomputedFactor{f.Recorded.Runs, f.Recorded.Energy, factorOf(f.From), factorOf(f.To), emittedOf(f.Recorded), emittedOf(f.Again)})
	}
	switch len(a.Scopes) {
	case 0:
		a.Old, a.New = new(emittedOf(runs.Emitted{})), new(emittedOf(runs.Emitted{}))
	case 1:
		a.Old, a.New = &a.Scopes[0].Old, &a.Scopes[0].New
	}
	return a
}

// RecomputedRunOf is one run as recorded and as computed again.
func RecomputedRunOf(recorded, again runs.Row) RecomputedRun {
	r := RecomputedRun{RunID: recorded.RunID, Project: recorded.Project, Energy: recorded.Energy,
		From: regions.Scope(recorded.IntensityScope), To: regions.Scope(again.IntensityScope), Old: emittedBy(recorded), New: emittedBy(again)}
	if !recorded.StartedAt.IsZero() {
		r.Started = recorded.StartedAt.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return r
}

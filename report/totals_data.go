package report

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// TotalsSchema names the shape of Totals in JSON. Keys are only ever added to it.
const TotalsSchema = "carbonctl.totals/v1"

// groupJSON is a group; what is not known is null.
// beyondRange is the code of a sum that is more than an Energy holds: what stands
// there is a lower bound.
const beyondRange = "energy-beyond-range"

type groupJSON struct {
	Key           map[string]string `json:"key"`
	Runs          int               `json:"runs"`
	Nested        int               `json:"nested"`
	First         *time.Time        `json:"first_started_at"`
	Last          *time.Time        `json:"last_ended_at"`
	DurationS     float64           `json:"duration_s"`
	Energy        *energy.Energy    `json:"energy_joules"` // null: that of none of its runs is known
	EnergyLow     energy.Energy     `json:"energy_low_joules"`
	EnergyHigh    *energy.Energy    `json:"energy_high_joules"` // null: a run has no upper bound, or none is recorded
	Measured      energy.Energy     `json:"measured_joules"`
	Unknown       energy.Energy     `json:"unknown_joules"` // neither measured nor modelled as far as the rows tell, nor bounded
	MeasuredShare *float64          `json:"measured_share"`
	Shared        int               `json:"shared_runs"`    // at the same time as others on one machine
	Overlap       energy.Energy     `json:"overlap_joules"` // left out for that
	Contradicting int               `json:"contradicting_runs"`
	Uncounted     int               `json:"uncounted_runs"`
	// The emissions by factors of the total's first scope, null where the group has
	// none of those; Scopes has all.
	Scope         string            `json:"scope"`
	Emissions     *float64          `json:"emissions_g"`
	EmissionsLow  *float64          `json:"emissions_low_g"`
	EmissionsHigh *float64          `json:"emissions_high_g"`
	Scopes        []facts.ScopeJSON `json:"scopes"`
	Market        *float64          `json:"market_emissions_g"`
	MarketRuns    int               `json:"market_runs"`
	Embodied      *float64          `json:"embodied_g"`
	EmbodiedRuns  int               `json:"embodied_runs"`
	RunEnergy     *spreadJSON       `json:"run_energy_joules"`
	RunEmissions  *spreadJSON       `json:"run_emissions_g"`
	RunTime       *spreadJSON       `json:"run_duration_s"`
	Foresight     *spreadJSON       `json:"prediction_error"` // of the first one, as a part of the energy
	Warnings      map[string]int    `json:"warnings"`
	Work          []doneJSON        `json:"work"`
}

type spreadJSON struct {
	Mean      float64  `json:"mean"`
	Deviation *float64 `json:"standard_deviation"`
	Error     *float64 `json:"standard_error"`
	Least     float64  `json:"least"`
	Most      float64  `json:"most"`
}

func spread(s runs.Spread) *spreadJSON {
	if s.N == 0 {
		return nil
	}
	v := spreadJSON{Mean: s.Mean, Least: s.Least, Most: s.Most}
	if d, ok := s.Deviation(); ok {
		e, _ := s.StdError()
		v.Deviation, v.Error = &d, &e
	}
	return &v
}

// groupOf gives a group; scope is the one that its emissions are shown in.
func groupOf(g *runs.Group, keys []runs.Key, scope regions.Scope) groupJSON {
	e, ok := g.Of(scope)
	v := groupJSON{
		Key: map[string]string{}, Runs: g.Runs, Nested: g.Nested, DurationS: g.Duration.Seconds(),
		EnergyLow: g.Low, Measured: g.Measured, Unknown: g.Unknown,
		Shared: g.Shared, Overlap: g.Overlap, Contradicting: g.Contradicting, Uncounted: g.Uncounted,
		Scope: string(scope), Scopes: facts.ScopesOf(g.Summary),
		MarketRuns: g.MarketRuns, EmbodiedRuns: g.EmbodiedRuns,
		RunEnergy: spread(g.RunEnergy), RunEmissions: spread(e.Run), RunTime: spread(g.RunTime), Foresight: spread(g.Foresight),
		Warnings: map[string]int{}, Work: donesOf(g),
	}
	if !facts.Boundless(g.Summary) {
		v.EnergyHigh = &g.High
	}
	if g.Known() {
		v.Energy = &g.Energy
	}
	if g.Known() && (ok || len(g.Scopes) == 0) {
		v.Emissions, v.EmissionsLow = new(float64(e.Grams)), new(float64(e.Low))
		if e.Open == 0 && !facts.Boundless(g.Summary) {
			v.EmissionsHigh = new(float64(e.High))
		}
	}
	for i, k := range keys {
		v.Key[string(k)] = g.Name[i]
	}
	for code, n := range g.Warnings {
		v.Warnings[code] = n
	}
	if g.Energy == energy.MaxEnergy {
		v.Warnings[beyondRange] = g.Runs
	}
	v.First, v.Last = facts.TimeOrNil(g.First), facts.TimeOrNil(g.Last)
	if share, ok := g.MeasuredShare(); ok {
		v.MeasuredShare = &share
	}
	if g.MarketRuns > 0 {
		m := float64(g.Market)
		v.Market = &m
	}
	if g.EmbodiedRuns > 0 {
		m := float64(g.Embodied)
		v.Embodied = &m
	}
	return v
}

// foresightJSON is how good the first predictions of runs were in one quantity.
type foresightJSON struct {
	Of        runs.Quantity `json:"quantity"`
	Scope     *string       `json:"scope"` // of emissions
	Runs      int           `json:"runs"`
	Predicted float64       `json:"predicted"`
	Taken     float64       `json:"taken"`
	Off       *spreadJSON   `json:"error"` // as a part of what was taken
}

func foresightsOf(t runs.Total) []foresightJSON {
	all := []foresightJSON{}
	for _, f := range t.Foresights {
		v := foresightJSON{f.Of, nil, f.Off.N, f.Predicted, f.Taken, spread(f.Off)}
		if f.Of == runs.ForeseenEmissions {
			v.Scope = new(string(f.Scope))
		}
		all = append(all, v)
	}
	return all
}

type gridJSON struct {
	Zone      string        `json:"zone"`
	Kind      string        `json:"kind"`
	Scope     string        `json:"scope"`
	Year      *int          `json:"year"`
	Source    string        `json:"source"`
	PerKWh    float64       `json:"g_per_kwh"`
	PUE       *float64      `json:"pue"`
	Runs      int           `json:"runs"`
	Energy    energy.Energy `json:"energy_joules"`
	Emissions float64       `json:"emissions_g"`
}

func gridsOf(t runs.Total) []gridJSON {
	all := []gridJSON{}
	for _, g := range facts.ByEnergy(t) {
		c := t.Grids[g]
		v := gridJSON{g.Zone, g.Kind, g.Scope, nil, g.Source, float64(c.PerKWh()), nil, c.Runs, c.Energy, float64(c.Emissions)}
		if g.Year != 0 {
			v.Year = &g.Year
		}
		if pue := c.PUE(); pue != 0 {
			v.PUE = &pue
		}
		all = append(all, v)
	}
	return all
}

type monthJSON struct {
	groupJSON
	Used *float64 `json:"budget_used"`
}

// json writes the totals as one object, indented, with a final newline.
func (t Totals) json(w io.Writer) error {
	by := []string{}
	for _, k := range t.Groups.By {
		by = append(by, string(k))
	}
	scope := t.Groups.Total.Headline().Scope
	months := []monthJSON{}
	for _, g := range t.Groups.Months() {
		m := monthJSON{groupOf(g, []runs.Key{runs.ByMonth}, scope), nil}
		if t.Budget != (runs.Allowance{}) {
			used := t.Budget.Used(g.Summary)
			m.Used = &used
		}
		months = append(months, m)
	}
	var budget any
	if t.Budget != (runs.Allowance{}) {
		limits := map[string]any{"emissions_g": nil, "energy_joules": nil}
		if t.Budget.Emissions > 0 {
			limits["emissions_g"] = float64(t.Budget.Emissions)
		}
		if t.Budget.Energy > 0 {
			limits["energy_joules"] = t.Budget.Energy
		}
		budget = limits
	}
	o := object{w: bufio.NewWriter(w)}
	o.field("schema", TotalsSchema)
	o.field("by", by)
	o.field("filter", facts.FilterOf(t.Filter))
	o.field("total", groupOf(&t.Groups.Total.Group, nil, scope))
	o.field("factors", gridsOf(t.Groups.Total))
	o.field("predictions", foresightsOf(t.Groups.Total))
	list := t.Groups.List()
	o.list("groups", len(list), func(i int) any { return groupOf(list[i], t.Groups.By, scope) })
	o.field("monthly_budget", budget)
	o.field("months", months)
	for _, l := range []struct {
		name string
		runs runs.List
	}{{"largest", t.Largest}, {"list", t.Latest}} {
		n := 0
		if l.runs != nil {
			n = l.runs.Len()
		}
		o.list(l.name, n, func(i int) any { return facts.RunOf(l.runs.At(i)) })
	}
	return o.end()
}

// csv writes a line a group, or one for the whole where nothing is grouped. The
// emissions are those of the total's first scope; other_scopes has the others. A
// name that a spreadsheet would run as a formula has an apostrophe in front. A
// cell is empty where its figure is not known.
func (t Totals) csv(w io.Writer) error {
	c := csv.NewWriter(w)
	var head []string
	for _, k := range t.Groups.By {
		head = append(head, escape.Cell(string(k)))
	}
	list := t.Groups.List()
	if len(t.Groups.By) == 0 {
		list = []*runs.Group{&t.Groups.Total.Group}
	}
	if err := c.Write(append(head, "runs", "nested", "first_started_at", "last_ended_at", "duration_s",
		"energy_joules", "energy_low_joules", "energy_high_joules", "measured_share",
		"scope", "emissions_g", "emissions_low_g", "emissions_high_g", "other_scopes", "market_emissions_g", "embodied_g",
		"run_energy_mean_joules", "run_energy_standard_error_joules", "run_emissions_mean_g", "run_emissions_standard_error_g", "warnings", "work", "work_joules_per_unit")); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	for _, g := range list {
		if err := c.Write(csvLine(groupOf(g, t.Groups.By, t.Groups.Total.Headline().Scope), g)); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	c.Flush()
	return c.Error()
}

// otherScopes is what was emitted by factors of other scopes: "direct:12.5".
func otherScopes(v groupJSON) string {
	var all []string
	for _, s := range v.Scopes {
		if s.Scope != v.Scope {
			all = append(all, cmp.Or(s.Scope, "unknown")+":"+strconv.FormatFloat(s.Emissions, 'f', -1, 64))
		}
	}
	return escape.Cell(strings.Join(all, " "))
}

func csvLine(v groupJSON, g *runs.Group) []string {
	var line []string
	for _, n := range g.Name {
		line = append(line, escape.Cell(n))
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	known := func(x *float64) string {
		if x == nil {
			return ""
		}
		return number(*x)
	}
	stamp := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.Format("2006-01-02T15:04:05.000Z")
	}
	means := func(s *spreadJSON) []string {
		if s == nil {
			return []string{"", ""}
		}
		return []string{number(s.Mean), known(s.Error)}
	}
	joules := func(e *energy.Energy) string {
		if e == nil {
			return ""
		}
		return e.Fixed()
	}
	line = append(line, strconv.Itoa(v.Runs), strconv.Itoa(v.Nested), stamp(v.First), stamp(v.Last), number(v.DurationS),
		joules(v.Energy), v.EnergyLow.Fixed(), joules(v.EnergyHigh), known(v.MeasuredShare),
		v.Scope, known(v.Emissions), known(v.EmissionsLow), known(v.EmissionsHigh), otherScopes(v), known(v.Market), known(v.Embodied))
	line = append(append(line, means(v.RunEnergy)...), means(v.RunEmissions)...)
	var all []string
	for _, code := range facts.Codes(g.Warnings) {
		all = append(all, fmt.Sprintf("%s:%d", code, g.Warnings[code]))
	}
	counts, each := workCells(g)
	return append(line, escape.Cell(strings.Join(all, " ")), counts, each)
}

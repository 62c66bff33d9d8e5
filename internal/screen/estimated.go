package screen

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/escape"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// EstimateSchema names the form of an [Estimated] as JSON; keys are only ever added.
const EstimateSchema = "carbonctl.estimate/v1"

// Estimated shows what a plan will use and emit.
type Estimated struct {
	Sum plan.Estimate
	// Jobs are what Sum adds up, by name; one job is Sum itself.
	Jobs []EstimatedJob
	Grid plan.Grid
	// Hours that the work takes, where that follows from a recorded run; zero if not.
	Hours plan.Range
	// Regions are the places that were named, ranked; nil for one.
	Regions *report.Ranking
	// Per is the unit that a software carbon intensity is shown for.
	Per Per
	// Screen is what text is shown on.
	Screen layout.Screen
}

// EstimatedJob is one job of a plan.
type EstimatedJob struct {
	Name string
	plan.Estimate
	// Pages are what the page of a calculator would show of the job in each of several
	// regions, in the order that they were named in; nil for one region, or where the
	// page rounds nothing.
	Pages []RegionPage
}

// RegionPage is what the page of a calculator shows for one region.
type RegionPage struct {
	Region string
	plan.Published
}

// estimatedJSON is a plan's estimate as a program reads it.
type estimatedJSON struct {
	Schema    string        `json:"schema,omitempty"`
	Name      string        `json:"name,omitempty"`
	Method    plan.Method   `json:"method"`
	KWh       float64       `json:"energy_kwh"` // PUE included
	Low       float64       `json:"energy_low_kwh"`
	High      *float64      `json:"energy_high_kwh"` // null: no upper bound
	Computing float64       `json:"computing_kwh"`
	PUE       float64       `json:"pue"`
	Grams     float64       `json:"emissions_g"`
	GramsLow  float64       `json:"emissions_low_g"`
	GramsHigh *float64      `json:"emissions_high_g"`
	Embodied  *float64      `json:"embodied_g,omitempty"`
	Region    string        `json:"region,omitempty"`
	PerKWh    *float64      `json:"g_per_kwh,omitempty"`
	Hours     *rangeJSON    `json:"hours,omitempty"`
	PerUnit   *perUnit      `json:"per_unit,omitempty"`
	Parts     []partJSON    `json:"parts,omitempty"`
	Inputs    []plan.Input  `json:"inputs,omitempty"`
	Notes     []string      `json:"notes"`
	Published *publishedOne `json:"published,omitempty"`

	Jobs    []estimatedJSON   `json:"jobs,omitempty"`
	Regions []runs.Comparison `json:"regions,omitempty"`
	Pages   []pageJSON        `json:"published_by_region,omitempty"`
}

type rangeJSON struct {
	Low      float64  `json:"low"`
	Expected float64  `json:"expected"`
	High     *float64 `json:"high"` // null: no upper bound
}

func toRangeJSON(r plan.Range) rangeJSON { return rangeJSON{r.Low, r.Expected, bound(r)} }

// bound is an upper bound, nil if there is none.
func bound(r plan.Range) *float64 {
	if !r.Bounded() {
		return nil
	}
	return &r.High
}

type partJSON struct {
	Kind  string     `json:"kind"`
	Name  string     `json:"name"`
	Watts *rangeJSON `json:"power_w"`    // null where it is not known
	KWh   rangeJSON  `json:"energy_kwh"` // without PUE
}

// publishedOne is what the page of a calculator shows.
type publishedOne struct { // nil: not on that page
	KWh        *float64 `json:"energy_kwh,omitempty"`
	KgPerKWh   *float64 `json:"intensity_kg_per_kwh,omitempty"`
	Kg         *float64 `json:"emissions_kg,omitempty"`
	Energy     string   `json:"energy,omitempty"`
	Emissions  string   `json:"emissions,omitempty"`
	TreeMonths *float64 `json:"tree_months,omitempty"`
	CarKm      *float64 `json:"car_km,omitempty"`
}

func publishedJSON(p plan.Published) publishedOne {
	if p.Energy != "" {
		return publishedOne{Energy: p.Energy, Emissions: p.Emissions, TreeMonths: &p.TreeMonths, CarKm: &p.CarKm}
	}
	return publishedOne{KWh: &p.KWh, KgPerKWh: &p.KgPerKWh, Kg: &p.Kg}
}

type pageJSON struct {
	Region string `json:"region"`
	publishedOne
}

func toJSON(name string, e plan.Estimate, pages []RegionPage) estimatedJSON {
	j := estimatedJSON{
		Name: name, Method: e.Method, KWh: e.Energy.Expected, Low: e.Energy.Low, High: bound(e.Energy),
		Computing: e.Computing.Expected, PUE: e.PUE, Grams: e.Grams.Expected, GramsLow: e.Grams.Low, GramsHigh: bound(e.Grams),
		Inputs: e.Inputs, Notes: append([]string{}, e.Notes...),
	}
	if e.Embodied > 0 {
		j.Embodied = &e.Embodied
	}
	for _, p := range e.Parts {
		part := partJSON{p.Kind, p.Name, nil, toRangeJSON(p.KWh)}
		if p.Watts.High > 0 || p.KWh.High == 0 {
			part.Watts = new(toRangeJSON(p.Watts))
		}
		j.Parts = append(j.Parts, part)
	}
	if e.Published != nil {
		j.Published = new(publishedJSON(*e.Published))
	}
	for _, page := range pages {
		j.Pages = append(j.Pages, pageJSON{page.Region, publishedJSON(page.Published)})
	}
	return j
}

// JSON writes the estimate for a program.
func (e Estimated) JSON(w io.Writer) error {
	var pages []RegionPage
	if len(e.Jobs) == 1 {
		pages = e.Jobs[0].Pages
	}
	j := toJSON("", e.Sum, pages)
	j.Schema, j.Region, j.PerKWh = EstimateSchema, e.Grid.Name, &e.Grid.PerKWh
	if e.Hours != (plan.Range{}) {
		j.Hours = new(toRangeJSON(e.Hours))
	}
	if len(e.Jobs) > 1 {
		for _, job := range e.Jobs {
			j.Jobs = append(j.Jobs, toJSON(job.Name, job.Estimate, job.Pages))
		}
	}
	if e.Regions != nil {
		j.Regions = e.Regions.Places
	}
	j.PerUnit = e.perUnit()
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(j)
}

// Text writes the estimate for a person.
func (e Estimated) Text(w io.Writer) error {
	p := layout.Page{Screen: e.Screen}
	sum := e.Sum
	at := "in " + e.Grid.Name
	if e.Grid.Name == "" {
		at = "at " + plainNumber(e.Grid.PerKWh) + " g/kWh"
	}
	p.Headline(fmt.Sprintf("estimated: %s CO2e from %s, %s", facts.PlannedMass(sum.Grams), facts.PlannedEnergy(sum.Energy), at))
	switch {
	case !sum.Energy.Bounded() && sum.Energy.Low > 0:
		p.Row("range", "at least %s; %s", format.Mass(regions.Grams(sum.Grams.Low)), facts.PlannedEnergy(plan.Exactly(sum.Energy.Low)))
	case !sum.Energy.Bounded():
	case !sum.Energy.Exact():
		bounds := facts.PlannedEnergyScale(sum.Energy).Bounds(facts.Joules(sum.Energy.Expected), facts.Joules(sum.Energy.Low), facts.Joules(sum.Energy.High))
		if !sum.Grams.Exact() { // as those of a grid of 0 g/kWh are
			bounds = facts.PlannedMassScale(sum.Grams).Bounds(sum.Grams.Expected, sum.Grams.Low, sum.Grams.High) + "; " + bounds
		}
		p.Row("range", "%s", bounds)
	}
	if e.Hours.Expected > 0 {
		p.Row("time", "%s", hoursText(e.Hours))
	}
	if sum.Embodied > 0 {
		p.Row("embodied", "%s CO2e of making the machines, not in the figure above", format.Mass(regions.Grams(sum.Embodied)))
	}
	if per := e.perUnit(); per != nil {
		one := e.Sum.Grams.Times(1 / per.Units)
		if per.Score != nil {
			p.Row("SCI", "(O + M) / R = %s CO2e per %s", facts.PlannedMassScale(one).Text(*per.Score), escape.Plain(per.Unit))
		} else {
			p.Row("O / R", "%s CO2e per %s; with --embodied-kg and --lifetime the SCI", facts.PlannedMass(one), escape.Plain(per.Unit))
		}
	}
	if len(e.Jobs) == 1 {
		e.Jobs[0].text(&p)
	} else {
		for _, job := range e.Jobs {
			p.Title(job.Name)
			p.Row("emissions", "%s CO2e from %s", facts.PlannedMass(job.Grams), facts.PlannedEnergy(job.Energy))
			job.text(&p)
		}
		if len(sum.Notes) > 0 {
			p.Title("in all")
		}
		for _, n := range sum.Notes {
			p.Row("note", "%s", n)
		}
	}
	if e.Regions != nil {
		p.Line("")
	}
	if _, err := p.WriteTo(w); err != nil || e.Regions == nil {
		return err
	}
	e.Regions.Screen = e.Screen
	return e.Regions.Text(w)
}

// text says what an estimate is made of.
func (e EstimatedJob) text(p *layout.Page) {
	for _, part := range e.Parts {
		text := facts.PlannedEnergy(part.KWh)
		if part.Watts.High > 0 {
			text += ", " + within(part.Watts) + " W"
		}
		p.Row(part.Kind, "%s: %s", text, part.Name)
	}
	for _, page := range e.Pages {
		p.Row("as shown", "%s: %s", page.Region, pageText(page.Published))
	}
	if b := e.Published; b != nil && len(e.Pages) == 0 {
		p.Row("as shown", "%s (rounded like the calculator's page)", pageText(*b))
	}
	p.Row("method", "%s", methodText(e.Estimate))
	var inputs []string
	for _, in := range e.Inputs {
		inputs = append(inputs, fmt.Sprintf("%s %s (%s)", in.Name, in.Value, in.Source))
	}
	p.Row("inputs", "%s", strings.Join(inputs, "; "))
	for _, n := range e.Notes {
		p.Row("note", "%s", n)
	}
}

// pageText is what a calculator's page shows.
func pageText(b plan.Published) string {
	if b.Energy != "" {
		return b.Energy + ", " + b.Emissions
	}
	return fmt.Sprintf("%s kWh × %g kg/kWh = %s kg", plainNumber(b.KWh), b.KgPerKWh, plainNumber(b.Kg))
}

func methodText(e plan.Estimate) string {
	switch {
	case e.Method == plan.MLCO2:
		return "ML CO2 Impact: rated power × device-hours × intensity, no PUE"
	case e.Method == plan.GreenAlgorithms:
		return "Green Algorithms 3.0: power × use, 0.3725 W/GB of memory, PUE"
	case e.Parts[0].Kind == plan.FromRun && e.Energy.Exact():
		return "carbonctl; no bounds: the recorded run is exact"
	case e.Parts[0].Kind == plan.FromRun && !e.Energy.Bounded() && e.Energy.Low == 0:
		return "carbonctl; no bounds: the recorded run has none"
	case e.Parts[0].Kind == plan.FromRun && !e.Energy.Bounded():
		return "carbonctl; no upper bound: the recorded run has none"
	case e.Energy.Exact():
		return "carbonctl; no bounds: all inputs are given"
	case e.Parts[0].Kind == plan.FromRun:
		return "carbonctl; bounds of the recorded run and its scaling"
	}
	return "carbonctl; 90 % bounds"
}

// hoursText is a time with its bounds, as reports show times.
func hoursText(r plan.Range) string {
	one := func(hours float64) string { return format.Duration(format.Seconds(3600 * hours)) }
	if r.Exact() {
		return one(r.Expected)
	}
	return fmt.Sprintf("%s (%s to %s)", one(r.Expected), one(r.Low), one(r.High))
}

// plainNumber is a number in full, without an exponent.
func plainNumber(x float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", x), "0"), ".")
}

// within is an amount with its bounds, where it has any.
func within(r plan.Range) string {
	one := func(float64) energy.Unit { return energy.Unit{Size: 1} }
	s := energy.ScaleOf(r.Expected, (r.High-r.Low)/2, one)
	if r.Exact() {
		return s.Number(r.Expected)
	}
	return fmt.Sprintf("%s (%s to %s)", s.Number(r.Expected), s.Number(r.Low), s.Number(r.High))
}

// ReadPlan reads the JSON of an estimate, to stand beside the run that was estimated.
func ReadPlan(r io.Reader) (footprint.Plan, error) {
	var j struct { // what is needed of an estimatedJSON, since another file has other types
		Schema    string      `json:"schema"`
		Method    plan.Method `json:"method"`
		KWh       float64     `json:"energy_kwh"`
		Low       float64     `json:"energy_low_kwh"`
		High      *float64    `json:"energy_high_kwh"`
		PUE       float64     `json:"pue"`
		Grams     float64     `json:"emissions_g"`
		GramsLow  float64     `json:"emissions_low_g"`
		GramsHigh *float64    `json:"emissions_high_g"`
	}
	if err := json.NewDecoder(io.LimitReader(r, 16<<20)).Decode(&j); err != nil {
		return footprint.Plan{}, notAnEstimate(err)
	}
	if j.Schema == "" {
		return footprint.Plan{}, notAnEstimate(nil)
	}
	if j.Schema != EstimateSchema {
		return footprint.Plan{}, fmt.Errorf("no estimate: schema %.40q is not %s", j.Schema, EstimateSchema)
	}
	high, gramsHigh := j.KWh, j.Grams // for a check of what has bounds
	if j.High != nil && j.GramsHigh != nil {
		high, gramsHigh = *j.High, *j.GramsHigh
	}
	for _, x := range []float64{j.Low, j.KWh - j.Low, high - j.KWh, j.GramsLow, j.Grams - j.GramsLow, gramsHigh - j.Grams, j.PUE - 1} {
		if !(x >= 0 && x < 1e15) {
			return footprint.Plan{}, errors.New("amounts below 0, or bounds that do not hold them")
		}
	}
	kWh := func(x float64) energy.Energy { return energy.KilowattHour.Scale(x / j.PUE) }
	p := footprint.Plan{
		Method: string(j.Method), Energy: kWh(j.KWh), EnergyLow: kWh(j.Low),
		Emissions: regions.Grams(j.Grams), EmissionsLow: regions.Grams(j.GramsLow),
	}
	if j.High != nil && j.GramsHigh != nil {
		p.EnergyHigh, p.EmissionsHigh = new(kWh(high)), new(regions.Grams(gramsHigh))
	}
	return p, nil
}

// notAnEstimate says in plain words why a file could not be decoded.
func notAnEstimate(err error) error {
	var wrong *json.UnmarshalTypeError
	var read *fs.PathError
	switch {
	case errors.As(err, &read):
		return fmt.Errorf("no estimate: %w", read)
	case errors.As(err, &wrong) && wrong.Field == "schema", errors.As(err, &wrong) && wrong.Field == "method":
		return fmt.Errorf("no estimate: %s must be a text, not %s", wrong.Field, wrong.Value)
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Errorf("no estimate: %s must be a number, not %s", wrong.Field, wrong.Value)
	}
	return errors.New(`no estimate: not the JSON that "carbonctl estimate --json-file FILE" writes`)
}

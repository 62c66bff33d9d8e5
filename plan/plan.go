// Package plan says what a job will use and emit before it runs: by this project's
// model, with bounds, or by the formulas of ML CO2 Impact and Green Algorithms. Ask
// holds what is known of a job; Ask.Estimate makes an Estimate of it on a Grid. What
// SLURM remembers of jobs becomes energy by a Cluster.
//
// All values are plain, and nothing is read but what is given: the amounts of a plan
// exceed those that counters know, so that energy is in kilowatt-hours and mass in
// grams, as float64. docs/estimate.md has the formulas and their sources.
package plan

import "math"

// Method names a formula.
type Method string

// The methods.
const (
	// Ours is this project's model, with the bounds of nine cases in ten.
	Ours Method = "carbonctl"
	// MLCO2 is ML CO2 Impact: rated power × device-hours × intensity, without PUE.
	MLCO2 Method = "mlco2"
	// GreenAlgorithms is rated power × use, 0.3725 W per GB of memory, PUE and the
	// pragmatic scaling factor.
	GreenAlgorithms Method = "green-algorithms"
)

// Methods are all methods, the default first.
func Methods() []Method { return []Method{Ours, MLCO2, GreenAlgorithms} }

// A Range is an amount and the bounds within which it lies in nine cases of ten. Equal
// bounds are an amount that follows exactly from what was given; a High of +Inf is no upper
// bound.
type Range struct {
	Low, Expected, High float64
}

// Exactly is an amount without doubt.
func Exactly(x float64) Range { return Range{x, x, x} }

// Exact tells that the bounds are equal.
func (r Range) Exact() bool { return r.Low == r.High }

// Times is the range times a factor of at least 0.
func (r Range) Times(x float64) Range {
	if x == 0 { // of what has no upper bound too
		return Range{}
	}
	return Range{r.Low * x, r.Expected * x, r.High * x}
}

// Bounded tells that there is an upper bound.
func (r Range) Bounded() bool { return !math.IsInf(r.High, 1) }

// Plus adds lows to lows and highs to highs, as errors share their causes.
func (r Range) Plus(o Range) Range {
	return Range{r.Low + o.Low, r.Expected + o.Expected, r.High + o.High}
}

// Grid is the electricity of a place.
type Grid struct {
	PerKWh    float64 // grams of CO2 equivalent a kWh, before PUE
	PUE       float64 // of its data centre, 0 where none is known
	Name      string  // for people: "gcp:europe-west1"
	Source    string  // of the intensity
	PUESource string
}

// Part is what one kind of device of a job uses.
type Part struct {
	Kind  string // "cpu", "gpu", "memory", "device" of own watts, or FromRun
	Name  string
	Watts Range // of all of them together, while they work; of FromRun zero: not known
	KWh   Range // in all, without PUE
}

// FromRun is the kind of the one part of an estimate that a recorded run was scaled to.
const FromRun = "run"

// Input is one thing that an estimate rests on, and where it comes from.
type Input struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Published is what the page of a calculator would show for the same input: the figures
// of its own rounding.
type Published struct {
	KWh       float64 // 0: see Energy
	KgPerKWh  float64
	Kg        float64
	Energy    string // Green Algorithms shows text
	Emissions string
	// TreeMonths is how long a mature tree takes to take that up, and CarKm how far an
	// average European car goes; by Green Algorithms' factors, 0 in other methods.
	TreeMonths, CarKm float64
}

// An Estimate is what a job will use and emit.
type Estimate struct {
	Method Method
	Parts  []Part
	// Computing is kilowatt-hours of the devices, Energy those times the PUE.
	Computing, Energy Range
	Grams             Range
	// Embodied is grams of making the machines, for the time that the job has them; it is
	// not in Grams. 0 where nothing was asked.
	Embodied float64
	PUE      float64
	Inputs   []Input
	Notes    []string
	Yearly   bool // of a year, as it has a rate: "12/year"
	// Published is nil where the method rounds nothing of its own.
	Published *Published
}

// finish adds the parts up.
func (e *Estimate) finish(pue, perKWh, times float64) {
	for i := range e.Parts {
		e.Parts[i].KWh = e.Parts[i].KWh.Times(times)
		e.Computing = e.Computing.Plus(e.Parts[i].KWh)
	}
	e.PUE = pue
	e.Energy = e.Computing.Times(pue)
	e.Grams = e.Energy.Times(perKWh)
}

func (e *Estimate) input(name, value, source string) {
	e.Inputs = append(e.Inputs, Input{name, value, source})
}

// given is the source of what the user said.
const given = "given"

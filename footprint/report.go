package footprint

import (
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// Schema names the shape of a Report in JSON. Keys are only ever added to it.
const Schema = "carbonctl.run/v1"

// Status is how a run ended.
type Status string

// The states of a run.
const (
	Running     Status = "running"
	Completed   Status = "completed"   // ended by itself, exit code 0 if it has one
	Failed      Status = "failed"      // exit code other than 0
	Interrupted Status = "interrupted" // killed by a signal, or its context ended
	Recovered   Status = "recovered"   // the tracker ended without recording the end; this is what its journal held
)

// Charge is what the headline of a report charges.
type Charge string

// The charges. Both amounts are always recorded.
const (
	ChargeMachine Charge = "machine" // all that the machine used meanwhile
	ChargeProcess Charge = "process" // the tracked work's part of it
)

// Report is all that is known of one run. It is a plain value: it does not change once
// returned. Amounts that are not known are nil, never 0, with a warning that has the reason.
type Report struct {
	Schema      string            `json:"schema"`
	RunID       string            `json:"run_id"`
	ParentRunID *string           `json:"parent_run_id"`
	Project     string            `json:"project"`
	Labels      map[string]string `json:"labels"`
	Status      Status            `json:"status"`
	ExitCode    *int              `json:"exit_code"`
	// Signal is the name of what killed the run, without "SIG"; nil if nothing did.
	Signal    *string   `json:"signal"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
	// DurationS is seconds between the first and the last reading, by the
	// monotonic clock.
	DurationS float64  `json:"duration_s"`
	Command   []string `json:"command"`
	// Attached is what ran already and was followed, nil for a command or a program.
	Attached *Attached `json:"attached,omitempty"`
	// Revision is the git commit of the working directory, "+dirty" behind it where
	// files that git tracks differ from that, "+unchecked" where it is not known whether
	// they do; "" without a commit.
	Revision string `json:"revision,omitempty"`
	// Wait is why the run started when it did, nil without a wait.
	Wait *Wait `json:"wait,omitempty"`

	Host       Host      `json:"host"`
	Job        *Job      `json:"job"`
	Region     Region    `json:"region"`
	Intensity  Intensity `json:"intensity"`
	PUE        PUE       `json:"pue"`
	Components []Line    `json:"components"`
	CountedBy  *string   `json:"counted_by"`

	// MachineEnergy is the sum over the counted components of what the machine
	// used, ProcessEnergy the work's part of it, nil if that is not known.
	// Energy is the one of the two that Charge names, and what emissions are
	// computed from.
	MachineEnergy energy.Energy `json:"machine_energy_joules"`
	// The bounds of the work's part hold the resolution of the clocks that shared it.
	ProcessEnergy *energy.Energy `json:"process_energy_joules"`
	ProcessLow    *energy.Energy `json:"process_energy_low_joules"`
	ProcessHigh   *energy.Energy `json:"process_energy_high_joules"`
	Energy        energy.Energy  `json:"energy_joules"`
	EnergyLow     energy.Energy  `json:"energy_low_joules"`
	// EnergyHigh is nil where nothing bounds the energy from above: something was
	// not read whose greatest power is not known.
	EnergyHigh *energy.Energy `json:"energy_high_joules"`
	Charge     Charge         `json:"charge"`
	// Policy names the function of the caller's own that decided the work's part,
	// such as "main.byPriority"; "" is BusyShare.
	Policy string `json:"policy,omitempty"`
	// MeasuredShare is the part of Energy that comes from counters, 0 to 1;
	// nil if Energy is 0.
	MeasuredShare *float64 `json:"measured_share"`
	// Coverage is the part of the run's time for which the counted components
	// were measured or modelled, 0 to 1.
	Coverage float64 `json:"coverage"`

	// Emissions are Σ energy × PUE × intensity at that time, in grams of CO2
	// equivalent. The bounds carry those of the energy only, not the factor's.
	Emissions     regions.Grams  `json:"emissions_g"`
	EmissionsLow  regions.Grams  `json:"emissions_low_g"`
	EmissionsHigh *regions.Grams `json:"emissions_high_g"`
	// Outer bounds them by the energy and by the factor's own range together; nil where
	// the factor has none, or an old one.
	Outer *Outer `json:"emissions_outer,omitempty"`
	// EmissionsAnnual are those by the year's mean, beside those by typical hours; nil
	// where nothing else was accounted by.
	EmissionsAnnual *regions.Grams `json:"emissions_annual_g,omitempty"`
	Market          *Market        `json:"market"`
	Water           *Water         `json:"water,omitempty"` // nil: not asked for
	Embodied        *regions.Grams `json:"embodied_g"`
	Plan            *Plan          `json:"plan,omitempty"` // nil: nothing was estimated before

	Cost *Cost `json:"cost,omitempty"` // nil: no price was given
	// Work is what was done, one entry a unit and way to count it; and Activity when. Both
	// are left out where nothing was counted.
	Work     []Work    `json:"work,omitempty"`
	Activity *Activity `json:"activity,omitempty"`

	// Epochs and Tasks hold the first and the last [HalfShown] of each, in the order of
	// their ends; what is still open comes last. Between is the rest of a run that
	// has epochs, nil if it has none.
	Epochs        []Epoch     `json:"epochs"`
	EpochsOmitted int         `json:"epochs_omitted"`
	Tasks         []Task      `json:"tasks"`
	TasksOmitted  int         `json:"tasks_omitted,omitempty"`
	Between       *Between    `json:"between,omitempty"`
	Prediction    *Prediction `json:"prediction"`
	Budget        *Spending   `json:"budget"`
	// Power over time, at most 1,000 steps a component. It is much to encode: a
	// record that is written often may leave it out (nil) and keep it apart.
	Power []Power `json:"power"`

	Warnings []Warning `json:"warnings"`
	Overhead Overhead  `json:"overhead"`
	Ledger   *Receipt  `json:"ledger"`
	Versions Versions  `json:"versions"`
}

// Outer is a bound of emissions by all that is uncertain at once: the energy, and the
// factor within its own range. It is wider than what is likely.
type Outer struct {
	Low  regions.Grams `json:"low_g"`
	High regions.Grams `json:"high_g"`
}

// Host is the machine that was measured.
type Host struct {
	Name        string   `json:"name"`
	OS          string   `json:"os"`
	CPUModel    string   `json:"cpu_model"`
	CPUThreads  int      `json:"cpu_threads"`
	MemoryBytes uint64   `json:"memory_bytes"`
	GPUs        []string `json:"gpus"`
	Virtual     bool     `json:"virtual"`
	// Machine is the same for all runs of this machine until it starts again, in all
	// of its containers; "" where that is not known.
	Machine string `json:"machine,omitempty"`
}

// Job is the batch or CI job that a run belongs to.
type Job struct {
	System string `json:"system"`
	ID     string `json:"id"`
	Rank   *int   `json:"rank"`
	// Workflow, Task and Attempt are what the run is a part of: a DAG, one of its
	// tasks, and which try of it, from 1.
	Workflow string `json:"workflow,omitempty"`
	Task     string `json:"task,omitempty"`
	Attempt  *int   `json:"attempt,omitempty"`
}

// Region is where the run is said to have been, and what set it.
type Region struct {
	Zone        string  `json:"zone"`
	Name        string  `json:"name"`
	Provider    *string `json:"provider"`
	CloudRegion *string `json:"cloud_region"`
	// How is "flag", "config", "environment", "cloud" or "default".
	How string `json:"how"`
}

// Intensity is the factor of a report: the energy-weighted mean of its Parts.
type Intensity struct {
	PerKWh  regions.Grams `json:"g_per_kwh"`
	Kind    regions.Kind  `json:"kind"`
	Parts   []Part        `json:"parts"`
	Scope   regions.Scope `json:"scope"`
	Year    *int          `json:"year"`
	Source  string        `json:"source"`
	Licence string        `json:"licence"`
	// Basis is "generation" or "consumption", "" if not known.
	Basis string `json:"basis"`
	// Instead is why this is not the region's own value, or "".
	Instead string `json:"instead"`
	// Low and High are the factor's own range, nil where its source gives none.
	Low  *regions.Grams `json:"low"`
	High *regions.Grams `json:"high"`
	// Annual is the year's mean, where typical hours are accounted by; Emissions by it
	// are in EmissionsAnnual of the report.
	Annual *regions.Grams `json:"annual_g_per_kwh,omitempty"`
	// RangeOld is true where that range is of a mix of fuels that is more than two
	// years older than the run: it bounds nothing then.
	RangeOld bool `json:"range_old,omitempty"`
	// Note is what a reader must know of the figure, "" for nothing.
	Note string `json:"note,omitempty"`
}

// Part is the charged energy that one intensity applied to. There are at most
// 1,000: neighbours are put together where there would be more, PerKWh is then
// their energy-weighted mean, and what they don't share is left out.
type Part struct {
	From   time.Time     `json:"from"`
	To     time.Time     `json:"to"`
	PerKWh regions.Grams `json:"g_per_kwh"`
	Kind   regions.Kind  `json:"kind"`
	Scope  regions.Scope `json:"scope"`
	Source string        `json:"source"`
	Year   *int          `json:"year"`
	Energy energy.Energy `json:"energy_joules"`
}

// PUE is what the building adds to the energy of its computers, at least 1.
type PUE struct {
	Value  float64 `json:"value"`
	Source string  `json:"source"`
}

// Market is the emissions by contracts in place of the grid's mean.
type Market struct {
	PerKWh    regions.Grams `json:"g_per_kwh"`
	Emissions regions.Grams `json:"emissions_g"`
	Source    string        `json:"source"`
}

// Line is what one component used in a run.
type Line struct {
	Kind   energy.Kind  `json:"kind"`
	ID     string       `json:"id"`
	Name   string       `json:"name"`
	Within *string      `json:"within"`
	Source string       `json:"source"`
	Basis  energy.Basis `json:"basis"`
	Scope  string       `json:"scope"`
	// Energy is the machine's, nil if it was never read: dead, lost, not allowed. Low and High
	// bound it: High nil and Low 0 is no bound, both nil that a model replaces all of it.
	Energy *energy.Energy `json:"energy_joules"`
	Low    *energy.Energy `json:"low_joules"`
	High   *energy.Energy `json:"high_joules"`
	// ProcessEnergy is the work's part, nil if not known, within ProcessLow and
	// ProcessHigh; Share its ratio to Energy. Charged is what the headline takes of
	// this line: 0 for one that is within another, or a cross-check.
	ProcessEnergy *energy.Energy `json:"process_energy_joules"`
	ProcessLow    *energy.Energy `json:"process_low_joules"`
	ProcessHigh   *energy.Energy `json:"process_high_joules"`
	Charged       energy.Energy  `json:"charged_energy_joules"`
	// Emissions are the part of the report's that Charged has caused, in grams, by the
	// intensities of the times in which it was used. Nil where the headline takes nothing of
	// the line, or no intensity is known.
	Emissions *regions.Grams `json:"emissions_g"`
	Share     *float64       `json:"share"`
	Coverage  float64        `json:"coverage"`
	Status    string         `json:"status"`
	Wraps     uint32         `json:"wraps"`
	Resets    uint32         `json:"resets"`
	Gaps      uint32         `json:"gaps"`
}

// Warning is something that the reader of a report must know. Code is stable.
type Warning struct {
	Code string `json:"code"`
	Text string `json:"text"`
	Hint string `json:"hint"`
	// Count is how often it happened; 0 is once.
	Count int `json:"count,omitempty"`
}

// Overhead is what the tracker itself used. Its energy is inside the machine's.
type Overhead struct {
	CPUSeconds float64       `json:"cpu_s"`
	Energy     energy.Energy `json:"energy_joules"`
}

// Receipt is where a run was recorded: a ledger's head after its row.
type Receipt struct {
	Path     string `json:"path"`
	LedgerID string `json:"ledger_id"`
	Rows     int64  `json:"rows"` // that the chain had then; 0: not known
	Hash     string `json:"hash"`
}

// Versions of the tool and of its tables.
type Versions struct {
	Tool string `json:"tool"`
	Data string `json:"data"`
}

// Report gives the report so far. It changes nothing: reports may be taken at
// any time, and the same samples give the same report.
func (a *Account) Report() Report {
	r := Report{
		Schema: Schema, RunID: a.Run.ID, Project: a.Run.Project, Labels: a.Run.Labels,
		Command: a.Run.Command, Attached: a.Run.Attached, Job: a.Run.Job, Wait: a.Run.Wait, Plan: a.Run.Plan,
		Status: a.End.Status, ExitCode: a.End.ExitCode, Overhead: a.End.Overhead,
		Host: a.Host, Charge: a.Run.Charge, Policy: a.Policy.name(), PUE: PUE{Value: a.pue(), Source: "given"},
		Power:    a.powers(),
		Warnings: []Warning{}, Versions: a.Versions,
	}
	if a.Run.Parent != "" {
		r.ParentRunID = &a.Run.Parent
	}
	if a.End.CountedBy != "" {
		r.CountedBy = &a.End.CountedBy
	}
	if a.End.Signal != "" {
		r.Signal = &a.End.Signal
	}
	if r.Labels == nil {
		r.Labels = map[string]string{}
	}
	if r.Host.GPUs == nil {
		r.Host.GPUs = []string{}
	}
	if r.Status == "" {
		r.Status = Running
	}
	if r.Charge == "" {
		r.Charge = ChargeMachine
	}
	if a.PUE == 0 {
		r.PUE.Source = "not given"
	}
	length := a.last.time.Sub(a.first.time)
	r.StartedAt = a.first.wall.UTC().Truncate(time.Millisecond)
	r.EndedAt = a.last.wall.UTC().Truncate(time.Millisecond)
	r.DurationS = seconds(length)

	counted := a.lines(&r, length)
	a.emit(&r, counted)
	a.water(&r)
	a.embody(&r)
	a.tally(&r)
	a.stretches(&r)
	a.predict(&r)
	a.budget(&r)
	a.warn(&r)
	return r
}

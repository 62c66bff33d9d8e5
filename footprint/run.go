package footprint

import (
	"time"

	"github.com/carbonctl/carbonctl/regions"
)

// Run is what a run is, besides what is read during it. The zero Run is fine.
type Run struct {
	// ID is a UUIDv7; carbon makes one where it is "".
	ID string `json:"run_id"`
	// Parent is the ID of the run that this one is a part of, or "".
	Parent string `json:"parent_run_id,omitempty"`
	// Project groups runs.
	Project string `json:"project,omitempty"`
	// Labels are the user's own, for grouping and filtering.
	Labels map[string]string `json:"labels,omitempty"`
	// Job that the run belongs to, nil if none.
	Job *Job `json:"job,omitempty"`
	// Command is recorded only where the user asks for it: it may hold secrets.
	Command []string `json:"command,omitempty"`
	// Attached is what ran already and is followed, nil for a command or a program of ours.
	Attached *Attached `json:"attached,omitempty"`
	// Charge is what the headline takes; "" is ChargeMachine. (Package carbon
	// decides for itself where it is "".)
	Charge Charge `json:"charge,omitempty"`
	// How the region was found: "flag", "config", "environment", "cloud" or,
	// where it is "", "default".
	How string `json:"region_how,omitempty"`
	// Epochs is the number of the last epoch that is planned, 0 if that is not known:
	// 60 for a run that is resumed at its epoch 51 and has ten to go. A Mark may tell
	// later.
	Epochs int `json:"epochs,omitempty"`
	// Budget is what the run may use, nil if it has none.
	Budget *Budget `json:"budget,omitempty"`
	// Water is what the place uses a kWh, nil where the run does not count water.
	Water *regions.Water `json:"water,omitempty"`
	// Price is what a kWh costs, nil where the run counts no cost.
	Price *Price `json:"price,omitempty"`
	// Wait is what came of waiting for a greener grid, nil without a wait.
	Wait *Wait `json:"wait,omitempty"`
	// Plan is what was estimated before it, nil if nothing was.
	Plan *Plan `json:"plan,omitempty"`
	// EmbodiedPerHour is what making the machine emitted over the hours of its life, nil
	// where the run does not count that.
	EmbodiedPerHour *regions.Grams `json:"embodied_g_per_hour,omitempty"`
}

// A Wait is how it was decided when a run was to start. Nothing was measured
// meanwhile.
type Wait struct {
	// AskedAt is when the run could have started, StartBy when it was to start at
	// the latest, PlannedFor when it was to, nil if nothing could be planned.
	AskedAt    time.Time  `json:"asked_at"`
	StartBy    time.Time  `json:"start_by"`
	PlannedFor *time.Time `json:"planned_for"`
	// Reason is WaitGreenest, WaitBound or WaitBlind.
	Reason string `json:"reason"`
	// PerKWh is what was expected of the grid for the start that was chosen, in
	// g/kWh, AtOnce what was expected at AskedAt for a start then; nil if not
	// known. The run's own intensity is another matter: it is what was in force.
	PerKWh *float64 `json:"g_per_kwh"`
	AtOnce *float64 `json:"at_once_g_per_kwh"`
	// Kind is "forecast" or "profile", for typical hours.
	Kind     string `json:"kind"`
	Scope    string `json:"scope"`
	Marginal bool   `json:"marginal"`
	Source   string `json:"source"`
	// Note is what else to know, or "".
	Note string `json:"note"`
}

// The reasons to start when a run did.
const (
	WaitGreenest = "greenest" // the grid was expected to be greenest then
	WaitBound    = "bound"    // the time to wait was over
	WaitBlind    = "blind"    // nothing was known of the hours to come: it started at once
)

// End is how a run ended, and what watching it has cost.
type End struct {
	Status   Status `json:"status"`
	ExitCode *int   `json:"exit_code"`
	// Signal is the name of what killed it, without "SIG": "KILL"; "" if nothing did.
	Signal   string   `json:"signal,omitempty"`
	Overhead Overhead `json:"overhead"`
	// CountedBy is the run that already holds this one's energy, "" if none.
	CountedBy string `json:"counted_by,omitempty"`
}

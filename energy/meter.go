package energy

import (
	"context"
	"time"
)

// Kind says what sort of hardware a Component is.
type Kind string

// The kinds of component. Platform is a meter of the whole machine (psys, a
// battery, a BMC): a cross-check that is shown and never added.
const (
	CPU      Kind = "cpu"
	Memory   Kind = "memory"
	GPU      Kind = "gpu"
	Platform Kind = "platform"
)

// Basis says how an amount was found. It travels with the number to the last
// table.
type Basis string

// Measured comes from a counter or sensor, Modelled from a formula.
const (
	Measured Basis = "measured"
	Modelled Basis = "modelled"
)

// Calibration is the Source of what is modelled by what the machine's own counters showed
// before.
const Calibration = "calibration"

// Component names one counter for as long as the machine is up. Two readings
// belong together if and only if Kind, ID and Basis of their Components are equal;
// what else a Component says may become known, or better known, later.
type Component struct {
	// Kind of hardware.
	Kind Kind `json:"kind"`
	// ID is unique on this host among the components of one Basis: "package-0",
	// "dram-0", a GPU's UUID. A modelled component stands in for the measured
	// one of the same Kind whose ID is the same, or begins with it and a "-",
	// for as long as that one is not read.
	ID string `json:"id"`
	// Within is the ID of the component that already includes this one, or "".
	// Totals add the components with an empty Within and a Kind other than
	// Platform.
	Within string `json:"within,omitempty"`
	// Basis is Measured or Modelled.
	Basis Basis `json:"basis"`
	// Name is for people: "Intel Xeon, package 0".
	Name string `json:"name"`
	// Source is the package that read it: "rapl", "nvml", "estimate",
	// or Calibration.
	Source string `json:"source"`
	// Scope is what the counter covers: "package", "core", "gpu", "module" …
	Scope string `json:"scope"`
	// BandLow and BandHigh bound a modelled energy: the truth lies within
	// [BandLow, BandHigh] × energy in 9 of 10 machines. Both are 1 if measured.
	BandLow  float64 `json:"band_low"`
	BandHigh float64 `json:"band_high"`
}

// Counted reports whether totals add this component: it is inside no other one
// and is no cross-check.
func (c Component) Counted() bool { return c.Within == "" && c.Kind != Platform }

// State says how far a Reading can be trusted.
type State uint8

// The states of a reading. All but OK repeat the last Total that is known.
const (
	// OK: the counter was read.
	OK State = iota
	// Held: this read failed. The counter goes on counting, so the next OK
	// reading covers the time between.
	Held
	// Dead: the counter answers and does not move although it must.
	Dead
	// Lost: the counter is gone (unplugged, driver unloaded). If it comes back,
	// it may have started again.
	Lost
	// Late: the counter is not open yet.
	Late
	// Refused: the counter was read, and what it showed, in Raw, cannot be. As
	// Held in all else.
	Refused
)

var stateNames = [...]string{OK: "ok", Held: "held", Dead: "dead", Lost: "lost", Late: "late", Refused: "refused"}

// String returns the state as reports show it: "ok", "held" …
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// MarshalText writes the state's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a state's name; one that it does not know counts as Held.
func (s *State) UnmarshalText(b []byte) error {
	for i, name := range stateNames {
		if name == string(b) {
			*s = State(i)
			return nil
		}
	}
	*s = Held
	return nil
}

// A Reading is one counter at one instant.
type Reading struct {
	Component Component
	// Before and Time are taken just before and just after the counter was read:
	// the reader may lose the CPU in between, so the counter showed Raw at some
	// instant of that stretch. What is plausible is judged by Time less the Before
	// of the reading before it. Both carry a monotonic part, so that a step of the
	// wall clock does not change a span. A zero Before is Time: read in no time.
	Before, Time time.Time
	// Total never falls while the Meter is open. Its origin means nothing, only
	// differences do. It is that of Time, within Edge.
	Total Energy
	// Edge bounds the error of this one reading: the energy that had flowed by
	// Time lies within Total ± Edge. It holds the steps in which the counter
	// counts, how late it is brought up to date, and what can have flowed between
	// Before and Time; nobody has to add anything for those again. The error of a
	// difference is at most the sum of both Edges.
	Edge Energy
	// Common is the part of Edge that all readings but the first have in common:
	// what is not known of the first one, where Total counts from. It is not in the
	// error of a difference of two of those. 0 is always right.
	Common Energy
	// Missed is how much energy, at most and so far, may have flowed without
	// being in Total: across resets, refused readings and stalls longer than a
	// counter takes to wrap. From a Refused reading to the next that is OK it also
	// holds what was refused, as far as that can be energy; else it never falls.
	Missed Energy
	// Raw is the counter as last read, in microjoules, and Range its modulus, so
	// that Redo can make Total again. It was read at Time if State is OK, Dead or
	// Refused. Both are 0 for gauges and models.
	Raw, Range uint64
	// MaxPower is the largest plausible power of the component, as it is known now:
	// it tells a wrap from a reset and bounds the time without a reading. It rises
	// when a limit is raised, or readings prove it too low. 0 if not known.
	MaxPower Power
	// Wraps, Resets and Gaps count what happened so far. A gap is a read that
	// failed, was refused, or came too late to be sure; a reset is one too.
	Wraps, Resets, Gaps uint32
	// Slept is how long the machine has slept so far, which Time's monotonic part
	// does not count. It never falls. A counter that fell between two readings of
	// different Slept was reset.
	Slept time.Duration
	State State
}

// A Meter reads the counters of one source. Opening is a function of each
// package and gives a Meter that is ready to Read. Unless a package says
// otherwise, a Meter is for one goroutine at a time.
type Meter interface {
	// Read appends one reading a component to the slice given, always in the
	// same order, and allocates nothing where that has room. A component that
	// can't be read now is appended all the same, with a State that says so,
	// and named by the error: use both.
	Read(ctx context.Context, to []Reading) ([]Reading, error)
	// Close lets go of what the Meter holds. Nothing may be called after it.
	Close() error
}

// A KeepAliver is a Meter whose counters start again at 0 so soon that it must
// be read every so often, or energy is lost. It is found by type assertion.
type KeepAliver interface {
	// KeepAlive is the longest time that may lie between two reads. 0: no limit.
	KeepAlive() time.Duration
}

// Use is how much of a component the tracked work has used, against all who
// used it. Amounts count from an origin that means nothing, and only
// differences do; the unit is free (seconds of CPU time, byte-seconds) but the
// same in all three.
type Use struct {
	Kind Kind `json:"kind"`
	// ID is the component's, or "" for all those of the Kind.
	ID string `json:"id,omitempty"`
	// Mine is what the work used, All what everybody did, Capacity what there
	// was to be used. Mine ≤ All ≤ Capacity, up to the resolution of the clocks
	// behind them.
	Mine     float64 `json:"mine"`
	All      float64 `json:"all"`
	Capacity float64 `json:"capacity"`
	// MineEdge and AllEdge are the resolution of the clocks behind Mine and All, as
	// Reading.Edge is of a Total: the truth lies within Mine ± MineEdge. 0 is exact.
	MineEdge float64 `json:"mine_edge,omitempty"`
	AllEdge  float64 `json:"all_edge,omitempty"`
	// Known is false when this sample could not tell. The next one that can
	// tells for the time between.
	Known bool `json:"known"`
	// Open says that Mine is a lower bound: since the Use before, the work may have done
	// more, up to all that was done.
	Open bool `json:"open,omitempty"`
}

// A Sharer is a Meter that also knows who used its components. It is found by
// type assertion.
type Sharer interface {
	// Use appends one Use a component. mine tells the work's processes.
	Use(ctx context.Context, mine func(pid int) bool, to []Use) ([]Use, error)
}

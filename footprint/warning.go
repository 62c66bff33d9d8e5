package footprint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// The codes of warnings. They are stable: scripts may compare them.
const (
	RegionAssumed    = "region-assumed"    // no region was given: the world's mean
	IntensityInstead = "intensity-instead" // not the region's own value in the usual scope
	IntensityStale   = "intensity-stale"   // a live intensity could not be had: the one before is used
	AllModelled      = "modelled"          // no counter could be read at all
	PartModelled     = "partly-modelled"   // some components have no counter
	NothingCounted   = "nothing-counted"   // neither counter nor model
	LowCoverage      = "coverage"          // part of the run was not seen
	CounterReset     = "counter-reset"     // a counter started again
	CounterGap       = "counter-gap"       // a counter could not be read for a while
	CounterDead      = "counter-dead"      // a counter answers and does not move
	CounterLost      = "counter-lost"      // a counter went away
	CounterGarbage   = "counter-garbage"   // a counter does not show a number
	CounterRefused   = "counter-refused"   // a counter showed what cannot be
	CounterAmbiguous = "counter-ambiguous" // a counter was read so late that it may have wrapped unseen
	CounterSwitched  = "counter-switched"  // a counter failed, and its twin is read instead
	Suspended        = "suspended"         // the machine slept during the run
	ShareUnknown     = "share-unknown"     // nobody can tell who used a component
	TooShort         = "too-short"         // the run is near the resolution of its counters
	ClockStep        = "clock-step"        // the wall clock was set during the run
	NoPermission     = "no-permission"     // counters are there and closed to us
	CounterMasked    = "counter-masked"    // a container hides the counters
	NoCounter        = "no-counter"        // this machine has none
	ReadFault        = "read-fault"        // a counter or file could not be read
	CPUUnknown       = "cpu-unknown"       // the model does not know this CPU
	CPUUntrue        = "cpu-untrue"        // the hypervisor gives a CPU that does not exist
	MemoryUnknown    = "memory-unknown"    // the size of the memory could not be read
	MachineWhole     = "machine-whole"     // a container without limits: the whole machine is charged
	MachineShared    = "machine-shared"    // a limit shows that the machine is shared: the work's part is charged
	GPUNotMeasured   = "gpu-not-measured"  // a GPU is there and could not be counted
	GPUNote          = "gpu-note"          // something to know of how a GPU is read
	Escaped          = "process-escaped"   // processes of the work outlived it
	NotRecorded      = "not-recorded"      // the ledger or a file could not be written
	SinkFailed       = "sink-failed"       // a sink did not take the report
	ConfigIgnored    = "config-ignored"    // a setting was wrong and left out
	EpochUnmatched   = "epoch-unmatched"   // an epoch or task ended that had not begun, or twice
	EpochOpen        = "epoch-open"        // an epoch or task had not ended when the run did
	EpochOverlap     = "epoch-overlap"     // epochs ran at the same time: they do not add up
	EpochBeyond      = "epoch-beyond"      // more epochs than were planned
	EpochDropped     = "epoch-dropped"     // too many epochs and tasks were open at once
	EpochUnseen      = "epoch-unseen"      // no line of the output fits the pattern for epochs
	EpochLate        = "epoch-late"        // lines taken for the starts of epochs look like their ends
	OutputSkipped    = "output-skipped"    // lines of output came faster than they could be searched
	EventsLost       = "events-lost"       // the file of events was removed, or has lines that are none
	NotWaited        = "not-waited"        // it was to wait for a greener grid, and nothing was known of the hours to come
	BudgetReached    = "budget-reached"    // the run has reached its budget
	BudgetForecast   = "budget-forecast"   // the run is expected to need more than its budget
)

// hints say what to do about a warning. Those of a machine are more precise in
// "carbonctl devices".
var hints = map[string]string{
	RegionAssumed:    `give the region, such as "FR", "US-CA" or "DE"; the factor may be off by ten times either way`,
	AllModelled:      `"carbonctl devices" says what this machine could measure`,
	NothingCounted:   `"carbonctl devices" says what this machine could measure`,
	NoPermission:     `"carbonctl devices" prints the command that gives access`,
	CounterMasked:    `"carbonctl devices" prints the mount that a container needs`,
	CounterAmbiguous: `what the counter cannot tell is in the upper bound; a busy machine, or a debugger, keeps us from reading in time`,
	TooShort:         `repeat the work in one run, so that it takes longer`,
	MachineShared:    `"--charge machine", in Go Config.Run.Charge, charges the whole machine`,
	MachineWhole:     `"--charge process", in Go Config.Run.Charge, charges the work's part alone`,
	ShareUnknown:     `the whole of it is charged`,
	NotWaited:        `"carbonctl regions data" lists the zones with typical hours; elsewhere --live asks a live forecast`,
}

// warn adds what the reader must know, most important first.
func (a *Account) warn(r *Report) {
	add := func(code, format string, args ...any) {
		r.Warnings = append(r.Warnings, Warning{Code: code, Text: fmt.Sprintf(format, args...), Hint: hints[code]})
	}
	a.warnRegion(r, add)
	a.warnModel(r, add)
	for _, f := range a.faults {
		if f.Code != NoCounter || r.MeasuredShare == nil || *r.MeasuredShare > 0 { // else it is said above
			add(f.Code, "%s", f.Text)
		}
	}
	for _, t := range a.tracks {
		a.warnTrack(t, add)
	}
	a.warnShare(r, add)
	a.warnEpochs(r, add)
	a.warnBudget(r, add)
	if w := a.Run.Wait; w != nil && w.Reason == WaitBlind {
		add(NotWaited, "it was to wait for a greener grid, and started at once: %s", w.Note)
	}
	if a.samples > 1 && r.Coverage < 0.99 && r.Energy > 0 {
		add(LowCoverage, "%.0f %% of the run was seen; the bounds say what the rest can be", 100*r.Coverage)
	}
	slept := a.slept()
	if slept > 0 {
		add(Suspended, "the machine slept for %s during the run; that time is in no duration, and what was drawn in it only as far as counters went on", slept.Round(100*time.Millisecond))
	}
	if (a.step-slept).Abs() > 2*time.Second && a.step.Abs() > 2*time.Second {
		add(ClockStep, "the wall clock was set by %s during the run, or the machine slept; durations are not changed by it", a.step.Round(time.Second))
	}
}

// slept returns how long the machine slept between the first and the last
// sample, as far as a meter can tell.
func (a *Account) slept() time.Duration {
	var most time.Duration
	for _, t := range a.tracks {
		if t.started {
			most = max(most, t.reading.Slept-t.origin.Slept)
		}
	}
	return most
}

func (a *Account) warnRegion(r *Report, add func(code, format string, args ...any)) {
	if len(a.parts) == 0 {
		return
	}
	switch in := a.parts[len(a.parts)-1].intensity; {
	case in.Kind == regions.WorldDefault:
		add(RegionAssumed, "no region was given: the world's mean of %.0f g/kWh is used (%d)", float64(in.PerKWh), in.Year)
	case in.Instead != "":
		add(IntensityInstead, "%s", in.Instead)
	}
}

func (a *Account) warnModel(r *Report, add func(code, format string, args ...any)) {
	var modelled, measured []string
	for _, l := range r.Components {
		switch {
		case !l.Counted() || l.Energy == nil:
		case l.Basis == energy.Measured:
			measured = append(measured, l.ID)
		default:
			modelled = append(modelled, l.ID)
		}
	}
	switch {
	case len(measured)+len(modelled) == 0:
		add(NothingCounted, "no component could be measured or modelled: the energy is not known")
	case len(measured) == 0:
		why := "no energy counter could be read"
		for _, f := range a.faults {
			if f.Code == NoCounter {
				why = "this machine has no energy counter"
			}
		}
		add(AllModelled, "%s: all energy is modelled from the processor's type and load", why)
	case len(modelled) > 0:
		add(PartModelled, "%s: modelled, for want of a counter", strings.Join(modelled, ", "))
	}
}

func (a *Account) warnTrack(t *track, add func(code, format string, args ...any)) {
	c := t.component
	switch t.reading.State {
	case energy.Dead:
		add(CounterDead, "%s (%s) answers and does not move: it is not counted", c.ID, c.Source)
	case energy.Lost:
		add(CounterLost, "%s (%s) went away during the run", c.ID, c.Source)
	}
	if n := t.reading.Resets - t.origin.Resets; t.started && n > 0 {
		add(CounterReset, "%s (%s) was reset %s; what that lost is in the upper bound", c.ID, c.Source, times(n))
	}
	if n := t.reading.Gaps - t.origin.Gaps; t.started && n > t.reading.Resets-t.origin.Resets {
		add(CounterGap, "%s (%s) could not be read, or not for sure, %s", c.ID, c.Source, times(n))
	}
	if edges := t.origin.Edge.Plus(t.good.Edge); c.Counted() && c.Basis == energy.Measured && t.started && a.samples > 1 && edges > t.energy/10 {
		add(TooShort, "%s (%s): the run is so short that the counter's resolution is over 10 %% of its energy", c.ID, c.Source)
	}
}

// warnShare names the components of which nobody can tell who used them.
func (a *Account) warnShare(r *Report, add func(code, format string, args ...any)) {
	var ids []string
	for _, l := range r.Components {
		if l.Counted() && l.Energy != nil && *l.Energy > 0 && l.ProcessEnergy == nil && r.ProcessEnergy != nil && !slices.Contains(ids, l.ID) {
			ids = append(ids, l.ID)
		}
	}
	if len(ids) > 0 {
		add(ShareUnknown, "nobody can tell which process used %s", strings.Join(ids, ", "))
	}
}

// warnEpochs tells of marks that can't be right.
func (a *Account) warnEpochs(r *Report, add func(code, format string, args ...any)) {
	m := &a.marks
	if n := m.wrong.unmatched; n > 0 {
		add(EpochUnmatched, "an epoch or task ended without having begun, or ended again, %s: left out", times(uint32(n)))
	}
	if n := len(m.open); n > 0 && r.Status != Running {
		what := "epochs or tasks"
		if n == 1 {
			what = "epoch or task"
		}
		add(EpochOpen, "%d %s had not ended when the run did", n, what)
	}
	if m.wrong.overlapping > 0 {
		add(EpochOverlap, "epochs ran at the same time: their energies do not add up to the run's")
	}
	if seen, planned := m.past.ended, a.toCome(); planned > 0 && seen > planned {
		add(EpochBeyond, "%d epochs have ended where %d were planned: predictions were too low", seen, planned)
	}
	if n := m.wrong.dropped; n > 0 {
		add(EpochDropped, "%d epochs or tasks were left out: %d were open at the same time", n, mostOpen)
	}
}

func (a *Account) warnBudget(r *Report, add func(code, format string, args ...any)) {
	switch b := a.Run.Budget; {
	case a.tripped != nil:
		add(BudgetReached, "%v", a.tripped)
	case b != nil && r.Prediction != nil && r.Status == Running:
		p := r.Prediction
		if need := b.amount(p.DurationS.Expected, p.Energy.Expected, p.Emissions.Expected, r.PUE.Value); need > b.max() {
			add(BudgetForecast, "the whole run is expected to need %.3g times its budget of %s", need/b.max(), b.Limit)
		}
	}
}

func times(n uint32) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

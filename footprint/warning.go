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
	IntensityNote    = "intensity-note"    // the figure is known to be too low or too high, or replaces a built-in one
	IntensityUnknown = "intensity-unknown" // no intensity was known in the whole run
	IntensityStale   = "intensity-stale"   // a live intensity could not be had, or can't be: the one before is used
	IntensityScope   = "intensity-scope"   // an intensity of another scope than the run's was ignored
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
	ShareUnknown     = "share-unknown"     // no per-process data for a component
	TooShort         = "too-short"         // the run is near the resolution of its counters
	ClockStep        = "clock-step"        // the wall clock was set during the run
	NoPermission     = "no-permission"     // counters are there and closed to us
	CounterMasked    = "counter-masked"    // a container hides the counters
	NoCounter        = "no-counter"        // this machine has none
	ReadFault        = "read-fault"        // a counter or file could not be read
	CalibrationUnfit = "calibration-unfit" // the calibration given was made on another machine
	CPUUnknown       = "cpu-unknown"       // the model does not know this CPU
	CPUUntrue        = "cpu-untrue"        // the hypervisor gives a CPU that does not exist
	MemoryUnknown    = "memory-unknown"    // the size of the memory could not be read
	MachineWhole     = "machine-whole"     // a container without limits: the whole machine is charged
	RunsBeside       = "runs-beside"       // other tracked runs went on at the same time
	MachineShared    = "machine-shared"    // a limit shows that the machine is shared: the work's share is charged
	GPUNotMeasured   = "gpu-not-measured"  // a GPU is there and could not be counted
	GPUNote          = "gpu-note"          // something to know of how a GPU is read
	Escaped          = "process-escaped"   // processes of the work outlived it
	ExitUnknown      = "exit-unknown"      // an attached process ended: its exit code is known to its parent alone
	ShareLow         = "share-low"         // some processes of an attached tree may not have been seen
	AttachLimited    = "attach-limited"    // the attached process is another user's
	NotRecorded      = "not-recorded"      // the ledger or a file could not be written, or a service did not take the result
	ComponentUnread  = "component-unread"  // something is there and was not read: its energy is not known
	SinkFailed       = "sink-failed"       // a sink did not take the report
	ConfigIgnored    = "config-ignored"    // a setting was wrong and left out
	EpochUnmatched   = "epoch-unmatched"   // an epoch or task ended that had not begun, or twice
	EpochOpen        = "epoch-open"        // an epoch or task had not ended when the run did
	EpochOverlap     = "epoch-overlap"     // epochs ran at the same time: they do not add up
	EpochBeyond      = "epoch-beyond"      // more epochs than were planned
	EpochDropped     = "epoch-dropped"     // too many epochs and tasks were open at once
	EpochUnseen      = "epoch-unseen"      // no line of the output fits the pattern for epochs
	EpochTotal       = "epoch-total"       // the output names another number of epochs than the user
	EpochLate        = "epoch-late"        // lines taken for the starts of epochs look like their ends
	OutputSkipped    = "output-skipped"    // lines of output came faster than they could be searched
	EventsLost       = "events-lost"       // the file of events was removed, or has lines that are none
	WorkUnseen       = "work-unseen"       // an engine's counter could not be read
	WorkPartial      = "work-partial"      // work may be missing in a count: it is a lower bound
	WorkInvalid      = "work-invalid"      // a count that is none, or of a unit that is counted already
	NotWaited        = "not-waited"        // it was to wait for a greener grid, and nothing was known of the hours to come
	BudgetReached    = "budget-reached"    // the run has reached its budget
	BudgetForecast   = "budget-forecast"   // the run is expected to need more than its budget
)

// hints say what to do about a warning. Those of a machine are more precise in
// "carbonctl devices".
var hints = map[string]string{
	RegionAssumed:    `set the region, such as FR or US-CA: the world mean may be off tenfold`,
	AllModelled:      `"carbonctl devices" shows what this machine could measure`,
	NothingCounted:   `"carbonctl devices" shows what this machine could measure`,
	NoPermission:     `"carbonctl devices" prints the command that gives access`,
	CounterMasked:    `"carbonctl devices" prints the mount that a container needs`,
	CounterAmbiguous: `the upper bound includes what was lost; a busy machine or a debugger delays readings`,
	TooShort:         `repeat the work in one run, so that it takes longer`,
	CalibrationUnfit: `run "carbonctl calibrate" on this machine, or unset calibration`,
	MachineShared:    `"--charge machine" (Go: Config.Run.Charge) charges the whole machine`,
	MachineWhole:     `"--charge process" (Go: Config.Run.Charge) charges only the run's share`,
	NotWaited:        `"carbonctl regions data" lists the zones with typical hours; elsewhere use a live forecast (--live)`,
}

// warn adds what the reader must know, most important first.
func (a *Account) warn(r *Report) {
	add := func(code, format string, args ...any) {
		r.Warnings = append(r.Warnings, Warning{Code: code, Text: fmt.Sprintf(format, args...), Hint: hints[code]})
	}
	a.warnRegion(r, add)
	a.warnModel(r, add)
	for _, f := range a.faults {
		if f.Code == NoCounter && r.MeasuredShare != nil && *r.MeasuredShare == 0 {
			continue // it is said above
		}
		add(f.Code, "%s", f.Text)
		if f.Count > 1 {
			w := &r.Warnings[len(r.Warnings)-1]
			w.Text += fmt.Sprintf(" (%s)", times(uint32(f.Count)))
			w.Count = f.Count
		}
	}
	for _, t := range a.tracks {
		a.warnTrack(t, add)
	}
	a.warnShare(r, add)
	a.warnEpochs(r, add)
	a.warnWork(r, add)
	a.warnBudget(r, add)
	if w := a.Run.Wait; w != nil && w.Reason == WaitBlind {
		add(NotWaited, "started now instead of waiting for a greener grid: %s", w.Note)
	}
	if a.samples > 1 && r.Coverage < 0.99 && r.Energy > 0 {
		add(LowCoverage, "coverage %.0f %%: part of the run was not read; the bounds include it", 100*r.Coverage)
	}
	slept := a.slept()
	if slept > 0 {
		add(Suspended, "the machine was suspended for %s during the run: durations exclude it, energy includes it where counters kept running", slept.Round(100*time.Millisecond))
	}
	if (a.step-slept).Abs() > 2*time.Second && a.step.Abs() > 2*time.Second {
		add(ClockStep, "the wall clock moved by %s during the run; durations are not affected", a.step.Round(time.Second))
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
	switch in := a.inForce; {
	case in == regions.Intensity{}:
		if a.samples > 0 {
			add(IntensityUnknown, "no carbon intensity known: emissions unknown")
		}
	case in.Kind == regions.WorldDefault:
		add(RegionAssumed, "no region given: using the world mean, %.0f g/kWh (%d)", float64(in.PerKWh), in.Year)
	case in.Instead != "":
		add(IntensityInstead, "%s", in.Instead)
	}
	if note := a.inForce.Note; note != "" {
		add(IntensityNote, "the intensity of %s: %s", a.inForce.Zone, note)
	}
}

func (a *Account) warnModel(r *Report, add func(code, format string, args ...any)) {
	var modelled, measured []string
	from, gpu := "the processor's type", false
	for _, l := range r.Components {
		switch {
		case !l.Counted() || l.Energy == nil:
		case l.Basis == energy.Measured:
			measured = append(measured, l.ID)
		case slices.Contains(measured, l.ID): // lost in the run: its own warning tells
		default:
			modelled = append(modelled, l.ID)
			gpu = gpu || l.Kind == energy.GPU
			if l.Kind == energy.CPU && l.Source == energy.Calibration {
				from = "this machine's calibration"
			}
		}
	}
	switch {
	case len(measured)+len(modelled) == 0:
		add(NothingCounted, "no component could be measured or modelled: energy unknown")
	case len(measured) == 0:
		why := "no energy counter readable"
		for _, f := range a.faults {
			if f.Code == NoCounter {
				why = "no energy counter on this machine"
			}
		}
		if gpu {
			from = strings.Replace(from, "the processor's type", "the types of processor and GPU", 1)
		}
		add(AllModelled, "%s: energy is modelled from %s and load", why, from)
	case len(modelled) > 0:
		add(PartModelled, "%s modelled: no counter", strings.Join(modelled, ", "))
	}
}

func (a *Account) warnTrack(t *track, add func(code, format string, args ...any)) {
	c := t.component
	who := fmt.Sprintf("%s (%s)", c.ID, c.Source)
	instead := "the rest of the run is not counted"
	if t.model != nil && t.model.started {
		instead = "the rest of the run is modelled"
	}
	switch t.reading.State {
	case energy.Dead:
		if !t.ever {
			add(CounterDead, "%s does not move: %s", who, strings.Replace(instead, "the rest of the run is", "it is", 1))
		} else {
			add(CounterDead, "%s stopped moving after %s: %s", who, t.moved.Round(100*time.Millisecond), instead)
		}
	case energy.Lost, energy.Late:
		said := slices.ContainsFunc(a.faults, func(f Fault) bool {
			return f.Component == c.ID || f.Code == GPUNotMeasured && c.Kind == energy.GPU
		})
		switch {
		case t.ever && (t.started || c.Basis == energy.Measured):
			add(CounterLost, "%s was lost after %s: %s", who, t.moved.Round(100*time.Millisecond), instead)
		case t.model == nil && c.Basis == energy.Measured && a.counts(t) && !said:
			add(ComponentUnread, "%s could not be read: its energy is unknown", who)
		}
	}
	if n := t.reading.Resets - t.origin.Resets; t.started && n > 0 {
		add(CounterReset, "%s was reset %s; the upper bound includes what that lost", who, times(n))
	}
	if n := t.reading.Gaps - t.origin.Gaps; t.started && n > t.reading.Resets-t.origin.Resets {
		add(CounterGap, "%s could not be read, or not reliably, %s", who, times(n))
	}
	if edges := t.origin.Edge.Plus(t.good.Edge); a.counts(t) && c.Basis == energy.Measured && t.started && a.samples > 1 && edges > t.book.all.energy/10 {
		add(TooShort, "%s: the run is so short that the counter's resolution is over 10 %% of its energy", who)
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
		add(ShareUnknown, "no per-process data for %s; charging the whole component", strings.Join(ids, ", "))
	}
}

// warnEpochs warns of marks that can't be right.
func (a *Account) warnEpochs(r *Report, add func(code, format string, args ...any)) {
	m := &a.marks
	if n := m.wrong.unmatched; n > 0 {
		add(EpochUnmatched, "end of an epoch or task without a start ignored (%s)", times(uint32(n)))
	}
	if n := len(m.open); n > 0 && r.Status != Running {
		what := "epochs or tasks"
		if n == 1 {
			what = "epoch or task"
		}
		add(EpochOpen, "%d %s still open at the end of the run", n, what)
	}
	if m.wrong.overlapping > 0 {
		add(EpochOverlap, "epochs overlap: their energies do not add up to the run's")
	}
	if seen, planned := m.past.ended, a.toCome(); planned > 0 && seen > planned {
		add(EpochBeyond, "%d epochs ended, %d were planned: predictions were too low", seen, planned)
	}
	if n := m.wrong.dropped; n > 0 {
		add(EpochDropped, "%d epochs or tasks ignored: %d open at the same time", n, maxOpen)
	}
}

func (a *Account) warnBudget(r *Report, add func(code, format string, args ...any)) {
	switch b := a.Run.Budget; {
	case a.tripped != nil:
		add(BudgetReached, "%v", a.tripped)
	case b != nil && r.Prediction != nil && r.Prediction.AfterEpochs > 0 && r.Status == Running:
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

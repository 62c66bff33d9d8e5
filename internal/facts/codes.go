package facts

import (
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// codeWords say in a few words what the code of a warning means, where only the code
// is kept: a ledger's row has no more.
var codeWords = map[string]string{
	footprint.RegionAssumed:    "no region set: world mean used",
	footprint.IntensityInstead: "intensity of another zone, scope or year used instead",
	footprint.IntensityNote:    "intensity known to be too low or too high, or a user's own",
	footprint.IntensityUnknown: "intensity unknown: no emissions",
	footprint.IntensityStale:   "live intensity unavailable for a time",
	footprint.IntensityScope:   "intensity of another scope ignored",
	footprint.AllModelled:      "no counter: all energy modelled",
	footprint.PartModelled:     "some components modelled",
	footprint.NothingCounted:   "neither counter nor model: energy unknown",
	footprint.LowCoverage:      "part of the run not covered by readings",
	footprint.CounterReset:     "counter reset",
	footprint.CounterGap:       "counter unreadable for a time",
	footprint.CounterDead:      "counter not moving",
	footprint.CounterLost:      "counter lost during the run",
	footprint.CounterGarbage:   "counter without a number",
	footprint.CounterRefused:   "implausible reading ignored",
	footprint.CounterAmbiguous: "reading so late that a wrap may be missed",
	footprint.CounterSwitched:  "counter failed: its twin used",
	footprint.Suspended:        "machine suspended during the run",
	footprint.ShareUnknown:     "no per-process data: whole component charged",
	footprint.TooShort:         "shorter than the resolution of the counters",
	footprint.ClockStep:        "wall clock set during the run",
	footprint.NoPermission:     "counters not readable: permission denied",
	footprint.CounterMasked:    "counters masked by the container runtime",
	footprint.NoCounter:        "no counters on this machine",
	footprint.ReadFault:        "counter or file not readable",
	footprint.CalibrationUnfit: "calibration of another machine ignored",
	footprint.CPUUnknown:       "CPU unknown to the model",
	footprint.CPUUntrue:        "CPU hidden by the hypervisor",
	footprint.MemoryUnknown:    "memory size unknown",
	footprint.MachineWhole:     "container without limits: whole machine charged",
	footprint.RunsBeside:       "other tracked runs at the same time",
	footprint.MachineShared:    "shared machine: only the run's own share charged",
	footprint.GPUNotMeasured:   "GPU not measured",
	footprint.GPUNote:          "note on how a GPU is read",
	footprint.Escaped:          "background processes outlived the command",
	footprint.NotRecorded:      "ledger or file not written",
	footprint.ComponentUnread:  "component present but not read",
	footprint.SinkFailed:       "sink failed",
	footprint.ConfigIgnored:    "invalid setting ignored",
	footprint.ExitUnknown:      "exit code of an attached process unknown",
	footprint.ShareLow:         "processes of an attached tree may be missing: share is a lower bound",
	footprint.AttachLimited:    "attached process of another user: environment unreadable",
	footprint.WorkUnseen:       "counters of an engine not readable",
	footprint.WorkPartial:      "work may be missing in a count",
	footprint.WorkInvalid:      "invalid count, or a unit counted twice",
	footprint.EpochUnmatched:   "epoch or task end without a start",
	footprint.EpochOpen:        "epoch or task without an end",
	footprint.EpochOverlap:     "overlapping epochs",
	footprint.EpochBeyond:      "more epochs than planned",
	footprint.EpochDropped:     "too many open epochs and tasks",
	footprint.EpochUnseen:      "no line matched the epoch pattern",
	footprint.EpochTotal:       "output names another number of epochs",
	footprint.EpochLate:        "epoch pattern may match ends, not starts",
	footprint.OutputSkipped:    "output too fast to be searched for epochs",
	footprint.EventsLost:       "events file removed or invalid",
	footprint.NotWaited:        "no forecast: started without waiting",
	footprint.BudgetReached:    "budget reached",
	footprint.BudgetForecast:   "budget expected to be exceeded",
	runs.Imported:              "imported from another tool",
}

// CodeText is what a code means; one of a later version stands as words.
func CodeText(code string) string {
	if text, ok := codeWords[code]; ok {
		return text
	}
	return strings.ReplaceAll(code, "-", " ")
}

// Package carbon tracks the energy and the emissions of work in a Go program:
//
//	tracker, err := carbon.Start(ctx, carbon.Config{Region: "FR"})
//	if err != nil { return err }
//	defer func() { report, _ := tracker.Stop(); fmt.Println(report.Emissions) }()
//
// It finds the meters that the machine has, models what has none, and marks in the report
// which is which. What cannot be measured is a warning there: the work never fails or waits
// because of it. The package prints and logs nothing and uses no network. It starts one
// goroutine, and one more for each meter that is not a file of the kernel and for each sink
// that follows the run; they end with Stop, but for one that a call into a driver or a service
// holds.
package carbon

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/regions"
)

// Config says what to track. The zero Config tracks this process on all that the machine has,
// in an unknown region.
type Config struct {
	// Region is where the machine is, as people write it: "FR", "France", "US-CA". "" is
	// unknown: the world mean, with a warning.
	Region string
	// Grid gives the carbon intensity of the region; nil is the built-in table. One that is no
	// table is asked at each reading, on a goroutine of its own; its answer holds from when it
	// is there. Until the first one, and where it fails from the start, the table's figure is
	// used, with a warning. regions.Follow asks a live service no more often than it has news.
	Grid regions.Provider
	// PUE is what the building adds to the energy of its computers, at least 1. 0 is unknown
	// and counts as 1, which the report shows.
	PUE float64
	// Meters to read; nil is those that are found on this machine. The tracker
	// closes them at Stop. Each that is not of package rapl or estimate is read on a
	// goroutine of its own.
	Meters []energy.Meter
	// Work is the work whose share of the machine's energy is computed; nil is this process
	// and all that it starts.
	Work Work
	// Policy decides which part of the machine's energy the work is charged; nil is
	// footprint.BusyShare.
	Policy footprint.Policy
	// Every is the time between two readings; 0 is one second. Counters lose
	// nothing between readings, so that a longer time costs only detail. A meter
	// whose counters would wrap unseen in that time is read, with all others, as
	// often as it needs (energy.KeepAliver).
	Every time.Duration
	// Sinks take the report at Stop, in order; a Checkpointer also takes the report
	// so far, an EventSink what happens when it does. Samples, Events and Epochs make
	// sinks that write.
	Sinks []Sink
	// Run is what the run is, and what its headline charges.
	Run Run
	// Host is where to look for meters.
	Host Host
}

// Host is the machine to look at.
type Host struct {
	// Root holds the /proc and /sys to read; nil is this machine's own.
	Root fs.FS
	// NVMLLibrary is the path of NVIDIA's library; "" is where the loader finds it.
	NVMLLibrary string
	// Calibration is of this machine: where no counter can be read it is modelled by that.
	// One of another machine is a warning, and not used. nil: the model alone.
	Calibration *estimate.Calibration
	// Env looks up variables of the environment, as os.LookupEnv does: those by which the
	// work's GPUs are chosen (CUDA_VISIBLE_DEVICES and its kin), those by which a batch system
	// or Kubernetes shows that the machine is shared, and that of a run around this one. nil:
	// all GPUs are the work's, and none of these is known.
	Env func(name string) (value string, set bool)
}

// MinEvery is the shortest time between two readings: below it a counter may not have moved,
// and reading costs more than it shows.
const MinEvery = config.MinInterval // 10 ms

// check returns an error for a Config that cannot be meant.
func (c Config) check() error {
	switch {
	case c.PUE != 0 && !(c.PUE >= 1 && c.PUE <= footprint.MaxPUE):
		return fmt.Errorf("carbon: PUE %v is not a number from 1 to %d", c.PUE, footprint.MaxPUE)
	case c.Every < 0 || c.Every > 0 && c.Every < MinEvery:
		return fmt.Errorf("carbon: %v between readings is less than %v", c.Every, MinEvery)
	}
	switch c.Run.Charge {
	case "", footprint.ChargeMachine, footprint.ChargeProcess:
		return nil
	}
	return fmt.Errorf("carbon: charge %q is neither %q nor %q", c.Run.Charge, footprint.ChargeMachine, footprint.ChargeProcess)
}

// What a Config and a report are made of, so that most programs need to import
// this package alone.
type (
	// Run is what a run is, and what its headline charges.
	Run = footprint.Run
	// Report is all that is known of a run.
	Report = footprint.Report
	// Budget is what a run may use; ParseBudget makes one.
	Budget = footprint.Budget
)

// ParseBudget reads a budget such as "500g", "1.2kWh" or "3h". price is what a kWh
// costs, and needed for a budget of money alone.
func ParseBudget(s string, price float64) (*Budget, error) { return footprint.ParseBudget(s, price) }

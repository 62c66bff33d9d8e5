// Package carbon tracks the energy and the emissions of work in a Go program:
//
//	tracker, err := carbon.Start(ctx, carbon.Config{Region: "FR"})
//	if err != nil { return err }
//	defer func() { report, _ := tracker.Stop(); fmt.Println(report.Emissions) }()
//
// It finds the meters that the machine has, models what has none, and says in
// the report which is which. What cannot be measured is a warning there: the
// work never fails or waits because of it. The package prints and logs nothing,
// uses no network, and starts one goroutine, and one more for each Checkpointer
// among the sinks; they end with Stop.
package carbon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/nested"
	"github.com/carbonctl/carbonctl/regions"
)

// Config says what to track. The zero Config tracks this process on all that
// the machine has, in a place that is not known.
type Config struct {
	// Region is where the machine is, as people write it: "FR", "France",
	// "US-CA". "" is not known: the world's mean, and the report says so.
	Region string
	// Grid gives the carbon intensity of the region; nil is the built-in table.
	// One that is no table is asked at each reading, and must not make the
	// sampler wait: regions.Follow makes such a one of a live provider.
	Grid regions.Provider
	// PUE is what the building adds to the energy of its computers, at least 1.
	// 0 is not known: counted as 1, and the report says so.
	PUE float64
	// Meters to read; nil is those that are found on this machine. The tracker
	// closes them at Stop.
	Meters []energy.Meter
	// Work is whose energy is told apart from the machine's; nil is this
	// process and its children that have ended.
	Work Work
	// Policy says what part of the machine's energy the work pays; nil is
	// footprint.BusyShare.
	Policy footprint.Policy
	// Every is the time between two readings; 0 is one second. Counters lose
	// nothing between readings, so that a longer time costs only detail. A meter
	// whose counters would wrap unseen in that time is read, with all others, as
	// often as it needs (energy.KeepAliver).
	Every time.Duration
	// Sinks take the report at Stop, in order; a Checkpointer also takes the
	// report so far.
	Sinks []Sink
	// Run is what the run is, and what its headline charges.
	Run footprint.Run
	// Host is where to look for meters.
	Host Host
}

// Host is the machine to look at.
type Host struct {
	// Root holds the /proc and /sys to read; nil is this machine's own.
	Root fs.FS
	// NVMLLibrary is the path of NVIDIA's library; "" is where the loader finds it.
	NVMLLibrary string
	// Env looks up variables of the environment, as os.LookupEnv does: those by
	// which the work's GPUs are chosen (CUDA_VISIBLE_DEVICES and its kin), those by
	// which a batch system or Kubernetes shows that the machine is shared, and that of
	// a run around this one. nil: all GPUs are the work's, and no such thing is known.
	Env func(name string) (value string, set bool)
}

// MinEvery is the shortest time between two readings: below it a counter may
// not have moved, and reading costs more than it tells.
const MinEvery = 10 * time.Millisecond

// check returns an error for a Config that cannot be meant.
func (c Config) check() error {
	switch {
	case math.IsNaN(c.PUE) || math.IsInf(c.PUE, 0) || c.PUE != 0 && c.PUE < 1:
		return fmt.Errorf("carbon: PUE %v is not a number of at least 1", c.PUE)
	case c.Every < 0 || c.Every > 0 && c.Every < MinEvery:
		return fmt.Errorf("carbon: %v between readings is less than %v", c.Every, MinEvery)
	}
	switch c.Run.Charge {
	case "", footprint.ChargeMachine, footprint.ChargeProcess:
		return nil
	}
	return fmt.Errorf("carbon: charge %q is neither %q nor %q", c.Run.Charge, footprint.ChargeMachine, footprint.ChargeProcess)
}

// The variables that ConfigFromEnv reads.
const (
	EnvRegion    = "CARBONCTL_REGION"
	EnvIntensity = "CARBONCTL_INTENSITY" // g/kWh
	EnvPUE       = "CARBONCTL_PUE"
	EnvInterval  = "CARBONCTL_INTERVAL" // such as 500ms
	EnvProject   = "CARBONCTL_PROJECT"
	EnvCharge    = "CARBONCTL_CHARGE" // machine or process
)

// ConfigFromEnv makes a Config from the CARBONCTL_* variables of the
// environment. A variable that is not set or empty leaves its default. One that
// is wrong does too, and is named by the error: both results may be used.
func ConfigFromEnv() (Config, error) {
	c := Config{Host: Host{Env: os.LookupEnv}}
	var errs []error
	number := func(name string, to *float64) {
		if s := os.Getenv(name); s != "" {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %q is not a number", name, s))
				return
			}
			*to = v
		}
	}
	c.Region = os.Getenv(EnvRegion)
	if c.Region != "" {
		c.Run.How = "environment"
		if _, err := regions.Builtin().Intensity(context.Background(), regions.Query{Zone: c.Region}); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", EnvRegion, err))
			c.Region, c.Run.How = "", ""
		}
	}
	own := math.NaN()
	number(EnvIntensity, &own)
	if !math.IsNaN(own) {
		p, err := regions.Fixed(regions.Grams(own), nil)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", EnvIntensity, err))
		} else {
			c.Grid = p
		}
	}
	number(EnvPUE, &c.PUE)
	if err := (Config{PUE: c.PUE}).check(); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", EnvPUE, err))
		c.PUE = 0
	}
	if s := os.Getenv(EnvInterval); s != "" {
		d, err := time.ParseDuration(s)
		if err = cmp.Or(err, Config{Every: d}.check()); err != nil || d == 0 {
			errs = append(errs, fmt.Errorf("%s: %q is not a time of at least %v, such as 500ms", EnvInterval, s, MinEvery))
			d = 0
		}
		c.Every = d
	}
	parent, err := nested.Parse(os.Getenv(nested.Env))
	if err != nil {
		errs = append(errs, err)
	}
	c.Run.Parent = parent.ID
	c.Run.Project = os.Getenv(EnvProject)
	c.Run.Charge = footprint.Charge(os.Getenv(EnvCharge))
	if err := c.check(); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", EnvCharge, err))
		c.Run.Charge = ""
	}
	return c, errors.Join(errs...)
}

package carbon

import (
	"errors"
	"os"

	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/nested"
)

// ConfigFromEnv makes a Config from the environment:
//
//	CARBONCTL_REGION        where the machine is, such as FR
//	CARBONCTL_INTENSITY     an own figure, in g/kWh
//	CARBONCTL_PUE           at least 1
//	CARBONCTL_INTERVAL      between two readings, such as 500ms
//	CARBONCTL_PROJECT       that groups runs
//	CARBONCTL_LABEL         labels of the run: key=value,key=value
//	CARBONCTL_CHARGE        machine or process
//	CARBONCTL_EPOCHS        how many epochs are planned
//	CARBONCTL_REGIONS_FILE  a CSV table of regions, laid over the built-in one
//	CARBONCTL_CALIBRATION   a file that "carbonctl calibrate" wrote on this machine
//	CARBONCTL_RUN_ID        the run around this one; set by "carbonctl wrap"
//
// A variable that is not set or empty leaves its default. One that is wrong or misspelt
// does too, and is named by the error: both results may be used. Those of other settings
// of the command, such as CARBONCTL_LEDGER, have no effect here. No file of settings is
// read.
func ConfigFromEnv() (Config, error) {
	c := Config{Host: Host{Env: os.LookupEnv}}
	set := func(key, value string) (err error) {
		if key == config.Calibration {
			c.Host.Calibration, err = estimate.ReadCalibration(value)
		}
		return err
	}
	s, err := config.Layers{Environ: os.Environ(), Set: set}.Read()
	errs := append(s.Problems, err)
	c.Region, c.PUE = s.Region, s.PUE
	c.Run.Project, c.Run.Labels, c.Run.Charge, c.Run.Epochs = s.Project, s.Labels, s.Charge, s.Epochs
	if s.Region != "" {
		c.Run.How = config.Environment
	}
	if s.Origin(config.Interval) != "" {
		c.Every = s.Interval
	}
	switch {
	case s.Intensity != nil:
		c.Grid = s.Intensity
	case s.Origin(config.RegionsFile) != "":
		c.Grid = s.Table
	}
	parent, err := nested.Parse(os.Getenv(nested.Env))
	c.Run.Parent = parent.ID
	return c, errors.Join(append(errs, err)...)
}

package carbon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/nested"
	"github.com/carbonctl/carbonctl/regions"
)

// ConfigFromEnv makes a Config from the environment:
//
//	CARBONCTL_REGION     where the machine is, such as FR
//	CARBONCTL_INTENSITY  an own figure, in g/kWh
//	CARBONCTL_PUE        at least 1
//	CARBONCTL_INTERVAL   between two readings, such as 500ms
//	CARBONCTL_PROJECT    that groups runs
//	CARBONCTL_CHARGE     machine or process
//	CARBONCTL_RUN_ID     the run around this one; set by "carbonctl wrap"
//
// A variable that is not set or empty leaves its default. One that is wrong does
// too, and is named by the error: both results may be used.
func ConfigFromEnv() (Config, error) {
	c := Config{Host: Host{Env: os.LookupEnv}}
	var errs []error
	take := func(name string, read func(value string) error) {
		if value := os.Getenv(name); value != "" {
			if err := read(value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	take("CARBONCTL_REGION", func(s string) error {
		if _, err := regions.Builtin().Intensity(context.Background(), regions.Query{Zone: s}); err != nil {
			return err
		}
		c.Region, c.Run.How = s, "environment"
		return nil
	})
	take("CARBONCTL_INTENSITY", func(s string) error {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", s)
		}
		own, err := regions.Fixed(regions.Grams(v), nil)
		if err != nil {
			return err
		}
		c.Grid = own
		return nil
	})
	take("CARBONCTL_PUE", func(s string) error {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", s)
		}
		if err := (Config{PUE: v}).check(); err != nil {
			return err
		}
		c.PUE = v
		return nil
	})
	take("CARBONCTL_INTERVAL", func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d == 0 || (Config{Every: d}).check() != nil {
			return fmt.Errorf("%q is not a time of at least %v, such as 500ms", s, MinEvery)
		}
		c.Every = d
		return nil
	})
	take("CARBONCTL_CHARGE", func(s string) error {
		charge := footprint.Charge(s)
		if err := (Config{Run: Run{Charge: charge}}).check(); err != nil {
			return err
		}
		c.Run.Charge = charge
		return nil
	})
	c.Run.Project = os.Getenv("CARBONCTL_PROJECT")
	parent, err := nested.Parse(os.Getenv(nested.Env))
	if err != nil {
		errs = append(errs, err)
	}
	c.Run.Parent = parent.ID
	return c, errors.Join(errs...)
}

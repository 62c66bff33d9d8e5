package main

import (
	"os"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// A reading goes through what the user named. What can't be read it says on
// stderr, and remembers that it did.
type reading struct {
	*app
	input.Reader
	car    report.Car
	budget runs.Allowance // of a month, as the settings have it
	bad    bool           // something could not be read, and was said
}

// look makes the reading ready: the user's ledger is that of the settings.
func (r *reading) look(flags *pflag.FlagSet) error {
	var keys []string
	for _, key := range []string{"ledger", "car"} {
		if flags.Lookup(key) != nil {
			keys = append(keys, key)
		}
	}
	c, err := only(flags, keys...)
	if err != nil {
		return err
	}
	r.Ledger, r.car = c.Ledger, c.car
	r.budget = c.budget
	r.Skipped, r.Note = r.told, r.say
	r.status = output.NewStatus(r.err, os.Getenv)
	r.status.EraseOnInterrupt()
	r.Through = r.status.Through
	return nil
}

// told says what could not be read.
func (r *reading) told(err error) {
	r.bad = true
	r.fail(err)
}

package main

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/regions"
)

// gridFlags choose what a run is accounted by besides its region.
type gridFlags struct {
	hourly bool // typical hours instead of the year's mean
}

func (g *gridFlags) add(f *pflag.FlagSet) {
	f.BoolVar(&g.hourly, "hourly", false, "use the zone's typical hours instead of its yearly mean")
}

func (g *gridFlags) check(live string, o *settings) error {
	if g.hourly && (live != "" || o.Intensity != nil) {
		return errors.New("--hourly cannot be used with --live or --intensity")
	}
	return nil
}

// choose sets the provider of intensities, where the user has given no figure, and the
// water of the place.
func (g *gridFlags) choose(cfg *carbon.Config, o *settings) {
	switch {
	case cfg.Grid != nil: // a figure of the user's own
	case g.hourly:
		cfg.Grid = regions.Hourly(o.Table)
	default:
		cfg.Grid = o.Table
	}
	if o.Water {
		water, err := o.Table.Water(o.Region)
		if err != nil {
			water = regions.Water{} // asked for, and not known
		}
		cfg.Run.Water = &water
	}
}

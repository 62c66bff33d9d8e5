package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/regions"
)

// planFlags are what is known of a run before it.
type planFlags struct {
	file       string // an estimate as JSON
	embodiedKg float64
	lifetime   string
}

func (p *planFlags) add(f *pflag.FlagSet) {
	f.StringVar(&p.file, "plan", "", "`FILE` compare with an estimate, written by estimate --json-file")
	f.Float64Var(&p.embodiedKg, "embodied-kg", 0, "`KG` embodied emissions of this machine, in kg CO2e; needs --lifetime")
	f.StringVar(&p.lifetime, "lifetime", "", "`TIME` service life of this machine: 4y; with --embodied-kg")
}

// choose adds them to a run.
func (p *planFlags) choose(run *footprint.Run) error {
	switch {
	case p.embodiedKg != 0 && p.lifetime == "":
		return errors.New("--embodied-kg needs --lifetime, such as 4y")
	case p.embodiedKg == 0 && p.lifetime != "":
		return errors.New("--lifetime needs --embodied-kg")
	case p.embodiedKg != 0:
		perHour, err := plan.EmbodiedPerHour(p.embodiedKg, p.lifetime)
		if err != nil {
			return err
		}
		run.EmbodiedPerHour = new(regions.Grams(perHour))
	}
	if p.file == "" {
		return nil
	}
	f, err := os.Open(p.file)
	if err != nil {
		return fmt.Errorf("--plan: %w", err)
	}
	defer f.Close() // nothing is written to it
	made, err := screen.ReadPlan(f)
	if err != nil {
		return fmt.Errorf("--plan: %s: %w", p.file, err)
	}
	run.Plan = &made
	return nil
}

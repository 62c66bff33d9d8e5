package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/report"
)

// estimating is one run of estimate.
type estimating struct {
	reading
	file plan.File // one [[work]] of the flags, or a file of them

	usage, watts, intensity       float64
	method, batch, like, jsonFile string
	per                           string
	bigger                        plan.Bigger
	json                          bool
}

func (a *app) estimate() *cobra.Command {
	e := &estimating{reading: reading{app: a}}
	e.file.Work = make([]plan.Ask, 1)
	w := &e.file.Work[0]
	cmd := &cobra.Command{
		Use:   "estimate [PLAN.toml]",
		Short: "Estimate a job's energy and emissions before it runs",
		Long: `Estimate the energy and emissions of a job from its devices and time, with
bounds, or by the formula of ML CO2 Impact or Green Algorithms (--method).

Name devices (--gpu, --cpu), or give your own figures: --watts, --intensity,
--pue. Several regions are ranked. A PLAN.toml holds several jobs as [[work]],
with the names of the flags as keys. --like starts from a recorded run.`,
		Example: `  carbonctl estimate --gpu "A100 SXM 80GB" --count 8 --hours 72 --region FR
  carbonctl estimate --watts 300 --device-hours 669600 --intensity 267 --pue 1
  carbonctl estimate --like last --epochs 300 --gpus 8
  carbonctl estimate plan.toml --json`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error { return e.run(cmd.Flags(), args) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&w.GPU, "gpu", "", "GPU or TPU by its `NAME`: \"A100 SXM 80GB\", v100")
	f.Float64Var(&w.Count, "count", 0, "`N` GPUs a node, or devices of --watts (default 1)")
	f.StringVar(&w.CPU, "cpu", "", "CPU by its `NAME`: \"Xeon Gold 6248\", \"EPYC 7763\"")
	f.Float64Var(&w.Cores, "cores", 0, "`N` cores of the CPU for the job (default all)")
	f.StringVar(&w.Memory, "memory", "", "memory of a node, as an `AMOUNT` with its unit: 64GB")
	f.StringVar(&w.Instance, "instance", "", "cloud instance by its `TYPE`: aws:c7i.4xlarge; each node is one")
	f.Float64Var(&w.Nodes, "nodes", 0, "`N` nodes (default 1)")
	f.Float64Var(&e.watts, "watts", 0, "`WATTS` that one device draws, instead of a name")
	f.Float64Var(&w.Hours, "hours", 0, "`HOURS` that the job runs")
	f.Float64Var(&w.DeviceHours, "device-hours", 0, "`HOURS` × devices, instead of --hours and --count")
	f.Float64Var(&e.usage, "usage", 1, "`PART` of the time that devices are busy, 0 to 1")
	f.Float64Var(&w.PSF, "psf", 0, "run `N` times in all, tests included (default 1)")
	f.StringVar(&w.Repeat, "repeat", "", "number of `TIMES` that it runs: 3, or over a year 12/year, 2/week")
	f.StringSlice("region", nil, "`ZONE`s, ranked if more than one (default: as set, else the world)")
	f.Float64Var(&e.intensity, "intensity", 0, "carbon intensity in `GRAMS` of CO2e per kWh, instead of a region's")
	f.Float64Var(&e.file.PUE, "pue", 0, "`FACTOR` (default: as published for a cloud region, else 1)")
	f.StringVar(&e.method, "method", "", "`METHOD`: carbonctl, mlco2, green-algorithms")
	f.Float64Var(&w.EmbodiedKg, "embodied-kg", 0, "`KG` of CO2e that making one node emitted")
	f.StringVar(&w.Lifetime, "lifetime", "", "`TIME` that a node is used: 4y")
	f.StringVar(&e.per, "per", "", "show the SCI by `N=UNIT`, how many units that is in all: 1000=request")
	f.StringVar(&e.like, "like", "", "start from a recorded `RUN`: last, its ID, its JSON")
	f.IntVar(&e.bigger.Epochs, "epochs", 0, "with --like: `N` epochs")
	f.IntVar(&e.bigger.GPUs, "gpus", 0, "with --like: `N` GPUs")
	f.Float64Var(&e.bigger.Speedup, "speedup", 0, "with --like: these GPUs are `X` times faster")
	f.String("ledger", "", "ledger `FILE` of last and of run IDs")
	figureFlags(f)
	tableFlag(f)
	f.StringVar(&e.batch, "batch", "", "model the CPU power of each row of a CSV `FILE`; - is stdin")
	f.BoolVar(&e.json, "json", false, "print as JSON")
	f.StringVar(&e.jsonFile, "json-file", "", "write the JSON to this `FILE` too")
	return cmd
}

func (e *estimating) run(flags *pflag.FlagSet, args []string) error {
	switch {
	case e.batch != "":
		if err := alone(flags, args, "batch"); err != nil {
			return err
		}
		return e.runBatch()
	case e.like != "":
		if err := alone(flags, args, "like", "epochs", "gpus", "speedup", "region", "pue", "intensity", "ledger", "scope", "year", "market", "regions-file", "per", "json", "json-file"); err != nil {
			return err
		}
	case flags.Changed("epochs") || flags.Changed("gpus") || flags.Changed("speedup"):
		return errors.New("--epochs, --gpus and --speedup need --like RUN")
	}
	if err := e.ask(flags, args); err != nil {
		return err
	}
	var shown report.Estimated
	grids, err := e.grids(flags)
	if err != nil {
		return err
	}
	if e.like != "" {
		shown, err = e.alike(flags, grids)
	} else {
		shown, err = e.estimates(grids)
	}
	if err != nil {
		return err
	}
	if e.per != "" {
		if shown.Per, err = report.ParsePer(e.per); err != nil {
			return fmt.Errorf("--per: %w", err)
		}
	}
	if e.jsonFile != "" {
		if err := output.Write(e.jsonFile, shown.JSON); err != nil {
			return err
		}
	}
	if e.json {
		return shown.JSON(e.out)
	}
	shown.Screen = e.screen(e.out)
	return shown.Text(e.out)
}

// alone checks that no flag but these was given, and no plan.
func alone(flags *pflag.FlagSet, args []string, allowed ...string) error {
	known := map[string]bool{}
	for _, name := range allowed {
		known[name] = true
	}
	var err error
	flags.Visit(func(f *pflag.Flag) {
		if !known[f.Name] && err == nil {
			err = fmt.Errorf("--%s and --%s: choose one", allowed[0], f.Name)
		}
	})
	if err == nil && len(args) > 0 {
		err = fmt.Errorf("--%s and a plan: choose one", allowed[0])
	}
	return err
}

// jobFlags say what one job is; a plan has them as keys.
var jobFlags = []string{"gpu", "count", "cpu", "cores", "memory", "instance", "nodes", "watts", "hours", "device-hours", "usage", "psf", "repeat", "embodied-kg", "lifetime"}

// ask reads the plan, or the one of the flags. What flags say of all jobs wins.
func (e *estimating) ask(flags *pflag.FlagSet, args []string) error {
	w := &e.file.Work[0]
	if flags.Changed("watts") {
		w.Watts = &e.watts
	}
	if flags.Changed("usage") {
		w.Usage = &e.usage
	}
	for _, name := range []string{"count", "cores", "nodes", "hours", "device-hours", "psf", "embodied-kg", "epochs", "gpus", "speedup"} {
		if f := flags.Lookup(name); f.Changed && (f.Value.String() == "0" || strings.HasPrefix(f.Value.String(), "-")) {
			return fmt.Errorf("--%s: must be above 0", name)
		}
	}
	if len(args) == 1 {
		for _, name := range jobFlags {
			if flags.Changed(name) {
				return fmt.Errorf("--%s and a plan: write %s in its [[work]]", name, name)
			}
		}
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer f.Close() // nothing is written to it
		read, err := plan.ReadFile(f)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if flags.Changed("pue") {
			read.PUE = e.file.PUE
		}
		e.file = read
	}
	if flags.Changed("region") {
		e.file.Region, _ = flags.GetStringSlice("region")
		e.file.Intensity = nil
	}
	if flags.Changed("intensity") {
		e.file.Intensity = &e.intensity
		if flags.Changed("region") {
			return errors.New("--intensity and --region: choose one")
		}
		e.file.Region = nil
	}
	if e.file.Intensity != nil && len(e.file.Region) > 0 {
		return fmt.Errorf("%s: intensity and region: choose one", args[0])
	}
	if flags.Changed("method") {
		e.file.Method = plan.Method(e.method)
	}
	if e.file.Method == "" {
		e.file.Method = plan.Ours
	}
	return checkPUE(flags, e.file.PUE)
}

// runBatch models rows of a file.
func (e *estimating) runBatch() error {
	in := io.Reader(os.Stdin)
	if e.batch != "-" {
		f, err := os.Open(e.batch)
		if err != nil {
			return err
		}
		defer f.Close() // nothing is written to it
		in = f
	}
	err := plan.Batch(in, e.out)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, plan.ErrFormat):
		if named := (*fs.PathError)(nil); errors.As(err, &named) {
			err = named.Err
		}
		return fmt.Errorf("%s: %w", e.batch, err)
	}
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, one := range all {
		e.fail(fmt.Errorf("%s: %w", e.batch, one))
	}
	return &exitError{code: exitFinding}
}

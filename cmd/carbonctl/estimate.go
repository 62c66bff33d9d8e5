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
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/regions"
)

// estimating is one run of estimate.
type estimating struct {
	reading
	file plan.File // one [[work]] of the flags, or a file of them

	usage, watts, intensity       float64
	method, batch, like, jsonFile string
	per                           string
	bigger                        plan.Bigger
	table                         *regions.Table // nil where the intensity is the user's own
	json                          bool
}

func (a *app) estimate() *cobra.Command {
	e := &estimating{reading: reading{app: a}}
	e.file.Work = make([]plan.Ask, 1)
	w := &e.file.Work[0]
	cmd := &cobra.Command{
		Use:   "estimate [PLAN.toml]",
		Short: "Estimate a job's energy and emissions before it runs",
		Long: `Estimate the energy and emissions of a job from its devices and duration, with
bounds, or with the formula of ML CO2 Impact or Green Algorithms (--method).

Give devices (--gpu, --cpu, --instance) or power (--watts). Several regions are
ranked. PLAN.toml holds several jobs as [[work]] tables, with flag names as
keys. --like scales a recorded run.`,
		Example: `  carbonctl estimate --gpu "A100 SXM 80GB" --count 8 --hours 72 --region FR
  carbonctl estimate --watts 300 --device-hours 669600 --intensity 267 --pue 1
  carbonctl estimate --like last --epochs 300 --gpus 8
  carbonctl estimate plan.toml --json`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error { return e.run(cmd.Flags(), args) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&w.GPU, "gpu", "", "`NAME` GPU or TPU: \"A100 SXM 80GB\", v100")
	f.Float64Var(&w.Count, "count", 0, "`N` GPUs per node, or devices of --watts (default 1)")
	f.StringVar(&w.CPU, "cpu", "", "`NAME` CPU: \"Xeon Gold 6248\", \"EPYC 7763\"")
	f.Float64Var(&w.Cores, "cores", 0, "`N` CPU cores that the job uses (default all)")
	f.StringVar(&w.Memory, "memory", "", "`AMOUNT` memory per node: 64GB")
	f.StringVar(&w.Instance, "instance", "", "`TYPE` cloud instance of each node: aws:c7i.4xlarge")
	f.Float64Var(&w.Nodes, "nodes", 0, "`N` number of nodes (default 1)")
	f.Float64Var(&e.watts, "watts", 0, "`WATTS` power of one device, instead of --gpu or --cpu")
	f.Float64Var(&w.Hours, "hours", 0, "`HOURS` duration of the job")
	f.Float64Var(&w.DeviceHours, "device-hours", 0, "`HOURS` device hours, instead of --hours and --count")
	f.Float64Var(&e.usage, "usage", 1, "`SHARE` utilization of the devices, 0 to 1")
	f.Float64Var(&w.PSF, "psf", 0, "`N` times the job is run, tests included (default 1)")
	f.StringVar(&w.Repeat, "repeat", "", "`TIMES` repeat the job: 3, or in a year 12/year, 2/week")
	f.StringSlice("region", nil, "`ZONES` where the job runs; several are ranked (default the setting region, or world)")
	f.Float64Var(&e.intensity, "intensity", 0, "`GRAMS` carbon intensity in g CO2e/kWh, instead of the region's")
	f.Float64Var(&e.file.PUE, "pue", 0, "`FACTOR` power usage effectiveness (default that of the cloud region, or 1)")
	f.StringVar(&e.method, "method", "", "`METHOD` formula: carbonctl, mlco2, green-algorithms")
	f.Float64Var(&w.EmbodiedKg, "embodied-kg", 0, "`KG` embodied emissions of one node, in kg CO2e; needs --lifetime")
	f.StringVar(&w.Lifetime, "lifetime", "", "`TIME` service life of a node: 4y")
	f.StringVar(&e.per, "per", "", "`N=UNIT` show the SCI per unit: 1000=request for 1,000 requests in all")
	f.StringVar(&e.like, "like", "", "`RUN` scale a recorded run: last, an ID, or a JSON file")
	f.IntVar(&e.bigger.Epochs, "epochs", 0, "`N` with --like: to N epochs")
	f.IntVar(&e.bigger.GPUs, "gpus", 0, "`N` with --like: to N GPUs")
	f.Float64Var(&e.bigger.Speedup, "speedup", 0, "`X` with --like: these GPUs are X times faster")
	f.String("ledger", "", "`FILE` ledger to find runs in")
	figureFlags(f)
	tableFlag(f)
	f.StringVar(&e.batch, "batch", "", "`FILE` model the CPU power of each row of a CSV file; - for stdin")
	f.BoolVar(&e.json, "json", false, "print as JSON")
	f.StringVar(&e.jsonFile, "json-file", "", "`FILE` also write the JSON to FILE")
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
	var shown screen.Estimated
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
		if shown.Per, err = screen.ParsePer(e.per); err != nil {
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
	warning, err := plan.Batch(in, e.out)
	if warning != "" {
		e.fail(fmt.Errorf("%s: warning: %s", e.batch, warning))
	}
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

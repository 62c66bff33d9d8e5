package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/internal/about"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/nvml"
	"github.com/carbonctl/carbonctl/rapl"
	"github.com/carbonctl/carbonctl/regions"
)

func (a *app) devices() *cobra.Command {
	var asJSON, verbose bool
	var root string
	var watch time.Duration
	var library string
	cmd := &cobra.Command{
		Use:     "devices",
		Aliases: []string{"doctor"},
		Short:   "Show what this machine can measure, and how to enable the rest",
		Long: `Show whether CPU, memory and GPUs are measured or modelled on this machine, how
certain the results are, and what would improve them. All settings of wrap are
accepted as flags.`,
		Example: `  carbonctl devices
  carbonctl devices --verbose
  carbonctl devices --root /host --json`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkRoot(root); err != nil {
				return err
			}
			c, err := configure(cmd.Flags())
			if err != nil {
				return err
			}
			c.locate(proc.Root(root))
			inv := look(cmd.Context(), proc.Root(root), watch, libraryPath(library), c)
			if asJSON {
				err = output.JSON(a.out, inv)
			} else {
				inv.Screen = a.screen(a.out)
				err = inv.Text(a.out, verbose)
			}
			if err == nil && len(inv.Problems) > 0 {
				err = &exitError{code: exitUsage} // it stands in the settings
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "also show counters, models and all settings")
	cmd.Flags().StringVar(&root, "root", "/", rootUsage)
	cmd.Flags().DurationVar(&watch, "watch", 50*time.Millisecond, "`TIME` sample the counters this long to detect stuck ones")
	cmd.Flags().StringVar(&library, "nvml-library", "", nvmlUsage)
	addSettings(cmd)
	return cmd
}

func look(ctx context.Context, root fs.FS, watch time.Duration, library string, c *settings) screen.Inventory {
	host, _ := about.Host(root)
	inv := screen.Inventory{
		Host: host, Container: proc.InContainer(root), Counters: []screen.EnergyCounter{}, GPUs: []screen.GPU{}, Fix: []string{},
		Region: regionOf(ctx, c), Problems: []string{},
	}
	for _, s := range effective(c) {
		inv.Settings = append(inv.Settings, screen.Effective(s))
	}
	for _, p := range c.Problems {
		inv.Problems = append(inv.Problems, p.Error())
	}
	zones, err := rapl.Watch(ctx, root, watch)
	for _, z := range zones {
		inv.Counters = append(inv.Counters, screen.EnergyCounter{
			Path: z.Path, Name: z.Name, Component: z.Component.ID, Kind: z.Component.Kind, Status: string(z.Status), Reason: reason(z),
		})
	}
	inv.CounterState = counterState(zones, err)
	if err != nil {
		inv.CounterError = err.Error()
	}
	inv.Fix = append(inv.Fix, fixes(inv.CounterState, hasPerf(root))...)
	inv.FixNote = fixNote(inv.CounterState, hasPerf(root), inv.Host.Virtual)
	m, err := estimate.Open(root)
	if err != nil {
		inv.ModelError = err.Error()
	}
	if m != nil {
		if c.calibration != nil {
			if err := m.Calibrate(c.calibration); err != nil {
				inv.Problems = append(inv.Problems, err.Error())
			}
		}
		inv.Model = modelOf(m.Model())
		_ = m.Close()
	}
	inv.Calibrate, inv.CalibrateNote = calibrateFix(inv)
	addGPUs(ctx, &inv, root, library)
	inv.Settle()
	return inv
}

// regionOf is the place whose grid a run here would be multiplied with.
func regionOf(ctx context.Context, c *settings) screen.Region {
	r := screen.Region{Zone: c.Region, Hint: c.cloudHint()}
	grid := c.Intensity
	if grid == nil && c.Table != nil {
		grid = c.Table
	}
	if grid == nil {
		return r
	}
	if in, err := grid.Intensity(ctx, regions.Query{Zone: c.Region}); err == nil {
		r.Name, r.PerKWh, r.Scope, r.Year = in.Name, float64(in.PerKWh), string(in.Scope), in.Year
	}
	return r
}

// gpuWait is how long devices waits for a driver.
const gpuWait = 10 * time.Second

func addGPUs(ctx context.Context, inv *screen.Inventory, root fs.FS, library string) {
	ctx, cancel := context.WithTimeout(ctx, gpuWait)
	defer cancel()
	list, err := nvml.Inspect(ctx, nvml.Options{Library: library, Env: os.LookupEnv, Root: root})
	if err != nil && (library != "" || len(list) > 0 || !errors.Is(err, energy.ErrUnavailable)) {
		inv.GPUError = err.Error()
	}
	for _, d := range list {
		row := screen.GPU{
			Index: d.Index, UUID: d.UUID, Name: d.Name, Driver: d.Driver, Visible: d.Visible, Way: string(d.Way),
			Resolution: d.Resolution.Seconds(), LimitWatts: d.Limit.Watts(),
			Missing: append([]string{}, d.Missing...), Notes: append([]string{}, d.Notes...),
		}
		if d.Way == nvml.LimitTimesUse {
			c := d.Components[0]
			row.Modelled, row.BandLow, row.BandHigh = true, c.BandLow, c.BandHigh
			row.Notes = append(row.Notes, "neither energy nor power is shown; full use took 0.22 to 1 of the limit in what others have measured")
		} else if d.Sensor != "" {
			row.Notes = append(row.Notes, d.Sensor)
		}
		if d.Err != nil {
			row.Error = d.Err.Error()
		}
		inv.GPUs = append(inv.GPUs, row)
		inv.Host.GPUs = append(inv.Host.GPUs, d.Name)
	}
}

func modelOf(m estimate.Model) *screen.Model {
	d := &screen.Model{
		CPU: m.Name, How: string(m.How), SKU: m.SKU, TDPWatts: m.TDP.Watts(), Threads: m.Threads, Virtual: m.Virtual,
		IdleWatts: m.Idle.Watts(), MaxWatts: m.Max.Watts(), Band: m.Band, Clock: m.Clock,
		MemoryGiB: m.MemoryGiB, MemoryIdleW: m.MemoryIdle.Watts(), MemoryMaxW: m.MemoryMax.Watts(), Notes: []screen.ModelNote{},
	}
	for _, n := range m.Notes {
		d.Notes = append(d.Notes, screen.ModelNote{Code: n.Code, Text: n.Text})
	}
	return d
}

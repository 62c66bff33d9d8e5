package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/rapl"
)

// The times that a calibration may take: seven loads of at least two seconds.
const minCalibration, maxCalibration = 14 * time.Second, time.Hour

func (a *app) calibrate() *cobra.Command {
	var length time.Duration
	var file, root string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure idle and full power, for where no counter is readable",
		Long: `Load the machine in steps (idle, half, full; integer, floating point, memory) at
low priority, read its energy counters, and write its idle and full power to a
file. With the setting calibration = FILE, runs on the same machine that cannot
read counters (containers, CI jobs) are modelled from it, at ± 20 % or the error
that was measured. Run it on an otherwise idle machine.`,
		Example: `  carbonctl calibrate
  carbonctl calibrate --duration 5m --output ~/carbon/calibration.json
  carbonctl wrap --calibration calibration.json -- python train.py`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkRoot(root); err != nil {
				return err
			}
			if length < minCalibration || length > maxCalibration {
				return fmt.Errorf("--duration: must be from %s to %s, not %s", format.Duration(minCalibration), format.Duration(maxCalibration), format.Duration(length))
			}
			if err := output.Check(file); err != nil { // before it takes a minute
				return fmt.Errorf("--output: %w", err)
			}
			c, err := a.measure(cmd.Context(), root, length)
			if err != nil {
				return err
			}
			if err := output.Write(file, func(w io.Writer) error {
				e := json.NewEncoder(w)
				e.SetIndent("", "  ")
				return e.Encode(c)
			}); err != nil {
				return err
			}
			if asJSON {
				return output.JSON(a.out, c)
			}
			if abs, err := filepath.Abs(file); err == nil {
				file = abs
			}
			_, err = io.WriteString(a.out, calibrated(c, file))
			return err
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.DurationVar(&length, "duration", time.Minute, "`TIME` total time of all loads, 14s to 1h")
	f.StringVarP(&file, "output", "o", "calibration.json", "`FILE` write the calibration to FILE")
	f.StringVar(&root, "root", "/", rootUsage)
	f.BoolVar(&asJSON, "json", false, "also print as JSON")
	return cmd
}

// measure calibrates the machine until it is done or somebody ends it.
func (a *app) measure(ctx context.Context, root string, length time.Duration) (*estimate.Calibration, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	machine := proc.Root(root)
	counters, err := rapl.Open(machine)
	if counters != nil {
		defer counters.Close()
	}
	if err != nil { // some of them would be a part of the machine
		return nil, fmt.Errorf("%w: %w", estimate.ErrUncounted, err)
	}
	threads := runtime.NumCPU()
	a.tell(fmt.Sprintf("loading %d threads for %s at low priority; Ctrl-C stops it", threads, format.Duration(length)))
	memory, _ := proc.MemoryTotal(machine) // 0: the least
	c, err := estimate.Measure(ctx, machine, counters, loadOf(threads, memory), length)
	if ctx.Err() != nil {
		return nil, errors.New("calibration stopped; nothing written")
	}
	return c, err
}

// calibrated is the answer: what was found, and how it is used.
func calibrated(c *estimate.Calibration, file string) string {
	var b strings.Builder
	line := func(name string, f estimate.PowerFit) {
		fmt.Fprintf(&b, "  %-10s %s idle, %s at full load (÷ and × %.2f)\n", name, watts(f.IdleWatts), watts(f.FullWatts), f.Band)
	}
	fmt.Fprintf(&b, "calibrated: %s, %d threads\n", format.Clean(c.Machine.CPU), c.Machine.Threads)
	line("CPU", c.CPU)
	if c.Memory != nil {
		line("memory", *c.Memory)
	} else {
		fmt.Fprintf(&b, "  %-10s no counter: modelled as before\n", "memory")
	}
	fmt.Fprintf(&b, "  %-10s %s\n", "counters", strings.Join(c.Counters, ", "))
	fmt.Fprintf(&b, "  %-10s %s\n", "written", file)
	fmt.Fprintf(&b, "  %-10s CARBONCTL_CALIBRATION=%s, or calibration in config.toml\n", "use", file)
	return b.String()
}

func watts(w float64) string { return fmt.Sprintf("%.3g W", energy.Watts(w).Watts()) }

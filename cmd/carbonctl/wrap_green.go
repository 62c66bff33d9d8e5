package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/wait"
	"github.com/carbonctl/carbonctl/regions"
)

// greenFlags say how long a command may wait for a greener grid.
type greenFlags struct {
	bound  time.Duration // 0: it does not wait
	length time.Duration // of the work
	save   string        // the least part of the emissions to wait for: "5%"
}

func (g *greenFlags) add(f *pflag.FlagSet) {
	f.DurationVar(&g.bound, "wait-for-green", 0, "`TIME` wait for the greenest start, up to this long: 6h")
	f.DurationVar(&g.length, "for", time.Hour, "`TIME` with --wait-for-green: expected duration of the command")
	f.StringVar(&g.save, "save", "1%", "`SHARE` with --wait-for-green: start now if waiting saves less than this: 5%")
}

func (g *greenFlags) check(zone string) error {
	switch {
	case g.bound < 0:
		return fmt.Errorf("--wait-for-green: must be 0 or more, not %v", g.bound)
	case g.length <= 0:
		return fmt.Errorf("--for: must be above 0, not %v", g.length)
	case g.bound > 0 && zone == "":
		return errors.New("--wait-for-green: no region given: use --region ZONE")
	}
	_, err := g.part()
	return err
}

// part is what --save says, 0 to 1.
func (g *greenFlags) part() (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(g.save, "%")), 64)
	if err != nil || !(n > 0 && n < 100) || !strings.HasSuffix(g.save, "%") {
		return 0, fmt.Errorf("--save: invalid share %.20q: use more than 0%% and less than 100%%, such as 5%%", g.save)
	}
	return n / 100, nil
}

// interrupted is the exit code of a command that was given up before it began.
const interrupted = 128 + int(syscall.SIGINT)

// waitForGreen waits, where that is wanted, until the command is to start.
func (w *wrapping) waitForGreen(ctx context.Context, ahead regions.Forecaster) (*footprint.Wait, error) {
	if w.green.bound == 0 {
		return nil, nil
	}
	save, err := w.green.part()
	if err != nil {
		return nil, err
	}
	dir, _ := os.Getwd() // "" is a key too
	o := wait.Options{
		Bound: w.green.bound, Length: w.green.length, Zone: w.config.Region, Table: w.config.Table, Ahead: ahead, Save: save,
		Dir: waitsDir(), Key: wait.Key(dir, w.args),
	}
	if !w.quiet && !w.json {
		o.Say = func(text string) { w.say(text, "") }
	}
	var start atomic.Pointer[time.Time]
	o.Planned = func(t time.Time) { start.Store(&t) }
	defer w.status.Every(0, time.Second, func() string {
		if t := start.Load(); t != nil {
			return "starts in " + strings.TrimSuffix(format.Left(time.Until(*t)), " left")
		}
		return ""
	})()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	return wait.ForGreen(ctx, o)
}

// waitsDir is where waits are kept, "" for nowhere.
func waitsDir() string {
	if file := config.DefaultLedger(); file != "" {
		return filepath.Join(filepath.Dir(file), "waits")
	}
	return ""
}

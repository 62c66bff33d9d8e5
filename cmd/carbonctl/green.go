package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
)

// greenFlags say how long a command may wait for a greener grid.
type greenFlags struct {
	bound  time.Duration // 0: it does not wait
	length time.Duration // of the work
}

func (g *greenFlags) add(f *pflag.FlagSet) {
	f.DurationVar(&g.bound, "wait-for-green", 0, "start when the grid is greenest, at most this `TIME` later: 6h")
	f.DurationVar(&g.length, "for", time.Hour, "`TIME` that the command takes, for --wait-for-green")
}

func (g *greenFlags) check(zone string) error {
	switch {
	case g.bound < 0:
		return fmt.Errorf("--wait-for-green: %v is below 0", g.bound)
	case g.length <= 0:
		return fmt.Errorf("--for: %v is not above 0", g.length)
	case g.bound > 0 && zone == "":
		return errors.New("--wait-for-green: no region given: set --region to where the command runs")
	}
	return nil
}

// interrupted is the exit code of a command that was given up before it began.
const interrupted = 128 + int(syscall.SIGINT)

// waitForGreen waits, where that is wanted, until the command is to start.
func (w *wrapping) waitForGreen(ctx context.Context, ahead regions.Forecaster) (*footprint.Wait, error) {
	if w.green.bound == 0 {
		return nil, nil
	}
	g := &waiting{greenFlags: w.green, zone: w.config.Region, table: w.config.Table, ahead: ahead, say: func(string) {}}
	if !w.quiet && !w.json {
		g.say = func(text string) { w.say(text, "") }
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	dir, _ := os.Getwd() // "" is a key too
	return g.wait(ctx, waitsDir(), keyOf(dir, w.args))
}

// A waiting is one wait for a greener grid.
type waiting struct {
	greenFlags
	zone  string
	table *regions.Table
	ahead regions.Forecaster // nil: the table's typical hours
	say   func(text string)
}

const (
	// replan is how often the forecast is asked for again.
	replan = 30 * time.Minute
	// nap is the longest sleep: the clock of sleeping stands while the machine is
	// suspended, and the bound is one of the wall clock.
	nap = time.Minute
	// worth is the least part of the emissions to wait for.
	worth = 0.01
	// moved is how much the start must change to be told again.
	moved = 5 * time.Minute
)

// wait returns when the command is to start, and how that was decided. It takes
// the wait up where an earlier one of the same key, in the folder of waits, was
// broken off. Its error is that of ctx: the command is then not to be started, and
// nothing is left to take up.
func (g *waiting) wait(ctx context.Context, dir, key string) (*footprint.Wait, error) {
	memo, err := openMemo(dir, key, g.bound, wall())
	if err != nil {
		g.say(fmt.Sprintf("--wait-for-green: %v; a restart would begin the wait anew", err))
	}
	defer memo.remove()
	w := &footprint.Wait{AskedAt: memo.AskedAt, StartBy: memo.AskedAt.Add(g.bound), AtOnce: memo.AtOnce}
	if memo.old {
		g.say("resuming the wait that began " + local(w.AskedAt))
	}
	for {
		start, err := g.plan(ctx, w)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			w.Reason, w.Note = footprint.WaitBlind, strings.ReplaceAll(err.Error(), "\n", "; ")
			g.say("not waiting for a greener grid: " + w.Note)
			return w, nil
		}
		if w.AtOnce != memo.AtOnce {
			memo.AtOnce = w.AtOnce
			_ = memo.write() // else the old figure stands
		}
		until := wall().Add(replan)
		if start.Before(until) {
			until = start
		}
		for left := until.Sub(wall()); left > 0; left = until.Sub(wall()) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(min(left, nap)):
			}
		}
		if !wall().Before(start) {
			g.say("starting " + g.why(w))
			return w, nil
		}
	}
}

// why says why the command starts now.
func (g *waiting) why(w *footprint.Wait) string {
	waited := wall().Sub(w.AskedAt)
	switch {
	case w.Reason == footprint.WaitBound:
		return "now: the time to wait was over at " + local(w.StartBy)
	case waited < time.Minute && *w.PerKWh >= *w.AtOnce*(1-worth):
		return fmt.Sprintf("at once: by %s, a later start within %s saves less than %s", foreseen(w.Kind), report.Duration(g.bound), report.Percent(worth))
	}
	return fmt.Sprintf("after %s: %s g/kWh expected, by %s; %s without the wait", report.Duration(waited), grams(*w.PerKWh), foreseen(w.Kind), grams(*w.AtOnce))
}

// plan finds when to start, which is past or now for at once, and notes it in w.
func (g *waiting) plan(ctx context.Context, w *footprint.Wait) (start time.Time, err error) {
	now := wall()
	if !now.Before(w.StartBy) {
		w.Reason = footprint.WaitBound
		return now, nil
	}
	found, err := greenest(ctx, g.ahead, g.table, regions.Query{Zone: g.zone, Time: now}, g.length, w.StartBy.Add(g.length))
	if planned := w.PlannedFor; planned != nil && (err != nil || w.Kind == string(regions.Forecast) && found.Kind != w.Kind) {
		return *planned, nil // what was known before is better than nothing, or than typical hours
	}
	if err != nil {
		return now, err
	}
	if start = found.From; found.Saving < worth {
		start, found.PerKWh = now, found.Now
	}
	before, planned := w.PlannedFor, start.UTC().Truncate(time.Millisecond)
	w.Reason, w.PlannedFor, w.PerKWh = footprint.WaitGreenest, &planned, &found.PerKWh
	w.Kind, w.Scope, w.Marginal, w.Source, w.Note = found.Kind, found.Scope, found.Marginal, found.Source, found.Instead
	if w.AtOnce == nil {
		w.AtOnce = &found.Now
	}
	if start.After(now) && (before == nil || start.Sub(*before).Abs() >= moved) {
		g.say(fmt.Sprintf("waiting until %s, in %s: %s g/kWh then, %s now, by %s; it starts by %s at the latest",
			local(start), report.Duration(start.Sub(now).Round(time.Second)), grams(found.PerKWh), grams(found.Now), foreseen(found.Kind), local(w.StartBy)))
	}
	return start, nil
}

// foreseen says by what a figure of hours to come is known.
func foreseen(kind string) string {
	if kind == string(regions.Profile) {
		return "typical hours"
	}
	return "a " + kind
}

// wall is the time by the wall clock alone, which goes on while the machine is
// suspended.
func wall() time.Time { return time.Now().Round(0) }

func local(t time.Time) string { return t.Local().Format(minuteLayout) }

// waitsDir is where waits are kept, "" for nowhere.
func waitsDir() string {
	if file := config.DefaultLedger(); file != "" {
		return filepath.Join(filepath.Dir(file), "waits")
	}
	return ""
}

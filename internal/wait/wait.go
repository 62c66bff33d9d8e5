// Package wait decides when work that can wait is to start: at the greenest hours of a live
// forecast or, without one, of the zone's typical hours. A wait that was broken off is
// taken up again.
package wait

import (
	"context"
	"fmt"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/regions"
)

// Options say what is to be waited for.
type Options struct {
	Bound  time.Duration // how long it may be waited
	Length time.Duration // of the work
	Zone   string
	Table  *regions.Table
	Ahead  regions.Forecaster // nil: the table's typical hours
	// Save is the least part of the emissions to wait for, 0 for one per cent.
	Save float64
	// Dir and Key are the folder in which waits are kept, "" for nowhere, and what names
	// this one: see [Key].
	Dir, Key string
	Say      func(text string) // is told what is decided; nil: nobody is
	// Planned is told when the work is to start, each time that this is decided; nil:
	// nobody is.
	Planned func(start time.Time)
}

type waiting struct{ Options }

const (
	// replanEvery is how often the forecast is asked for again.
	replanEvery = 30 * time.Minute
	// maxSleep is the longest sleep: the clock of sleeping stands while the machine is
	// suspended, and the bound is one of the wall clock.
	maxSleep = time.Minute
	// minSaving is the least part of the emissions to wait for, where none is given.
	minSaving = 0.01
	// minShift is how much the start must change to be told again.
	minShift = 5 * time.Minute
)

// ForGreen returns when the work is to start, and how that was decided. It takes
// the wait up where an earlier one of the same key, in the folder of waits, was
// broken off. Its error is that of ctx: the work is then not to be started, and
// nothing is left to take up.
func ForGreen(ctx context.Context, o Options) (*footprint.Wait, error) {
	if o.Save == 0 {
		o.Save = minSaving
	}
	g := &waiting{o}
	if g.Say == nil {
		g.Say = func(string) {}
	}
	kept, err := openRecord(g.Dir, g.Key, g.Bound, wall())
	if err != nil {
		g.Say(fmt.Sprintf("--wait-for-green: %v; a restart would begin the wait anew", err))
	}
	defer kept.remove()
	w := &footprint.Wait{AskedAt: kept.AskedAt, StartBy: kept.AskedAt.Add(g.Bound), AtOnce: kept.AtOnce}
	if kept.resumed {
		g.Say("resuming the wait that began " + local(w.AskedAt))
	}
	for {
		start, err := g.plan(ctx, w)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			w.Reason, w.Note = footprint.WaitBlind, err.Error()
			g.Say("not waiting for a greener grid: " + w.Note)
			return w, nil
		}
		if w.AtOnce != kept.AtOnce {
			kept.AtOnce = w.AtOnce
			_ = kept.write() // else the old figure stands
		}
		if g.Planned != nil {
			g.Planned(start)
		}
		until := wall().Add(replanEvery)
		if start.Before(until) {
			until = start
		}
		for left := until.Sub(wall()); left > 0; left = until.Sub(wall()) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(min(left, maxSleep)):
			}
		}
		if !wall().Before(start) {
			g.Say("starting " + g.why(w))
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
	case waited < time.Minute && *w.PerKWh >= *w.AtOnce*(1-g.Save):
		return fmt.Sprintf("now: by %s, a later start within %s saves less than %s", foreseen(w.Kind), format.Duration(g.Bound), format.Percent(g.Save))
	}
	return fmt.Sprintf("after %s: %s g/kWh expected, by %s; %s without the wait", format.Duration(waited), format.Digits(*w.PerKWh), foreseen(w.Kind), format.Digits(*w.AtOnce))
}

// plan finds when to start, which is past or now for at once, and notes it in w.
func (g *waiting) plan(ctx context.Context, w *footprint.Wait) (start time.Time, err error) {
	now := wall()
	if !now.Before(w.StartBy) {
		w.Reason = footprint.WaitBound
		return now, nil
	}
	found, err := Greenest(ctx, g.Ahead, g.Table, regions.Query{Zone: g.Zone, Time: now}, g.Length, w.StartBy.Add(g.Length))
	if planned := w.PlannedFor; planned != nil && (err != nil || w.Kind == string(regions.Forecast) && found.Kind != w.Kind) {
		return *planned, nil // what was known before is better than nothing, or than typical hours
	}
	if err != nil {
		return now, err
	}
	if start = found.From; found.Saving < g.Save {
		start, found.PerKWh = now, found.Now
	}
	before, planned := w.PlannedFor, start.UTC().Truncate(time.Millisecond)
	w.Reason, w.PlannedFor, w.PerKWh = footprint.WaitGreenest, &planned, &found.PerKWh
	w.Kind, w.Scope, w.Marginal, w.Source, w.Note = found.Kind, found.Scope, found.Marginal, found.Source, found.Instead
	if w.AtOnce == nil {
		w.AtOnce = &found.Now
	}
	if start.After(now) && (before == nil || start.Sub(*before).Abs() >= minShift) {
		g.Say(fmt.Sprintf("waiting until %s, in %s: %s g/kWh then, %s now, by %s; it starts by %s at the latest",
			local(start), format.Duration(start.Sub(now).Round(time.Second)), format.Digits(found.PerKWh), format.Digits(found.Now), foreseen(found.Kind), local(w.StartBy)))
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

func local(t time.Time) string { return t.Local().Format(format.MinuteLayout) }

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/live"
	"github.com/carbonctl/carbonctl/report"
)

// patience is how long a forecast may take to come, with all tries.
const patience = 20 * time.Second

// window is when some work would emit least, as "when" answers it.
type window struct {
	Zone        string `json:"zone"`
	Name        string `json:"name"`
	CloudRegion string `json:"cloud_region"` // "aws:eu-west-1", "" if none was named
	// The work begins From on and is done at To; Wait is how long that is to come.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Wait float64   `json:"wait_s"`
	By   time.Time `json:"by"`
	// PerKWh is the mean over the window, Now that of one that begins at once.
	PerKWh   float64 `json:"g_per_kwh"`
	Now      float64 `json:"now_g_per_kwh"`
	Saving   float64 `json:"saving"` // part of the emissions that waiting avoids, 0 to 1
	Kind     string  `json:"kind"`   // forecast, or profile for typical hours
	Scope    string  `json:"scope"`
	Marginal bool    `json:"marginal"` // what one more kWh would emit
	// Until is how far the forecast reaches, where that is well before By.
	Until   *time.Time `json:"known_until"`
	Source  string     `json:"source"`
	Licence string     `json:"licence"`
	Instead string     `json:"instead"`
}

// greenest finds when work of a length, from q.Time on and done by a time, emits
// least: by the forecast of a live service or, where that is nil or fails, by the
// table's typical hours, and then Instead says so.
func greenest(ctx context.Context, ahead regions.Forecaster, t *regions.Table, q regions.Query, length time.Duration, by time.Time) (window, error) {
	if by.Sub(q.Time) < length {
		return window{}, fmt.Errorf("work of %v does not fit between now and %s", length, by.Format(minuteLayout))
	}
	series, err := forecast(ctx, ahead, t, q, by)
	if err != nil {
		return window{}, err
	}
	slot, err := regions.Window(series, length, q.Time, by)
	if err != nil {
		return window{}, err
	}
	in := series[0]
	w := window{
		Zone: in.Zone, Name: in.Name, From: slot.From.UTC(), To: slot.To.UTC(), Wait: slot.From.Sub(q.Time).Seconds(), By: by.UTC(),
		PerKWh: float64(slot.PerKWh), Now: float64(slot.Now), Saving: slot.Saving(), Kind: string(slot.Kind),
		Scope: string(in.Scope), Marginal: in.Marginal, Source: in.Source, Licence: in.Licence, Instead: in.Instead,
	}
	if in.Provider != "" {
		w.CloudRegion = in.Provider + ":" + in.CloudRegion
	}
	if end := series[len(series)-1].To.UTC(); w.By.Sub(end) > 10*time.Minute {
		w.Until = &end
	}
	return w, nil
}

func forecast(ctx context.Context, ahead regions.Forecaster, t *regions.Table, q regions.Query, by time.Time) ([]regions.Intensity, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return regions.ElseForecast(ahead, t).Forecast(ctx, q, by)
}

// A plan is work to come, as the flags of when describe it.
type plan struct {
	length      time.Duration
	by, from    string
	service     string
	now         time.Time
	start, last time.Time
}

// times reads when the work may begin and is to be done.
func (p *plan) times() (err error) {
	if p.last, err = moment(p.by, p.now); err != nil {
		return fmt.Errorf("--by: %w", err)
	}
	p.start = p.now
	if p.from != "" {
		if p.start, err = moment(p.from, p.now); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
	}
	switch start := p.start.Format(minuteLayout); {
	case p.length <= 0:
		return fmt.Errorf("--for: %v is not above 0", p.length)
	case p.start.Before(p.now.Add(-time.Minute)):
		return fmt.Errorf("--from: %s is past", start)
	case p.last.Before(p.start.Add(p.length)):
		return fmt.Errorf("--by: work of %s that begins %s is not done by %s", report.Duration(p.length), start, p.last.Format(minuteLayout))
	}
	return nil
}

// window finds the greenest hours for the work.
func (p *plan) window(ctx context.Context, flags *pflag.FlagSet) (window, error) {
	t, err := table(flags)
	if err != nil {
		return window{}, err
	}
	scope, _ := flags.GetString("scope")
	q := regions.Query{Scope: regions.Scope(scope), Time: p.start}
	if scope != "" && q.Scope != regions.Lifecycle && q.Scope != regions.Direct {
		return window{}, fmt.Errorf("--scope: %.40q is neither lifecycle nor direct", scope)
	}
	if q.Zone, err = region(flags); err != nil {
		return window{}, err
	}
	if q.Zone == "" {
		return window{}, errors.New("when: no region given: set --region to where the work would run")
	}
	var ahead regions.Forecaster
	if p.service != "" {
		if ahead, err = live.Forecasts(p.service, liveOptions(t)); err != nil {
			return window{}, fmt.Errorf("--live: %w", err)
		}
	}
	return greenest(ctx, ahead, t, q, p.length, p.last)
}

func (a *app) when() *cobra.Command {
	var asJSON bool
	var p plan
	cmd := &cobra.Command{
		Use:   "when",
		Short: "Find the hours at which work would emit least",
		Long: `Find when work of a known length would emit least, from a live forecast or,
without one, from typical hourly profiles of the zone (no weather).`,
		Example: `  carbonctl when --region US-NY --for 4h --by 'tomorrow 18:00'
  carbonctl when --region GB --for 90m --by +24h --live gbcarbon
  CARBONCTL_ELECTRICITYMAPS_TOKEN=… carbonctl when --region FR --for 8h \
    --by 2026-12-01T08:00:00Z --live electricitymaps --json`,
		Args: cobra.MaximumNArgs(1), // --by tomorrow 18:00, as people write it
		RunE: func(cmd *cobra.Command, args []string) error {
			p.now = time.Now()
			if len(args) > 0 {
				if !cmd.Flags().Changed("by") {
					return fmt.Errorf("when: unexpected argument %.40q; the deadline is --by", args[0])
				}
				p.by += " " + args[0]
			}
			if err := p.times(); err != nil {
				return err
			}
			w, err := p.window(cmd.Context(), cmd.Flags())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, w)
			}
			var page report.Page
			w.print(&page, p.now)
			_, err = page.WriteTo(a.out)
			return err
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.DurationVar(&p.length, "for", time.Hour, "`TIME` that the work takes: 90m, 4h")
	f.StringVar(&p.by, "by", "+24h", "`WHEN` it is to be done: +24h, 'tomorrow 18:00', 18:00, 'monday 9:00', or RFC 3339")
	f.StringVar(&p.from, "from", "", "`WHEN` it may begin (default: now)")
	f.String("region", "", "`ZONE` where it would run (default: as set)")
	f.StringVar(&p.service, "live", "", "`NAME` of a live forecast: "+strings.Join(live.Forecasting(), ", "))
	f.String("scope", "", "`SCOPE`: lifecycle, or direct for what leaves the stack")
	tableFlag(f)
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// print shows a window to a person, in the time zone of now.
func (w window) print(p *report.Page, now time.Time) {
	local := func(t time.Time) string { return t.In(now.Location()).Format(minuteLayout) }
	if wait := time.Duration(w.Wait * float64(time.Second)); wait < time.Minute {
		p.Title("begin now, " + local(w.From))
	} else {
		p.Title(fmt.Sprintf("begin %s, in %s", local(w.From), report.Duration(w.From.Sub(now).Round(time.Minute))))
	}
	p.Row("done", "%s; deadline %s", local(w.To), local(w.By))
	p.Row("grid", "%s: %s, %s g/kWh then, %s now", cmp.Or(w.CloudRegion, w.Zone), w.Name, grams(w.PerKWh), grams(w.Now))
	p.Row("saving", "%s compared with starting now", report.Percent(w.Saving))
	kind := map[string]string{string(regions.Profile): "typical hourly profile (no weather)", string(regions.Forecast): "a forecast"}[w.Kind]
	if w.Marginal {
		kind += ", marginal: what one more kWh would emit; reports do not count such a saving"
	} else if w.Scope != "" {
		kind += ", " + w.Scope + " emissions"
	}
	p.Row("by", "%s", cmp.Or(kind, w.Kind))
	if w.Instead != "" {
		p.Row("", "%s", w.Instead)
	}
	if w.Until != nil {
		p.Row("", "the forecast ends %s; later hours were not considered", local(*w.Until))
	}
	p.Row("source", "%s", w.Source)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/internal/timespec"
	"github.com/carbonctl/carbonctl/internal/wait"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/live"
)

// A timing is work to come, as the flags of when describe it.
type timing struct {
	length      time.Duration
	by, from    string
	service     string
	now         time.Time
	start, last time.Time
}

// times reads when the work may begin and is to be done.
func (p *timing) times() (err error) {
	if p.last, err = timespec.Coming(p.by, p.now); err != nil {
		return fmt.Errorf("--by: %w", err)
	}
	p.start = p.now
	if p.from != "" {
		if p.start, err = timespec.Coming(p.from, p.now); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
	}
	switch start := p.start.Format(format.MinuteLayout); {
	case p.length <= 0:
		return fmt.Errorf("--for: must be above 0, not %v", p.length)
	case p.start.Before(p.now.Add(-time.Minute)):
		return fmt.Errorf("--from: %s is in the past", start)
	case p.last.Before(p.start.Add(p.length)):
		return fmt.Errorf("--by: work of %s from %s does not fit before %s", format.Duration(p.length), start, p.last.Format(format.MinuteLayout))
	}
	return nil
}

// window finds the greenest hours for the work.
func (p *timing) window(ctx context.Context, flags *pflag.FlagSet) (screen.Window, error) {
	t, err := table(flags)
	if err != nil {
		return screen.Window{}, err
	}
	scope, _ := flags.GetString("scope")
	q := regions.Query{Scope: regions.Scope(scope), Time: p.start}
	if scope != "" && q.Scope != regions.Lifecycle && q.Scope != regions.Direct {
		return screen.Window{}, fmt.Errorf("--scope: invalid scope %.40q: use lifecycle or direct", scope)
	}
	if q.Zone, err = region(flags); err != nil {
		return screen.Window{}, err
	}
	if q.Zone == "" {
		return screen.Window{}, errors.New("no region given: use --region ZONE")
	}
	var ahead regions.Forecaster
	if p.service != "" {
		if ahead, err = live.Forecasts(p.service, liveOptions(t)); err != nil {
			return screen.Window{}, fmt.Errorf("--live: %w", err)
		}
	}
	return wait.Greenest(ctx, ahead, t, q, p.length, p.last)
}

func (a *app) when() *cobra.Command {
	var asJSON bool
	var p timing
	cmd := &cobra.Command{
		Use:   "when",
		Short: "Find the start time with the least emissions",
		Long: `Find the start time with the least emissions for work of a known duration, by a
live forecast or by the zone's typical hours, which ignore the weather.`,
		Example: `  carbonctl when --region US-NY --for 4h --by 'tomorrow 18:00'
  carbonctl when --region GB --for 90m --by +24h --live gbcarbon
  CARBONCTL_ELECTRICITYMAPS_TOKEN=… carbonctl when --region FR --for 8h \
    --by 2026-12-01T08:00:00Z --live electricitymaps --json`,
		Args: atMost(1), // --by tomorrow 18:00, as people write it
		RunE: func(cmd *cobra.Command, args []string) error {
			p.now = time.Now()
			if len(args) > 0 {
				if !cmd.Flags().Changed("by") {
					return fmt.Errorf("unexpected argument %.40q; the deadline is --by", args[0])
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
				return output.JSON(a.out, w)
			}
			return w.Text(a.out, p.now, a.screen(a.out))
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.DurationVar(&p.length, "for", time.Hour, "`TIME` duration of the work: 90m, 4h")
	f.StringVar(&p.by, "by", "+24h", "`WHEN` deadline: +24h, 'tomorrow 18:00', 18:00, 'monday 9:00', or RFC 3339")
	f.StringVar(&p.from, "from", "", "`WHEN` earliest start (default now)")
	f.String("region", "", "`ZONE` region of the work (default the setting region)")
	f.StringVar(&p.service, "live", "", "`NAME` live forecast service: "+strings.Join(live.Forecasting(), ", "))
	f.String("scope", "", "`SCOPE` lifecycle, or direct (combustion only)")
	tableFlag(f)
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

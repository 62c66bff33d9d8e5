package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/live"
)

func (a *app) regions() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "regions",
		Short: "Show the carbon intensity of regions",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var asJSON bool
	var service string
	var more screen.Details
	show := &cobra.Command{
		Use:   "show [ZONE]",
		Short: "Show the carbon intensity of a region, or list all regions",
		Long: `Show the carbon intensity of a country, subdivision, cloud region or point, and
its source. Without ZONE, list all.`,
		Example: `  carbonctl regions show FR
  carbonctl regions show FR --years
  carbonctl regions show US-CA --json
  carbonctl regions show aws:eu-west-1
  carbonctl regions show 48.85,2.35
  carbonctl regions show`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := figureQuery(cmd.Flags())
			if err != nil {
				return err
			}
			t, err := table(cmd.Flags())
			if err != nil {
				return err
			}
			if len(args) == 0 {
				if service != "" {
					return errors.New("--live needs a ZONE")
				}
				return a.listZones(cmd.Context(), t, q, asJSON)
			}
			q.Zone = args[0]
			ctx, cancel := context.WithTimeout(cmd.Context(), liveTimeout)
			defer cancel()
			from, err := live.Over(service, liveOptions(t), q)
			if err != nil {
				return fmt.Errorf("--live: %w", err)
			}
			return a.showZone(ctx, t, q, from, more, asJSON)
		},
	}
	show.Flags().BoolVar(&more.Years, "years", false, "show all years, and the cloud provider's own figures")
	show.Flags().BoolVar(&more.Hours, "hours", false, "show the typical hours of the next day")
	show.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	show.Flags().StringVar(&service, "live", "", "`NAME` query a live service: "+strings.Join(live.Counting(), ", "))
	figureFlags(show.Flags())
	tableFlag(show.Flags())
	show.Flags().SortFlags = false
	cmd.AddCommand(show, a.regionsData())
	return cmd
}

// describe puts a zone and its figure, which is from a provider, together. A scope or year that it lacks
// is an error.
func describe(ctx context.Context, t *regions.Table, from regions.Provider, p regions.Place, q regions.Query) (screen.Zone, error) {
	z := p.Zone
	d := screen.Zone{Zone: z.Code, Name: z.Name, Kind: string(z.Kind), Guess: p.Guess, Cloud: screen.CloudOf(t, p.Cloud), Near: screen.CloudOf(t, p.Near), Data: t.Version()}
	if z.Alpha3 != "" {
		d.Alpha3 = &z.Alpha3
	}
	if d.Near != nil {
		d.Near.Kilometres = &p.Kilometres
	}
	in, err := from.Intensity(ctx, q)
	if err != nil {
		return d, err
	}
	used := screen.FigureOf(in)
	d.Used = &used
	return d, nil
}

func (a *app) showZone(ctx context.Context, t *regions.Table, q regions.Query, from regions.Provider, more screen.Details, asJSON bool) error {
	p, err := t.Place(q.Zone)
	if err != nil {
		return err
	}
	d, err := describe(ctx, t, from, p, q)
	if err != nil {
		return err
	}
	if trend, ok, err := t.Trend(q); err == nil && ok && !q.Market {
		d.Trend = &trend
	}
	all, err := t.Series(p.Zone.Code)
	if err != nil {
		return err
	}
	for _, in := range all {
		f := screen.FigureOf(in)
		if q.Scope == "" || in.Scope == q.Scope {
			d.All = append(d.All, f)
		}
	}
	slices.SortStableFunc(d.All, func(x, y screen.Figure) int { return cmp.Compare(y.Year, x.Year) })
	day := q
	day.Year = 0
	if hours, err := t.Forecast(ctx, day, time.Now().Add(24*time.Hour)); err == nil && !q.Market { // else there are none
		for _, in := range hours {
			d.Typical = append(d.Typical, screen.FigureOf(in))
		}
	}
	if asJSON {
		return output.JSON(a.out, d)
	}
	return d.Text(a.out, more)
}

func (a *app) listZones(ctx context.Context, t *regions.Table, q regions.Query, asJSON bool) error {
	if q.Market {
		return errors.New("--market needs a cloud region, such as aws:eu-west-1")
	}
	list := screen.Zones{Zones: []screen.Zone{}, Data: t.Version()}
	for z := range t.Zones() {
		q.Zone = z.Code
		p, err := t.Place(z.Code)
		if err != nil {
			return err
		}
		p.Cloud = nil                                        // of a private zone that has a cloud region's name
		if d, err := describe(ctx, t, t, p, q); err == nil { // else it has no such figure
			list.Zones = append(list.Zones, d)
		}
	}
	if len(list.Zones) == 0 {
		return fmt.Errorf("no zone has a %s intensity for %d", cmp.Or(string(q.Scope), "yearly"), q.Year)
	}
	if asJSON {
		return output.JSON(a.out, list)
	}
	return list.Text(a.out)
}

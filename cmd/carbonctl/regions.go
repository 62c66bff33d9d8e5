package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/live"
	"github.com/carbonctl/carbonctl/report"
)

// figure is an intensity as JSON has it.
type figure struct {
	PerKWh  float64 `json:"g_per_kwh"`
	Scope   string  `json:"scope"`
	Year    int     `json:"year"`
	Basis   string  `json:"basis"`
	Source  string  `json:"source"`
	Licence string  `json:"licence"`
	Kind    string  `json:"kind"`
	Market  bool    `json:"market,omitempty"`
	Instead string  `json:"instead,omitempty"` // why it is not in the usual scope
	// It holds From, until To: of a live service.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

func figureOf(in regions.Intensity) figure {
	return figure{float64(in.PerKWh), string(in.Scope), in.Year, in.Basis, in.Source, in.Licence, string(in.Kind), in.Market, in.Instead, in.From.UTC(), in.To.UTC()}
}

// cloud is a cloud region as JSON has it, with what its provider publishes.
type cloud struct {
	Provider   string           `json:"provider"`
	Region     string           `json:"cloud_region"`
	City       *string          `json:"city"`
	Latitude   *float64         `json:"latitude"`
	Longitude  *float64         `json:"longitude"`
	Kilometres *float64         `json:"distance_km,omitempty"` // from the point asked about
	Open       bool             `json:"open"`
	PUE        regions.PUE      `json:"pue"`
	Published  []regions.Figure `json:"published"`
}

func cloudOf(t *regions.Table, c *regions.CloudRegion) *cloud {
	if c == nil {
		return nil
	}
	d := &cloud{Provider: c.Provider, Region: c.Region, Open: !c.Announced, PUE: t.PUE(c), Published: append([]regions.Figure{}, c.Figures()...)}
	if c.City != "" {
		d.City, d.Latitude, d.Longitude = &c.City, &c.Point.Lat, &c.Point.Lon
	}
	return d
}

// zone is what "regions show" answers.
type zone struct {
	Zone   string  `json:"zone"`
	Alpha3 *string `json:"alpha3"`
	Name   string  `json:"name"`
	Kind   string  `json:"kind"`
	Cloud  *cloud  `json:"cloud,omitempty"`   // the cloud region asked for
	Near   *cloud  `json:"nearest,omitempty"` // the one nearest to a point
	Guess  string  `json:"guess,omitempty"`   // how the zone was found, if not by its name
	Used   *figure `json:"used"`              // what a run there is multiplied with
	// Trend of the yearly figures, over at most ten years.
	Trend *regions.Trend `json:"trend,omitempty"`
	All   []figure       `json:"series,omitempty"` // all figures, the newest first
	Data  string         `json:"data"`             // version of the table
}

// tableFlag adds the flag that table looks at.
func tableFlag(flags *pflag.FlagSet) { flags.String(config.RegionsFile, "", config.RegionsFileUsage) }

// table is the table in force: the built-in one, or that with the user's own
// laid over it.
func table(flags *pflag.FlagSet) (*regions.Table, error) {
	c, err := only(flags, config.RegionsFile)
	if err != nil {
		return nil, err
	}
	return c.Table, nil
}

// only reads the settings where of all flags those with these names are flags of
// settings. Any that is wrong is an error.
func only(flags *pflag.FlagSet, keys ...string) (*settings, error) {
	some := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, key := range keys {
		some.AddFlag(flags.Lookup(key))
	}
	c, err := configure(some)
	if err == nil {
		err = errors.Join(c.Problems...)
	}
	return c, err
}

// region is the zone that a flag names, or else the settings, or the cloud that
// this machine is in.
func region(flags *pflag.FlagSet) (string, error) {
	if zone, _ := flags.GetString("region"); flags.Changed("region") {
		return zone, nil
	}
	c, err := only(flags, config.RegionsFile)
	if err != nil {
		return "", err
	}
	c.locate(os.DirFS("/"))
	return c.Region, nil
}

// figureFlags are those that choose between the figures of a place.
func figureFlags(flags *pflag.FlagSet) {
	flags.String("scope", "", "`SCOPE`: lifecycle, or direct for what leaves the stack")
	flags.Int("year", 0, "`YEAR` of the figures (default: the newest)")
	flags.Bool("market", false, "the cloud provider's own figure, by its contracts, instead of the grid's")
}

func figureQuery(flags *pflag.FlagSet) (q regions.Query, err error) {
	scope, _ := flags.GetString("scope")
	q.Scope = regions.Scope(scope)
	q.Year, _ = flags.GetInt("year")
	q.Market, _ = flags.GetBool("market")
	switch {
	case scope != "" && q.Scope != regions.Lifecycle && q.Scope != regions.Direct:
		err = fmt.Errorf("--scope: %q is neither %s nor %s", scope, regions.Lifecycle, regions.Direct)
	case q.Year < 0:
		err = fmt.Errorf("--year: invalid year %d", q.Year)
	case scope != "" && q.Market:
		err = errors.New("--market: a figure by contracts has no --scope")
	}
	return q, err
}

func (a *app) regions() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "regions",
		Short: "Look up the carbon intensity of electricity",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var asJSON bool
	var service string
	show := &cobra.Command{
		Use:   "show [ZONE]",
		Short: "Show one region and its trend, or list all",
		Long: `Show what a kilowatt-hour emits in a country, a subdivision, a cloud region or
at a point, and how that came about; without a ZONE, list all.`,
		Example: `  carbonctl regions show FR
  carbonctl regions show US-CA --json
  carbonctl regions show aws:eu-west-1
  carbonctl regions show 48.85,2.35
  carbonctl regions show`,
		Args: cobra.MaximumNArgs(1),
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
					return errors.New("--live: name the ZONE to ask for")
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
			return a.showZone(ctx, t, q, from, asJSON)
		},
	}
	show.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	show.Flags().StringVar(&service, "live", "", "`NAME` of a live service to ask: "+strings.Join(live.Counting(), ", "))
	figureFlags(show.Flags())
	tableFlag(show.Flags())
	show.Flags().SortFlags = false
	cmd.AddCommand(show, a.regionsData())
	return cmd
}

// describe puts a zone and its figure, which is from a provider, together. A scope or year that it lacks
// is an error.
func describe(ctx context.Context, t *regions.Table, from regions.Provider, p regions.Place, q regions.Query) (zone, error) {
	z := p.Zone
	d := zone{Zone: z.Code, Name: z.Name, Kind: string(z.Kind), Guess: p.Guess, Cloud: cloudOf(t, p.Cloud), Near: cloudOf(t, p.Near), Data: t.Version()}
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
	used := figureOf(in)
	d.Used = &used
	return d, nil
}

func (a *app) showZone(ctx context.Context, t *regions.Table, q regions.Query, from regions.Provider, asJSON bool) error {
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
		f := figureOf(in)
		if q.Scope == "" || in.Scope == q.Scope {
			d.All = append(d.All, f)
		}
	}
	slices.SortStableFunc(d.All, func(x, y figure) int { return cmp.Compare(y.Year, x.Year) })
	if asJSON {
		return output.JSON(a.out, d)
	}
	a.printZone(d)
	return nil
}

func (a *app) printZone(d zone) {
	names := []string{d.Kind}
	if d.Alpha3 != nil {
		names = append(names, *d.Alpha3)
	}
	var p report.Page
	if c := d.Cloud; c != nil {
		p.Title(fmt.Sprintf("%s:%s  %s", c.Provider, c.Region, where(c)))
		p.Row("grid", "%s, %s (%s)", d.Zone, d.Name, strings.Join(names, ", "))
	} else {
		p.Title(fmt.Sprintf("%s  %s (%s)", d.Zone, d.Name, strings.Join(names, ", ")))
	}
	if d.Guess != "" {
		p.Row("found", "%s", d.Guess)
	}
	if c := d.Near; c != nil {
		p.Row("near", "%s:%s, %s, %.0f km away", c.Provider, c.Region, where(c), *c.Kilometres)
	}
	p.Row("used", "%s", usedLine(*d.Used))
	if d.Used.Instead != "" && d.Used.Instead != d.Guess {
		p.Row("", "%s", strings.TrimSuffix(d.Used.Instead, "; "+d.Guess))
	}
	if d.Trend != nil {
		p.Row("trend", "%s", trendLine(*d.Trend))
	}
	p.Row("source", "%s", d.Used.Source)
	p.Row("licence", "%s", cmp.Or(d.Used.Licence, "the service's own terms"))
	if d.Cloud != nil {
		printPublished(&p, d.Cloud)
	}
	p.Title(fmt.Sprintf("  %-10s %-11s %-4s %7s  %s", "scope", "basis", "year", "g/kWh", "source"))
	for _, f := range d.All {
		p.Line(fmt.Sprintf("  %-10s %-11s %d %7s  %s", f.Scope, f.Basis, f.Year, report.PerKWh(f.PerKWh), short(f.Source, 40)))
	}
	p.Line("")
	p.Note("The scopes are not comparable: lifecycle counts the fuel's way to the plant and the plant itself, direct only the stack. Table " + d.Data + ".")
	_, _ = p.WriteTo(a.out)
}

func usedLine(f figure) string {
	if !f.To.IsZero() {
		return fmt.Sprintf("%s g/kWh, %s, %s, until %s", report.PerKWh(f.PerKWh), cmp.Or(f.Scope, "scope not known"), f.Kind, f.To.Local().Format(report.Minute))
	}
	if f.Market {
		return fmt.Sprintf("%s g/kWh, market-based, %d", report.PerKWh(f.PerKWh), f.Year)
	}
	return fmt.Sprintf("%s g/kWh, %s, %d", report.PerKWh(f.PerKWh), f.Scope, f.Year)
}

func trendLine(t regions.Trend) string {
	s := fmt.Sprintf("%+.1f g/kWh a year, %d to %d", t.PerYear, t.First, t.Last)
	if t.Change != nil {
		s += fmt.Sprintf("; %+.0f %% in all", 100**t.Change)
	}
	return s
}

func where(c *cloud) string {
	text := "place not published"
	if c.City != nil {
		text = *c.City
	}
	if !c.Open {
		text += ", announced, not open yet"
	}
	return text
}

// measures are what providers publish, in words.
var measures = map[regions.Measure]string{
	regions.PUEMeasure: "PUE", regions.WUEMeasure: "water, l/kWh",
	regions.HourlyCFE: "carbon-free hourly, %", regions.AnnualCFE: "carbon-free yearly, %",
	regions.GridFactor: "its grid, g/kWh", regions.MarketFactor: "by contracts, g/kWh",
}

// printPublished shows the provider's own figures, which no run is multiplied
// with, apart from those of the grid.
func printPublished(p *report.Page, c *cloud) {
	p.Row("PUE", "%.3g, of the %s, %d; %s", c.PUE.Value, c.PUE.Of, c.PUE.Year, c.PUE.Source)
	if len(c.Published) == 0 {
		p.Row("published", "nothing known")
		return
	}
	p.Title(fmt.Sprintf("  %-22s %-4s %7s  %s", "published by "+c.Provider, "year", "", "source"))
	for _, f := range slices.Backward(c.Published) {
		p.Line(fmt.Sprintf("  %-22s %d %7s  %s", measures[f.Measure], f.Year, strconv.FormatFloat(f.Value, 'f', -1, 64), short(f.Source, 39)))
	}
}

func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func (a *app) listZones(ctx context.Context, t *regions.Table, q regions.Query, asJSON bool) error {
	if q.Market {
		return errors.New("--market: name a cloud region, such as aws:eu-west-1")
	}
	list := []zone{}
	for z := range t.Zones() {
		q.Zone = z.Code
		p, err := t.Place(z.Code)
		if err != nil {
			return err
		}
		p.Cloud = nil                                        // of a private zone that has a cloud region's name
		if d, err := describe(ctx, t, t, p, q); err == nil { // else it has no such figure
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return fmt.Errorf("regions: no zone has a %s figure for %d", cmp.Or(string(q.Scope), "yearly"), q.Year)
	}
	if asJSON {
		return output.JSON(a.out, map[string]any{"zones": list, "data": t.Version()})
	}
	fmt.Fprintf(a.out, "%-13s %8s  %-9s %-4s  %s\n", "zone", "g/kWh", "scope", "year", "name")
	for _, d := range list {
		fmt.Fprintf(a.out, "%-13s %8s  %-9s %d  %s\n", d.Zone, report.PerKWh(d.Used.PerKWh), d.Used.Scope, d.Used.Year, report.Clean(short(d.Name, 38)))
	}
	return nil
}

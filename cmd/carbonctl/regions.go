package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/regions"
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
	Instead string  `json:"instead,omitempty"` // why it is not in the usual scope
}

func figureOf(in regions.Intensity) figure {
	return figure{float64(in.PerKWh), string(in.Scope), in.Year, in.Basis, in.Source, in.Licence, in.Instead}
}

// zone is what "regions show" answers.
type zone struct {
	Zone   string   `json:"zone"`
	Alpha3 *string  `json:"alpha3"`
	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	Used   *figure  `json:"used"`             // what a run there is multiplied with
	All    []figure `json:"series,omitempty"` // all figures, the newest first
	Data   string   `json:"data"`             // version of the table
}

func (a *app) regions() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "regions",
		Short: "Look up the carbon intensity of electricity",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var asJSON bool
	var scope string
	var year int
	show := &cobra.Command{
		Use:   "show [ZONE]",
		Short: "Show one region and its trend, or list all",
		Example: `  carbonctl regions show FR
  carbonctl regions show US-CA --json
  carbonctl regions show`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := regions.Query{Scope: regions.Scope(scope), Year: year}
			if scope != "" && q.Scope != regions.Lifecycle && q.Scope != regions.Direct {
				return fmt.Errorf("regions: --scope %q is neither %s nor %s", scope, regions.Lifecycle, regions.Direct)
			}
			if len(args) == 0 {
				return a.listZones(cmd.Context(), q, asJSON)
			}
			q.Zone = args[0]
			return a.showZone(cmd.Context(), q, asJSON)
		},
	}
	show.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	show.Flags().StringVar(&scope, "scope", "", "`SCOPE`: lifecycle, or direct for what leaves the stack")
	show.Flags().IntVar(&year, "year", 0, "`YEAR` of the figure (default: the newest)")
	cmd.AddCommand(show)
	return cmd
}

// describe puts a zone and its figure together. A scope or year that it lacks
// is an error.
func describe(ctx context.Context, z regions.Zone, q regions.Query) (zone, error) {
	t := regions.Builtin()
	d := zone{Zone: z.Code, Name: z.Name, Kind: string(z.Kind), Data: t.Version()}
	if z.Alpha3 != "" {
		d.Alpha3 = &z.Alpha3
	}
	q.Zone = z.Code
	in, err := t.Intensity(ctx, q)
	if err != nil {
		return d, err
	}
	used := figureOf(in)
	d.Used = &used
	return d, nil
}

func (a *app) showZone(ctx context.Context, q regions.Query, asJSON bool) error {
	t := regions.Builtin()
	z, err := t.Zone(q.Zone)
	if err != nil {
		return err
	}
	d, err := describe(ctx, z, q)
	if err != nil {
		return err
	}
	all, err := t.Series(z.Code)
	if err != nil {
		return err
	}
	for _, in := range all {
		if q.Scope == "" || in.Scope == q.Scope {
			d.All = append(d.All, figureOf(in))
		}
	}
	slices.SortStableFunc(d.All, func(x, y figure) int { return cmp.Compare(y.Year, x.Year) })
	if asJSON {
		return printJSON(a.out, d)
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
	p.Title(fmt.Sprintf("%s  %s (%s)", d.Zone, d.Name, strings.Join(names, ", ")))
	p.Row("used", "%s g/kWh, %s, %d", grams(d.Used.PerKWh), d.Used.Scope, d.Used.Year)
	if d.Used.Instead != "" {
		p.Row("", "%s", d.Used.Instead)
	}
	p.Row("source", "%s", d.Used.Source)
	p.Row("licence", "%s", d.Used.Licence)
	p.Title(fmt.Sprintf("  %-10s %-11s %-4s %7s  %s", "scope", "basis", "year", "g/kWh", "source"))
	for _, f := range d.All {
		p.Line(fmt.Sprintf("  %-10s %-11s %d %7s  %s", f.Scope, f.Basis, f.Year, grams(f.PerKWh), short(f.Source, 40)))
	}
	p.Line("")
	p.Note("The scopes are not comparable: lifecycle counts the fuel's way to the plant and the plant itself, direct only the stack. Table " + d.Data + ".")
	_, _ = p.WriteTo(a.out)
}

// grams shows an intensity as exactly as its source does, to a tenth.
func grams(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func (a *app) listZones(ctx context.Context, q regions.Query, asJSON bool) error {
	list := []zone{}
	for z := range regions.Builtin().Zones() {
		if d, err := describe(ctx, z, q); err == nil { // else it has no such figure
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return fmt.Errorf("regions: no zone has a %s figure for %d", cmp.Or(string(q.Scope), "yearly"), q.Year)
	}
	if asJSON {
		return printJSON(a.out, map[string]any{"zones": list, "data": regions.Builtin().Version()})
	}
	fmt.Fprintf(a.out, "%-13s %8s  %-9s %-4s  %s\n", "zone", "g/kWh", "scope", "year", "name")
	for _, d := range list {
		fmt.Fprintf(a.out, "%-13s %8s  %-9s %d  %s\n", d.Zone, grams(d.Used.PerKWh), d.Used.Scope, d.Used.Year, short(d.Name, 38))
	}
	return nil
}

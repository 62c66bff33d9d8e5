package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// fibre is how far light comes and back in a millisecond in glass: c over a
// group index of 1.468 (ITU-T G.652 fibre at 1550 nm), half of it each way.
const fibre = 299.792458 / 1.468 / 2 // km

func (a *app) compare() *cobra.Command {
	var form formFlags
	cmd := &cobra.Command{
		Use:   "compare [RUN|LEDGER] [REGION…]",
		Short: "Rank regions by the emissions of the same work",
		Long: `Rank regions by what the same energy would emit there: that of a run (last, an
ID or a JSON file; default last), of a ledger, or --energy. The row "here" shows
the emissions as recorded.

The default REGIONs are the cloud regions of the run's provider, or of all
providers if it ran in no cloud. All intensities are of one scope, and PUE is
chosen by the same rule for all providers.`,
		Example: `  carbonctl compare
  carbonctl compare last FR DE SE
  carbonctl compare last --hours
  carbonctl compare FR DE --energy 1.2kWh
  carbonctl compare run.json --provider aws,gcp --within 1500km
  carbonctl compare ledger.csv --countries --top 0 --output ranking.csv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags := cmd.Flags()
			format, err := form.name()
			if err != nil {
				return err
			}
			w, bad, err := a.work(flags, args)
			if err != nil {
				return err
			}
			r, err := rank(flags, w)
			if err != nil {
				return err
			}
			top, _ := flags.GetInt("top")
			if !flags.Changed("top") && (format == "json" || format == "csv") {
				top = 0
			}
			if form.output == "" {
				r.Screen = a.screen(a.out)
			}
			err = form.write(a.out, func(to io.Writer) error { return r.Top(top).Write(to, format) })
			if err == nil && bad {
				err = &exitError{code: exitFinding}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.String("energy", "", "`AMOUNT` compare this energy instead of a run's: 1.2kWh, 500Wh, 3.6MJ")
	f.StringSlice("regions", nil, "`ZONES` compare with these only, like arguments: FR,DE,SE")
	f.Bool("countries", false, "also compare with countries")
	f.Bool("special", false, "include AWS Local and Wavelength Zones, government and test regions")
	f.Bool("hours", false, "also choose the hours: the greenest in the 24 h after the run began, by typical hours")
	f.Bool("predicted", false, "use the predicted energy of the whole run")
	f.String("region", "", "`ZONE` region to compare with as \"here\" (default that of the run, or the setting region)")
	f.StringSlice("provider", nil, "`NAMES` cloud providers: aws, azure, gcp … or all (default that of the run, or all)")
	f.StringSlice("continent", nil, "`NAMES` regions on these continents: europe, \"north america\" …")
	f.String("within", "", "`DISTANCE` regions within this distance: 1500km, 900mi, 20ms (round trip in fibre)")
	f.String("from", "", "`PLACE` measure the distance from a ZONE or LAT,LON (default here)")
	f.Float64("pue", 0, "`FACTOR` power usage effectiveness of every region, instead of the published ones")
	figureFlags(f)
	tableFlag(f)
	f.String("ledger", "", "`FILE` ledger to find runs in")
	f.Int("top", 20, "`N` show the best N regions; 0 for all, the default of json and csv")
	form.add(f, report.RankingFormats())
	return cmd
}

// rank compares the work in all places that were named, or everywhere that the flags
// leave.
func rank(flags *pflag.FlagSet, w work) (r report.Ranking, err error) {
	t, err := table(flags)
	if err != nil {
		return r, err
	}
	q, err := figureQuery(flags)
	if err != nil {
		return r, err
	}
	r = report.Ranking{Energy: w.energy, Low: w.low, High: w.high, Of: w.of, Recorded: w.recorded, Data: t.Version()}
	asked := q
	if q.Scope == "" && !q.Market {
		q.Scope = w.scope // as the run was accounted
	}
	here, noted, err := w.here(flags, t, &q, asked)
	if err != nil {
		return r, err
	}
	r.Notes = append(r.Notes, noted...)
	sites, without, err := w.sites(flags, t, q, here)
	if err != nil {
		return r, err
	}
	if hours, _ := flags.GetBool("hours"); hours {
		noted, err := w.atHours(t, &here, sites)
		if err != nil {
			return r, err
		}
		r.Notes = append(r.Notes, noted...)
	}
	pue := regions.PUE{Value: w.pue, Of: runs.Recorded}
	if flags.Changed("pue") {
		pue.Of = runs.Given
		if pue.Value, _ = flags.GetFloat64("pue"); !(pue.Value >= 1 && pue.Value <= footprint.MaxPUE) {
			return r, fmt.Errorf("--pue: must be from 1 to %d, not %v", footprint.MaxPUE, pue.Value)
		}
	}
	r.Places, err = runs.Compare(w.energy.KilowattHours(), pue, here, sites)
	if len(sites) == 0 {
		r.Notes = append(r.Notes, "no other place is left by these filters.")
	}
	r.All, r.Without = len(r.Places), without
	return r, err
}

// filterOf reads which places to leave out.
func filterOf(flags *pflag.FlagSet, t *regions.Table, here string) (f regions.Filter, err error) {
	f.Providers, _ = flags.GetStringSlice("provider")
	f.Continents, _ = flags.GetStringSlice("continent")
	within, _ := flags.GetString("within")
	from, _ := flags.GetString("from")
	if within == "" && from == "" {
		return f, nil
	}
	if within != "" {
		if f.Within, err = kilometres(within); err != nil {
			return f, fmt.Errorf("--within: %w", err)
		}
	}
	at := cmp.Or(from, here)
	var ok bool
	if f.From, ok = t.Point(at); ok {
		f.Distances = true
		return f, nil
	}
	if from == "" {
		return f, errors.New("--within: no place to measure from: add --from aws:eu-west-1, or --from LAT,LON")
	}
	if _, err := t.Place(from); err != nil {
		return f, fmt.Errorf("--from: %w", err)
	}
	return f, fmt.Errorf("--from: no coordinates for %.40q: use a cloud region, or LAT,LON", from)
}

// kilometres reads a distance, or a time of round trip at the speed of light in
// glass: no region further away can answer in it.
func kilometres(s string) (float64, error) {
	text := strings.TrimSpace(s)
	factor := 1.0
	for _, u := range []struct {
		name string
		km   float64
	}{{"km", 1}, {"mi", 1.609344}, {"ms", fibre}} {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			text, factor = strings.TrimSpace(number), u.km
			break
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v > 0) || v > 1e6 {
		return 0, fmt.Errorf("invalid distance %.40q: use a number and a unit, such as 1500km, 900mi or 20ms", s)
	}
	return v * factor, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/export/file"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/about"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/internal/session"
	"github.com/carbonctl/carbonctl/internal/spool"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// maxLargest is how many of the largest runs are listed.
const maxLargest = 5

// reporting is one run of report.
type reporting struct {
	reading
	by     []string
	filter filterFlags
	limit  string // --budget
	form   formFlags
	html   string // file for the page
	format string // of the totals
	last   int
	nested bool
	spread bool
	sign   string
	fleet  fleetFlags
	about  aboutFlags
}

func (a *app) report() *cobra.Command {
	r := &reporting{reading: reading{app: a}}
	cmd := &cobra.Command{
		Use:   "report [FILE|DIR|PATTERN…]",
		Short: "Summarize runs by project, host, month and more",
		Long: `Summarize the runs of ledgers: totals, groups (--by) and a list. The default is
the ledger that wrap writes. An argument is a ledger (also gzip), a directory
(all *.csv and *.csv.gz below it), a quoted pattern, a run (last, an ID or a
JSON file) or - for stdin. Killed runs are first recovered into their ledger.
prometheus:URL reads the runs of a fleet from Prometheus, of the last 30 days or
from --from to --to.

Unreadable rows are listed on stderr and skipped. The exit code is 1 if there
are any, if no run matches, or if a month exceeds --budget.`,
		Example: `  carbonctl report
  carbonctl report runs/ --by project,month --from 2026-01
  carbonctl report --label model=big --html big.html
  carbonctl report --budget 220kg --html team.html
  carbonctl report --by project --budget 50kg --format markdown
  carbonctl report prometheus:http://127.0.0.1:9090 --by project,region
  carbonctl report --statement paper --about "the models in table 2"`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.run(cmd.Context(), cmd.Flags(), args)
		},
	}
	f := cmd.Flags()
	r.filter.add(f)
	f.StringSliceVar(&r.by, "by", nil, "`KEYS` group by: project, label:NAME, host, user, region, provider, status, job, day, month, year")
	f.StringVar(&r.limit, "budget", "", "`AMOUNT` monthly budget: 50kg, 200kWh (default the setting monthly-budget)")
	r.form.add(f, withPage(report.Formats()))
	f.StringVar(&r.html, "html", "", "`FILE` write an HTML page; same as --format html --output FILE")
	f.IntVar(&r.last, "last", 20, "`N` list the latest N runs; 0 for all")
	f.BoolVar(&r.spread, "spread", false, "show mean and standard error per run of each group")
	f.BoolVar(&r.nested, "include-nested", false, "also list runs inside other runs")
	f.String("ledger", "", "`FILE` ledger to read without an argument")
	f.String(config.Car, "", config.CarUsage)
	f.StringVar(&r.sign, "sign", "", "`KEY` sign the head of a ledger to which recovered runs are added")
	r.about.add(f)
	r.fleet.add(f)
	cmd.AddCommand(a.showRun(), a.merge())
	return cmd
}

// withPage are names of formats and that of the page.
func withPage(all []string) []string {
	return slices.Insert(all, slices.Index(all, "markdown")+1, "html")
}

func (r *reporting) run(ctx context.Context, flags *pflag.FlagSet, args []string) error {
	if r.last < 0 {
		return fmt.Errorf("--last: must be 0 or more, not %d", r.last)
	}
	if err := r.look(flags); err != nil {
		return err
	}
	if err := r.form.page(r.html); err != nil {
		return err
	}
	write, err := r.writer()
	if err != nil {
		return err
	}
	t := report.Totals{Groups: &runs.Groups{}, Car: r.car, Spread: r.spread}
	if t.Filter, err = r.filter.parse(); err != nil {
		return err
	}
	for _, name := range r.by {
		key, err := runs.ParseKey(name)
		if err != nil {
			return fmt.Errorf("--by: %w", err)
		}
		t.Groups.By = append(t.Groups.By, key)
	}
	forPeople := r.about.statement == "" && !slices.Contains([]string{"json", "csv", "openmetrics", "prometheus"}, r.format)
	if forPeople && len(t.Groups.By) == 0 {
		t.Groups.By, t.Overview = []runs.Key{runs.ByProject}, true
	}
	if t.Budget = r.budget; r.limit != "" {
		if t.Budget, err = runs.ParseAllowance(r.limit); err != nil {
			return fmt.Errorf("--budget: %w", err)
		}
	}
	if err := r.fleet.connect(ctx, r, t.Filter, args); err != nil {
		return err
	}
	files, err := r.files(ctx, args)
	if err != nil {
		return err
	}
	if r.format == "html" && r.about.statement == "" {
		return r.team(flags, files, t)
	}
	list, largest := &runs.Listing{Most: r.last}, &runs.Largest{Most: maxLargest}
	r.Columns = append(t.Groups.Columns(t.Filter), "ledger_id")
	err = r.Rows(files, func(row *runs.Row) {
		if !t.Filter.Match(*row) {
			t.Groups.Beside(*row)
			return
		}
		t.Groups.Add(*row)
		if row.CountedBy == "" || r.nested {
			list.Add(row)
		}
		if row.CountedBy == "" {
			largest.Add(row)
		}
	})
	if err != nil {
		return err
	}
	t.Groups.Settle()
	if r.form.output == "" {
		t.Screen = r.screen(r.out)
	}
	t.Largest = largest.Of(t.Groups.Total.Headline().Scope)
	if t.Latest = list; r.format == "text" {
		if t.Latest = nil; flags.Changed("last") {
			t.Latest, t.Largest = list, nil
		}
	}
	if t.Groups.Total.Runs == 0 && r.filter.given(flags) {
		return r.nothing(write, t)
	}
	defer input.BoundGarbage()()
	if err := r.form.write(r.out, func(w io.Writer) error { return write(w, t) }); err != nil {
		return err
	}
	return r.finding(t)
}

// nothing is the answer where no run matches: programs get their form of it.
func (r *reporting) nothing(write func(io.Writer, report.Totals) error, t report.Totals) error {
	if r.format != "text" {
		if err := r.form.write(r.out, func(w io.Writer) error { return write(w, t) }); err != nil {
			return err
		}
	}
	return &exitError{exitFinding, report.NoMatchError{Filter: t.Filter}}
}

// writer finds what is to be written: a statement, or the totals in a format.
func (r *reporting) writer() (func(io.Writer, report.Totals) error, error) {
	if r.about.statement == "" {
		if name := r.about.alone(); name != "" {
			return nil, fmt.Errorf("--%s belongs to a statement: add --statement FORM", name)
		}
		var err error
		r.format, err = r.form.name()
		return func(w io.Writer, t report.Totals) error { return t.Write(w, r.format) }, err
	}
	if r.form.format != "" || r.form.json || len(r.by) > 0 || r.limit != "" {
		return nil, errors.New("--statement takes no --format, --json, --by or --budget")
	}
	form, about, err := r.about.parse(r.Run)
	about.Car = r.car
	return func(w io.Writer, t report.Totals) error { return report.Statement(w, form, t.Groups.Total, about) }, err
}

// files finds what to read, and adds the runs of dead trackers to it.
func (r *reporting) files(ctx context.Context, args []string) ([]input.File, error) {
	if len(args) == 0 {
		if r.Ledger == "none" || r.Ledger == "" {
			return nil, input.ErrNoLedger
		}
		args = []string{r.Ledger}
	}
	key, err := readKey(r.sign)
	if err != nil {
		return nil, err
	}
	for _, path := range args {
		if path == input.Last {
			path = r.Ledger
		}
		r.recover(ctx, path, key)
	}
	files, err := r.Files(args)
	if err != nil {
		return nil, err
	}
	return files, nil
}

// lockWait is how long we wait for others that write to the same ledger.
const lockWait = 10 * time.Second

// recover adds the runs whose tracker has died to a ledger, and says so. What
// hinders it does not hinder reading. Only ledgers that were named are written
// to: what lies in a directory may be a copy.
func (a *app) recover(ctx context.Context, path string, key ledger.Signer) {
	journals, _ := filepath.Glob(filepath.Join(path+".d", "*.lock"))
	if len(journals) == 0 {
		return
	}
	if _, err := os.Stat(path + ".head.sig"); err == nil && key == nil {
		a.say(path+" is signed: unrecorded runs are not added without its key", "give it with --sign KEY")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	redo := func(run ledger.Orphan) error {
		err := session.Redo(ctx, run, file.Redo, spool.Dir(config.Spool()))
		if err == nil {
			return nil
		}
		err = fmt.Errorf("run %s: %w", run.RunID, err)
		if errors.Is(err, session.ErrNotKept) {
			return err
		}
		a.fail(err)
		return nil
	}
	added, err := ledger.Writer{Path: path, User: about.User(), Key: key, Hand: redo}.Recover(ctx)
	var rows []footprint.Report
	for _, run := range added {
		if run.Added {
			rows = append(rows, run.Report)
		}
	}
	for _, line := range screen.Recovered(rows) {
		a.say(path+": "+line, "")
	}
	if err != nil {
		a.fail(err)
	}
}

// filterFlags say which runs are taken.
type filterFlags struct{ input.Filter }

func (f *filterFlags) add(to *pflag.FlagSet) {
	to.StringVar(&f.From, "from", "", "`TIME` runs started at TIME or later: 2026-01, yesterday, -30d, 2026-01-31T13:00:00Z")
	to.StringVar(&f.To, "to", "", "`TIME` runs started before TIME, or up to the end of that day, month or year")
	to.StringArrayVar(&f.Projects, "project", nil, "`NAME` runs of this project; repeatable, like the filters below")
	to.StringArrayVar(&f.Labels, "label", nil, "`K=V` runs with this label")
	to.StringArrayVar(&f.Hosts, "host", nil, "`NAME` runs on this host")
	to.StringArrayVar(&f.Users, "user", nil, "`NAME` runs of this user")
	to.StringArrayVar(&f.Zones, "region", nil, "`ZONE` runs in this region")
	to.StringArrayVar(&f.Statuses, "status", nil, "`STATUS` runs with this status: completed, failed, interrupted, recovered")
}

// given reports whether runs are left out by any of the flags.
func (f *filterFlags) given(flags *pflag.FlagSet) bool {
	return slices.ContainsFunc([]string{"from", "to", "project", "label", "host", "user", "region", "status"}, flags.Changed)
}

func (f *filterFlags) parse() (runs.Filter, error) {
	got, err := f.Parse(time.Now())
	if wrong := (*input.FilterError)(nil); errors.As(err, &wrong) {
		err = fmt.Errorf("--%s: %w", wrong.Name, wrong.Err)
	}
	return got, err
}

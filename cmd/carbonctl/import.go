package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/about"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/ledger/foreign"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// importing is one run of import.
type importing struct {
	reading
	path, format, timezone, sign string
	region, intensity            string
	dry, json                    bool
	// cluster completes the options for SLURM's files.
	cluster func(ctx context.Context, table *regions.Table) error

	writer  ledger.Writer
	options foreign.Options
	known   map[string]energy.Energy // run_ids that the ledger has, and what it says of them
	others  int                      // files in folders of a format that is not known
	found   []screen.ImportedFile
}

func (a *app) imports() *cobra.Command {
	m := &importing{reading: reading{app: a}}
	cmd := &cobra.Command{
		Use:   "import FILE|DIR|PATTERN…",
		Short: "Import the runs of another tool into a ledger",
		Long: `Import the runs of another tool into a ledger: CodeCarbon's emissions.csv,
CarbonTracker's logs, the export of Green Algorithms, data.json of
experiment-impact-tracker. The format is detected. FILE may be gzip, - for
stdin, or a directory, of which all *.csv, *.log and *.json are read.

Each row names its file and line, has the warning "imported", and lists what the
tool did not record. Runs already in the ledger are skipped. Implausible records
are rejected and listed on stderr, and the exit code is 1.`,
		Example: `  carbonctl import emissions.csv --ledger old-runs.csv
  carbonctl import logs/ --ledger old-runs.csv --region DK
  carbonctl import emissions.csv --dry-run --timezone Europe/Paris`,
		RunE: func(cmd *cobra.Command, args []string) error {
			zone := sync.OnceValues(func() (string, error) { return region(cmd.Flags()) })
			m.cluster = func(ctx context.Context, table *regions.Table) error {
				return m.setCluster(ctx, table, "", "", zone)
			}
			if err := m.run(cmd.Context(), cmd.Flags(), args); err != nil {
				return err
			}
			if m.bad {
				return &exitError{code: exitFinding}
			}
			return nil
		},
	}
	m.flags(cmd.Flags())
	cmd.Flags().StringVar(&m.format, "format", "", "`FORMAT` format of the files: codecarbon, carbontracker, green-algorithms, experiment-impact-tracker, sacct")
	cmd.AddCommand(a.importSacct())
	return cmd
}

// flags are those of all kinds of files.
func (m *importing) flags(f *pflag.FlagSet) {
	f.String("ledger", "", "`FILE` ledger to add to, created if missing (default yours)")
	f.StringVar(&m.timezone, "timezone", "", "`ZONE` time zone of times without one, such as Europe/Paris (default UTC)")
	f.StringVar(&m.region, "region", "", "`ZONE` region of records without emissions and intensity")
	f.StringVar(&m.intensity, "intensity", "", "`GRAMS` carbon intensity of records without one, in g CO2e/kWh")
	tableFlag(f)
	f.StringVar(&m.sign, "sign", "", "`KEY` sign the ledger's head with this OpenSSH ed25519 key")
	f.BoolVar(&m.dry, "dry-run", false, "show what would be added, without adding it")
	f.BoolVar(&m.json, "json", false, "print as JSON")
}

func (m *importing) run(ctx context.Context, flags *pflag.FlagSet, args []string) error {
	if len(args) == 0 {
		return errors.New("no file given: pass files of CodeCarbon, CarbonTracker, Green Algorithms or experiment-impact-tracker")
	}
	if err := m.look(flags); err != nil {
		return err
	}
	if m.path = m.Ledger; m.path == "none" {
		m.path = ""
	}
	if m.path == "" && !m.dry {
		return errors.New("no ledger is set: add --ledger FILE")
	}
	if err := m.parse(ctx, flags); err != nil {
		return err
	}
	m.Ends = []string{".csv", ".log", ".json", ".csv.gz", ".log.gz", ".json.gz"}
	files, err := m.Files(args)
	if none := (input.NoRunsError{}); errors.As(err, &none) {
		err = none.Err // no run of ours is meant
	}
	if err != nil {
		return err
	}
	if err := m.readKnown(); err != nil {
		return err
	}
	for _, in := range files {
		if err := m.file(ctx, in); err != nil {
			return err
		}
	}
	if m.others > 0 {
		m.say(format.Count(m.others, "file")+" in these directories: no records of another tool, not imported", "")
	}
	answer := screen.Imported{Ledger: m.path, Dry: m.dry, Files: m.found}
	if m.json {
		return output.JSON(m.out, answer)
	}
	return answer.Text(m.out, m.screen(m.out))
}

// parse reads the flags.
func (m *importing) parse(ctx context.Context, flags *pflag.FlagSet) error {
	o := &m.options
	formats := []foreign.Format{foreign.CodeCarbon, foreign.CarbonTracker, foreign.GreenAlgorithms, foreign.ImpactTracker, foreign.Slurm}
	if o.Format = foreign.Format(m.format); m.format != "" && !slices.Contains(formats, o.Format) {
		return fmt.Errorf("--format: unknown format %.40q: use one of codecarbon, carbontracker, green-algorithms, experiment-impact-tracker, sacct", m.format)
	}
	if m.timezone != "" {
		var err error
		if o.Location, err = time.LoadLocation(m.timezone); err != nil {
			return fmt.Errorf("--timezone: %w", err)
		}
	}
	known, err := table(flags)
	if err != nil {
		return err
	}
	var grid regions.Provider = known
	if m.intensity != "" {
		if grid, err = config.ParseIntensity(m.intensity, known); err != nil {
			return fmt.Errorf("--intensity: %w", err)
		}
	}
	if m.intensity != "" || m.region != "" {
		if _, err := grid.Intensity(ctx, regions.Query{Zone: m.region}); err != nil {
			return fmt.Errorf("--region: %w", err)
		}
		o.Intensity = func(at time.Time) (regions.Intensity, error) { // that of the run's year
			return grid.Intensity(ctx, regions.Query{Zone: m.region, Time: at})
		}
	}
	if err := m.cluster(ctx, known); err != nil {
		return err
	}
	key, err := readKey(m.sign)
	m.writer = ledger.Writer{Path: m.path, User: about.User(), Key: key}
	return err
}

// readKnown reads which runs the ledger has.
func (m *importing) readKnown() error {
	m.known = map[string]energy.Energy{}
	if m.path == "" {
		return nil
	}
	f, err := os.Open(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	for row, err := range ledger.Read(f, m.path, "run_id", "energy_joules") {
		if line := (*ledger.LineError)(nil); errors.As(err, &line) {
			continue // report and verify tell of it
		}
		if err != nil {
			return err
		}
		m.known[strings.Clone(row.RunID)] = row.Energy
	}
	return nil
}

// file adds the runs of one file. The error is that of the ledger, or of a file
// that can't be opened.
func (m *importing) file(ctx context.Context, in input.File) error {
	path := in.Path
	f, err := m.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	got := screen.ImportedFile{File: path, Notes: []screen.Remark{}}
	m.options.Skipped = got.Skip
	rows := func(yield func(runs.Row) bool) {
		for row, err := range foreign.Read(f, path, m.options) {
			before, known := m.known[row.RunID]
			switch {
			case !in.Named && (errors.Is(err, foreign.ErrUnknown) || errors.Is(err, foreign.ErrOwn)):
				m.others++
			case err != nil:
				m.bad = true
				if got.Refused++; got.Refused <= screen.MaxListed {
					m.fail(err)
				}
			case known && row.Energy > before && row.JobID == "": // SLURM's jobs have ended
				got.Known++
				got.Grown++
			case known:
				got.Known++
			default:
				m.known[row.RunID] = row.Energy
				got.Take(row)
				if !yield(row) {
					return
				}
			}
		}
	}
	if m.dry {
		for range rows {
			got.Added++
		}
	} else if err := m.add(ctx, rows, &got); err != nil {
		return err
	}
	if n := got.Refused - screen.MaxListed; n > 0 {
		m.say(fmt.Sprintf("%s: %s more that can't be used", path, format.Count(n, "line")), "")
	}
	if in.Named || got.Format != "" || got.Refused > 0 || got.Known > 0 {
		m.found = append(m.found, got)
	}
	return nil
}

// add appends rows to the ledger.
func (m *importing) add(ctx context.Context, rows iter.Seq[runs.Row], got *screen.ImportedFile) error {
	added, had, err := m.writer.Import(ctx, rows)
	got.Added += added
	got.Known += had // since we looked
	return err
}

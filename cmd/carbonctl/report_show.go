package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
	"github.com/carbonctl/carbonctl/runs"
)

// showing is one run of report show.
type showing struct {
	reading
	form    formFlags
	html    string // file for the page
	picture string
	size    string
}

func (a *app) showRun() *cobra.Command {
	s := &showing{reading: reading{app: a}}
	cmd := &cobra.Command{
		Use:   "show [FILE|RUN_ID|last…]",
		Short: "Show a run in full: components, epochs, prediction, warnings",
		Long: `Show a run in full, finished or in progress: last, an ID or unique prefix of
one, a JSON file (wrap --json-file), or - for stdin. Without an argument, show
all runs in progress, as of their last checkpoint, at most 10 s ago.

The exit code is 1 if there is no such run, or if only its row was kept.`,
		Example: `  carbonctl report show
  carbonctl report show last
  carbonctl report show run.json
  carbonctl report show last --html run.html
  carbonctl report show last --picture epochs --size 85mm --output epochs.svg
  carbonctl report show 0198c0de 0198c0df --output both.svg
  carbonctl report show 0198c0de --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.run(cmd.Flags(), args)
		},
	}
	f := cmd.Flags()
	s.form.add(f, append(withPage(report.RunFormats()), "svg"))
	f.StringVar(&s.html, "html", "", "`FILE` write an HTML page; same as --format html --output FILE")
	f.StringVar(&s.picture, "picture", "", "`NAME` chart for svg: power, epochs, prediction, or comparison (default power; comparison of several runs)")
	f.StringVar(&s.size, "size", "", "`SIZE` size of the svg on paper: 85mm, 174mm, 85x60mm")
	f.String("ledger", "", "`FILE` ledger to find runs in")
	f.String(config.Car, "", config.CarUsage)
	return cmd
}

func (s *showing) run(flags *pflag.FlagSet, args []string) error {
	if err := s.form.page(s.html); err != nil {
		return err
	}
	format, err := s.form.name()
	switch {
	case err != nil:
		return err
	case (s.picture != "" || s.size != "") && format != "svg":
		return errors.New("--picture and --size need --format svg or --output FILE.svg")
	case s.picture != "" && !slices.Contains(page.Pictures(), page.Picture(s.picture)):
		return fmt.Errorf("--picture: unknown chart %.40q: use one of power, epochs, prediction, comparison", s.picture)
	}
	var size page.Size
	if s.size != "" {
		if size, err = page.ParseSize(s.size); err != nil {
			return fmt.Errorf("--size: %w", err)
		}
	}
	all, err := s.find(flags, args)
	if row := (*rowError)(nil); errors.As(err, &row) && len(args) == 1 {
		return s.showRow(row, format, err)
	}
	if err != nil {
		return err
	}
	if format == "svg" && (len(all) > 1 || s.picture == string(page.ComparisonPicture)) {
		return s.compare(all, size)
	}
	if s.form.output != "" && len(all) > 1 {
		return fmt.Errorf("--output: %d runs given: give one", len(all))
	}
	return s.form.write(s.out, func(w io.Writer) error {
		for i, r := range all {
			if i > 0 && format == "text" {
				_, _ = fmt.Fprintln(w) // the next write fails as well
			}
			if err := s.write(w, r, format, size); err != nil {
				return err
			}
		}
		return nil
	})
}

// write shows one run.
func (s *showing) write(w io.Writer, r footprint.Report, format string, size page.Size) error {
	run := page.Run{Run: report.Run{Report: r, Car: s.car}}
	switch format {
	case "html":
		return run.Advised(regions.Builtin()).HTML(w)
	case "svg":
		err := run.SVG(w, cmp.Or(page.Picture(s.picture), page.PowerPicture), size)
		if none := (*page.PictureError)(nil); errors.As(err, &none) {
			return &exitError{exitFinding, err}
		}
		return err
	}
	return run.Write(w, format)
}

// compare draws several runs beside each other.
func (s *showing) compare(all []footprint.Report, size page.Size) error {
	if p := page.Picture(s.picture); p != "" && p != page.ComparisonPicture {
		return fmt.Errorf("--picture %s: %d runs given: give one", p, len(all))
	}
	if len(all) < 2 {
		return errors.New("--picture comparison: give two or more run IDs")
	}
	return s.form.write(s.out, func(w io.Writer) error { return page.CompareSVG(w, all, size) })
}

// A rowError says that of a run there is no more than its row, as of an imported one.
type rowError struct {
	row  runs.Row
	from string // the ledger
}

func (e *rowError) Error() string {
	return fmt.Sprintf("only the row of run %s is kept, in %s", e.row.RunID, e.from)
}

// showRow shows what a row tells of its run. That there is no more stays an error.
func (s *showing) showRow(row *rowError, format string, err error) error {
	wrong := s.form.write(s.out, func(w io.Writer) error {
		switch format {
		case "json", "html", "svg":
			return s.write(w, report.OfRow(row.row), format, page.Size{})
		}
		return s.rowTotals(row.row).Write(w, format)
	})
	return cmp.Or(wrong, err)
}

// rowTotals are what a row tells of its run.
func (s *showing) rowTotals(row runs.Row) report.Totals {
	t := report.Totals{Groups: &runs.Groups{}, Car: s.car, Latest: runs.Rows{row}}
	row.CountedBy = "" // it is alone
	t.Groups.Add(row)
	t.Groups.Settle()
	return t
}

// find gives the runs to show: those that are named, or all that go on.
func (s *showing) find(flags *pflag.FlagSet, args []string) (all []footprint.Report, err error) {
	if err := s.look(flags); err != nil {
		return nil, err
	}
	for _, name := range args {
		found, err := s.Run(name)
		var unknown *input.UnknownRunError
		switch {
		case errors.As(err, &unknown):
			return nil, &exitError{exitFinding, err}
		case err != nil:
			return nil, err
		case found.Report == nil:
			return nil, &exitError{exitFinding, &rowError{found.Row, found.From}}
		}
		all = append(all, *found.Report)
	}
	if len(args) > 0 {
		return all, nil
	}
	if s.Ledger == "none" || s.Ledger == "" {
		return nil, input.ErrNoLedger
	}
	all, err = ledger.Running(s.Ledger)
	if err != nil {
		s.fail(err)
	}
	if len(all) == 0 {
		return nil, &exitError{exitFinding, fmt.Errorf("no runs in progress in %s", s.Ledger)}
	}
	return all, nil
}

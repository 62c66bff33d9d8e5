package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// showing is one run of report show.
type showing struct {
	reading
	format, output string
	json           bool
}

func (a *app) showRun() *cobra.Command {
	s := &showing{reading: reading{app: a}}
	cmd := &cobra.Command{
		Use:   "show [FILE|RUN_ID|last]",
		Short: "Show one run whole: components, epochs, prediction",
		Long: `Show one run whole: the JSON that wrap writes with --json-file ("-" is standard
input), the "last" run of the ledger, or any by its ID or a unique prefix, even
while it is running. Without an argument, show all runs in progress that write
to the ledger, each as of its last checkpoint, at most ten seconds ago.

The exit code is 1 if there is no such run, or no more of it than its row.`,
		Example: `  carbonctl report show
  carbonctl report show last
  carbonctl report show run.json
  carbonctl report show run.json --output run.html
  carbonctl report show 0198c0de --json`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.run(cmd.Flags(), args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.format, "format", "", "`FORMAT`: "+strings.Join(report.RunFormats(), ", "))
	f.BoolVar(&s.json, "json", false, "print as JSON; the same as --format json")
	f.StringVarP(&s.output, "output", "o", "", "write to this `FILE`; its extension sets the format, unless --format does")
	f.String("ledger", "", "ledger `FILE` whose runs to show")
	f.String(config.Car, "", config.CarUsage)
	return cmd
}

func (s *showing) run(flags *pflag.FlagSet, args []string) error {
	if s.json && s.format != "" && s.format != "json" {
		return fmt.Errorf("--json and --format %s: choose one", s.format)
	}
	if s.json {
		s.format = "json"
	}
	format, err := formatOf(s.format, s.output, report.RunFormats())
	if err != nil {
		return err
	}
	all, err := s.find(flags, args)
	if row := (*rowError)(nil); errors.As(err, &row) && format != "json" {
		return s.showRow(row, format, err)
	}
	if err != nil {
		return err
	}
	write := func(w io.Writer) error {
		for i, r := range all {
			if i > 0 && format == "text" {
				_, _ = fmt.Fprintln(w) // the next write fails as well
			}
			if err := (report.Run{Report: r, Car: s.car}).Write(w, format); err != nil {
				return err
			}
		}
		return nil
	}
	if s.output == "" {
		return write(s.out)
	}
	if len(all) > 1 {
		return fmt.Errorf("--output: %d runs are in progress: name one by its ID", len(all))
	}
	return output.Write(s.output, write)
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
	write := func(w io.Writer) error { return s.rowTotals(row.row).Write(w, format) }
	wrong := error(nil)
	if s.output != "" {
		wrong = output.Write(s.output, write)
	} else {
		wrong = write(s.out)
	}
	if wrong != nil {
		return wrong
	}
	return err
}

// rowTotals are what a row tells of its run.
func (s *showing) rowTotals(row runs.Row) report.Totals {
	t := report.Totals{Groups: &runs.Groups{}, Car: s.car, Latest: runs.Rows{row}}
	row.CountedBy = "" // it is alone
	t.Groups.Add(row)
	t.Groups.Settle()
	return t
}

// find gives the runs to show: the one that is named, or all that go on.
func (s *showing) find(flags *pflag.FlagSet, args []string) ([]footprint.Report, error) {
	if err := s.look(flags); err != nil {
		return nil, err
	}
	if len(args) == 1 {
		found, err := s.Run(args[0])
		var unknown *input.UnknownRunError
		switch {
		case errors.As(err, &unknown):
			return nil, &exitError{exitFinding, err}
		case err != nil:
			return nil, err
		case found.Report == nil:
			return nil, &exitError{exitFinding, &rowError{found.Row, found.From}}
		}
		return []footprint.Report{*found.Report}, nil
	}
	if s.Ledger == "none" || s.Ledger == "" {
		return nil, input.ErrNoLedger
	}
	all, err := ledger.Running(s.Ledger)
	if err != nil {
		s.fail(err)
	}
	if len(all) == 0 {
		return nil, &exitError{exitFinding, fmt.Errorf("no runs in progress in %s", s.Ledger)}
	}
	return all, nil
}

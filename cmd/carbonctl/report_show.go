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

The exit code is 1 if there is no such run.`,
		Example: `  carbonctl report show
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
	runs, err := s.find(flags, args)
	if err != nil {
		return err
	}
	write := func(w io.Writer) error {
		for i, r := range runs {
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
	if len(runs) > 1 {
		return fmt.Errorf("--output: %d runs are in progress: name one by its ID", len(runs))
	}
	return output.Write(s.output, write)
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
			return nil, &exitError{exitFinding, fmt.Errorf("only the row of run %s is kept, in %s", found.Row.RunID, found.From)}
		}
		return []footprint.Report{*found.Report}, nil
	}
	if s.Ledger == "none" || s.Ledger == "" {
		return nil, input.ErrNoLedger
	}
	runs, err := ledger.Running(s.Ledger)
	if err != nil {
		s.fail(err)
	}
	if len(runs) == 0 {
		return nil, &exitError{exitFinding, fmt.Errorf("no runs in progress in %s", s.Ledger)}
	}
	return runs, nil
}

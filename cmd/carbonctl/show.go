package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/report"
)

// showing is one run of report show.
type showing struct {
	*app
	format, output string
	json           bool
}

func (a *app) showRun() *cobra.Command {
	s := &showing{app: a}
	cmd := &cobra.Command{
		Use:   "show [FILE|RUN_ID]",
		Short: "Show one run whole: components, epochs, prediction",
		Long: `Show all that is known of one run: of its JSON, which wrap writes with --json-file
("-" is standard input), or of one that goes on, by its ID or the beginning of
that. Without either it shows all that go on here and write to the ledger: each as
it was at its last checkpoint, at most ten seconds ago.

The exit code is 1 where no run goes on.`,
		Example: `  carbonctl report show
  carbonctl report show run.json
  carbonctl report show run.json --output run.html
  carbonctl report show 0198c0de --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.run(cmd.Flags(), args); err != nil {
				return fmt.Errorf("show: %w", err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.format, "format", "", "`FORMAT`: "+strings.Join(report.RunFormats(), ", "))
	f.BoolVar(&s.json, "json", false, "print as JSON; the same as --format json")
	f.StringVarP(&s.output, "output", "o", "", "write to this `FILE`; its name tells the format, where none is given")
	f.String("ledger", "", "ledger `FILE` whose runs go on")
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
			if err := report.Write(w, format, r); err != nil {
				return err
			}
		}
		return nil
	}
	if s.output == "" {
		return write(s.out)
	}
	if len(runs) > 1 {
		return fmt.Errorf("--output: %d runs go on: name one by its ID", len(runs))
	}
	return output.Write(s.output, write)
}

// find gives the runs to show: one by its file or its ID, or all that go on.
func (s *showing) find(flags *pflag.FlagSet, args []string) ([]footprint.Report, error) {
	if len(args) == 1 {
		switch r, err := readRun(args[0]); {
		case err == nil:
			return []footprint.Report{r}, nil
		case !errors.Is(err, fs.ErrNotExist) || !isID(args[0]):
			return nil, err
		}
	}
	c, err := only(flags, "ledger")
	if err != nil {
		return nil, err
	}
	if c.ledger == "none" || c.ledger == "" {
		return nil, errors.New("without a ledger nobody knows which runs go on; which FILE?")
	}
	runs, err := ledger.Running(c.ledger)
	if err != nil {
		s.fail(err)
	}
	if len(args) == 1 {
		runs = slices.DeleteFunc(runs, func(r footprint.Report) bool { return !strings.HasPrefix(r.RunID, args[0]) })
		if len(runs) == 0 {
			return nil, &exitError{exitFinding, fmt.Errorf("no run %s goes on that writes to %s", args[0], c.ledger)}
		}
	}
	if len(runs) == 0 {
		return nil, &exitError{exitFinding, fmt.Errorf("no run goes on that writes to %s", c.ledger)}
	}
	return runs, nil
}

// readRun reads the JSON of a run, "-" from standard input.
func readRun(path string) (footprint.Report, error) {
	f := os.Stdin
	if path != "-" {
		var err error
		if f, err = os.Open(path); err != nil {
			return footprint.Report{}, err
		}
		defer f.Close() // nothing is written to it
	}
	r, err := report.Parse(f)
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// isID reports whether text may be the beginning of a run's ID.
func isID(text string) bool {
	return text != "" && strings.Trim(text, "0123456789abcdef-") == ""
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/report"
)

func (a *app) report() *cobra.Command {
	var asJSON, nested bool
	var last int
	cmd := &cobra.Command{
		Use:   "report [FILE…]",
		Short: "Add up and list the runs of a ledger",
		Long: `Add up and list the runs of ledgers. Without a FILE it is the one that wrap
writes by default. A row that can't be read is named on stderr and left out, and
the exit code is then 1. Whether rows were altered is told by "carbonctl verify".`,
		Example: `  carbonctl report
  carbonctl report runs.csv --last 50`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if last < 0 {
				return fmt.Errorf("report: --last: %d is below 0", last)
			}
			files := args
			if len(files) == 0 {
				c, err := configure(cmd.Flags())
				if err != nil {
					return err
				}
				if err := errors.Join(c.problems...); err != nil {
					return err
				}
				files = []string{c.ledger}
			}
			var rows recent
			rows.most = last
			bad, err := a.readLedgers(files, nested, &rows)
			if err != nil {
				return err
			}
			if asJSON {
				err = report.RunsJSON(a.out, rows.sum, rows.list())
			} else {
				err = report.Runs(a.out, rows.sum, rows.list())
			}
			if err == nil && bad {
				err = &exitError{code: exitFinding}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().IntVar(&last, "last", 20, "list the latest `N` runs; 0 for all")
	cmd.Flags().BoolVar(&nested, "include-nested", false, "list runs too that another run already counts")
	cmd.Flags().String("ledger", "", "ledger `FILE` to read, where none is given")
	return cmd
}

// recent adds all rows up and keeps the latest of them.
type recent struct {
	sum  footprint.Summary
	most int // 0: all
	rows []footprint.Row
	next int // of the oldest, where rows is full
}

func (r *recent) add(row footprint.Row) {
	if r.most == 0 || len(r.rows) < r.most {
		r.rows = append(r.rows, row)
		return
	}
	r.rows[r.next] = row
	r.next = (r.next + 1) % r.most
}

func (r *recent) list() []footprint.Row {
	return append(append([]footprint.Row{}, r.rows[r.next:]...), r.rows[:r.next]...)
}

// noRunsError is a ledger that is not there.
type noRunsError struct{ error }

func (e noRunsError) Unwrap() error { return e.error }

// readLedgers adds the rows of all files up. bad: some lines could not be read.
// The error is that of a whole file.
func (a *app) readLedgers(files []string, nested bool, to *recent) (bad bool, err error) {
	for _, path := range files {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return bad, noRunsError{fmt.Errorf("report: %w", err)}
		}
		if err != nil {
			return bad, fmt.Errorf("report: %w", err)
		}
		defer f.Close() // nothing is written to it
		for row, err := range ledger.Read(f, path) {
			switch line := (*ledger.LineError)(nil); {
			case errors.As(err, &line):
				bad = true
				a.fail(err)
				continue
			case err != nil:
				return bad, fmt.Errorf("report: %w", err)
			}
			to.sum.Add(row)
			if row.CountedBy == "" || nested {
				to.add(row)
			}
		}
	}
	return bad, nil
}

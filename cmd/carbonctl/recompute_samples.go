package main

import (
	"fmt"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/runs"
)

// replay computes a run from its samples and compares it with its record, a
// ledger or its JSON.
func (r *recomputing) replay(args []string) error {
	f, err := r.Open(r.samples)
	if err != nil {
		return fmt.Errorf("--samples: %w", err)
	}
	defer f.Close()
	run, err := footprint.Replay(f)
	switch {
	case err != nil && run.RunID == "":
		return fmt.Errorf("--samples %s: %w", r.samples, err)
	case err != nil: // what there is of it is computed
		r.told(fmt.Errorf("--samples %s: %w", r.samples, err))
	}
	answer := screen.Replayed{Schema: screen.RecomputeSchema, RunID: run.RunID, Differ: []runs.Difference{}, Report: run, Samples: r.samples}
	if len(args) == 1 {
		answer.Against = args[0]
		if answer.Figures, answer.Differ, err = r.compare(args[0], run); err != nil {
			return err
		}
		same := len(answer.Differ) == 0
		answer.Same = &same
	}
	if r.json {
		err = output.JSON(r.out, answer)
	} else {
		err = answer.Text(r.out)
	}
	if err == nil && (r.bad || len(answer.Differ) > 0) {
		err = &exitError{code: exitFinding}
	}
	return err
}

// compare compares a computed run with its record: the whole of it where that is
// kept, else its row.
func (r *recomputing) compare(name string, run footprint.Report) (int, []runs.Difference, error) {
	found, err := r.RunOf(name, run.RunID)
	switch {
	case err != nil:
		return 0, nil, err
	case found.Row.LedgerID == "": // the JSON of a run
		n, all := runs.DifferReports(*found.Report, run)
		return n, all, nil
	}
	n, all := runs.DifferRows(found.Row, runs.FromReport(run))
	if found.Report != nil { // which was kept beside the ledger
		more, kept := runs.DifferReports(*found.Report, run)
		return n + more, append(all, kept...), nil
	}
	return n, all, nil
}

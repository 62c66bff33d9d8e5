package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"

	"github.com/carbonctl/carbonctl/runs"
)

// Import appends the rows whose run_id the ledger does not have, in their order,
// and says how many those were and how many it had. It holds the ledger's lock
// until all are written, and ends with the first error; rows added until then
// stay. rows must not come from the ledger itself while it is read.
func (w Writer) Import(ctx context.Context, rows iter.Seq[runs.Row]) (added, had int, err error) {
	path, err := locate(w.Path)
	if err != nil {
		return 0, 0, fmt.Errorf("ledger: %w", err)
	}
	unlock, err := lockLedger(ctx, path)
	if err != nil {
		return 0, 0, err
	}
	defer unlock()
	there, err := runIDs(path)
	if err != nil {
		return 0, 0, fmt.Errorf("ledger: import: %w", err)
	}
	for row := range rows {
		if err := ctx.Err(); err != nil {
			return added, had, fmt.Errorf("ledger: import: %w", err)
		}
		if there[row.RunID] {
			had++
			continue
		}
		receipt, err := w.add(path, row)
		if receipt.Hash != "" {
			added++
			there[row.RunID] = true
		}
		if err != nil {
			return added, had, err
		}
	}
	return added, had, nil
}

// runIDs are those of all rows that can be read.
func runIDs(path string) (map[string]bool, error) {
	all := map[string]bool{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for row, err := range Read(f, path, "run_id") {
		var line *LineError
		if errors.As(err, &line) {
			continue // Append sees to a torn one, Verify names the others
		}
		if err != nil {
			return nil, err
		}
		all[row.RunID] = true
	}
	return all, nil
}

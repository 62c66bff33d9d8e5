package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"time"

	"github.com/carbonctl/carbonctl/runs"
)

// batchSize is how many rows are added under one lock, with one fsync and one
// head: few enough that a run which ends meanwhile waits some milliseconds.
const batchSize = 500

// batchWait is how long a batch waits for other writers: an append takes some
// milliseconds, so that one which holds the ledger longer hangs.
const batchWait = 10 * time.Second

// Import appends the rows whose run_id the ledger does not have, in their order,
// and returns how many those were and how many it had. It adds them in batches
// and lets other writers in between. The rows of a batch are added together or
// not at all; it ends with the first error, or with ctx, and what was added until
// then stays. Each batch waits for other writers for 10 seconds at most. rows must
// not come from the ledger itself while it is read.
func (w Writer) Import(ctx context.Context, rows iter.Seq[runs.Row]) (added, had int, err error) {
	path, err := locate(w.Path)
	if err != nil {
		return 0, 0, fmt.Errorf("ledger: %w", err)
	}
	there := &recordedIDs{path: path, ids: IDs{}}
	var batch []runs.Row
	var odd error
	flush := func() error {
		n, old, err := w.importBatch(ctx, path, batch, there)
		added, had, batch = added+n, had+old, batch[:0]
		if head := (*HeadError)(nil); errors.As(err, &head) {
			odd, err = errors.Join(odd, err), nil
		}
		return err
	}
	for row := range rows {
		if err := ctx.Err(); err != nil {
			return added, had, errors.Join(fmt.Errorf("ledger: import: %w", err), odd)
		}
		if _, bad := encode(row); bad != nil {
			if len(batch) > 0 {
				err = flush()
			}
			return added, had, errors.Join(fmt.Errorf("ledger: import: %w", bad), err, odd)
		}
		if batch = append(batch, row); len(batch) == batchSize {
			if err := flush(); err != nil {
				return added, had, errors.Join(err, odd)
			}
		}
	}
	if len(batch) > 0 {
		err = flush()
	}
	return added, had, errors.Join(err, odd)
}

// importBatch adds those of some rows that the ledger does not have.
func (w Writer) importBatch(ctx context.Context, path string, batch []runs.Row, there *recordedIDs) (added, had int, err error) {
	locked, cancel := context.WithTimeout(ctx, batchWait)
	defer cancel()
	unlock, err := lockLedger(locked, path)
	if err != nil {
		return 0, 0, err
	}
	defer unlock()
	if err := there.read(); err != nil {
		return 0, 0, fmt.Errorf("ledger: import: %w", err)
	}
	var fresh []runs.Row
	mine := IDs{}
	for _, row := range batch {
		if !there.ids.Has(row.RunID) && mine.Add(row.RunID) {
			fresh = append(fresh, row)
		}
	}
	had = len(batch) - len(fresh)
	if len(fresh) == 0 {
		return 0, had, nil
	}
	receipts, err := w.add(path, fresh...)
	return len(receipts), had, err
}

// recordedIDs are the runs of a ledger, read once and from then on where it grew.
type recordedIDs struct {
	path string
	to   int64 // read up to here
	ids  IDs
}

// read reads on, under the lock.
func (r *recordedIDs) read() error {
	f, err := os.Open(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end, err := lineStart(f, info.Size()) // what is torn will be set aside
	if err != nil {
		return err
	}
	text := io.Reader(io.NewSectionReader(f, 0, end))
	if 0 < r.to && r.to <= end {
		header, err := newLines(text).next()
		if err != nil {
			return err
		}
		text = io.MultiReader(bytes.NewReader(header), io.NewSectionReader(f, r.to, end-r.to))
	}
	for row, err := range Read(text, r.path, "run_id") {
		if line := (*LineError)(nil); errors.As(err, &line) {
			continue // Verify names it
		}
		if err != nil {
			return err
		}
		r.ids.Add(row.RunID)
	}
	r.to = end
	return nil
}

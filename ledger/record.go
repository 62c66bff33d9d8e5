package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// ErrRecorded reports that a run is in the ledger already.
var ErrRecorded = errors.New("the run is in the ledger already")

// NotRecordedError reports that a run that has ended has no row, and what becomes of it.
type NotRecordedError struct {
	// Journal holds what Recover will add; "" if there is none.
	Journal string
	// Whole: it holds the final report, not an earlier checkpoint.
	Whole bool
	Err   error
}

func (e *NotRecordedError) Error() string {
	switch {
	case e.Whole:
		return fmt.Sprintf("%v (the report is kept in %s and will be added later)", e.Err, e.Journal)
	case e.Journal != "":
		return fmt.Sprintf("%v (an earlier checkpoint is kept in %s and will be added later)", e.Err, e.Journal)
	}
	return fmt.Sprintf("%v (the result was not saved)", e.Err)
}

func (e *NotRecordedError) Unwrap() error { return e.Err }

// NotKeptError reports that a run has its row, but is not kept whole beside it.
type NotKeptError struct {
	Path string // of the ledger
	Err  error
}

func (e *NotKeptError) Error() string {
	return fmt.Sprintf("ledger %s: the whole run is not kept: %v", e.Path, e.Err)
}

func (e *NotKeptError) Unwrap() error { return e.Err }

// Every is the time between two checkpoints that this Writer asks its tracker
// for, 0 if it leaves that to the tracker.
func (w *Writer) Every() time.Duration { return w.Flush }

// Checkpoint writes the report so far into the run's journal, in LEDGER.d. It has
// reached the disk when Checkpoint returns. On an error the checkpoint before it
// is still there. The first one of a run opens its journal and takes the room
// that the later ones need; Record or Report end it.
func (w *Writer) Checkpoint(r footprint.Report) error {
	sync, err := w.Save(r)
	if err != nil {
		return err
	}
	return sync()
}

// Save writes the report into the run's journal, as Checkpoint does, but does not
// wait for the disk: what it wrote outlives the process at once, and a crash of the
// system when sync has returned. A sync that waits may go on beside all other
// calls, also those that end the journal.
func (w *Writer) Save(r footprint.Report) (sync func() error, err error) {
	if err := w.begin(r.RunID); err != nil {
		return nil, fmt.Errorf("ledger: journal of run %s: %w", r.RunID, err)
	}
	j := w.journal
	if err := j.save(r, w.Pending); err != nil {
		return nil, fmt.Errorf("ledger: journal of run %s: %w", r.RunID, err)
	}
	return func() error {
		if err := j.sync(); err != nil {
			return fmt.Errorf("ledger: journal of run %s: %w", r.RunID, err)
		}
		return nil
	}, nil
}

// begin opens the journal of a run; that of another run, which has had no
// Record, is left to be recovered.
func (w *Writer) begin(id string) error {
	if w.journal != nil && w.journal.id == id {
		return nil
	}
	if w.journal != nil {
		_ = w.journal.close()
		w.journal = nil
	}
	path, err := locate(w.Path)
	if err == nil {
		w.journal, err = w.openJournal(path, id)
	}
	return err
}

// Report appends the run to the ledger, as Record does.
func (w *Writer) Report(ctx context.Context, r footprint.Report) error {
	_, err := w.Record(ctx, r)
	return err
}

// Record appends the row of a run that has ended, as Append does, and then removes its
// journal. Where the run has one, the report with its status goes into that first, so that
// nothing is lost if the process dies, or ctx ends before the ledger is free. If the row can't
// be added, the report is kept in the journal, from which Recover adds it later: a
// *NotRecordedError. A run that has a row already, since it was taken for dead and recovered,
// is not added again: ErrRecorded.
func (w *Writer) Record(ctx context.Context, r footprint.Report) (footprint.Receipt, error) {
	receipt, err := w.record(ctx, r)
	if receipt.Hash == "" && !errors.Is(err, ErrRecorded) {
		return receipt, w.keep(r, err)
	}
	if w.Pending == nil {
		err = errors.Join(err, w.Done())
	}
	return receipt, err
}

// Done removes the journal of the run that has ended, since nothing is Pending
// any more. Without one it does nothing.
func (w *Writer) Done() error {
	j := w.journal
	if j == nil {
		return nil
	}
	w.journal, w.Pending = nil, nil
	return j.remove()
}

// Leave closes the journal of the run that has ended and leaves it, with what is Pending,
// to the next Recover. Without one it does nothing.
func (w *Writer) Leave() error {
	j := w.journal
	if j == nil {
		return nil
	}
	w.journal, w.Pending = nil, nil
	return j.close()
}

// keep leaves the report of a run that has no row in its journal.
func (w *Writer) keep(r footprint.Report, why error) error {
	e := &NotRecordedError{Err: why}
	var err error
	if j := w.journal; j != nil && j.id == r.RunID && j.ended {
		err = j.sync() // record has saved it
	} else {
		err = w.Checkpoint(r)
	}
	if j := w.journal; j != nil {
		w.journal = nil
		if j.slots.seq > 0 {
			e.Journal = slotName(j.name, j.slots.at)
		}
		err = errors.Join(err, j.close())
	}
	e.Whole = err == nil
	if cause := (*fs.PathError)(nil); err != nil && !(errors.As(why, &cause) && strings.HasSuffix(err.Error(), ": "+cause.Err.Error())) {
		e.Err = fmt.Errorf("%w; %w", why, err) // else it is the same once more
	}
	return e
}

// record appends a row unless the run has one since its journal was opened.
func (w *Writer) record(ctx context.Context, r footprint.Report) (receipt footprint.Receipt, err error) {
	path, err := locate(w.Path)
	if err != nil {
		return receipt, fmt.Errorf("ledger: %w", err)
	}
	if j := w.journal; j != nil && j.id == r.RunID && !j.ended {
		_, _ = w.Save(r) // if it fails, keep will show it
	}
	row := runs.FromReport(r)
	row.User = w.User
	pack, keepErr := w.pack(r)
	if keepErr == nil {
		row.RunHash, keepErr = w.keepRun(path, pack)
	}
	if keepErr != nil {
		defer func() {
			if receipt.Hash != "" { // else that is told, and this comes again with the row
				err = errors.Join(err, &NotKeptError{path, keepErr})
			}
		}()
	}
	unlock, err := lockLedger(ctx, path)
	if err != nil {
		return footprint.Receipt{}, err
	}
	defer unlock()
	if w.journal == nil || w.journal.id != row.RunID {
		return w.addOne(path, row)
	}
	there, err := recorded(path, map[string]int64{row.RunID: w.journal.entry.LedgerBytes})
	if err != nil {
		return receipt, fmt.Errorf("ledger: look for run %s: %w", row.RunID, err)
	}
	if there[row.RunID] {
		_ = os.Remove(keptName(path, row.RunID)) // its row was made of what the journal knew
		return receipt, fmt.Errorf("ledger %s: run %s: %w", path, row.RunID, ErrRecorded)
	}
	return w.addOne(path, row)
}

// recorded looks for the rows of some runs in what was added to the ledger after it
// was so many bytes long, and gives those that it finds. Where no line starts there,
// it is another file by now, and all of it is read.
func recorded(path string, after map[string]int64) (map[string]bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := info.Size()
	for _, at := range after {
		var end [1]byte
		if at > info.Size() || at > 0 && (readAt(f, end[:], at-1) != nil || end[0] != '\n') {
			at = 0
		}
		from = min(from, at)
	}
	there := map[string]bool{}
	l := newLines(io.NewSectionReader(f, from, info.Size()-from))
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return there, nil
		}
		if err != nil {
			return nil, err
		}
		if line[len(line)-1] != '\n' {
			continue
		}
		id := string(cellAt(line, 2))
		if _, wanted := after[id]; wanted {
			there[id] = true
		}
	}
}

// cellAt gives a cell of a line that has no quotes up to there.
func cellAt(line []byte, n int) []byte {
	for ; n > 0; n-- {
		i := bytes.IndexByte(line, ',')
		if i < 0 {
			return nil
		}
		line = line[i+1:]
	}
	cell, _, _ := bytes.Cut(line, []byte(","))
	return cell
}

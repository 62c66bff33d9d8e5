package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// A JournalError reports that a file in LEDGER.d can't be read as a journal. It was renamed to
// Moved, so that it is reported once, or left where it is if Moved is "".
type JournalError struct {
	Path, Moved string
	Err         error
}

func (e *JournalError) Error() string {
	if e.Moved != "" {
		return fmt.Sprintf("journal %s: %v; it is now %s", e.Path, e.Err, e.Moved)
	}
	return fmt.Sprintf("journal %s: %v", e.Path, e.Err)
}

func (e *JournalError) Unwrap() error { return e.Err }

// An Orphan is a run whose tracker has died, or could not do all that was to be
// done at its end.
type Orphan struct {
	// Report is the run as the ledger has it now.
	footprint.Report
	// Added: its row was added now; false: it had one.
	Added bool
	// Own: its journal belongs to this user: what it asks for may be done in this user's name.
	Own bool
	// Pending is what the run's Writer had pending, nil for nothing. It is given
	// to the owner alone, and once.
	Pending json.RawMessage
}

// Recover adds a row for each run whose tracker has died: whose journal is of
// this host, and its lock free. The row has what the last checkpoint knew, the
// status "recovered" and, in its details, when that was. A report that Record
// could not add keeps the status it ended with. A run that has a row by now only
// loses its journal, so nothing is added twice.
//
// Last it removes the kept runs that are older than Keep allows.
//
// It returns the runs whose rows were added, and those with something pending,
// also if there is an error. Where there is nothing to recover it reads three
// directories, makes no file and takes no lock. It waits for other writers until
// ctx ends, and no longer than for one try if it has.
//
// A journal is of this host if it has our host name or our boot id: containers
// of one machine share the latter.
func (w Writer) Recover(ctx context.Context) ([]Orphan, error) {
	var all []Orphan
	var errs []error
	for found, err := range w.RecoverBatches(ctx) {
		all = append(all, found...)
		errs = append(errs, err)
	}
	return all, errors.Join(errs...)
}

// recoverBatch is how many rows are recovered under one lock, with one fsync and
// one head: so few that a run which has just begun or ended hardly waits for them.
const recoverBatch = 16

// RecoverBatches does what Recover does a few runs at a time, the oldest first, and gives
// those of each batch. Breaking off leaves the others to the next recovery.
func (w Writer) RecoverBatches(ctx context.Context) iter.Seq2[[]Orphan, error] {
	return func(yield func([]Orphan, error) bool) {
		path, names, err := journalNames(w.Path)
		if err != nil {
			yield(nil, recoverError(err))
			return
		}
		for stop := false; len(names) > 0 && !stop; {
			var batch []orphan
			var errs []error
			for ; len(names) > 0 && len(batch) < recoverBatch; names = names[1:] {
				o, err := claim(path, names[0])
				if o != nil {
					batch = append(batch, *o)
				}
				errs = append(errs, err)
			}
			stop = !w.addOrphans(ctx, path, batch, &errs) // it would be the same for the next ones
			found := w.settle(batch, &errs)
			if err := errors.Join(errs...); (len(found) > 0 || err != nil) && !yield(found, recoverError(err)) {
				return
			}
		}
		sweep(path)
		if err := w.prune(path); err != nil {
			yield(nil, fmt.Errorf("ledger: remove old runs: %w", err))
		}
	}
}

// sweep removes what writers that were killed had begun to write, and not renamed:
// a head, its signature, a kept run.
func sweep(ledger string) {
	base := filepath.Base(ledger)
	for dir, prefix := range map[string]string{filepath.Dir(ledger): "." + base + ".head", filepath.Join(ledger+".d", "runs"): "."} {
		files, err := os.ReadDir(dir)
		if err != nil {
			continue // there may be none
		}
		for _, f := range files {
			if !strings.HasPrefix(f.Name(), prefix) || !strings.HasSuffix(f.Name(), ".tmp") {
				continue
			}
			if info, err := f.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > time.Minute {
				_ = os.Remove(filepath.Join(dir, f.Name())) // nobody writes for so long
			}
		}
	}
}

// journalNames gives the path of a ledger, and the journals beside it by the names
// that their files share. Of a ledger or a folder that is not there it gives none.
func journalNames(path string) (string, []string, error) {
	path, err := resolve(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return path, nil, err
	}
	files, err := os.ReadDir(path + ".d")
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil, nil
	}
	var names []string
	for _, f := range files {
		id := f.Name()
		for _, suffix := range []string{".lock", slotName("", 0), slotName("", 1)} {
			if rest, ok := strings.CutSuffix(id, suffix); ok && isPlain(rest) {
				names = append(names, filepath.Join(path+".d", rest))
			}
		}
	}
	slices.Sort(names) // the oldest first, as the IDs begin with the time
	return path, slices.Compact(names), err
}

// orphan is a journal whose lock we hold, since its writer does not any more.
type orphan struct {
	name  string
	lock  *flock.Flock
	entry entry
	own   bool
	// What has become of it.
	added bool // a row
	done  bool // it has a row
}

// prepared is what will be added of an orphan.
type prepared struct {
	*orphan
	report footprint.Report
	row    runs.Row
	kept   *packed
	err    error // there can be no row
}

// claim takes a journal that nobody writes, nil if there is none; a lock that was
// left without one is removed.
func claim(path, name string) (*orphan, error) {
	if by, ok := holder(name); ok && (!by.here() || held(name)) {
		return nil, nil
	}
	if e, _, err := readEntry(name); err == nil && !e.here() {
		return nil, nil
	}
	like, err := os.Lstat(path)
	if err != nil {
		like = nil
	}
	lock, err := lockJournal(name, like)
	if lock == nil {
		return nil, err // its writer lives
	}
	e, own, err := readEntry(name) // as it stands now that nobody writes it
	if !e.first {
		by := self("")
		by.Recovers = true
		b, _ := json.Marshal(by) // texts and a number always encode
		sign(lock, append(b, '\n'))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, dropJournal(name, lock)
	case err != nil:
		err = setJournalAside(name, err)
		_ = lock.Unlock()
		return nil, err
	case !e.here():
		return nil, lock.Unlock()
	}
	return &orphan{name: name, lock: lock, entry: e, own: own}, nil
}

// settle ends the journals of orphans that have their rows and nothing pending that is
// still in no other hands, and leaves the others.
func (w Writer) settle(batch []orphan, errs *[]error) (found []Orphan) {
	for _, o := range batch {
		run := Orphan{Report: o.entry.Report, Added: o.added, Own: o.own}
		over := o.done && (o.entry.Pending == nil || o.own) // else it waits, for its owner too
		if over && o.entry.Pending != nil {
			run.Pending = o.entry.Pending
			if w.Hand != nil {
				if err := w.Hand(run); err != nil {
					over, run.Pending = false, nil
					*errs = append(*errs, err)
				}
			}
		}
		if over {
			*errs = append(*errs, dropJournal(o.name, o.lock))
		} else {
			*errs = append(*errs, o.lock.Unlock())
		}
		if o.added || run.Pending != nil {
			found = append(found, run)
		}
	}
	return found
}

func recoverError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ledger: recover: %w", err)
}

// readEntry reads the newest checkpoint of a journal, and whether it is this
// user's; an error that is not fs.ErrNotExist is its fault.
func readEntry(name string) (e entry, own bool, err error) {
	c, err := newest(name)
	if errors.Is(err, fs.ErrNotExist) {
		if e, ok := firstEntry(name); ok {
			return e, false, nil
		}
	}
	if err != nil {
		return entry{}, false, err
	}
	e, err = parseEntry(c.content, filepath.Base(name))
	return e, ours(c.file), err
}

// firstEntry is what the lock file of a journal holds of a run that was killed before
// its slots were there. Others may write to that file, so it asks for nothing.
func firstEntry(name string) (e entry, ok bool) {
	b, err := readSide(name + ".lock")
	if err != nil {
		return entry{}, false
	}
	e, err = parseEntry(b, filepath.Base(name))
	e.first, e.Pending = true, nil
	return e, err == nil
}

func parseEntry(b []byte, id string) (entry, error) {
	var e entry
	if err := json.Unmarshal(b, &e); err != nil {
		return entry{}, err
	}
	if e.Schema != journalSchema {
		return entry{}, &schemaError{e.Schema}
	}
	if e.Report.RunID != id {
		return entry{}, fmt.Errorf("it holds run %.80q", e.Report.RunID)
	}
	if e.Power != nil {
		if err := json.Unmarshal(e.Power, &e.Report.Power); err != nil {
			return entry{}, fmt.Errorf("power: %w", err)
		}
	}
	return e, nil
}

type schemaError struct{ got string }

func (e *schemaError) Error() string {
	return fmt.Sprintf("schema %.80q is not %q: another version wrote it", e.got, journalSchema)
}

// here reports whether it writes on this machine.
func (w writer) here() bool {
	host, err := os.Hostname()
	return err == nil && w.Host == host || w.BootID != "" && w.BootID == bootID()
}

// setJournalAside makes sure that a journal that can't be read is told of once.
// That of another version may be read by that version: it stays.
func setJournalAside(name string, why error) error {
	bad := &JournalError{Path: name, Err: why}
	if other := (*schemaError)(nil); errors.As(why, &other) || errors.Is(why, fs.ErrPermission) {
		return bad
	}
	for n := range 2 {
		moved := slotName(name, n) + ".bad"
		switch err := os.Rename(slotName(name, n), moved); {
		case err == nil:
			bad.Moved = moved
		case !errors.Is(err, fs.ErrNotExist):
			bad.Err = errors.Join(bad.Err, err)
		}
	}
	return bad
}

// addOrphans appends the rows of those dead runs that have none, all at once. It
// reports whether the ledger took them.
func (w Writer) addOrphans(ctx context.Context, path string, batch []orphan, errs *[]error) bool {
	if len(batch) == 0 {
		return true
	}
	fail := func(err error) bool { *errs = append(*errs, err); return err == nil }
	all := make([]prepared, len(batch)) // before anybody has to wait for the lock
	after := map[string]int64{}
	for i := range batch {
		all[i] = w.prepare(&batch[i])
		after[all[i].report.RunID] = batch[i].entry.LedgerBytes
	}
	unlock, err := lockLedger(ctx, path)
	if err != nil {
		return fail(err)
	}
	defer unlock()
	there, err := recorded(path, after)
	if err != nil {
		return fail(err)
	}
	var rows []runs.Row
	var fresh []prepared
	for _, p := range all {
		if p.done = there[p.report.RunID]; p.done {
			continue
		}
		if p.err != nil {
			fail(setJournalAside(p.name, p.err))
			continue
		}
		p.row.RunHash, _ = w.keepRun(path, p.kept) // the row alone is better than neither
		rows, fresh = append(rows, p.row), append(fresh, p)
	}
	if len(rows) == 0 {
		return true
	}
	receipts, err := w.add(path, rows...)
	for i, receipt := range receipts {
		fresh[i].added, fresh[i].done = true, true
		fresh[i].entry.Report = fresh[i].report
		fresh[i].entry.Report.Ledger = &receipt
	}
	return fail(err) || len(receipts) > 0
}

// prepare makes the row of a dead run, and what is kept of it.
func (w Writer) prepare(o *orphan) prepared {
	p := prepared{orphan: o, report: o.entry.Report}
	if p.report.Status == footprint.Running || p.report.Status == "" {
		p.report.Status, p.report.ExitCode = footprint.Recovered, nil
	}
	p.row = runs.FromReport(p.report)
	p.row.User = o.entry.User
	p.row.Details, p.err = addNotes(p.row.Details, []note{
		{"recovered_at", time.Now().UTC().Format(time.RFC3339)},
		{"journal_written_at", o.entry.WrittenAt.UTC().Format(time.RFC3339Nano)},
	})
	if p.err == nil {
		_, p.err = encode(p.row)
	}
	if p.err == nil {
		p.err = p.row.Impossible()
	}
	p.kept, _ = w.pack(p.report)
	return p
}

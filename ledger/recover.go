package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// A JournalError says that a file in LEDGER.d is no journal that can be read. It
// was renamed to Moved, so that it is told of once, or left where it is if Moved
// is "".
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
	// Report is the run as the ledger has it now. Ledger is nil if the row was
	// there before.
	footprint.Report
	// Own says that its journal belongs to this user: what it asks for may be
	// done in this user's name.
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
// Last it removes the kept runs that are older than Keep says.
//
// It returns the runs whose rows were added, and those with something pending,
// also if there is an error. Where there is nothing to recover it reads three
// directories, makes no file and takes no lock. It waits for other writers until
// ctx ends.
//
// A journal is of this host if it has our host name or our boot id: containers
// of one machine share the latter.
func (w Writer) Recover(ctx context.Context) ([]Orphan, error) {
	path, names, err := journalNames(w.Path)
	if err != nil {
		return nil, fmt.Errorf("ledger: recover: %w", err)
	}
	var found []Orphan
	var errs []error
	for _, name := range names {
		o, err := w.recoverOne(ctx, path, name)
		if o != nil {
			found = append(found, *o)
		}
		if err == nil {
			continue
		}
		errs = append(errs, fmt.Errorf("ledger: recover: %w", err))
		var header *HeaderError
		var row *RowError
		if ctx.Err() != nil || errors.As(err, &header) || errors.As(err, &row) {
			break // it would be the same for the next one
		}
	}
	sweep(path)
	if err := w.prune(path); err != nil {
		errs = append(errs, fmt.Errorf("ledger: remove old runs: %w", err))
	}
	return found, errors.Join(errs...)
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

// Running gives the runs of this host that go on, as their journals hold them:
// as they were at their last checkpoint, some seconds ago. It changes nothing. Of
// a ledger or a folder that is not there it gives none. A journal that can't be
// read is an error, and the others are given all the same.
func Running(path string) ([]footprint.Report, error) {
	_, names, err := journalNames(path)
	errs := []error{err}
	var found []footprint.Report
	for _, name := range names {
		e, _, err := readEntry(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has ended meanwhile
		case err != nil:
			errs = append(errs, &JournalError{Path: name, Err: err})
		case e.here() && held(name):
			found = append(found, e.Report)
		}
	}
	return found, errors.Join(errs...)
}

// held reports whether a journal's writer lives.
func held(name string) bool {
	if _, err := os.Stat(name + ".lock"); err != nil {
		return false // and taking it would make one
	}
	lock, err := lockJournal(name, nil)
	if lock == nil {
		return err == nil
	}
	_ = lock.Unlock()
	return false
}

// recoverOne deals with one journal, or with a lock that was left without one.
func (w Writer) recoverOne(ctx context.Context, path, name string) (*Orphan, error) {
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
	r, done, err := w.addOrphan(ctx, path, name, e)
	if !done {
		return nil, errors.Join(err, lock.Unlock())
	}
	o := &Orphan{Report: e.Report, Own: own}
	if r != nil {
		o.Report = *r
	}
	switch {
	case e.Pending != nil && !own:
		err = errors.Join(err, lock.Unlock()) // the journal waits for its owner
	case own:
		o.Pending = e.Pending
		fallthrough
	default:
		err = errors.Join(err, dropJournal(name, lock))
	}
	if r == nil && o.Pending == nil {
		return nil, err
	}
	return o, err
}

// readEntry reads the newest checkpoint of a journal, and whether it is this
// user's; an error that is not fs.ErrNotExist is its fault.
func readEntry(name string) (e entry, own bool, err error) {
	c, err := newest(name)
	if err != nil {
		return entry{}, false, err
	}
	e, err = parseEntry(c.content, filepath.Base(name))
	return e, ours(c.file), err
}

func parseEntry(b []byte, id string) (entry, error) {
	var e entry
	if err := json.Unmarshal(b, &e); err != nil {
		return entry{}, err
	}
	if e.Schema != JournalSchema {
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
	return fmt.Sprintf("schema %.80q is not %q: another version wrote it", e.got, JournalSchema)
}

// here reports whether the journal is of this machine.
func (e entry) here() bool {
	host, err := os.Hostname()
	return err == nil && e.Host == host || e.BootID != "" && e.BootID == bootID()
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

// addOrphan appends the row of a dead run, unless there is one. done says that
// there is a row now, r is nil if it was there before.
func (w Writer) addOrphan(ctx context.Context, path, name string, e entry) (r *footprint.Report, done bool, err error) {
	unlock, err := lockLedger(ctx, path)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	there, err := recorded(path, e.Report.RunID, e.LedgerBytes)
	if there || err != nil {
		return nil, there, err
	}
	if e.Report.Status == footprint.Running || e.Report.Status == "" {
		e.Report.Status, e.Report.ExitCode = footprint.Recovered, nil
	}
	row := runs.FromReport(e.Report)
	row.User = e.User
	row.Details, err = addNotes(row.Details, []note{
		{"recovered_at", time.Now().UTC().Format(time.RFC3339)},
		{"journal_written_at", e.WrittenAt.UTC().Format(time.RFC3339Nano)},
	})
	if err == nil {
		_, err = encode(row)
	}
	if err == nil {
		err = row.Impossible()
	}
	if err != nil {
		return nil, false, setJournalAside(name, err)
	}
	if hash, err := w.keepRun(path, e.Report); err == nil { // the row alone is better than neither
		row.RunHash = hash
	}
	receipt, err := w.add(path, row)
	if receipt.Hash == "" {
		return nil, false, err
	}
	e.Report.Ledger = &receipt
	return &e.Report, true, err
}

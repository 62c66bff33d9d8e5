package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

// Recover adds a row for each run whose tracker has died: whose journal is of
// this host, and its lock free. The row has what the last checkpoint knew, the
// status "recovered" and, in its details, when that was. A report that Record
// could not add keeps the status it ended with. A run that has a row by now only
// loses its journal, so nothing is added twice.
//
// It returns the reports whose rows were added, Ledger filled in, also if there
// is an error. Where there is nothing to recover it reads one directory, makes
// no file and takes no lock. It waits for other writers until ctx ends.
//
// A journal is of this host if it has our host name or our boot id: containers
// of one machine share the latter.
func (w Writer) Recover(ctx context.Context) ([]footprint.Report, error) {
	path, err := resolve(w.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: recover: %w", err)
	}
	files, err := os.ReadDir(path + ".d")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: recover: %w", err)
	}
	var added []footprint.Report
	var errs []error
	for _, f := range files {
		id, isLock := strings.CutSuffix(f.Name(), ".lock")
		id, isJournal := strings.CutSuffix(id, ".json")
		if isLock == isJournal || !isPlain(id) {
			continue
		}
		r, err := w.recoverOne(ctx, path, filepath.Join(path+".d", id))
		if r != nil {
			added = append(added, *r)
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
	return added, errors.Join(errs...)
}

// Running gives the runs of this host that go on, as their journals hold them:
// as they were at their last checkpoint, some seconds ago. It changes nothing. Of
// a ledger or a folder that is not there it gives none. A journal that can't be
// read is an error, and the others are given all the same.
func Running(path string) (runs []footprint.Report, err error) {
	if path, err = resolve(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	files, err := os.ReadDir(path + ".d")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var errs []error
	for _, f := range files {
		id, isJournal := strings.CutSuffix(f.Name(), ".json")
		if !isJournal || !isPlain(id) {
			continue
		}
		name := filepath.Join(path+".d", id)
		e, err := readEntry(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has ended meanwhile
		case err != nil:
			errs = append(errs, &JournalError{Path: name + ".json", Err: err})
		case e.here() && held(name):
			runs = append(runs, e.Report)
		}
	}
	return runs, errors.Join(append(errs, err)...)
}

// held reports whether a journal's writer lives.
func held(name string) bool {
	if _, err := os.Stat(name + ".lock"); err != nil {
		return false // and taking it would make one
	}
	lock, err := lockJournal(name)
	if lock == nil {
		return err == nil
	}
	_ = lock.Unlock()
	return false
}

// recoverOne deals with one journal, or with a lock that was left without one.
func (w Writer) recoverOne(ctx context.Context, path, name string) (*footprint.Report, error) {
	if e, err := readEntry(name); err == nil && !e.here() {
		return nil, nil
	}
	lock, err := lockJournal(name)
	if lock == nil {
		return nil, err // its writer lives
	}
	e, err := readEntry(name) // as it stands now that nobody writes it
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
	r, err := w.addOrphan(ctx, path, name, e)
	if r == nil && err != nil {
		_ = lock.Unlock()
		return nil, err
	}
	return r, errors.Join(err, dropJournal(name, lock))
}

// readEntry reads a journal; an error that is not fs.ErrNotExist is its fault.
func readEntry(name string) (entry, error) {
	b, err := os.ReadFile(name + ".json")
	if err != nil {
		return entry{}, err
	}
	return parseEntry(b, filepath.Base(name))
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
	bad := &JournalError{Path: name + ".json", Err: why}
	if other := (*schemaError)(nil); errors.As(why, &other) || errors.Is(why, fs.ErrPermission) {
		return bad
	}
	bad.Moved = name + ".json.bad"
	if err := os.Rename(bad.Path, bad.Moved); err != nil {
		bad.Moved = ""
		bad.Err = errors.Join(why, err)
	}
	return bad
}

// addOrphan appends the row of a dead run, unless there is one. A nil error with
// no report says that there was one; an error with a report, that its row was
// added and something after it failed.
func (w Writer) addOrphan(ctx context.Context, path, name string, e entry) (*footprint.Report, error) {
	unlock, err := lockLedger(ctx, path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r := e.Report
	there, err := recorded(path, r.RunID, e.LedgerBytes)
	if there || err != nil {
		return nil, err
	}
	if r.Status == footprint.Running || r.Status == "" {
		r.Status, r.ExitCode = footprint.Recovered, nil
	}
	row := runs.FromReport(r)
	row.User = e.User
	row.Details, err = addNotes(row.Details, []note{
		{"recovered_at", time.Now().UTC().Format(time.RFC3339)},
		{"journal_written_at", e.WrittenAt.UTC().Format(time.RFC3339Nano)},
	})
	if err == nil {
		_, err = encode(row)
	}
	if err != nil {
		return nil, setJournalAside(name, err)
	}
	receipt, err := w.add(path, row)
	if receipt.Hash == "" {
		return nil, err
	}
	r.Ledger = &receipt
	return &r, err
}

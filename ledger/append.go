package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

// Writer appends rows to the ledger at Path. Any number of writers, in any
// number of processes, may append to one file at a time.
//
// It is also a sink of package carbon, one for each tracker: it keeps a journal
// of the run, so that little is lost if the process dies, and appends the row at
// the end. Append and Recover are safe for concurrent use; Checkpoint, Record
// and Report belong to one run at a time, and to one goroutine.
type Writer struct {
	Path string
	// User stands in the rows that Record and Report append, and Recover too.
	User string
	// Flush is the time between two checkpoints that Every asks for; 0 is left
	// to the caller of Checkpoint.
	Flush time.Duration
	// Key signs FILE.head after each append, into FILE.head.sig; nil signs
	// nothing.
	Key Signer

	open    func(path string) (file, error) // nil: openFile; tests fill disks here
	journal *journal                        // of the run that goes on, nil if none
}

// A Signer signs heads. *sshsig.Key is one.
type Signer interface {
	// Sign gives what FILE.head.sig shall hold.
	Sign(message []byte) ([]byte, error)
	// Signed reports whether sig is a signature of the message by this signer.
	Signed(message, sig []byte) bool
}

// file is what appending needs of one.
type file interface {
	ReadAt(p []byte, off int64) (int, error)
	WriteAt(p []byte, off int64) (int, error)
	Truncate(size int64) error
	Sync() error
	Stat() (fs.FileInfo, error)
	Close() error
}

// openFile does not use O_APPEND, with which Windows cannot truncate: the lock
// keeps the end where it is.
func openFile(path string) (file, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}

// A writer that finds the lock held tries again after some time between these,
// longer each time and by chance, so that many writers do not keep the machine
// busy with waiting. An append holds the lock for about two fsyncs.
const (
	firstWait = time.Millisecond
	lastWait  = 16 * time.Millisecond
)

// Append adds one row at the end of the file and returns the chain's new head.
// Schema, LedgerID, PreviousHash and Hash of the row are filled in here; labels
// and details must be JSON objects or empty. The row has reached the disk when
// Append returns.
//
// A missing file or directory is created, readable by its owner alone. An
// unfinished last line is moved to FILE.torn first, and the row's details tell.
//
// It waits for other writers until ctx ends, so give it a deadline. On an error
// nothing was added and the file is as whole as before, with one exception: if
// the receipt is not empty, the row was added and only FILE.head could not be
// replaced or signed, which the next Append makes good. A *HeaderError or *RowError means
// that the file is not one that a row can be added to.
func (w Writer) Append(ctx context.Context, row runs.Row) (footprint.Receipt, error) {
	path, err := locate(w.Path)
	if err != nil {
		return footprint.Receipt{}, fmt.Errorf("ledger: %w", err)
	}
	unlock, err := lockLedger(ctx, path)
	if err != nil {
		return footprint.Receipt{}, err
	}
	defer unlock()
	return w.add(path, row)
}

func lockLedger(ctx context.Context, path string) (unlock func() error, err error) {
	lock := flock.New(path + ".lock")
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		ok, err := lock.TryLock()
		if ok {
			return lock.Unlock, nil
		}
		if err == nil {
			select {
			case <-time.After(wait/2 + rand.N(wait)):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		return nil, lockError(lock.Path(), err)
	}
}

// add appends a row, under the lock.
func (w Writer) add(path string, row runs.Row) (footprint.Receipt, error) {
	head, err := w.appendRow(path, row)
	if head.Hash == "" {
		return footprint.Receipt{}, err
	}
	return footprint.Receipt{Path: w.Path, LedgerID: head.LedgerID, Rows: head.Rows, Hash: head.Hash}, err
}

func (w Writer) opener() func(string) (file, error) {
	if w.open != nil {
		return w.open
	}
	return openFile
}

// locate makes the directory, and resolves the path.
func locate(path string) (string, error) {
	if path == "" {
		return "", errors.New("no path given")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	return resolve(path)
}

// resolve follows links, so that all names of one file share one lock.
func resolve(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		return filepath.Join(dir, filepath.Base(path)), err
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", &fs.PathError{Op: "append", Path: path, Err: errors.New("not a regular file")}
	}
	return filepath.EvalSymlinks(path)
}

func lockError(path string, err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("ledger: lock %s: another writer holds it, or the time for it was over: %w", path, err)
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.ENOLCK):
		return fmt.Errorf("ledger: lock %s: this file system cannot lock files: %w", path, err)
	}
	var named *fs.PathError
	if errors.As(err, &named) {
		return fmt.Errorf("ledger: lock: %w", err)
	}
	return fmt.Errorf("ledger: lock %s: %w", path, err)
}

// appendRow does the work of Append, under the lock.
func (w Writer) appendRow(path string, row runs.Row) (Head, error) {
	open := w.opener()
	f, err := open(path)
	if err != nil {
		return Head{}, fmt.Errorf("ledger: %w", err)
	}
	defer f.Close()
	at, err := findTail(f, path)
	if err != nil {
		return Head{}, err
	}
	next, notes, err := nextHead(f, path, at)
	if err != nil {
		return Head{}, fmt.Errorf("ledger: %w", err)
	}
	now := time.Now().UTC()
	if w.Key != nil && at.last.id != "" && !w.signedBefore(path, at.last.hash) {
		notes = append(notes, note{"unsigned_before", at.last.hash})
	}
	if at.torn > 0 {
		notes = append(notes, note{"torn_bytes", at.torn}, note{"torn_at", now.Format(time.RFC3339)})
	}
	if row.Details, err = addNotes(row.Details, notes); err != nil {
		return Head{}, fmt.Errorf("ledger %s: row %s: %w", path, row.RunID, err)
	}

	row.Schema, row.LedgerID, row.PreviousHash, row.Hash = runs.LedgerSchema, next.LedgerID, next.Hash, ""
	line, err := encode(row)
	if err != nil {
		return Head{}, fmt.Errorf("ledger %s: %w", path, err)
	}
	body := line[:len(line)-1]
	next.Hash = rowHash(row.PreviousHash, body)
	line = append(append(body, next.Hash...), '\n')
	if at.end == 0 {
		line = append([]byte(Header+"\n"), line...)
	}

	if at.torn > 0 {
		if err := setAside(open, path, f, at, now); err != nil {
			return Head{}, fmt.Errorf("ledger: set aside the torn line of %s: %w", path, err)
		}
	}
	if err := write(f, line, at.end); err != nil {
		return Head{}, fmt.Errorf("ledger: nothing was added to %s: %w", path, err)
	}
	if at.end == 0 {
		err = syncDir(filepath.Dir(path))
	}
	if err = errors.Join(err, replace(open, path+".head", next.bytes())); err != nil {
		return next, fmt.Errorf("ledger: the row is in %s, but its head is not: %w", path, err)
	}
	if w.Key != nil {
		sig, err := w.Key.Sign(next.bytes())
		if err == nil {
			err = replace(open, path+".head.sig", sig)
		}
		if err != nil {
			return next, fmt.Errorf("ledger: the row is in %s, but its head is not signed: %w", path, err)
		}
	}
	return next, nil
}

// signedBefore reports whether our own key has signed the row that the new one
// follows. If it has not, the new signature must not seem to vouch for the rows
// before it: whoever could write the file could have put them there.
func (w Writer) signedBefore(path, hash string) bool {
	head, err := os.ReadFile(path + ".head")
	if err != nil {
		return false
	}
	sig, err := os.ReadFile(path + ".head.sig")
	if err != nil {
		return false
	}
	h, err := ParseHead(head)
	return err == nil && h.Hash == hash && w.Key.Signed(head, sig)
}

// write puts the line at the end of the file, or leaves the file as it was.
func write(f file, line []byte, end int64) error {
	_, err := f.WriteAt(line, end)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		return nil
	}
	if undo := errors.Join(f.Truncate(end), f.Sync()); undo != nil {
		return fmt.Errorf("%w (and what was written of it could not be taken back: %w)", err, undo)
	}
	return err
}

// nextHead returns the head that the new row makes, its Hash still that of the
// row before. It counts the rows only where FILE.head does not know.
func nextHead(f file, path string, at tail) (Head, []note, error) {
	if at.last.id == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return Head{}, nil, err
		}
		return Head{id.String(), 1, genesis([]byte(Header+"\n"), id.String())}, nil, nil
	}
	next := Head{LedgerID: at.last.id, Hash: at.last.hash}
	old, headErr := ReadHead(path)
	known := headErr == nil && old.LedgerID == at.last.id
	switch {
	case known && old.Hash == at.last.hash:
		next.Rows = old.Rows + 1
		return next, nil, nil
	case known && old.Hash == at.last.previous: // a crash between row and head
		next.Rows = old.Rows + 2
		return next, nil, nil
	}
	rows, seen, err := count(f, at, old.Hash)
	if err != nil {
		return Head{}, nil, fmt.Errorf("count the rows of %s: %w", path, err)
	}
	next.Rows = rows + 1
	if headErr == nil && !seen {
		// The head names a row that is gone. It is about to be replaced: keep it.
		return next, []note{{"lost_head", old}}, nil
	}
	return next, nil, nil
}

// note is something about the ledger itself that the next row's details tell.
type note struct {
	key   string
	value any
}

func addNotes(details string, notes []note) (string, error) {
	if len(notes) == 0 {
		return details, nil
	}
	all := map[string]json.RawMessage{}
	if details != "" {
		if err := json.Unmarshal([]byte(details), &all); err != nil {
			return "", fmt.Errorf("details: not a JSON object: %w", err)
		}
	}
	for _, n := range notes {
		b, err := json.Marshal(n.value)
		if err != nil {
			return "", err
		}
		all[n.key] = b
	}
	b, err := json.Marshal(all)
	return string(b), err
}

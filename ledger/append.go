package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

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
	// User is in the rows that Record, Report and Recover append.
	User string
	// Flush is the time between two checkpoints that Every asks for; 0 is left
	// to the caller of Checkpoint.
	Flush time.Duration
	// Pending is what the owner of the run still has to do once it has ended,
	// such as a webhook: Checkpoint and Record keep it in the journal, and while
	// it is not nil the journal stays until Done. If that is never called, the
	// next Recover of the same user gets it.
	Pending json.RawMessage
	// Hand is given what a dead run had Pending before its journal is removed: a crash in
	// between gives it again. After an error the journal stays, for a later Recover. nil
	// leaves it to the caller that gets the Orphan.
	Hand func(Orphan) error
	// Keep is which runs stay whole beside the ledger; the zero value keeps the newest 1,000.
	// Record keeps them, Recover removes the older ones.
	Keep Keep
	// Key signs FILE.head after each append, into FILE.head.sig; nil signs
	// nothing.
	Key Signer

	open    func(path string) (file, error) // nil: as it is; tests fill disks here
	disk    func(io.Writer) io.Writer       // nil: as it is; and here
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

// Append adds one row at the end of the file and returns the chain's new head.
// Schema, LedgerID, PreviousHash and Hash of the row are filled in here; labels
// and details must be JSON objects or empty. The row has reached the disk when
// Append returns.
//
// A missing file or directory is created, readable by its owner alone; files
// beside the ledger have its mode and group. An unfinished last line is moved to
// FILE.torn first, and the row's details name it.
//
// It waits for other writers until ctx ends, so give it a deadline. On an error
// nothing was added and the file is as whole as before, unless the receipt is
// not empty: then the row was added, and either FILE.head could not be replaced
// or signed, which the next Append makes good, or the error is a *HeadError. A
// *HeaderError or *RowError means that the file is not one that a row can be
// added to.
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
	return w.addOne(path, row)
}

// A HeadError reports that the ledger was not as FILE.head had it when a row was added: rows
// were cut off, or the chain was rebuilt or joined by another one. The row is there; what
// FILE.head held is in its details.
type HeadError struct {
	Path string
	Head Head // as it was
	Why  string
}

func (e *HeadError) Error() string {
	return fmt.Sprintf("ledger %s: %s; the old head (%d rows, %s) is kept in the new row's details", e.Path, e.Why, e.Head.Rows, e.Head.Hash)
}

// add appends rows, under the lock. There is a receipt for each, or none.
func (w Writer) add(path string, rows ...runs.Row) ([]footprint.Receipt, error) {
	heads, err := w.appendRows(path, rows)
	receipts := make([]footprint.Receipt, len(heads))
	for i, head := range heads {
		receipts[i] = footprint.Receipt{Path: w.Path, LedgerID: head.LedgerID, Rows: head.Rows, Hash: head.Hash}
	}
	return receipts, err
}

// addOne appends a row, under the lock.
func (w Writer) addOne(path string, row runs.Row) (footprint.Receipt, error) {
	receipts, err := w.add(path, row)
	if len(receipts) == 0 {
		return footprint.Receipt{}, err
	}
	return receipts[0], err
}

// ledger opens the file that rows are added to. It does not use O_APPEND, with
// which Windows cannot truncate: the lock keeps the end where it is.
func (w Writer) ledger(path string) (file, error) {
	if w.open != nil {
		return w.open(path)
	}
	return openSide(path, nil)
}

// side opens a file beside the ledger.
func (w Writer) side(path string, like fs.FileInfo) (file, error) {
	if w.open != nil {
		return w.open(path)
	}
	return openSide(path, like)
}

// appendRows adds rows with one write, one fsync and one head, under the lock.
// It returns the head that each of them made.
func (w Writer) appendRows(path string, rows []runs.Row) ([]Head, error) {
	f, err := w.ledger(path)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer f.Close()
	like, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	at, err := findTail(f, path)
	if err != nil {
		return nil, err
	}
	next, err := nextHead(f, path, at)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	if w.Key != nil && at.last.id != "" && !w.signedBefore(path, next.Hash) {
		next.note("unsigned_before", next.Hash)
	}
	if at.torn > 0 {
		next.note("torn_bytes", at.torn)
		next.note("torn_at", now.Format(time.RFC3339))
	}
	if len(rows) > 1 {
		next.note(batchRows, len(rows))
	}
	text, heads, err := w.chain(next, rows, schemaOf(at.header))
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	if at.end == 0 {
		text = append([]byte(at.header+"\n"), text...)
	}
	if at.torn > 0 {
		if err := w.setAside(path, like, f, at, now); err != nil {
			return nil, fmt.Errorf("ledger: set aside the torn line of %s: %w", path, err)
		}
	}
	if err := write(f, text, at.end); err != nil {
		return nil, fmt.Errorf("ledger: nothing was added to %s: %w", path, err)
	}
	head := heads[len(heads)-1]
	if at.end == 0 {
		err = syncDir(filepath.Dir(path))
	}
	if err = errors.Join(err, w.replace(path+".head", like, head.bytes())); err != nil {
		return heads, fmt.Errorf("ledger %s: FILE.head could not be replaced: %w", path, err)
	}
	if w.Key != nil {
		sig, err := w.Key.Sign(head.bytes())
		if err == nil {
			err = w.replace(path+".head.sig", like, sig)
		}
		if err != nil {
			return heads, fmt.Errorf("ledger %s: FILE.head could not be signed: %w", path, err)
		}
	}
	if next.lost != nil {
		return heads, next.lost
	}
	return heads, nil
}

// chain gives the lines of rows, each chained to the one before it. The first one
// carries what there is to note.
func (w Writer) chain(from next, rows []runs.Row, schema string) (text []byte, heads []Head, err error) {
	head := from.Head
	for i, row := range rows {
		if i == 0 {
			if row.Details, err = addNotes(row.Details, from.notes); err != nil {
				return nil, nil, fmt.Errorf("row %s: %w", row.RunID, err)
			}
		}
		row.Schema, row.LedgerID, row.PreviousHash, row.Hash = schema, head.LedgerID, head.Hash, ""
		line, err := encode(row)
		if err != nil {
			return nil, nil, err
		}
		body := line[:len(line)-1]
		head.Hash = rowHash(row.PreviousHash, body)
		head.Rows++
		heads = append(heads, head)
		text = append(append(append(text, body...), head.Hash...), '\n')
	}
	return text, heads, nil
}

// signedBefore reports whether our own key has signed the row that the new one
// follows. If it has not, the new signature must not seem to vouch for the rows
// before it: whoever could write the file could have put them there.
func (w Writer) signedBefore(path, hash string) bool {
	head, err := readSide(path + ".head")
	if err != nil {
		return false
	}
	sig, err := readSide(path + ".head.sig")
	if err != nil {
		return false
	}
	h, err := ParseHead(head)
	return err == nil && h.Hash == hash && w.Key.Signed(head, sig)
}

// write puts text at the end of the file, or leaves the file as it was.
func write(f file, text []byte, end int64) error {
	_, err := f.WriteAt(text, end)
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

// next is where a chain goes on: the head so far, what the next row's details
// note, and what was lost of the chain since FILE.head was written.
type next struct {
	Head
	notes []note
	lost  error // *HeadError
}

func (n *next) note(key string, value any) { n.notes = append(n.notes, note{key, value}) }

// batchRows notes in the first row of several that were added at once how many
// those are: a crash before FILE.head is replaced leaves it so far behind.
const batchRows = "batch_rows"

// lostHead notes what FILE.head held where the ledger was not as that has it.
const lostHead = "lost_head"

// nextHead finds the chain that the new row continues. It counts the rows only
// where FILE.head does not know, and notes where file and head disagree, since
// the head, which is the only witness, is replaced next.
func nextHead(f file, path string, at tail) (next, error) {
	heads, headErr := readHeads(path)
	if len(heads) > 1 {
		return next{}, &RowError{path, "it was merged from several ledgers: append to one of those"}
	}
	var old Head
	if headErr == nil {
		old = heads[0]
	}
	n := next{Head: Head{LedgerID: at.last.id, Hash: at.last.hash}}
	switch {
	case old.LedgerID == "" && at.last.id == "":
	case old.LedgerID != at.last.id:
	case old.Hash == at.last.hash:
		n.Rows = old.Rows
		return n, nil
	case old.Hash == at.last.previous: // a crash between row and head
		n.Rows = old.Rows + 1
		return n, nil
	}
	if at.last.id == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return next{}, fmt.Errorf("ledger: %w", err)
		}
		n.Head = Head{id.String(), 0, genesis([]byte(at.header+"\n"), id.String())}
		if headErr == nil {
			n.disagree(path, old, "its rows are gone, FILE.head still names them")
		}
		return n, nil
	}
	had, last, seen, err := count(f, at, old)
	if err != nil {
		return next{}, fmt.Errorf("ledger: count the rows of %s: %w", path, err)
	}
	n.Rows = last.Rows
	switch {
	case headErr != nil:
	case had.Rows > 0 && had.LedgerID != last.LedgerID: // others follow our chain: go on with ours
		n.Head = had
		n.disagree(path, old, "rows of another chain ("+last.LedgerID+") follow those of FILE.head")
	case !seen:
		n.disagree(path, old, "the row that FILE.head names is not in the file: rows were cut off, or the chain was rebuilt")
	default: // a crash in a batch, or a writer that keeps no head
		n.note("head_behind", last.Rows-old.Rows)
	}
	return n, nil
}

func (n *next) disagree(path string, old Head, why string) {
	n.note(lostHead, old)
	n.lost = &HeadError{path, old, why}
}

// note is something about the ledger itself that the next row's details hold.
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

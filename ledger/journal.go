package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/carbonctl/carbonctl/footprint"
)

// JournalSchema names what LEDGER.d/RUN_ID.json holds.
const JournalSchema = "carbonctl.journal/v1"

// entry is what a journal holds: the report so far, and who writes it.
type entry struct {
	Schema    string    `json:"schema"`
	Host      string    `json:"host"`
	BootID    string    `json:"boot_id"`
	PID       int       `json:"pid"`
	User      string    `json:"user"`
	WrittenAt time.Time `json:"written_at"`
	// LedgerBytes is how long the ledger was when the journal was opened. The
	// run's row can only stand behind that.
	LedgerBytes int64            `json:"ledger_bytes"`
	Report      footprint.Report `json:"report"`
}

// A journal is LEDGER.d/RUN_ID.json while its run goes on. The file is replaced
// at each checkpoint, so the lock that says "still alive" is on a file of its
// own beside it, RUN_ID.lock, held until the journal is closed or its process
// has died. Both have the mode 0600.
type journal struct {
	name  string // without .json
	id    string // of the run
	lock  *flock.Flock
	entry entry
	open  func(string) (file, error)
}

// openJournal takes the lock of a run's journal. ledger is the resolved path.
func (w Writer) openJournal(ledger, id string) (*journal, error) {
	if !isPlain(id) {
		return nil, fmt.Errorf("run_id %.80q is not a name that a file can have", id)
	}
	if err := os.Mkdir(ledger+".d", 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	name := filepath.Join(ledger+".d", id)
	lock, err := lockJournal(name)
	for tries := 0; lock == nil && err == nil && tries < 20; tries++ {
		time.Sleep(5 * time.Millisecond) // who recovers takes it for a moment, to see whose it is
		lock, err = lockJournal(name)
	}
	if err != nil {
		return nil, err
	}
	if lock == nil {
		return nil, fmt.Errorf("%s.lock: another process writes the journal of this run", name)
	}
	e := entry{Schema: JournalSchema, BootID: bootID(), PID: os.Getpid(), User: w.User}
	e.Host, _ = os.Hostname()
	if info, err := os.Stat(ledger); err == nil {
		e.LedgerBytes = info.Size()
	}
	return &journal{name: name, id: id, lock: lock, entry: e, open: w.opener()}, nil
}

// lockJournal takes the lock of the journal with that name; it is nil if
// somebody holds it.
func lockJournal(name string) (*flock.Flock, error) {
	for range 100 {
		lock := flock.New(name + ".lock")
		ok, err := lock.TryLock()
		if err != nil {
			return nil, lockError(lock.Path(), err)
		}
		if !ok {
			return nil, nil
		}
		// Who cleans up removes lock files. A lock on a file that has no name
		// any more is none.
		held, err := lock.Stat()
		if err == nil {
			if named, err := os.Stat(lock.Path()); err == nil && os.SameFile(held, named) {
				return lock, nil
			}
		}
		_ = lock.Unlock()
	}
	return nil, fmt.Errorf("lock %s.lock: it is removed again and again", name)
}

// isPlain: a run_id that is a file's name, and that no cell would quote.
func isPlain(id string) bool {
	for i, c := range []byte(id) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case (c == '-' || c == '_') && i > 0:
		default:
			return false
		}
	}
	return id != "" && len(id) <= 100
}

// checkpoint replaces the journal, or leaves the old one. It has reached the
// disk when it returns.
func (j *journal) checkpoint(r footprint.Report) error {
	j.entry.WrittenAt, j.entry.Report = time.Now().UTC(), r
	b, err := json.Marshal(j.entry)
	if err != nil {
		return err
	}
	if err := replace(j.open, j.name+".json", append(b, '\n')); err != nil {
		return err
	}
	return syncDir(filepath.Dir(j.name))
}

// close frees the lock. A journal that was written stays, and is an orphan now.
func (j *journal) close() error {
	err := j.lock.Unlock()
	if _, missing := os.Stat(j.name + ".json"); errors.Is(missing, fs.ErrNotExist) {
		_ = os.Remove(j.lock.Path())
	}
	return err
}

// remove ends a journal whose row is in the ledger.
func (j *journal) remove() error { return dropJournal(j.name, j.lock) }

// dropJournal removes a journal and its lock, which the caller holds. The lock
// goes last, and unlocked, since not all systems remove open files; whoever gets
// it in between finds no journal.
func dropJournal(name string, lock *flock.Flock) error {
	err := os.Remove(name + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	_ = os.Remove(name + ".json.tmp") // of a checkpoint that its process did not survive
	err = errors.Join(err, lock.Unlock())
	_ = os.Remove(lock.Path())
	return err
}

// replace writes a file whole, or leaves the old one, under a name of which
// there is one writer at a time.
func replace(open func(string) (file, error), path string, content []byte) error {
	name := path + ".tmp"
	f, err := open(name)
	if err != nil {
		return err
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt(content, 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(name)) // what is left of a full disk belongs to the work
	}
	return os.Rename(name, path)
}

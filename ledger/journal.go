package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/carbonctl/carbonctl/footprint"
)

// journalSchema names what the files of a journal hold.
const journalSchema = "carbonctl.journal/v2"

// entry is what a journal holds: the report so far, and who writes it.
type entry struct {
	writer
	WrittenAt time.Time `json:"written_at"`
	// LedgerBytes is how long the ledger was when the journal was opened. The
	// run's row can only stand behind that.
	LedgerBytes int64            `json:"ledger_bytes"`
	Pending     json.RawMessage  `json:"pending,omitempty"` // see Writer.Pending
	Report      footprint.Report `json:"report"`
	// Power of the report, which is much to encode: as it was up to a minute before, and
	// in the first minute up to half of the run.
	Power json.RawMessage `json:"power,omitempty"`

	first bool // it is that of the lock file
}

// powerEvery is how often the power over time is encoded anew, and before that when it has
// become twice as long: the first minute costs as much as its end, and a run that is
// killed in it has its power.
const powerEvery = time.Minute

// writer is who writes a journal.
type writer struct {
	Schema string `json:"schema"`
	Host   string `json:"host"`
	BootID string `json:"boot_id"`
	PID    int    `json:"pid"`
	User   string `json:"user"`
	// Recovers says that it makes the row of another's run, which has ended.
	Recovers bool `json:"recovers,omitempty"`
}

// self is this process.
func self(user string) writer {
	host, _ := os.Hostname()
	return writer{Schema: journalSchema, Host: host, BootID: bootID(), PID: os.Getpid(), User: user}
}

// A journal is three files in LEDGER.d while its run goes on: RUN_ID.lock, held
// by the process until the journal is closed or the process has died, and the
// two slots that checkpoints are written to in turn. The first checkpoint is in the
// lock file too, and there first: to make and to allocate the slots can take a busy
// disk a tenth of a second, and a run that is killed by then is not lost.
type journal struct {
	name  string // of all three, without what follows the run's ID
	id    string // of the run
	lock  *flock.Flock
	entry entry
	slots slots

	signed  bool      // the lock file says who we are
	powerAt time.Time // when it was encoded
	powerOf int       // how many steps it had
	ended   bool      // it holds the report of a run that has ended
	named   sync.Once // its files' names are on the disk
}

// openJournal takes the lock of a run's journal. ledger is the resolved path.
func (w Writer) openJournal(ledger, id string) (*journal, error) {
	if !isPlain(id) {
		return nil, fmt.Errorf("run_id %.80q cannot be the name of a file", id)
	}
	like, err := os.Lstat(ledger)
	if err != nil {
		like = nil // there is none yet
	}
	if err := mkdirSide(ledger+".d", like); err != nil {
		return nil, err
	}
	name := filepath.Join(ledger+".d", id)
	lock, err := lockJournal(name, like)
	for tries := 0; lock == nil && err == nil && tries < 20; tries++ {
		time.Sleep(5 * time.Millisecond) // who recovers takes it for a moment, before we did
		lock, err = lockJournal(name, like)
	}
	if err != nil {
		return nil, err
	}
	if lock == nil {
		return nil, fmt.Errorf("%s.lock: another process writes the journal of this run", name)
	}
	j := &journal{name: name, id: id, lock: lock}
	j.entry.writer = self(w.User)
	if like != nil {
		j.entry.LedgerBytes = like.Size()
	}
	j.slots = slots{open: func(n int) (file, error) { return w.slot(slotName(name, n), like) }}
	return j, nil
}

// sign writes into a lock file who holds it, with what else there is to say in the same
// JSON. The lock is what counts.
func sign(lock *flock.Flock, text []byte) {
	f, err := os.OpenFile(lock.Path(), os.O_WRONLY|os.O_TRUNC|noFollow, 0)
	if err != nil {
		return
	}
	_, _ = f.Write(text)
	_ = f.Close()
}

// slot opens a file for checkpoints. Its owner alone may write it, though others
// may read and remove it: what is done for a journal's owner must be the owner's
// own words.
func (w Writer) slot(path string, like fs.FileInfo) (file, error) {
	f, err := w.side(path, like)
	if plain, ok := f.(*os.File); ok && err == nil && like != nil {
		_ = plain.Chmod(like.Mode().Perm() &^ 0o022)
	}
	return f, err
}

// lockJournal takes the lock of the journal with that name; the result is nil if
// somebody holds it.
func lockJournal(name string, like fs.FileInfo) (*flock.Flock, error) {
	return lockFile(name+".lock", like)
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

// save writes the report, and does not wait for the disk.
func (j *journal) save(r footprint.Report, pending json.RawMessage) error {
	now := time.Now()
	j.entry.WrittenAt, j.entry.Pending = now.UTC(), pending
	ended := r.Status != footprint.Running
	if n := steps(r.Power); ended || n >= 2*j.powerOf || now.Sub(j.powerAt) >= powerEvery {
		b, err := json.Marshal(r.Power)
		if err != nil {
			return err
		}
		j.entry.Power, j.powerAt, j.powerOf = b, now, n
	}
	r.Power = nil
	short := j.entry
	short.Power, short.Report = nil, shortened(r)
	j.entry.Report = r
	var err error
	for _, e := range []*entry{&j.entry, &short} {
		b, encodeErr := json.Marshal(e)
		if encodeErr != nil {
			return encodeErr
		}
		b = append(b, '\n')
		if !j.signed {
			sign(j.lock, b)
			j.signed = true
			if c, err := newest(j.name); err == nil { // of this run, whose row could not be added
				j.slots.seq, j.slots.at, j.slots.synced, j.slots.safe = c.seq, c.slot, true, c.slot
			}
		}
		if err = j.slots.write(b); err == nil {
			j.ended = ended
			break
		}
	}
	j.entry.Report = footprint.Report{}
	return err
}

// steps is how long the power over time is.
func steps(all []footprint.Power) (n int) {
	for _, p := range all {
		n += len(p.Mean)
	}
	return n
}

// sync waits until what was saved last is on the disk.
func (j *journal) sync() error {
	err := j.slots.sync()
	if err == nil {
		j.named.Do(func() { err = syncDir(filepath.Dir(j.name)) })
	}
	return err
}

// shortened gives what is left of a report for which the disk has no room: all
// that its row is made of.
func shortened(r footprint.Report) footprint.Report {
	const most = 20
	if n := len(r.Epochs) - 2*most; n > 0 {
		r.Epochs = append(r.Epochs[:most:most], r.Epochs[most+n:]...)
		r.EpochsOmitted += n
	}
	if n := len(r.Tasks) - 2*most; n > 0 {
		r.Tasks = append(r.Tasks[:most:most], r.Tasks[most+n:]...)
		r.TasksOmitted += n
	}
	if len(r.Intensity.Parts) > most {
		r.Intensity.Parts = nil
	}
	return r
}

// close frees the lock. A journal that was written stays, and is an orphan now.
func (j *journal) close() error {
	if j.slots.seq == 0 {
		return j.remove()
	}
	return errors.Join(j.slots.close(), j.lock.Unlock())
}

// remove ends a journal whose row is in the ledger.
func (j *journal) remove() error {
	return errors.Join(j.slots.close(), dropJournal(j.name, j.lock))
}

// dropJournal removes a journal and its lock, which the caller holds. The lock
// goes last, and while it is held: whoever opened it meanwhile finds that it has no
// name any more. Where open files can't be removed, nobody else has it open then.
func dropJournal(name string, lock *flock.Flock) error {
	var errs []error
	for n := range 2 {
		if err := os.Remove(slotName(name, n)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	removed := os.Remove(lock.Path()) == nil
	errs = append(errs, lock.Unlock())
	if !removed {
		_ = os.Remove(lock.Path())
	}
	return errors.Join(errs...)
}

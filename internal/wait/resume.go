package wait

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/carbonctl/carbonctl/internal/atomicfile"
)

// A record says on disk since when somebody waits to start a command, so that the
// same command, started again after the wait was broken off, goes on with it and
// does not begin a new one. Each has one owner, who holds its lock; of several
// that start the same command each has its own. One that can't be kept has no
// lock.
type record struct {
	AskedAt time.Time `json:"asked_at"`
	// AtOnce is the intensity of a start without a wait, nil if it was not known.
	AtOnce *float64 `json:"at_once_g_per_kwh"`

	resumed bool // an earlier wait left it
	path    string
	lock    *flock.Flock
}

// maxRecords is how many may wait to start the same command.
const maxRecords = 1000

// errNowhere is why a wait is not kept.
var errNowhere = errors.New("no home directory to keep the wait in")

// openRecord takes up a record of that key, or begins one. One that is older than
// twice the bound is of a command that somebody has given up. It is there, and
// begins now, also with an error: it can't be kept then.
func openRecord(dir, key string, bound time.Duration, now time.Time) (*record, error) {
	r := &record{AskedAt: now.UTC().Truncate(time.Millisecond)}
	if dir == "" {
		return r, errNowhere
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return r, err
	}
	sweep(dir, now.Add(-stale))
	for i := range maxRecords {
		path := filepath.Join(dir, fmt.Sprintf("%s-%d.json", key, i))
		lock := flock.New(strings.TrimSuffix(path, ".json") + ".lock")
		held, err := lock.TryLock()
		if err != nil {
			return r, err
		}
		if !held {
			continue
		}
		r.path, r.lock = path, lock
		var left record
		if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &left) == nil &&
			!left.AskedAt.After(now) && now.Sub(left.AskedAt) <= 2*bound {
			r.AskedAt, r.AtOnce, r.resumed = left.AskedAt, left.AtOnce, true
			return r, nil
		}
		return r, r.write()
	}
	return r, fmt.Errorf("%d others wait to start the same command", maxRecords)
}

// stale is the age at which what nobody has taken up is litter.
const stale = 30 * 24 * time.Hour

// sweep removes the records that were written before a time, and whose owner is
// gone. What can't be removed stays.
func sweep(dir string, before time.Time) {
	names, _ := filepath.Glob(filepath.Join(dir, "*.json")) // a path with brackets in it is never swept
	for _, path := range names {
		info, err := os.Stat(path)
		if err != nil || !info.ModTime().Before(before) {
			continue
		}
		lock := flock.New(strings.TrimSuffix(path, ".json") + ".lock")
		if held, err := lock.TryLock(); held && err == nil {
			(&record{path: path, lock: lock}).remove()
		}
	}
}

// write keeps what the record says.
func (r *record) write() error {
	if r.lock == nil {
		return nil
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return atomicfile.Write(r.path, atomicfile.Options{Perm: 0o600}, func(f io.Writer) error {
		_, err := f.Write(append(b, '\n'))
		return err
	})
}

// remove ends a wait: nobody is to take it up.
func (r *record) remove() {
	if r.lock == nil {
		return
	}
	_ = os.Remove(r.path)
	_ = r.lock.Unlock()          // not all systems remove open files
	_ = os.Remove(r.lock.Path()) // whoever takes it at this moment is not kept
}

// Key names a command in a folder, without telling it: it may hold secrets.
func Key(dir string, args []string) string {
	h := sha256.New()
	for _, s := range append([]string{dir}, args...) {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

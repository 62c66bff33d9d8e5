package main

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

// A memo says on disk since when somebody waits to start a command, so that the
// same command, started again after the wait was broken off, goes on with it and
// does not begin a new one. Each has one owner, who holds its lock; of several
// that start the same command each has its own. One that can't be kept has no
// lock.
type memo struct {
	AskedAt time.Time `json:"asked_at"`
	// AtOnce is the intensity of a start without a wait, nil if it was not known.
	AtOnce *float64 `json:"at_once_g_per_kwh"`

	old  bool // it was left by somebody else
	path string
	lock *flock.Flock
}

// mostMemos is how many may wait to start the same command.
const mostMemos = 1000

// errNowhere is why a wait is not kept.
var errNowhere = errors.New("no home directory to keep the wait in")

// openMemo takes up a memo of that key, or begins one. One that is older than
// twice the bound is of a command that somebody has given up. It is there, and
// begins now, also with an error: it can't be kept then.
func openMemo(dir, key string, bound time.Duration, now time.Time) (*memo, error) {
	m := &memo{AskedAt: now.UTC().Truncate(time.Millisecond)}
	if dir == "" {
		return m, errNowhere
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return m, err
	}
	sweep(dir, now.Add(-stale))
	for i := range mostMemos {
		path := filepath.Join(dir, fmt.Sprintf("%s-%d.json", key, i))
		lock := flock.New(strings.TrimSuffix(path, ".json") + ".lock")
		held, err := lock.TryLock()
		if err != nil {
			return m, err
		}
		if !held {
			continue
		}
		m.path, m.lock = path, lock
		var left memo
		if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &left) == nil &&
			!left.AskedAt.After(now) && now.Sub(left.AskedAt) <= 2*bound {
			m.AskedAt, m.AtOnce, m.old = left.AskedAt, left.AtOnce, true
			return m, nil
		}
		return m, m.write()
	}
	return m, fmt.Errorf("%d others wait to start the same command", mostMemos)
}

// stale is the age at which what nobody has taken up is litter.
const stale = 30 * 24 * time.Hour

// sweep removes the memos that were written before a time, and whose owner is
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
			(&memo{path: path, lock: lock}).remove()
		}
	}
}

// write keeps what the memo says.
func (m *memo) write() error {
	if m.lock == nil {
		return nil
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return atomicfile.Write(m.path, atomicfile.Options{Perm: 0o600}, func(f io.Writer) error {
		_, err := f.Write(append(b, '\n'))
		return err
	})
}

// remove ends a wait: nobody is to take it up.
func (m *memo) remove() {
	if m.lock == nil {
		return
	}
	_ = os.Remove(m.path)
	_ = m.lock.Unlock()          // not all systems remove open files
	_ = os.Remove(m.lock.Path()) // whoever takes it at this moment is not kept
}

// keyOf names a command in a folder, without telling it: it may hold secrets.
func keyOf(dir string, args []string) string {
	h := sha256.New()
	for _, s := range append([]string{dir}, args...) {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

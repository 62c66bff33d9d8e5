package ledger

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/carbonctl/carbonctl/footprint"
)

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
		case e.here() && lives(name):
			found = append(found, e.Report)
		}
	}
	return found, errors.Join(errs...)
}

// Underway gives the IDs of runs of this host that go on, most of them at the most, by the
// locks of their journals, which is much less to read than what Running reads. Those that
// known reports are skipped. Of a ledger or a folder that is not there, or can't be read, it
// gives none.
func Underway(path string, most int, known func(id string) bool) (ids []string) {
	path, err := resolve(path)
	if err != nil {
		return nil
	}
	files, err := os.ReadDir(path + ".d")
	if err != nil {
		return nil
	}
	for _, f := range files {
		if len(ids) >= most {
			break
		}
		id, ok := strings.CutSuffix(f.Name(), ".lock")
		if !ok || !isPlain(id) || known(id) {
			continue
		}
		name := filepath.Join(path+".d", id)
		if by, ok := holder(name); ok && by.here() && lives(name) {
			ids = append(ids, id)
		}
	}
	return ids
}

// holder gives who holds the lock of a journal, or did, as the lock file says.
func holder(name string) (by writer, ok bool) {
	b, err := readSide(name + ".lock")
	if err != nil {
		return writer{}, false
	}
	return by, json.Unmarshal(b, &by) == nil
}

// lives reports whether a run goes on: whether its journal's lock is held, and not by
// somebody who recovers it.
func lives(name string) bool {
	if !held(name) {
		return false
	}
	by, ok := holder(name)
	return !ok || !by.Recovers
}

// held reports whether somebody has a journal's lock. It keeps nobody from the lock who
// looks too.
func held(name string) bool {
	lock := flock.New(name+".lock", flock.SetFlag(os.O_RDONLY|noFollow))
	free, err := lock.TryRLock()
	if free {
		_ = lock.Unlock()
	}
	return err == nil && !free
}

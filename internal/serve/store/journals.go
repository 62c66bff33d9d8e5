package store

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
)

// journals are those beside one ledger.
type journals struct {
	mark    string // what the folder looked like when they were read
	at      time.Time
	running []footprint.Report
	other   []string // run IDs of journals that nobody on this machine writes
	faults  []Fault
}

// rereadAfter is how long journals that did not change are taken to be of runs that go on:
// one that is killed writes nothing.
const rereadAfter = 3 * time.Second

// lookAtJournals reads those that have changed, and reports whether any did.
func (s *Store) lookAtJournals() (changed bool) {
	seen := map[string]bool{}
	for _, f := range s.files {
		if f.whole || f.foreign || strings.HasSuffix(f.Path, ".gz") {
			continue
		}
		path := f.Path
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		if seen[path] {
			continue
		}
		seen[path] = true
		changed = s.lookBeside(path) || changed
	}
	if len(s.files) == 0 && s.opt.Ledger != "" && len(s.opt.Args) == 0 {
		seen[s.opt.Ledger] = true // the first run goes on
		changed = s.lookBeside(s.opt.Ledger) || changed
	}
	for path := range s.live {
		if !seen[path] {
			delete(s.live, path)
			changed = true
		}
	}
	return changed
}

func (s *Store) journalPaths() []string { return slices.Sorted(maps.Keys(s.live)) }

// lookBeside looks at the journals of one ledger.
func (s *Store) lookBeside(path string) (changed bool) {
	mark, locks := markOf(path + ".d")
	was := s.live[path]
	now := s.opt.Now()
	switch {
	case was == nil && mark == "":
		return false
	case was != nil && was.mark == mark && (len(locks) == 0 || now.Sub(was.at) < rereadAfter && now.After(was.at)):
		return false
	}
	next := &journals{mark: mark, at: now}
	if len(locks) > 0 {
		var err error
		if next.running, err = ledger.Running(path); err != nil {
			for line := range strings.Lines(err.Error()) {
				next.faults = append(next.faults, Fault{Path: filepath.Base(path) + ".d", Text: strings.TrimSpace(line)})
			}
		}
		for _, id := range locks {
			if !slices.ContainsFunc(next.running, func(r footprint.Report) bool { return r.RunID == id }) {
				next.other = append(next.other, id)
			}
		}
	}
	s.live[path] = next
	return was == nil || was.mark != mark || !slices.Equal(was.ids(), next.ids()) || !slices.Equal(was.other, next.other)
}

func (j *journals) ids() (all []string) {
	for _, r := range j.running {
		all = append(all, r.RunID)
	}
	return all
}

// markOf describes the journals in a folder by their names, sizes and times, "" where there
// are none, and gives the runs that have a lock there.
func markOf(dir string) (mark string, locks []string) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", nil
	}
	var b strings.Builder
	for _, f := range files {
		name := f.Name()
		id, lock := strings.CutSuffix(name, ".lock")
		if lock {
			locks = append(locks, id)
		}
		if !lock && !strings.Contains(name, ".journal.") {
			continue
		}
		if info, err := f.Info(); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String(), locks
}

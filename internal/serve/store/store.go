// Package store keeps the runs of ledgers in memory for as long as they are served, and
// follows the files: what is appended is read, what was rotated, cut off or written over
// is read again, and a line that is no row is named and passed over. Runs that go on are
// known from their journals. It only reads: nothing is locked for longer than a look,
// recovered or written.
package store

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/input"
)

// Options say what a Store follows.
type Options struct {
	// Args name ledgers, folders and patterns as for every command; none is Ledger,
	// which need not be there yet.
	Args   []string
	Ledger string
	Now    func() time.Time // nil: time.Now

	chunk int64 // see chunkSize; 0: that
}

// A State is what the files held when they were looked at. It does not change.
type State struct {
	// Generation grows with each change; 0 is before the first look has ended, when Rows are
	// those that were read so far.
	Generation uint64
	At         time.Time // when it was found
	Rows       Rows
	// Live are the runs that go on, as their journals hold them, in the order of their
	// starts. None of them has a row.
	Live []footprint.Report
	// Unrecorded is how many journals there are of runs that have no row and are not known
	// to go on: they go on elsewhere, or ended unrecorded.
	Unrecorded int
	// Faults are what could not be read, More how many besides these; Foreign how many CSV
	// files of folders are no ledgers; Twice how many rows were left out, since their
	// run was read before.
	Faults               []Fault
	More, Foreign, Twice int
}

// A Store follows ledgers. It is safe for concurrent use, but for Look.
type Store struct {
	opt   Options
	files []*followed
	index *index
	twice int
	live  map[string]*journals
	lost  []Fault // of the arguments

	watchers atomic.Int32

	mu      sync.Mutex
	state   *State
	changed chan struct{}
}

// New makes a Store that has read nothing yet.
func New(opt Options) *Store {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.chunk == 0 {
		opt.chunk = chunkSize
	}
	return &Store{opt: opt, index: newIndex(), live: map[string]*journals{}, state: &State{}, changed: make(chan struct{})}
}

// State gives what was found last, and a channel that is closed once there is something
// newer.
func (s *Store) State() (*State, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.changed
}

// Loaded waits for the first look to end, and gives the newest state.
func (s *Store) Loaded(ctx context.Context) (*State, error) {
	for {
		state, changed := s.State()
		if state.Generation > 0 {
			return state, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Watch has the files looked at more often, for somebody who sees each change at once, until
// leave is called.
func (s *Store) Watch() (leave func()) {
	s.watchers.Add(1)
	return func() { s.watchers.Add(-1) }
}

// Looks come at least every latest, and while somebody watches every soonest: one that takes
// long is followed by a longer pause.
const (
	soonest = 300 * time.Millisecond
	latest  = time.Second
)

// Run looks at the files until the context ends.
func (s *Store) Run(ctx context.Context) {
	for {
		start := time.Now()
		s.Look()
		wait := latest
		if s.watchers.Load() > 0 {
			wait = min(max(soonest, 10*time.Since(start)), latest)
		}
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return
		}
	}
}

// Look reads what has changed since it was called before.
func (s *Store) Look() {
	changed := s.lookForFiles()
	again := false
	for _, f := range s.files {
		switch c := s.lookAt(f); c {
		case same:
		case appended:
			changed = true
		case replaced:
			changed, again = true, true
		}
		if again {
			break
		}
	}
	if again {
		s.reload()
	}
	if s.lookAtJournals() {
		changed = true
	}
	if changed || s.state.Generation == 0 {
		s.tell()
	}
}

// lookForFiles finds the files that the arguments stand for now. Where they are others
// all is read again.
func (s *Store) lookForFiles() (changed bool) {
	var lost []Fault
	reader := input.Reader{Ledger: s.opt.Ledger, Skipped: func(err error) {
		f := Fault{Path: "files", Text: err.Error()}
		if at := (*fs.PathError)(nil); errors.As(err, &at) {
			f = Fault{Path: at.Path, Text: at.Err.Error()}
		}
		lost = append(lost, f)
	}}
	var found []input.File
	args := s.opt.Args
	if len(args) == 0 {
		args = []string{s.opt.Ledger}
	}
	for _, arg := range args { // one that is missing hides no other
		files, err := reader.Ledgers([]string{arg})
		switch {
		case err == nil:
		case len(s.opt.Args) == 0 && isMissing(arg): // a ledger that is still to begin
		default:
			lost = append(lost, Fault{Path: arg, Text: errText(arg, err)})
		}
		for _, f := range files {
			if !slices.ContainsFunc(found, func(have input.File) bool { return have.Path == f.Path }) {
				found = append(found, f)
			}
		}
	}
	changed = !slices.Equal(lost, s.lost)
	s.lost = lost
	if len(found) == len(s.files) && !slices.ContainsFunc(s.files, func(f *followed) bool { return found[f.number].Path != f.Path }) {
		return changed
	}
	s.files = nil
	for i, f := range found {
		s.files = append(s.files, &followed{File: f, number: uint32(i), chunk: s.opt.chunk})
	}
	s.reload()
	return true
}

func isMissing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// errText is an error without the name of its file, which stands before it.
func errText(path string, err error) string {
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return at.Err.Error()
	}
	text := strings.TrimPrefix(err.Error(), "ledger ")
	return strings.TrimPrefix(text, path+": ")
}

// reload reads all files from their beginnings.
func (s *Store) reload() {
	s.index, s.twice = newIndex(), 0
	for i, f := range s.files {
		s.files[i] = &followed{File: f.File, number: f.number, chunk: f.chunk}
		s.read(s.files[i])
	}
}

// lookAt reads what was appended to a file, and says what has happened to it.
func (s *Store) lookAt(f *followed) change {
	info, err := os.Stat(f.Path)
	if err != nil {
		if f.info == nil && f.failed {
			return same // it was told
		}
		return replaced
	}
	c := f.changed(info)
	if c == appended && !s.read(f) {
		return replaced
	}
	return c
}

// inPart is how many rows are told at once while the first look goes on: others add them up
// meanwhile.
const inPart = 4096

// errOrder is a row of a run that a file further down had first.
var errOrder = errors.New("read in another order")

// read reads on in a file; it reports whether that can stand.
func (s *Store) read(f *followed) bool {
	err := f.read(&s.index.words, func(id string, row []byte) error {
		if known, ok := s.index.add(id, row, f.number); !ok {
			if known > f.number {
				return errOrder
			}
			s.twice++
		} else if n := len(s.index.rows); n%inPart == 0 && s.state.Generation == 0 {
			s.publish(&State{Rows: s.index.snapshot()})
		}
		return nil
	})
	if errors.Is(err, errOrder) {
		return false
	}
	if err != nil {
		f.ofFile(err)
	}
	return true
}

// tell makes the state of what was read.
func (s *Store) tell() {
	next := &State{Generation: s.state.Generation + 1, At: s.opt.Now(), Twice: s.twice, Faults: slices.Clone(s.lost)}
	s.index.paths = s.index.paths[:0:0]
	for _, f := range s.files {
		s.index.paths = append(s.index.paths, f.Path)
		next.Faults, next.More = append(next.Faults, f.faults...), next.More+f.more
		if !f.torn.IsZero() {
			next.Faults = append(next.Faults, Fault{f.Path, f.lines + 1, "torn line: it has no line end yet"})
		}
		if f.foreign {
			next.Foreign++
		}
	}
	next.Rows = s.index.snapshot()
	for _, path := range s.journalPaths() {
		j := s.live[path]
		next.Faults = append(next.Faults, j.faults...)
		for _, r := range j.running {
			if _, ok := next.Rows.exact(r.RunID); !ok {
				next.Live = append(next.Live, r)
			}
		}
		for _, id := range j.other {
			if _, ok := next.Rows.exact(id); !ok {
				next.Unrecorded++
			}
		}
	}
	slices.SortStableFunc(next.Live, func(a, b footprint.Report) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.RunID, b.RunID))
	})
	s.publish(next)
}

// publish makes a state the newest.
func (s *Store) publish(next *State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = next
	close(s.changed)
	s.changed = make(chan struct{})
}

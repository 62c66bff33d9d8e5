package watch

import (
	"os"
	"time"
)

// seen is what was seen of the file at last.
type seen struct {
	file    *os.File  // that is read; nil: none is there
	size    int64     // how far it was read
	at      time.Time // when nothing more was in it
	state   state     // before that
	settled bool      // what happens from then on changes the state
}

// with is what was seen, with the state as it is at a time.
func (s seen) with(now state, at time.Time) seen {
	s.state, s.settled = now, now != state{} && at.Sub(now.when()) >= clockStep
	return s
}

// check reports whether nothing has happened to the file since. Where something may
// have happened in the same step of the file system's clock it looks at the path.
func (s seen) check(path string, now time.Time) (is seen, same bool) {
	if s.settled && s.state.size == s.size && stateOf(s.file) == s.state {
		return s, true
	}
	is = s.with(stateOf(s.file), now)
	return is, is.state.size == s.size && leadsTo(path, s.file)
}

// leadsTo reports whether a path leads to an open file.
func leadsTo(path string, f *os.File) bool {
	if f == nil {
		return false
	}
	there, err := os.Lstat(path)
	own, err2 := f.Stat()
	return err == nil && err2 == nil && os.SameFile(there, own)
}

// clockStep is by how much the times of files lag behind the clock: they are
// those of the kernel's last tick, of which there are at least 100 a second.
const clockStep = 10 * time.Millisecond

package watch

import (
	"io/fs"
	"os"
	"time"
)

const nonblocking, noFollow = 0, 0

func hold(*os.File) {}

// abandoned: a file that is open can't be removed there.
func abandoned(string) bool { return true }

// ours: the folder for temporary files is a user's own there.
func ours(fs.FileInfo) bool { return true }

// trusted: as ours.
func trusted(fs.FileInfo) bool { return true }

// state is what changes with a file: nobody can move or remove it while it is open.
type state struct {
	size    int64
	changed time.Time
}

// when is when it last changed.
func (s state) when() time.Time { return s.changed }

// stateOf is that of an open file; the zero state where it is not known.
func stateOf(f *os.File) (s state) {
	if f == nil {
		return s
	}
	if info, err := f.Stat(); err == nil {
		s = state{info.Size(), info.ModTime()}
	}
	return s
}

package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// eventsPrefix begins the names of the files that OpenEvents makes.
const eventsPrefix = "carbonctl-events-"

// bellOf is the path of the bell of a file of events.
func bellOf(events string) string { return events + bellSuffix }

const bellSuffix = ".bell"

// sweepAfter is how old a file is that is swept: a younger one may not be held yet.
const sweepAfter = time.Minute

// SweepEvents removes what OpenEvents has made in dir ("" is that for temporary files)
// for processes that were killed since. What another user made is left alone.
func SweepEvents(dir string) {
	if dir == "" {
		dir = os.TempDir()
	}
	files, _ := filepath.Glob(filepath.Join(dir, eventsPrefix+"*"))
	for _, file := range files {
		info, err := os.Lstat(file)
		if err != nil || info.IsDir() || !ours(info) || time.Since(info.ModTime()) < sweepAfter {
			continue
		}
		events, bell := strings.CutSuffix(file, bellSuffix)
		switch {
		case bell && info.Mode()&fs.ModeNamedPipe != 0:
			if _, err := os.Lstat(events); errors.Is(err, fs.ErrNotExist) {
				_ = os.Remove(file)
			}
		case info.Mode().IsRegular() && abandoned(file):
			_ = os.Remove(file)
			_ = os.Remove(bellOf(file))
		}
	}
}

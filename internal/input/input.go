// Package input finds and reads what a user names as a run or a ledger, for every
// command alike:
//
//	ledger.csv, ledger.csv.gz   a ledger
//	run.json, run.json.gz       the JSON of a run
//	runs/                       all *.csv and *.csv.gz below a folder
//	'runs/*.csv'                all that match a pattern
//	last                        the newest run of the user's ledger
//	0198c0de                    a run of it, by its ID or the beginning of one
//	-                           a ledger or the JSON of a run on standard input
//
// A file that is there is always itself, whatever its name. Without any name it is
// the user's ledger.
package input

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/runs"
)

// Last names the newest run of the user's ledger.
const Last = "last"

// Stdin names standard input.
const Stdin = "-"

// A File is one file of runs, or one run of it.
type File struct {
	Path string
	Run  string // the ID of the only run that is meant, "" for all
	// Named: by the user, and not found in a folder or by a pattern.
	Named bool
}

// NoRunsError is a file, a run or a ledger that is not there.
type NoRunsError struct {
	Err error
	// Ledger says that a ledger would be there, once a run was recorded.
	Ledger bool
}

func (e NoRunsError) Error() string { return e.Err.Error() }

func (e NoRunsError) Unwrap() error { return e.Err }

// ErrNoLedger: nothing was named, and the user has no ledger.
var ErrNoLedger = errors.New("no ledger is set: give a FILE")

// A Reader reads runs. Set Ledger and Stdin before the first use; it is for one
// goroutine.
type Reader struct {
	// Ledger is where "last" and IDs are looked for; "" or "none" is nowhere.
	Ledger string
	Stdin  io.Reader // nil: os.Stdin
	// Ends are how the names end of files that are taken from folders; nil is .csv and
	// .csv.gz. With Ends a name is of a file, and no run is looked up.
	Ends []string
	// Columns of a ledger that Rows fills in; nil is all.
	Columns []string
	// Skipped is told what is left out, and why; may be nil.
	Skipped func(error)
	// Through is what the bytes of a file go through as they are read, so that it can be
	// seen how far that is; nil is nothing.
	Through func(path string, from io.Reader, size int64) io.Reader
	// Elsewhere gives what reads the runs of a name that is of no file, nil for any other
	// name; may be nil.
	Elsewhere func(name string) func(add func(runs.Row)) error
	// Note is told what a user should know besides, and what can be done about
	// it, "" for nothing; may be nil.
	Note func(text, hint string)

	others int // CSV files in folders that are no ledgers
}

// Files finds the files that arguments stand for, without any the user's ledger. A
// file that several stand for is read once.
func (r *Reader) Files(args []string) ([]File, error) {
	if len(args) == 0 {
		if !r.hasLedger() {
			return nil, ErrNoLedger
		}
		args = []string{r.Ledger}
	}
	var all []File
	seen := map[File]bool{}
	add := func(f File) {
		key := File{Path: f.Path, Run: f.Run}
		if real, err := filepath.EvalSymlinks(key.Path); err == nil {
			key.Path = real
		}
		if abs, err := filepath.Abs(key.Path); err == nil {
			key.Path = abs
		}
		if !seen[key] && !seen[File{Path: key.Path}] {
			seen[key] = true
			all = append(all, f)
		}
	}
	for _, arg := range args {
		if err := r.expand(arg, add); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, NoRunsError{Err: fmt.Errorf("no *%s in %s", strings.Join(r.ends(), " or *"), strings.Join(args, ", "))}
	}
	return all, nil
}

// Ledgers is Files for who needs whole ledgers: a run stands for the one that it is in.
func (r *Reader) Ledgers(args []string) (all []File, err error) {
	files, err := r.Files(args)
	seen := map[string]bool{}
	for _, f := range files {
		if f.Run = ""; !seen[f.Path] {
			seen[f.Path] = true
			all = append(all, f)
		}
	}
	return all, err
}

func (r *Reader) ends() []string {
	if r.Ends != nil {
		return r.Ends
	}
	return []string{".csv", ".csv.gz"}
}

// expand gives the files of one argument to add.
func (r *Reader) expand(arg string, add func(File)) error {
	if arg == Stdin {
		add(File{Path: Stdin, Named: true})
		return nil
	}
	if r.elsewhere(arg) != nil {
		add(File{Path: arg, Named: true})
		return nil
	}
	info, err := os.Stat(arg)
	switch {
	case err == nil && info.IsDir():
		return r.walk(arg, add)
	case err == nil:
		add(File{Path: arg, Named: true})
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case strings.ContainsAny(arg, "*?["):
		return r.glob(arg, add)
	case r.Ends == nil && (arg == Last || isID(arg)):
		id, err := r.find(arg)
		if err == nil {
			add(File{Path: r.Ledger, Run: id, Named: true})
		}
		return err
	}
	err = missing(arg, err)
	if r.Ends == nil && !strings.ContainsAny(arg, `./\`) {
		err = fmt.Errorf("%s: no such file or run", arg)
	}
	if arg == r.Ledger {
		err = fmt.Errorf("no runs recorded: %w", err)
	}
	return NoRunsError{err, arg == r.Ledger}
}

// missing says of a name that no file has it, without what was tried.
func missing(name string, err error) error {
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		return fmt.Errorf("%s: %w", name, named.Err)
	}
	return err
}

func (r *Reader) glob(pattern string, add func(File)) error {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return fmt.Errorf("%s: %w", pattern, err)
	}
	if len(paths) == 0 {
		return NoRunsError{Err: fmt.Errorf("no file matches %s", pattern)}
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			r.found(path, add)
		} else if err := r.walk(path, add); err != nil {
			return err
		}
	}
	return nil
}

// walk finds the files below a folder that may be ledgers, by their names. Hidden
// folders and those of journals are passed over.
func (r *Reader) walk(dir string, add func(File)) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		name := filepath.Base(path)
		switch {
		case err != nil && path == dir:
			return err
		case err != nil:
			r.skipped(err)
			if e != nil && e.IsDir() {
				return fs.SkipDir
			}
		case e.IsDir() && path != dir && (strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".csv.d")):
			return fs.SkipDir
		case !e.IsDir() && slices.ContainsFunc(r.ends(), func(end string) bool { return strings.HasSuffix(name, end) }):
			r.found(path, add)
		}
		return nil
	})
}

// found adds a file that nobody named. A pipe or a device is none of ours: to open it could
// wait forever.
func (r *Reader) found(path string, add func(File)) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		r.skipped(&fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")})
		return
	}
	add(File{Path: path})
}

func (r *Reader) elsewhere(name string) func(add func(runs.Row)) error {
	if r.Elsewhere == nil {
		return nil
	}
	return r.Elsewhere(name)
}

func (r *Reader) skipped(err error) {
	if r.Skipped != nil {
		r.Skipped(err)
	}
}

func (r *Reader) note(text, hint string) {
	if r.Note != nil {
		r.Note(text, hint)
	}
}

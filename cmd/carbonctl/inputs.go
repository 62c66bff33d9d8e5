package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// An input is one file of runs.
type input struct {
	path  string
	named bool // by the user, and not found in a directory or by a pattern
}

// noRunsError is a ledger that is not there.
type noRunsError struct{ error }

func (e noRunsError) Unwrap() error { return e.error }

// A reading goes through the rows of ledgers. What it can't read it says on
// stderr, and remembers that it did.
type reading struct {
	*app
	columns []string // nil: all
	bad     bool     // something could not be read, and was said
	others  int      // CSV files in directories that are no ledgers
	firsts  map[firstRow]string
}

// firstRow is the first row of a chain in a file. Another file that begins with
// the same one is a copy.
type firstRow struct{ ledger, run string }

// inputs finds the files that arguments stand for: files, directories with all
// below them, and patterns. A file that several stand for is read once.
func (r *reading) inputs(args []string) ([]input, error) {
	var all []input
	seen := map[string]bool{}
	add := func(path string, named bool) {
		key := path
		if real, err := filepath.EvalSymlinks(path); err == nil {
			key = real
		}
		if abs, err := filepath.Abs(key); err == nil {
			key = abs
		}
		if !seen[key] {
			seen[key] = true
			all = append(all, input{path, named})
		}
	}
	for _, arg := range args {
		paths := []string{arg}
		_, err := os.Stat(arg)
		named := true
		if errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(arg, "*?[") {
			if paths, err = filepath.Glob(arg); err != nil {
				return nil, fmt.Errorf("%s: %w", arg, err)
			}
			if len(paths) == 0 {
				return nil, noRunsError{fmt.Errorf("no file matches %s", arg)}
			}
			named = false
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, noRunsError{err}
		}
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			if info, err := os.Stat(path); err != nil || !info.IsDir() {
				add(path, named)
				continue
			}
			if err := r.walk(path, add); err != nil {
				return nil, err
			}
		}
	}
	if len(all) == 0 {
		return nil, noRunsError{fmt.Errorf("no *.csv or *.csv.gz in %s", strings.Join(args, ", "))}
	}
	return all, nil
}

// walk finds the files below a directory that may be ledgers, by their names.
// Hidden directories and those of journals are passed over.
func (r *reading) walk(dir string, add func(path string, named bool)) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		name := filepath.Base(path)
		switch {
		case err != nil && path == dir:
			return err
		case err != nil:
			r.told(err)
			if e != nil && e.IsDir() {
				return fs.SkipDir
			}
		case e.IsDir() && path != dir && (strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".csv.d")):
			return fs.SkipDir
		case !e.IsDir() && (strings.HasSuffix(name, ".csv") || strings.HasSuffix(name, ".csv.gz")):
			add(path, false)
		}
		return nil
	})
}

// told says what could not be read.
func (r *reading) told(err error) {
	r.bad = true
	r.fail(err)
}

// inBatch is how many rows are handed on at once: enough that this costs nothing,
// and few enough to stay in a processor's cache.
const inBatch = 128

// rows gives the rows of all files to add, in their order, and reads on
// meanwhile; a row is lent until add returns. The error is that of a file that the user named, and that is none of
// ours.
func (r *reading) rows(files []input, add func(*runs.Row)) error {
	// Each row is garbage once it is added: to look for it less often takes a
	// quarter off the time, for 10 MB of memory.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	var err error
	full, free := make(chan []runs.Row, 2), make(chan []runs.Row, 2)
	free <- make([]runs.Row, 0, inBatch)
	free <- make([]runs.Row, 0, inBatch)
	go func() {
		defer close(full)
		batch := make([]runs.Row, 0, inBatch)
		err = r.read(files, func(row runs.Row) {
			if batch = append(batch, row); len(batch) == inBatch {
				full <- batch
				batch = (<-free)[:0]
			}
		})
		full <- batch
	}()
	for batch := range full {
		for i := range batch {
			add(&batch[i])
		}
		select {
		case free <- batch:
		default: // the last ones, which nobody waits for
		}
	}
	return err
}

// read gives the rows of all files to add, in their order. The error is that of
// a file that the user named, and that is none of ours.
func (r *reading) read(files []input, add func(runs.Row)) error {
	for _, in := range files {
		read, err := r.file(in.path, add)
		header := (*ledger.HeaderError)(nil)
		switch {
		case err == nil:
		case in.named && read == 0:
			return err
		case errors.As(err, &header) && !in.named && (header.What == ledger.Unknown || header.What == ledger.CodeCarbon):
			r.others++
		default:
			r.told(err)
		}
	}
	if r.others > 0 {
		r.say(count(int64(r.others), "CSV file")+" in these directories: no ledger, not counted", "")
	}
	return nil
}

// mostLines is how many bad lines of one file are told one by one.
const mostLines = 20

// file gives the rows of one file, a ledger or the JSON of a run, and says how
// many there were.
func (r *reading) file(path string, add func(runs.Row)) (read int, err error) {
	f, err := openLedger(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if start, _ := f.Peek(1); string(start) == "{" {
		run, err := report.Parse(f)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		add(runs.FromReport(run))
		return 1, nil
	}
	wrong := 0
	last, chains := "", map[string]bool{}
	for row, err := range ledger.Read(f, path, r.columns...) {
		switch line := (*ledger.LineError)(nil); {
		case errors.As(err, &line):
			if wrong++; wrong <= mostLines {
				r.told(err)
			}
			continue
		case err != nil:
			return read, err
		}
		read++
		if row.LedgerID != last {
			last = strings.Clone(row.LedgerID)
			if !chains[last] {
				chains[last] = true
				r.first(path, row)
			}
		}
		add(row)
	}
	if wrong > mostLines {
		r.say(fmt.Sprintf("%s: %s more that can't be read", path, count(int64(wrong-mostLines), "line")), "")
	}
	return read, nil
}

// first warns of files in which a chain begins with the same row: their runs are
// in the sums twice.
func (r *reading) first(path string, row runs.Row) {
	key := firstRow{strings.Clone(row.LedgerID), strings.Clone(row.RunID)}
	if other, ok := r.firsts[key]; ok {
		r.say(fmt.Sprintf("%s holds runs of %s too: they are counted twice", path, other),
			"carbonctl report merge OUT "+other+" "+path+" writes each of them once")
		return
	}
	if r.firsts == nil {
		r.firsts = map[firstRow]string{}
	}
	r.firsts[key] = path
}

// A source is an open file that may be compressed.
type source struct {
	*bufio.Reader
	file *os.File
}

func (s *source) Close() error { return s.file.Close() }

// openLedger opens a file to read, through gunzip where it is compressed: its
// first bytes tell, not its name.
func openLedger(path string) (*source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	const size = 64 << 10
	b := bufio.NewReaderSize(f, size)
	if start, _ := b.Peek(2); !bytes.Equal(start, []byte{0x1f, 0x8b}) {
		return &source{b, f}, nil // what ails the file its reader will tell
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &source{bufio.NewReaderSize(z, size), f}, nil
}

package input

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// A Run is one run, as much of it as is kept.
type Run struct {
	Row runs.Row
	// Report is nil where nothing but the row is kept.
	Report *footprint.Report
	From   string // the file
}

// Run finds the one run that a name stands for: the JSON of it, "last", an ID or
// the beginning of one, also of a run that goes on, or a ledger of one row.
func (r *Reader) Run(name string) (Run, error) { return r.RunOf(name, "") }

// RunOf finds the run of an ID in what a name stands for; "" is the only one.
func (r *Reader) RunOf(name, id string) (Run, error) {
	found, err := r.lookUp(name, id)
	switch {
	case err != nil:
		return Run{}, err
	case id != "" && found.Row.RunID != id:
		return Run{}, fmt.Errorf("%s is run %s, not run %s", name, found.Row.RunID, id)
	}
	return found, nil
}

func (r *Reader) lookUp(name, id string) (Run, error) {
	if name == Last || isID(name) {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return r.byID(name)
		}
	}
	files, err := r.Files([]string{name})
	if err != nil {
		return Run{}, err
	}
	var found *Run
	for _, in := range files {
		one, err := r.inFile(in, id)
		header := (*ledger.HeaderError)(nil)
		switch {
		case !in.Named && errors.As(err, &header):
			continue // what else lies in a folder
		case err != nil:
			return Run{}, err
		case one == nil || found != nil && found.Row.RunID == one.Row.RunID:
		case found != nil:
			return Run{}, severalError(name)
		default:
			found = one
		}
	}
	switch {
	case found != nil:
		return *found, nil
	case id != "":
		return Run{}, NoRunsError{Err: fmt.Errorf("%s has no row of run %s", name, id)}
	}
	return Run{}, NoRunsError{Err: fmt.Errorf("%s holds no runs", name)}
}

func severalError(name string) error {
	return fmt.Errorf("%s holds several runs: give the ID of one", name)
}

// inFile finds the run of an ID in a file, or the only one for ""; nil if there is none.
func (r *Reader) inFile(in File, id string) (*Run, error) {
	f, err := r.Open(in.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.IsRun() {
		run, err := report.Parse(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", in.Path, err)
		}
		return &Run{runs.FromReport(run), &run, in.Path}, nil
	}
	var found *Run
	for row, err := range ledger.Read(f, in.Path) {
		if line := (*ledger.LineError)(nil); errors.As(err, &line) {
			r.skipped(err)
			continue
		}
		switch header := (*ledger.HeaderError)(nil); {
		case errors.As(err, &header) && header.What == ledger.Unknown && in.Named:
			return nil, fmt.Errorf("%s: not a ledger and not the JSON of a run", in.Path)
		case err != nil:
			return nil, err
		case id != "" && row.RunID != id:
			continue
		case found != nil:
			return nil, severalError(in.Path)
		}
		found = &Run{Row: row, From: in.Path}
		if id != "" {
			break
		}
	}
	if found != nil {
		found.whole(in.Path)
	}
	return found, nil
}

// byID gives a run of the user's ledger, or one that goes on.
func (r *Reader) byID(name string) (Run, error) {
	if name != Last && r.hasLedger() {
		going, _ := ledger.Running(r.Ledger) // one that can't be read is not found
		var match []footprint.Report
		for _, g := range going {
			if strings.HasPrefix(g.RunID, name) {
				match = append(match, g)
			}
		}
		switch len(match) {
		case 0:
		case 1:
			return Run{runs.FromReport(match[0]), &match[0], r.Ledger}, nil
		default:
			return Run{}, &AmbiguousError{name, []string{match[0].RunID, match[1].RunID}}
		}
	}
	id, err := r.find(name)
	if err != nil {
		return Run{}, err
	}
	found := Run{From: r.Ledger}
	_, err = r.file(File{Path: r.Ledger, Run: id}, func(row runs.Row) { found.Row = row })
	found.whole(r.Ledger)
	return found, err
}

// whole opens the run that was kept beside a ledger. What is not there, or not
// what the row was made of, is left to the row.
func (f *Run) whole(path string) {
	if f.Row.RunHash == "" || path == Stdin {
		return
	}
	if kept, err := ledger.OpenRun(strings.TrimSuffix(path, ".gz"), f.Row); err == nil {
		kept.Ledger = &footprint.Receipt{Path: path, LedgerID: f.Row.LedgerID, Hash: f.Row.Hash}
		f.Report = &kept
	}
}

// UnknownRunError is an ID that no run of a ledger has.
type UnknownRunError struct{ ID, Ledger string }

func (e *UnknownRunError) Error() string { return fmt.Sprintf("no run %s in %s", e.ID, e.Ledger) }

// AmbiguousError is a prefix that several runs' IDs have.
type AmbiguousError struct {
	Prefix string
	IDs    []string // the first two
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("run ID %q is ambiguous: it matches %s …", e.Prefix, strings.Join(e.IDs, ", "))
}

func (r *Reader) hasLedger() bool { return r.Ledger != "" && r.Ledger != "none" }

// find gives the ID of the run of the user's ledger that a name stands for.
func (r *Reader) find(name string) (id string, err error) {
	if !r.hasLedger() {
		return "", NoRunsError{Err: fmt.Errorf("%s: no ledger is set", name), Ledger: true}
	}
	f, err := r.Open(r.Ledger)
	if errors.Is(err, fs.ErrNotExist) {
		return "", NoRunsError{fmt.Errorf("no runs recorded: %w", missing(r.Ledger, err)), true}
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	var newest time.Time
	for row, err := range ledger.Read(f, r.Ledger, "run_id", "started_at") {
		if line := (*ledger.LineError)(nil); errors.As(err, &line) {
			continue
		}
		switch {
		case err != nil:
			return "", err
		case name == Last && !row.StartedAt.Before(newest):
			id, newest = strings.Clone(row.RunID), row.StartedAt.Time
		case name == Last || !strings.HasPrefix(row.RunID, name) || row.RunID == id:
		case id != "":
			return "", &AmbiguousError{name, []string{id, strings.Clone(row.RunID)}}
		default:
			id = strings.Clone(row.RunID)
		}
	}
	if id == "" && name == Last {
		return "", NoRunsError{fmt.Errorf("%s holds no runs", r.Ledger), true}
	}
	if id == "" {
		return "", &UnknownRunError{name, r.Ledger}
	}
	return id, nil
}

// minID is how many digits of an ID name a run: shorter ones are rather words.
const minID = 4

// isID reports whether text may be the beginning of a run's ID.
func isID(text string) bool {
	return len(text) >= minID && strings.Trim(text, "0123456789abcdef-") == ""
}

package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
)

// Ledger says where the run is recorded. The zero value is nowhere, although
// somewhere was wanted: the report has a warning.
type Ledger struct {
	Path       string // "none": nowhere; "": no home directory to keep it in
	CodeCarbon bool   // with CodeCarbon's columns, and without a journal
	User       string
	Key        ledger.Signer // signs the head; nil: nobody
	Keep       ledger.Keep   // which runs stay whole beside it
	Flush      time.Duration // between two states of the journal, 0 for the default
}

// None is the path of no ledger.
const None = "none"

// book is where a run is recorded: a ledger of ours with its journal, a file
// with CodeCarbon's columns, or nowhere.
type book struct {
	own        *ledger.Writer
	codecarbon *ledger.CodeCarbonWriter
	missing    error // why there is none although one was wanted
	journal    *journal
	slack      time.Duration
	others     atomic.Int32 // how many runs of this ledger were underway at the start
	busy       atomic.Bool  // with the row, for longer than we waited
}

// errNoHome is why there is no ledger where nobody named one.
var errNoHome = errors.New("no home directory to keep it in")

// newBook opens nothing yet: the command must not wait for it.
func newBook(l Ledger) *book {
	switch {
	case l.Path == None:
		return &book{}
	case l.Path == "":
		return &book{missing: errNoHome}
	case l.CodeCarbon:
		return &book{codecarbon: &ledger.CodeCarbonWriter{Path: l.Path}}
	}
	return &book{own: &ledger.Writer{Path: l.Path, User: l.User, Key: l.Key, Keep: l.Keep, Flush: l.Flush}}
}

// keeps reports whether the run gets a row that others can be a part of.
func (b *book) keeps() bool { return b.own != nil }

// sinks gives the tracker the journal, which it writes as the run goes on.
func (b *book) sinks() []carbon.Sink {
	if b.own == nil {
		return nil
	}
	b.journal = newJournal(b.own)
	return []carbon.Sink{b.journal}
}

// pend has the journal keep what is to be done at the end.
//
// It is called where the journal's goroutine has not begun, or has ended.
func (b *book) pend(p *pending) {
	if b.own != nil && !b.busy.Load() {
		b.own.Pending = p.json()
	}
}

// settle leaves the journal with what is still to be done, or removes it.
func (b *book) settle(r footprint.Report, p *pending) {
	if b.own == nil || b.busy.Load() || r.Ledger == nil {
		return // what has no row keeps all that was pending
	}
	b.pend(p)
	if p != nil {
		_ = b.own.Checkpoint(r) // if it fails, more is pending than is left to do
		return
	}
	_ = b.own.Done() // what is left of it is found by the next run
}

// discard removes the journal of a run whose command did not start.
func (b *book) discard() {
	if b.own != nil && b.journal.end(time.Now().Add(checkpointLimit+b.slack)) {
		_ = b.own.Done() // what is left becomes a row of a run that was interrupted
	}
}

// recoverLimit is how long a run tries to recover others, beside its command.
const recoverLimit = 10 * time.Second

// orphans are runs that were added since their trackers had died.
type orphans struct {
	runs []footprint.Report
	head *ledger.HeadError // what was wrong with the ledger then, nil if nothing
}

// recover counts the runs that go on beside this one, whose parent is none of them,
// adds those whose tracker was killed, and does what they have left
// undone, beside the command. What it returns ends that, at a time at the latest,
// and gives what was added. What could not be added is tried
// again by the next run, and by report, which tells of it.
func (b *book) recover(ctx context.Context, run, parent string, redo func(name, target string) carbon.Sink) func(stopwatch) orphans {
	if b.own == nil {
		return func(stopwatch) orphans { return orphans{} }
	}
	ctx, cancel := context.WithTimeout(ctx, recoverLimit)
	done := make(chan struct{})
	var o orphans
	go func() {
		defer close(done)
		going, _ := ledger.Running(b.own.Path)
		for _, r := range going {
			if r.RunID != run && r.RunID != parent {
				b.others.Add(1)
			}
		}
		w := ledger.Writer{Path: b.own.Path, User: b.own.User, Key: b.own.Key, Keep: b.own.Keep}
		all, err := w.Recover(ctx)
		errors.As(err, &o.head)
		for _, r := range all {
			if r.Ledger != nil {
				o.runs = append(o.runs, r.Report)
			}
			_ = Redo(ctx, r, redo) // nobody would know what it is about
		}
	}()
	return func(since stopwatch) orphans {
		defer cancel()
		if since.await(done, othersLimit) {
			return o
		}
		return orphans{}
	}
}

// beside looks for other runs that go on with the same ledger, by their journals,
// while the last reading is taken; our own parent is none. What it returns gives how many there are, 0
// where that takes too long.
func (b *book) beside(run, parent string) func(stopwatch) int {
	if b.own == nil {
		return func(stopwatch) int { return 0 }
	}
	done := make(chan struct{})
	n := 0
	go func() {
		defer close(done)
		all, _ := ledger.Running(b.own.Path) // report tells of journals that can't be read
		for _, r := range all {
			if r.RunID != run && r.RunID != parent {
				n++
			}
		}
	}()
	return func(since stopwatch) int {
		if since.await(done, readingLimit) {
			return n
		}
		return 0
	}
}

// besideWarning says that the machine's energy is in other records too.
func besideWarning(n int) footprint.Warning {
	text := "another tracked run was underway on this machine"
	if n > 1 {
		text = fmt.Sprintf("%d other tracked runs were underway on this machine", n)
	}
	return footprint.Warning{
		Code: footprint.RunsBeside, Text: text + ": each result shows all of its energy",
		Hint: `"carbonctl report" counts what runs share once`,
	}
}

// record appends the run's row, and leaves in the journal what is still to be done
// until that is settled. What fails is a warning in the report: the
// command has run, and its result is still shown. lost says that the report is
// kept nowhere, or not whole.
func (b *book) record(ctx context.Context, r *footprint.Report, todo *pending, hint func(error) string) (lost bool) {
	err := b.add(ctx, r, todo)
	if err == nil {
		return false
	}
	r.Warnings = append(r.Warnings, ledgerWarning(r.Ledger, err, hint))
	kept := (*ledger.NotRecordedError)(nil)
	return errors.As(err, &kept) && !kept.Whole
}

func (b *book) add(ctx context.Context, r *footprint.Report, todo *pending) error {
	switch {
	case b.missing != nil:
		return b.missing
	case b.codecarbon != nil:
		return b.codecarbon.Report(ctx, *r)
	case b.own == nil:
		return nil
	}
	if !b.journal.end(time.Now().Add(checkpointLimit + b.slack)) {
		return b.addBeside(ctx, r)
	}
	b.pend(todo)
	receipt, err := b.own.Record(ctx, *r)
	if receipt.Hash != "" {
		r.Ledger = &receipt
	}
	return err
}

// addBeside appends the row while the disk still has a checkpoint to take. The
// journal stays; the next run finds that its run has a row.
func (b *book) addBeside(ctx context.Context, r *footprint.Report) error {
	b.busy.Store(true)
	w := ledger.Writer{Path: b.own.Path, User: b.own.User, Key: b.own.Key, Keep: b.own.Keep}
	receipt, err := w.Record(ctx, *r)
	if receipt.Hash != "" {
		r.Ledger = &receipt
	} else if kept := (*ledger.NotRecordedError)(nil); errors.As(err, &kept) {
		kept.Journal, kept.Whole = b.own.Path+".d", false // with the checkpoint
	}
	return err
}

// notRecorded is the warning of something that was not written.
func notRecorded(what string, err error, hint func(error) string) footprint.Warning {
	n := footprint.Warning{Code: footprint.NotRecorded, Text: what + ": " + strings.ReplaceAll(err.Error(), "\n", "; ")}
	if hint != nil {
		n.Hint = hint(err)
	}
	return n
}

// ledgerWarning tells of a failed append. With a receipt the row is there, and
// only FILE.head is not.
func ledgerWarning(receipt *footprint.Receipt, err error, hint func(error) string) footprint.Warning {
	what := "could not record this run"
	kept := (*ledger.NotRecordedError)(nil)
	switch {
	case receipt != nil:
		what = "this run is in the ledger, but"
	case errors.Is(err, ledger.ErrRecorded):
		what = "this run was recovered while it ran; the row has what its journal knew"
	case errors.As(err, &kept) && kept.Journal != "":
		what = "this run is not in the ledger yet; the next run adds it from its journal"
	}
	n := notRecorded(what, err, hint)
	if head := (*ledger.HeadError)(nil); errors.As(err, &head) {
		n.Hint = "carbonctl verify " + head.Path + " shows what is left of it"
		return n
	}
	if n.Hint != "" {
		n.Hint += ", or "
	}
	n.Hint += "choose another file with --ledger FILE, none with --ledger none"
	if header := (*ledger.HeaderError)(nil); errors.As(err, &header) {
		n.Hint += "; this one is left as it is"
	}
	return n
}

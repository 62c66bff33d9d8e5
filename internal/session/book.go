package session

import (
	"context"
	"errors"
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
	others     others
	busy       atomic.Bool // with the journal or the row, for longer than we waited
	unsaved    bool        // the journal has not taken the report of the end
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

// nowhere reports whether no record was asked for.
func (b *book) nowhere() bool { return b.own == nil && b.codecarbon == nil && b.missing == nil }

// keeps reports whether the run gets a row that others can be a part of.
func (b *book) keeps() bool { return b.own != nil }

// journalled reports whether a journal has the report of the end, with what is pending.
func (b *book) journalled() bool { return b.own != nil && !b.unsaved }

// sinks gives the tracker the journal, which it writes as the run goes on, with the
// revision as it is known then.
func (b *book) sinks(revision func() string) []carbon.Sink {
	if b.own == nil {
		return nil
	}
	b.journal = newJournal(b.own, revision)
	return []carbon.Sink{b.journal}
}

// pend has the journal keep what is to be done at the end.
//
// It is called where the journal's goroutine has not begun, or has ended.
func (b *book) pend(p *pending) {
	if b.own != nil {
		b.own.Pending = p.json()
	}
}

// save puts the report of a run that has ended into its journal, with what is still
// to be done. It does not wait for the disk: the row does, or who keeps the report
// because there is no row.
func (b *book) save(r footprint.Report, p *pending) error {
	if b.own == nil {
		return nil
	}
	b.journal.end()
	b.pend(p)
	_, err := b.own.Save(r)
	return err
}

// settle leaves the journal with what is still to be done, or removes it.
func (b *book) settle(r footprint.Report, p *pending) {
	if b.own == nil || b.busy.Load() || r.Ledger == nil {
		return // what has no row keeps all that was pending
	}
	b.pend(p)
	if p != nil {
		_, _ = b.own.Save(r) // if it fails, more is pending than is left to do
		_ = b.own.Leave()    // as our end would
		return
	}
	_ = b.own.Done() // what is left of it is found by the next run
}

// discard removes the journal of a run whose command did not start.
func (b *book) discard() {
	if b.own == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.journal.end()
		_ = b.own.Done() // what is left becomes a row of a run that was interrupted
	}()
	await(done, time.Now().Add(finishLimit+b.slack))
}

// record appends the run's row. Its journal stays while something is pending. What fails is a warning in the report: the
// command has run, and its result is still shown. lost says that the report is
// kept nowhere, or not whole.
func (b *book) record(ctx context.Context, r *footprint.Report, hint func(error) string) (lost bool) {
	err := b.add(ctx, r)
	if err == nil {
		return false
	}
	r.Warnings = append(r.Warnings, ledgerWarning(r.Ledger, err, hint))
	kept := (*ledger.NotRecordedError)(nil)
	return errors.As(err, &kept) && !kept.Whole
}

func (b *book) add(ctx context.Context, r *footprint.Report) error {
	switch {
	case b.missing != nil:
		return b.missing
	case b.codecarbon != nil:
		return b.codecarbon.Report(ctx, *r)
	case b.own == nil:
		return nil
	}
	receipt, err := b.own.Record(ctx, *r)
	if receipt.Hash != "" {
		r.Ledger = &receipt
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

// ledgerWarning tells of a failed append. With a receipt the row is there.
func ledgerWarning(receipt *footprint.Receipt, err error, hint func(error) string) footprint.Warning {
	what := "could not record this run"
	kept := (*ledger.NotRecordedError)(nil)
	switch {
	case receipt != nil:
		what = "this run is in the ledger, but"
	case errors.Is(err, ledger.ErrRecorded):
		what = "this run was recovered while it ran; the row has what its journal knew"
	case errors.As(err, &kept):
		err = kept.Err // what becomes of the report is said here
		switch {
		case kept.Whole:
			what = notYet
		case kept.Journal != "":
			what = "could not record this run; the next run recovers it from its journal"
		}
	}
	n := notRecorded(what, err, hint)
	head, header := (*ledger.HeadError)(nil), (*ledger.HeaderError)(nil)
	switch {
	case errors.As(err, &head):
		n.Hint = "check it with: carbonctl verify " + head.Path
		return n
	case what == notYet && errors.Is(err, context.Canceled):
		return n // it was busy
	}
	if n.Hint != "" {
		n.Hint += ", or "
	}
	n.Hint += "choose another file with --ledger FILE, none with --ledger none"
	if errors.As(err, &header) {
		n.Hint += "; this one is left as it is"
	}
	return n
}

// notYet begins the warning of a run whose row the next one makes.
const notYet = "this run is not in the ledger yet; the next run adds it from its journal"

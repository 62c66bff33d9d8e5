package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/ledger/sshsig"
	"github.com/carbonctl/carbonctl/report"
)

// The formats of a ledger.
const (
	ownFormat        = "carbonctl"
	codecarbonFormat = "codecarbon"
)

// book is where a run is recorded: a ledger of ours with its journal, a file
// with CodeCarbon's columns, or nowhere.
type book struct {
	own        *ledger.Writer
	codecarbon *ledger.CodeCarbonWriter
	missing    error // why there is none although one was wanted
}

// errNoHome is why there is no ledger where nobody named one.
var errNoHome = errors.New("there is no home directory to keep it in")

// openBook checks where the run is to be recorded. Nothing is opened yet: the
// command must not wait for it.
func (w *wrapping) openBook() (*book, error) {
	b := &book{}
	var key ledger.Signer
	if w.sign != "" {
		file, err := os.ReadFile(w.sign)
		if err != nil {
			return nil, fmt.Errorf("--sign: %w", err)
		}
		if key, err = sshsig.ParseKey(file); err != nil {
			return nil, fmt.Errorf("--sign %s: %w", w.sign, err)
		}
	}
	path := w.config.ledger
	switch {
	case w.format != ownFormat && w.format != codecarbonFormat:
		return nil, fmt.Errorf("--ledger-format: %q is neither %s nor %s", w.format, ownFormat, codecarbonFormat)
	case w.format == codecarbonFormat && w.config.origin("ledger") == "":
		return nil, errors.New("--ledger-format codecarbon: name its file with --ledger FILE")
	case path == "none":
	case path == "":
		b.missing = errNoHome
	case w.format == codecarbonFormat:
		b.codecarbon = &ledger.CodeCarbonWriter{Path: path}
	default:
		b.own = &ledger.Writer{Path: path, User: login(), Key: key, Flush: w.flush}
	}
	return b, nil
}

// keeps reports whether the run gets a row that others can be a part of.
func (b *book) keeps() bool { return b.own != nil }

// sinks gives the tracker the journal, which it writes as the run goes on.
func (b *book) sinks() []carbon.Sink {
	if b.own == nil {
		return nil
	}
	return []carbon.Sink{journal{b.own}}
}

// journal is a ledger without the row at the end: the result still gets
// warnings after the tracker has stopped.
type journal struct{ *ledger.Writer }

// Report implements carbon.Sink.
func (journal) Report(context.Context, footprint.Report) error { return nil }

// recoverWait is how long a finished run waits for the recovery of others.
const recoverWait = 50 * time.Millisecond

// recover adds the runs whose tracker was killed, beside the command. What it
// returns ends that, and says what was added.
func (b *book) recover(ctx context.Context) func() []string {
	if b.own == nil {
		return func() []string { return nil }
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	done := make(chan []string, 1)
	go func() {
		w := ledger.Writer{Path: b.own.Path, User: b.own.User, Key: b.own.Key}
		done <- recovered(w.Recover(ctx))
	}()
	return func() []string {
		defer cancel()
		select {
		case list := <-done:
			return list
		case <-time.After(recoverWait):
			return nil
		}
	}
}

// recovered says which runs were added. What could not be is tried again by the
// next run, and by report, which tells of it.
func recovered(runs []footprint.Report, _ error) (list []string) {
	for _, r := range runs {
		list = append(list, fmt.Sprintf("recovered run %s of %s (%s, %s CO2e): its tracker had been killed",
			r.RunID, r.StartedAt.Local().Format("2006-01-02 15:04"), report.Energy(r.Energy), report.Mass(r.Emissions)))
	}
	return list
}

// record appends the run's row.
func (b *book) record(ctx context.Context, r *footprint.Report) error {
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

// salvage prints a result that is stored nowhere, so that it is not lost.
func (w *wrapping) salvage(err error, r footprint.Report) {
	if kept := (*ledger.NotRecordedError)(nil); !errors.As(err, &kept) || kept.Whole || w.json || w.jsonTo != "" {
		return
	}
	b, _ := json.Marshal(r)
	_, _ = w.err.Write(append(b, '\n'))
}

// record appends the run to the ledger and writes the JSON file. What fails is a
// warning: the command has run, and its result is still printed.
func (w *wrapping) record(ctx context.Context, b *book, r *footprint.Report) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	if err := b.record(ctx, r); err != nil {
		n := ledgerWarning(r.Ledger, err)
		r.Warnings = append(r.Warnings, n)
		w.salvage(err, *r)
	}
	if w.html != "" {
		if err := writeFile(w.html, func(f io.Writer) error { return report.HTML(f, *r) }); err != nil {
			r.Warnings = append(r.Warnings, notRecorded("the page was not written", err))
		}
	}
	if w.jsonTo != "" {
		if err := writeFile(w.jsonTo, func(f io.Writer) error { return report.JSON(f, *r) }); err != nil {
			r.Warnings = append(r.Warnings, notRecorded("the JSON file was not written", err))
		}
	}
	for _, n := range r.Warnings {
		if w.quiet && n.Code == footprint.NotRecorded {
			w.say(n.Text, n.Hint)
		}
	}
}

func notRecorded(what string, err error) footprint.Warning {
	return footprint.Warning{Code: footprint.NotRecorded, Text: fmt.Sprintf("%s: %v", what, err), Hint: hint(err)}
}

// ledgerWarning tells of a failed append. With a receipt the row is there, and
// only FILE.head is not.
func ledgerWarning(receipt *footprint.Receipt, err error) footprint.Warning {
	what := "this run is not in the ledger"
	kept := (*ledger.NotRecordedError)(nil)
	switch {
	case receipt != nil:
		what = "this run is in the ledger, but"
	case errors.Is(err, ledger.ErrRecorded):
		what = "this run was recovered while it ran; the row has what its journal knew"
	case errors.As(err, &kept) && kept.Journal != "":
		what = "this run is not in the ledger yet; the next run adds it from its journal"
	}
	n := notRecorded(what, err)
	if n.Hint != "" {
		n.Hint += ", or "
	}
	n.Hint += "choose another file with --ledger FILE, none with --ledger none"
	if header := (*ledger.HeaderError)(nil); errors.As(err, &header) {
		n.Hint += "; this one is left as it is"
	}
	return n
}

// lockWait is how long a run waits for others that write to the same ledger.
const lockWait = 10 * time.Second

// login is who runs this, "" if that is not known.
func login() string {
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
	"github.com/carbonctl/carbonctl/internal/spool"
	"github.com/carbonctl/carbonctl/ledger"
)

// pending is what a session has still to do, as its journal keeps it.
type pending struct {
	Sinks   []again  `json:"sinks,omitempty"`
	Webhook *webhook `json:"webhook,omitempty"`
}

// again names a sink that can be made again.
type again struct {
	Name   string `json:"name"`
	Target string `json:"target"`
}

// pendingOf gives what is still to be done, nil for nothing.
func pendingOf(sinks []Sink, w *webhook) *pending {
	p := &pending{Webhook: w}
	for _, s := range sinks {
		if s.Name != "" {
			p.Sinks = append(p.Sinks, again{s.Name, s.Target})
		}
	}
	if p.Webhook == nil && len(p.Sinks) == 0 {
		return nil
	}
	return p
}

// all are its sinks, and what sends the message.
func (p *pending) all() []again {
	if p.Webhook == nil {
		return p.Sinks
	}
	target, _ := json.Marshal(p.Webhook) // texts always encode
	return append(slices.Clone(p.Sinks), again{budgetHook, string(target)})
}

// json is what the journal keeps, nil for nothing.
func (p *pending) json() json.RawMessage {
	if p == nil {
		return nil
	}
	b, _ := json.Marshal(p) // it always can be
	return b
}

// Redo does what the session of a run has left undone, since it was killed or had
// no time: sends its message and gives its report to its sinks, which redo makes.
// What redo gives nil for, and what fails and may not later, goes to the spool. What is in
// neither is an ErrNotKept: it must stay where it is.
//
// It is for the runs that [ledger.Writer.Recover] returns, which gives what is
// pending to the user alone whose run it was.
func Redo(ctx context.Context, o ledger.Orphan, redo func(name, target string) carbon.Sink, keep spool.Dir) error {
	if o.Pending == nil || !o.Own {
		return nil
	}
	var p pending
	if err := json.Unmarshal(o.Pending, &p); err != nil {
		return fmt.Errorf("run %s: what was left to do: %w", o.RunID, err)
	}
	var errs []error
	for _, s := range p.all() {
		var sink carbon.Sink
		var failed error
		if redo != nil || keep == "" {
			sink = withHooks(redo)(s.Name, s.Target)
		}
		if sink != nil {
			err := sink.Report(ctx, o.Report)
			if err == nil || !deliver.Keep(err) {
				errs = append(errs, err)
				continue
			}
			failed = err
		}
		if err := keep.Add(s.Name, s.Target, o.Report); err != nil {
			errs = append(errs, failed, fmt.Errorf("%w: %w", ErrNotKept, err))
		}
	}
	return errors.Join(errs...)
}

// ErrNotKept is why what a run has left to do could not be taken over.
var ErrNotKept = errors.New("not delivered, and not kept elsewhere")

// budgetHook is the name by which the spool keeps a budget's message; its target is that,
// as JSON.
const budgetHook = "budget-webhook"

// withHooks makes a budget's message besides what redo makes.
func withHooks(redo func(name, target string) carbon.Sink) func(name, target string) carbon.Sink {
	return func(name, target string) carbon.Sink {
		switch {
		case name != budgetHook && redo == nil:
			return nil
		case name != budgetHook:
			return redo(name, target)
		}
		var w webhook
		if json.Unmarshal([]byte(target), &w) != nil {
			return nil
		}
		return w
	}
}

// Report implements carbon.Sink: it sends the message.
func (w webhook) Report(ctx context.Context, _ footprint.Report) error { return w.send(ctx) }

// A redoer does what others have left undone.
type redoer struct {
	redo func(name, target string) carbon.Sink
	keep spool.Dir
	say  func(text string)
}

// take takes what a run has left undone: into the spool first, which outlives this process
// too. An error is what must stay where it is.
func (d redoer) take(ctx context.Context, o ledger.Orphan) error {
	first := d.redo
	if d.keep != "" {
		first = nil
	}
	if err := Redo(ctx, o, first, d.keep); errors.Is(err, ErrNotKept) {
		return err
	}
	return nil // what else went wrong would be the same again
}

// deliver gives the sinks what the spool keeps for them.
func (d redoer) deliver(ctx context.Context) {
	again := func(name, target string) spool.Sink {
		if s := withHooks(d.redo)(name, target); s != nil {
			return s
		}
		return nil // and no interface that holds one
	}
	for _, line := range d.keep.Deliver(ctx, again) {
		d.say(line)
	}
}

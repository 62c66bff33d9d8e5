package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/carbonctl/carbonctl/carbon"
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
// It is for the runs that [ledger.Writer.Recover] returns, which gives what is
// pending to the user alone whose run it was.
func Redo(ctx context.Context, o ledger.Orphan, redo func(name, target string) carbon.Sink) error {
	if o.Pending == nil || !o.Own {
		return nil
	}
	var p pending
	if err := json.Unmarshal(o.Pending, &p); err != nil {
		return fmt.Errorf("run %s: what was left to do: %w", o.RunID, err)
	}
	var errs []error
	if p.Webhook != nil {
		errs = append(errs, p.Webhook.send(ctx))
	}
	for _, s := range p.Sinks {
		if redo == nil {
			break
		}
		if sink := redo(s.Name, s.Target); sink != nil {
			errs = append(errs, sink.Report(ctx, o.Report))
		}
	}
	return errors.Join(errs...)
}

package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

// Finish takes the last reading, records the run and hands its report to the
// sinks, all within 200 ms of the command's end, and FlushWait where that is given. The order is: what was printed or
// marked until the end, the last reading (at most 100 ms), the warnings, the journal,
// the row, the sinks, the outcome of the budget's action. What fails is a warning in
// the report; what takes too long as well, and the next run does it.
func (s *Session) Finish(ctx context.Context) Result {
	s.engines.end(s.since.by(engineLimit))
	s.recovery.stop(s.since)
	s.stopLive()
	s.tree.ended(s.exit)
	s.alarm.rest()
	unseen := s.lookout.ended(s.exit, s.o.Slack)
	beside := s.book.beside(s.alarm.run, s.o.Tracker.Run.Parent)
	r := s.lastReading()
	r.Revision = s.commit.ended(s.since)
	s.warn(&r, unseen)
	s.lookout.handOver()
	if n := beside(s.since); n > 0 {
		r.Warnings = append(r.Warnings, besideWarning(n))
	}
	r, lost := s.record(ctx, r)
	s.keepEarly(r)
	given := len(r.Warnings)
	stopped, caught := s.stopped()
	defer caught()
	late, took := s.giveSinks(ctx, &r, stopped)
	since := s.since
	if since.slack += s.o.FlushWait; closed(stopped) {
		since.slack = time.Since(since.start) // what is left has its usual time
	}
	amended := s.amend(ctx, r, took, len(r.Warnings) > given)
	s.settle(&r, late, since)
	since.strictly(amended, showLimit)
	result := Result{Exit: s.exit, Report: r, Lost: lost, Shown: func(done <-chan struct{}) bool { return since.await(done, finishLimit) }}
	result.Recovered, result.Damaged = s.recovery.result(since, stopped)
	return result
}

// lastReading ends the tracker. A file of it that hangs does not keep us: the
// report is whole without that.
func (s *Session) lastReading() (r footprint.Report) {
	done := make(chan struct{})
	var whole footprint.Report
	go func() {
		defer close(done)
		whole, _ = s.tracker.Stop() // the journal has told of errors by warnings
	}()
	if s.since.await(done, readingLimit) {
		return whole
	}
	r = s.tracker.Report()
	if r.Status == footprint.Running { // the tracker has not got there yet
		var signal string
		if r.Status, r.ExitCode, signal = s.tree.Ended(); signal != "" {
			r.Signal = &signal
		}
	}
	return r
}

// record puts the report into the journal, so that it outlives us, and then appends
// the run's row. lost says that the report is kept nowhere, or not whole.
func (s *Session) record(ctx context.Context, r footprint.Report) (_ footprint.Report, lost bool) {
	if s.book.nowhere() {
		return r, false
	}
	saved := make(chan struct{})
	var saveErr error
	message := s.alarm.unsent()
	go func() {
		defer close(saved)
		saveErr = s.book.save(r, pendingOf(s.o.Sinks, message))
	}()
	if !s.since.insist(saved, showLimit) { // what has no journal might be lost
		s.book.busy.Store(true)
		return s.unrecorded(r, "could not record this run"), true
	}
	s.book.unsaved = saveErr != nil
	ctx, cancel := context.WithCancel(ctx)
	type outcome struct {
		r    footprint.Report
		lost bool
	}
	done := make(chan struct{})
	var o outcome
	go func(r footprint.Report) {
		defer cancel()
		defer close(done)
		if message != nil {
			if s.alarm.handedOver(s.since); s.alarm.unsent() == nil { // it must not be sent again
				_ = s.book.save(r, pendingOf(s.o.Sinks, nil)) // as above
			}
		}
		r.Warnings = append([]footprint.Warning(nil), r.Warnings...)
		o.lost = s.book.record(ctx, &r, s.o.Voice.Hint)
		o.r = r
	}(r)
	if s.since.strictly(done, lockLimit) {
		return o.r, o.lost
	}
	cancel() // the waiting for the lock, and nothing else
	if s.since.strictly(done, recordLimit) {
		return o.r, o.lost
	}
	s.book.busy.Store(true)
	if s.book.own == nil || saveErr != nil {
		return s.unrecorded(r, "could not record this run"), true
	}
	return s.unrecorded(r, notYet), false
}

// unrecorded is a report that has no row in time.
func (s *Session) unrecorded(r footprint.Report, what string) footprint.Report {
	r.Warnings = append(r.Warnings, notRecorded(what, errSlow, s.o.Voice.Hint))
	return r
}

var errSlow = errors.New("timeout 140 ms after the command's end")

// giveSinks hands the report to all sinks at a time, each when it has returned from what
// it was at, and returns those that have not taken it and may later, and those that have.
func (s *Session) giveSinks(ctx context.Context, r *footprint.Report, stopped <-chan struct{}) (late, took []Sink) {
	since := s.since
	since.slack += s.o.FlushWait
	ctx, cancel := context.WithDeadline(ctx, since.by(sinksLimit-answerTime))
	defer cancel()
	type answer struct {
		done chan struct{}
		err  error
	}
	answers := make([]*answer, len(s.o.Sinks))
	for i, sink := range s.o.Sinks {
		a := &answer{done: make(chan struct{})}
		answers[i] = a
		go func(r footprint.Report) {
			defer close(a.done)
			if f := s.followers[i]; f != nil {
				<-f.end()
			}
			if a.err = ctx.Err(); a.err == nil {
				a.err = sink.Report(ctx, r)
			}
		}(*r)
	}
	for i, sink := range s.o.Sinks {
		var err error
		switch a := answers[i]; {
		case since.unless(stopped, a.done, sinksLimit) && !errors.Is(a.err, context.DeadlineExceeded):
			err = a.err
		case closed(stopped):
			err = errStopped
		default:
			err = lateBy(s.o.FlushWait)
		}
		if err == nil {
			took = append(took, sink)
			continue
		}
		if errors.Is(err, errLate) || errors.Is(err, errStopped) || deliver.Keep(err) {
			late = append(late, sink)
			if sink.Name != "" && (s.book.journalled() || s.o.Spool != "") {
				err = fmt.Errorf("%w%s", err, theNextRun)
			}
		}
		r.Warnings = append(r.Warnings, notRecorded(sink.Failed, err, s.o.Voice.Hint))
	}
	return late, took
}

// amend gives the report once more to files that hold it, with what went wrong at the other
// sinks, and closes done. Where there is no time for that, they stay as they are.
func (s *Session) amend(ctx context.Context, r footprint.Report, took []Sink, needed bool) <-chan struct{} {
	done := make(chan struct{})
	if !needed {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		for _, sink := range took {
			if sink.Amend {
				_ = sink.Report(ctx, r) // it has taken it before
			}
		}
	}()
	return done
}

// theNextRun ends the warning of a sink whose report is kept.
const theNextRun = "; the next run retries"

var errLate = errors.New("timeout 180 ms after the command's end")

// errStopped is that of sinks that were waited for when we were asked to end.
var errStopped = errors.New("stopped by a signal")

// stopped is closed by a signal that asks us to end, where services have longer than anybody
// waits for unasked: the command, which it would be for, has ended. caught gives signals back.
func (s *Session) stopped() (done chan struct{}, caught func()) {
	if s.o.FlushWait == 0 {
		return nil, func() {}
	}
	got, end := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(got, child.Stopping()...)
	done = make(chan struct{})
	go func() {
		select {
		case <-got:
			close(done)
		case <-end:
		}
	}()
	return done, func() { signal.Stop(got); close(end) }
}

// lateBy is that error where sinks may take longer.
func lateBy(wait time.Duration) error {
	if wait == 0 {
		return errLate
	}
	return fmt.Errorf("%w (--flush-wait %v)", errLate, wait)
}

// keepEarly puts the report into the spool before the sinks get it, where no journal has it and
// they have more time than anybody would wait for without being asked to.
func (s *Session) keepEarly(r footprint.Report) {
	p := pendingOf(s.o.Sinks, nil)
	if p == nil || s.o.FlushWait == 0 || s.book.journalled() {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, a := range p.Sinks {
			_ = s.o.Spool.Add(a.Name, a.Target, r) // it is told where that fails at the end too
		}
	}()
	s.since.strictly(done, recordLimit)
}

// forget takes what is not to be done any more out of the spool again.
func (s *Session) forget(run string, left *pending) {
	if early := pendingOf(s.o.Sinks, nil); early != nil && s.o.FlushWait > 0 {
		for _, a := range early.Sinks {
			if left == nil || !slices.Contains(left.Sinks, a) {
				s.o.Spool.Remove(a.Name, a.Target, run)
			}
		}
	}
}

// settle leaves in the journal what is still to be done, or ends it. Without a journal the
// spool keeps what is left.
func (s *Session) settle(r *footprint.Report, late []Sink, since stopwatch) {
	message := s.alarm.ended(since)
	done := make(chan struct{})
	var lost error
	go func(r footprint.Report) {
		defer close(done)
		p := pendingOf(late, message)
		if s.book.keeps() {
			s.book.settle(r, p)
		}
		if s.book.journalled() {
			return
		}
		if p != nil {
			for _, a := range p.all() {
				if err := s.o.Spool.Add(a.Name, a.Target, r); err != nil && lost == nil {
					lost = err // the others will have failed alike
				}
			}
		}
		s.forget(r.RunID, p)
	}(*r)
	if s.book.journalled() {
		since.strictly(done, showLimit)
		return
	}
	if !since.insist(done, showLimit) { // what the spool lacks is lost
		r.Warnings = append(unkept(r.Warnings), notRecorded("what is undelivered may be lost", errors.New("the folder "+string(s.o.Spool)+" is too slow"), nil))
	} else if lost != nil {
		r.Warnings = append(unkept(r.Warnings), notRecorded("what is undelivered is lost", lost, s.o.Voice.Hint))
	}
}

// unkept are warnings without the promise that the next run delivers.
func unkept(all []footprint.Warning) []footprint.Warning {
	all = slices.Clone(all)
	for i := range all {
		all[i].Text = strings.TrimSuffix(all[i].Text, theNextRun)
	}
	return all
}

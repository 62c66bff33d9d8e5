// Package session is one run of a command, or of what runs already, from open to finish: the child, the
// tracker, the lookout for epochs, the budget, journal, ledger and sinks, in an
// order that its tests fix.
//
//	s, err := session.Open(options) // checked, nothing has happened yet
//	err = s.Start(ctx)              // the command runs
//	exit := s.Wait()                // it has ended
//	result := s.Finish(ctx)         // measured, recorded, handed to the sinks
//	s.Close()
//
// Finish is bounded: see its time limits. What is not done by then stays in the
// run's journal, for the next run of the same user.
//
// No failure of measuring is an error: it is a warning in the report. A process
// has one session at a time, since a command's orphans are its children.
package session

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/attach"
	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/engine"
	"github.com/carbonctl/carbonctl/internal/nested"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/proc"
	"github.com/carbonctl/carbonctl/internal/spool"
	"github.com/carbonctl/carbonctl/internal/watch"
)

// Options say what to run, and what becomes of what is measured.
type Options struct {
	// Args are the program and its arguments; Forward the signals that it gets.
	Args    []string
	Forward child.Forward
	// Target is what runs already and is followed in the place of a command; nil: Args.
	Target *attach.Target

	// Tracker says what is measured. Its Work, Sinks and Run.Budget are the session's.
	Tracker carbon.Config

	Epochs  Epochs
	Engines []engine.Target // whose counters tell what was done
	Budget  Budget
	Ledger  Ledger

	// Files that are written as the run goes on, "" for none.
	SamplesFile, EventsFile, EpochsFile string

	// Sinks are given the report at the end, each by itself, when the ledger's
	// receipt and the warnings are in it; those that are a carbon.Checkpointer or
	// carbon.EventSink follow the run too. Redo makes a sink again for a run whose
	// own session could not finish; nil is none of its kind. Spool keeps what is
	// undelivered where there is no journal, or a later run fails too. FlushWait is
	// how much longer than anything else sinks may take at the end.
	Sinks     []Sink
	Redo      func(name, target string) carbon.Sink
	Spool     spool.Dir
	FlushWait time.Duration

	// Warnings of what was found before the run. A RegionAssumed says why no region is
	// known, in the place of what the tracker knows of it.
	Warnings []footprint.Warning

	Voice Voice

	// Follow is given, right before the command starts, what reads the run so far: the report
	// whose latest reading is no older than a time. It is for a server of metrics; nil is
	// none.
	Follow func(fresh func(age time.Duration) footprint.Report)

	// Slack is added to every time limit of Finish; for tests on busy machines.
	Slack time.Duration
}

// A Sink takes the finished report elsewhere.
type Sink struct {
	carbon.Sink
	// Failed begins the warning of one that fails: "the page was not written".
	Failed string
	// Name and Target are what Redo gets to make it again, "" if it can't be. They
	// are kept in files: Target holds no secret.
	Name, Target string
	// Amend says that a later report of the run replaces an earlier one: it is given one
	// more if other sinks have failed.
	Amend bool
}

// Voice is how a session speaks to its user. A nil function says nothing.
type Voice struct {
	// Say is for what went wrong as the run goes on. It may be called from any
	// goroutine.
	Say func(text string)
	// Dropped is for a report of an earlier run that is given up, from any goroutine; nil
	// is Say.
	Dropped func(text string)
	// Predicted is called once, when the first prediction is there.
	Predicted func(footprint.Prediction)
	// Hint says what a user can do about an error, "" if nothing.
	Hint func(error) string
	// Live says how far the run is, again and again.
	Live Live
}

// Result is what came of a run.
type Result struct {
	Exit      child.Exit
	Report    footprint.Report
	Recovered []footprint.Report // earlier runs that got their rows meanwhile
	Damaged   error              // a *ledger.HeadError that their rows met; nil: none
	Lost      bool               // the report is in no ledger, and not whole in a journal
	// Shown waits for the result to be shown as long as there is time, and reports
	// whether it was.
	Shown func(done <-chan struct{}) bool
}

// Session is one run. Its methods are called once each, in their order.
type Session struct {
	o       Options
	book    *book
	alarm   *alarm
	tree    *tree
	command child.Command

	tracker   *carbon.Tracker
	lookout   *lookout
	process   process
	work      carbon.Work
	begin     func(before func()) (process, error)
	commit    *commit
	recovery  *recovery
	engines   engines
	files     []io.Closer
	unwritten []footprint.Warning
	exit      child.Exit
	since     stopwatch // the command's end
	waitErr   error
	stopLive  func()
	followers []*follower // one a sink, nil for one that wants the report alone
}

// Open checks what can be checked before anything happens. A command that can't
// be run is a *child.Error.
func Open(o Options) (*Session, error) {
	if o.Target == nil {
		if _, err := child.Look(o.Args[0], nil); err != nil {
			return nil, err
		}
	}
	if o.Voice.Say == nil {
		o.Voice.Say = func(string) {}
	}
	if o.Voice.Dropped == nil {
		o.Voice.Dropped = o.Voice.Say
	}
	s := &Session{o: o, book: newBook(o.Ledger), commit: newCommit(), alarm: &alarm{budget: o.Budget, say: o.Voice.Say}}
	s.book.slack = o.Slack
	limit, err := s.alarm.limit()
	if err != nil {
		return nil, err
	}
	s.o.Tracker.Run.Budget = limit
	if o.Target != nil {
		s.openTarget()
		return s, nil
	}
	s.tree = newTree(nil)
	// The command's processes are in our own /proc, under the numbers that we
	// know them by, also where the host's is elsewhere.
	if procs, err := proc.OwnTree(); err == nil { // else only what has ended is known
		s.tree = newTree(procs)
		procs.Skip(s.tree.aside)
	}
	s.command = child.Command{Args: o.Args, Forward: o.Forward, Below: s.tree.below}
	s.work = s.tree
	s.begin = func(before func()) (process, error) {
		p, err := s.command.Start(before)
		if err != nil {
			return nil, err // and no process that is nil
		}
		return p, nil
	}
	return s, nil
}

// Waited tells why the command starts now, where it has waited; before Start.
func (s *Session) Waited(w *footprint.Wait) { s.o.Tracker.Run.Wait = w }

// Start starts the command. The first reading is taken as late as possible
// before. After an error nothing runs.
func (s *Session) Start(ctx context.Context) error {
	cfg := &s.o.Tracker
	s.book.pend(pendingOf(s.o.Sinks, nil))
	cfg.Work, cfg.Sinks = s.work, s.book.sinks(s.commit.known)
	for _, sink := range s.o.Sinks {
		f := follow(sink.Sink)
		if s.followers = append(s.followers, f); f != nil {
			cfg.Sinks = append(cfg.Sinks, f.sink())
		}
	}
	s.log(s.o.SamplesFile, "the samples are not written", carbon.Samples)
	s.log(s.o.EventsFile, "the events are not written", carbon.Events)
	s.log(s.o.EpochsFile, "the epochs are not written", carbon.Epochs)
	var err error
	if s.tracker, err = carbon.New(*cfg); err != nil {
		s.Close()
		return err
	}
	s.alarm.run = s.tracker.Report().RunID
	if s.book.keeps() {
		s.command.Env = within(os.Environ(), s.alarm.run)
	}
	s.lookout = watchFor(s.o.Epochs, s.tracker, s.o.Voice.Predicted)
	s.lookout.connect(&s.command)
	s.tree.look, s.tree.counted = s.lookout.look, s.engines.counted
	if s.process, err = s.begin(func() { s.measure(ctx) }); err != nil {
		s.lookout.not()
		_, _ = s.tracker.Stop()
		s.book.discard()
		s.Close()
		return err
	}
	ignorePipe()
	s.stopLive = s.o.Voice.Live.begin(s)
	s.lookout.started()
	s.engines.start(s.o.Engines, s.tracker.Counted)
	s.tree.started(s.process)
	s.alarm.started(s.process)
	s.commit.find(s.process)
	s.recovery = s.book.recover(ctx, s.alarm.run, cfg.Run.Parent, redoer{s.o.Redo, s.o.Spool, s.o.Voice.Dropped})
	time.AfterFunc(sweepAfter, func() { watch.SweepEvents("") }) // it may end with us
	return nil
}

// measure takes the first reading.
func (s *Session) measure(ctx context.Context) {
	s.tracker.Start(ctx)
	if s.o.Follow != nil {
		s.o.Follow(s.tracker.Fresh)
	}
}

// sweepAfter is how old a run is before it looks for what killed ones have left: a
// short command must not pay for that.
const sweepAfter = time.Second

// log opens a file that the tracker writes to. The command runs also without it.
func (s *Session) log(path, what string, sink func(io.Writer) carbon.Sink) {
	if path == "" {
		return
	}
	f, err := output.OpenLog(path)
	if err != nil {
		s.unwritten = append(s.unwritten, notRecorded(what, err, s.o.Voice.Hint))
		return
	}
	s.o.Tracker.Sinks = append(s.o.Tracker.Sinks, sink(f))
	s.files = append(s.files, f)
}

// Wait waits for the command to end.
func (s *Session) Wait() child.Exit {
	s.exit, s.waitErr = s.process.Wait()
	s.since = startWatch(s.o.Slack)
	return s.exit
}

// stillRunning is the warning of n processes that the command has left behind.
func stillRunning(n int) string {
	if n == 1 {
		return "1 background process is still running; its further use is not counted"
	}
	return fmt.Sprintf("%d background processes are still running; their further use is not counted", n)
}

// warn adds to a report what the tracker does not know.
func (s *Session) warn(r *footprint.Report, unseen []footprint.Warning) {
	r.Warnings = append(r.Warnings, unseen...)
	if s.waitErr != nil {
		r.Warnings = append(r.Warnings, footprint.Warning{Code: footprint.ReadFault, Text: s.waitErr.Error()})
	}
	r.Warnings = append(r.Warnings, s.notSeen()...)
	for _, w := range s.o.Warnings {
		r.Warnings = note(r.Warnings, w)
	}
	r.Warnings = append(append(r.Warnings, s.engines.warnings()...), s.unwritten...)
}

// note adds a warning from before the run. Why no region is known is one with what is
// assumed.
func note(to []footprint.Warning, w footprint.Warning) []footprint.Warning {
	i := slices.IndexFunc(to, func(o footprint.Warning) bool { return o.Code == w.Code })
	if w.Code != footprint.RegionAssumed || i < 0 {
		return append(to, w)
	}
	if _, assumed, ok := strings.Cut(to[i].Text, ": "); ok {
		to = slices.Clone(to)
		to[i].Text = w.Text + ": " + assumed
	}
	return to
}

// Kept waits until the run outlives a kill of this process, at most for some time: until
// its journal has been written for the first time. A run without one is not waited for.
func (s *Session) Kept(limit time.Duration) {
	if j := s.book.journal; j != nil {
		await(j.kept, time.Now().Add(limit))
	}
}

// Tracker is what measures, after Start.
func (s *Session) Tracker() *carbon.Tracker { return s.tracker }

// EventsPath is the file that takes events of the run, "" if there is none.
func (s *Session) EventsPath() string {
	if s.lookout.events == nil {
		return ""
	}
	return s.lookout.events.Path
}

// NewLine ends the line that the command has begun on our stderr, such as a bar
// that it draws, where that can be known.
func (s *Session) NewLine() { s.lookout.newLine(os.Stderr) }

// Close gives back what Start has taken. The command, if it runs, goes on, and so
// does the output of what outlives it.
func (s *Session) Close() {
	for _, f := range s.files {
		_ = f.Close() // who writes to it has told of errors
	}
	s.files = nil
	if s.process != nil {
		s.process.Close()
		s.lookout.release(s.o.Voice.Say)
	}
}

// within returns an environment that tells what runs in it that it is a part of
// the run with this ID. A run without a row tells nothing: what runs within it
// would be counted nowhere.
func within(env []string, run string) []string {
	return append(without(env, nested.Env), nested.Env+"="+nested.Value(run))
}

// without returns an environment less one variable.
func without(env []string, name string) []string {
	rest := make([]string, 0, len(env)+1)
	for _, e := range env {
		if !strings.HasPrefix(e, name+"=") {
			rest = append(rest, e)
		}
	}
	return rest
}

// ignorePipe makes a write to a pipe without a reader an error, where it would
// end us and with us the command's exit code. The command has started: to it
// the signal does what it always did.
//
// It is not ignored, since what we start from now on would inherit that.
func ignorePipe() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

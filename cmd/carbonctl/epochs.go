package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/watch"
	"github.com/carbonctl/carbonctl/report"
)

// epochs are how many there will be, 0 if that is not known, and the pattern to
// look for in the output, nil if none was given.
type epochs struct {
	planned int
	pattern *watch.Pattern
}

// wanted returns the pattern to look for in the output, nil if it is to be left
// alone.
func (e epochs) wanted() *watch.Pattern {
	if e.pattern != nil || e.planned == 0 {
		return e.pattern
	}
	p, err := watch.Preset("auto")
	if err != nil {
		panic(err) // it is there
	}
	return p
}

// lookout is what watches a command for epochs and tasks.
type lookout struct {
	pattern *watch.Pattern // nil: the output is left alone
	matcher *watch.Matcher
	output  *watch.Output
	events  *watch.Events
	faults  []footprint.Warning

	say  func(text string) // nil: nothing is to be said as the run goes on
	said bool              // or the command has ended
	mu   sync.Mutex
}

// readSoon is how long after an edge its counters have been read, as a rule.
const readSoon = 20 * time.Millisecond

// foresee says, once and as soon as an epoch has ended, what the whole run is
// expected to need. It is called a moment after each edge.
func (l *lookout) foresee(tracker *carbon.Tracker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.said || l.say == nil {
		return
	}
	if q, ok := tracker.Predict(); ok && q.AfterEpochs < q.OfEpochs {
		l.said = true
		l.newLine(os.Stderr)
		l.say("predicted " + report.Predicted(q))
	}
}

// newLine ends the line that the command has begun on our stderr, such as a bar
// that it draws, where that can be known.
func (l *lookout) newLine(stderr *os.File) {
	if l.output != nil && l.output.Midline(stderr) {
		_, _ = fmt.Fprintln(stderr) // nobody could be told of an error
	}
}

// watchFor begins to watch. What can't be watched is a warning: the command runs
// all the same.
func watchFor(e epochs, tracker *carbon.Tracker, say func(text string)) *lookout {
	p, planned := e.wanted(), e.planned
	l := &lookout{pattern: p, say: say}
	found := func(e watch.Event) {
		time.AfterFunc(readSoon, func() { l.foresee(tracker) })
		if planned > 0 {
			e.Of = 0 // who gave the number knows better
		}
		tracker.Mark(footprint.Mark{Edge: footprint.Edge(e.Edge), Name: e.Name, Index: e.Index, Of: e.Of, Whole: e.Whole}, e.At)
	}
	var err error
	if l.events, err = watch.OpenEvents("", found); err != nil {
		l.warn(footprint.EventsLost, fmt.Sprintf("%s can't be used: %v", watch.EnvEvents, err))
	}
	if p == nil {
		return l
	}
	l.matcher = watch.NewMatcher(p, found)
	if l.output, err = watch.Open(os.Stdout, os.Stderr, l.matcher); err != nil {
		l.warn(footprint.EpochUnseen, fmt.Sprintf("the output can't be watched for epochs: %v", err))
	}
	return l
}

func (l *lookout) warn(code, text string) {
	l.faults = append(l.faults, footprint.Warning{Code: code, Text: text})
}

// connect puts the lookout between the command and its output.
func (l *lookout) connect(c *child.Command) {
	if l.output != nil {
		c.Stdout, c.Stderr = l.output.Stdout, l.output.Stderr
	}
	if l.events != nil {
		if c.Env == nil {
			c.Env = os.Environ()
		}
		c.Env = append(without(c.Env, watch.EnvEvents), watch.EnvEvents+"="+l.events.Path)
	}
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

// started begins to pass the output on; not tells that there is no command.
func (l *lookout) started() {
	if l.output != nil {
		l.output.Started()
	}
}

func (l *lookout) not() {
	if l.output != nil {
		l.output.Close()
	}
	if l.events != nil {
		l.events.Close()
	}
}

// outputPatience is how long output is waited for that comes from processes which
// outlive the command.
const outputPatience = 200 * time.Millisecond

// ended reads what is left, and says what could not be seen.
func (l *lookout) ended(exit child.Exit) []footprint.Warning {
	l.mu.Lock()
	l.said = true
	l.mu.Unlock()
	if l.output != nil && l.output.Wait(outputPatience) {
		l.warn(footprint.Escaped, "processes that the command left behind went on printing: their output was cut off")
	}
	if l.matcher != nil {
		l.matcher.Close(exit.Code == 0)
		l.saw(l.matcher.Seen())
	}
	if l.events != nil {
		told := l.events.Close()
		if told.Removed {
			l.warn(footprint.EventsLost, "the file of events was moved or removed: what was written to it later is lost")
		}
		if told.Wrong > 0 {
			l.warn(footprint.EventsLost, fmt.Sprintf("%d line(s) of the file of events are none: %s", told.Wrong, strings.Join(told.Lines, "; ")))
		}
	}
	return l.faults
}

func (l *lookout) saw(s watch.Seen) {
	if s.Skipped > 0 {
		l.warn(footprint.OutputSkipped, fmt.Sprintf("%d line(s) of output came faster than they could be searched for epochs", s.Skipped))
	}
	if s.Edges == 0 && l.output != nil {
		text := fmt.Sprintf("no line of the output fits %q", l.pattern.Name)
		if len(s.Nearest) > 0 {
			text += "; the nearest: " + strings.Join(s.Nearest, " | ")
		}
		l.warn(footprint.EpochUnseen, text)
	}
}

func (a *app) mark() *cobra.Command {
	return &cobra.Command{
		Use:   "mark epoch-start [N[/TOTAL]] | epoch-end | task-start NAME | task-end NAME",
		Short: "Tell the run around us that an epoch or a task begins or ends",
		Long: `Tell the run that we are in, from any program: "carbonctl wrap" names a file in
CARBONCTL_EVENTS, and this appends a line to it. It never waits. Outside of such
a run it says so, and the exit code is 1.`,
		Example: `  carbonctl mark epoch-start 3/10
  carbonctl mark task-start "load the data"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			e, err := watch.ParseEvent(strings.Join(args, " "), time.Now())
			if err != nil {
				return fmt.Errorf("mark: %w", err)
			}
			// Who marks its epochs must run as well without us: this is no failure.
			path := os.Getenv(watch.EnvEvents)
			if path == "" {
				a.say(fmt.Sprintf("mark: %s is not set: this is no part of a run of carbonctl wrap", watch.EnvEvents), "")
				return nil
			}
			if err := watch.Append(path, e); errors.Is(err, fs.ErrNotExist) {
				a.say("mark: the run that this is a part of has ended", "")
			} else if err != nil {
				return &exitError{exitFinding, fmt.Errorf("mark: %w", err)}
			}
			return nil
		},
	}
}

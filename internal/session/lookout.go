package session

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/watch"
)

// Epochs say where to look for epochs in the output. The zero value leaves it
// alone.
type Epochs struct {
	Planned int            // how many there will be, 0 if that is not known
	Pattern *watch.Pattern // nil: any of the presets if Planned, else none
	Unread  bool           // the output is not ours to read
	Tallies []*watch.Tally // what the output tells of the work that was done
}

// pattern returns the pattern to look for in the output, nil if it is to be left
// alone.
func (e Epochs) pattern() *watch.Pattern {
	if e.Unread {
		return nil
	}
	if e.Pattern != nil || e.Planned == 0 {
		return e.Pattern
	}
	p, err := watch.Preset("auto")
	if err != nil {
		panic(err) // it is there
	}
	return p
}

// lookout is what watches a command for epochs and tasks.
type lookout struct {
	planned int            // epochs, 0 if the user gave no number
	named   atomic.Int64   // how many there are by the latest word of the command, where the user gave one
	pattern *watch.Pattern // nil: it is not searched for epochs
	tallies []*watch.Tally // with neither the output is left alone
	matcher *watch.Matcher
	output  *watch.Output
	events  *watch.Events
	faults  []footprint.Warning
	handed  chan error // why no relay took over what is left of the output; nil: nothing asked

	predicted func(footprint.Prediction) // nil: nothing is to be said as the run goes on
	said      bool                       // or the command has ended
	mu        sync.Mutex
}

// readSoon is how long after an edge its counters have been read, as a rule.
const readSoon = 20 * time.Millisecond

// foresee says, once and as soon as an epoch has ended, what the whole run is
// expected to need. It is called a moment after each edge.
func (l *lookout) foresee(tracker *carbon.Tracker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.said || l.predicted == nil {
		return
	}
	if q, ok := tracker.Predict(); ok && q.AfterEpochs > 0 && q.AfterEpochs < q.OfEpochs {
		l.said = true
		l.newLine(os.Stderr)
		l.predicted(q)
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
func watchFor(e Epochs, tracker *carbon.Tracker, predicted func(footprint.Prediction)) *lookout {
	p, planned := e.pattern(), e.Planned
	l := &lookout{planned: planned, pattern: p, tallies: e.Tallies, predicted: predicted}
	found := func(e watch.Event) {
		if e.Edge == watch.Count {
			tracker.Counted(e.At, countOf(e))
			return
		}
		time.AfterFunc(readSoon, func() { l.foresee(tracker) })
		if planned > 0 {
			if e.Of > 0 {
				l.named.Store(int64(e.Of))
			}
			e.Of = 0 // who gave the number knows better
		}
		m := footprint.Mark{Edge: footprint.Edge(e.Edge), Name: e.Name, Index: e.Index, Of: e.Of, Whole: e.Whole, Again: e.Again, Fraction: e.Fraction, Bare: e.Bare, Metrics: e.Metrics}
		tracker.Mark(m, e.At.Add(-e.Doubt)) // the bounds hold what may have flowed since
	}
	var err error
	if l.events, err = watch.OpenEvents("", found); err != nil {
		l.warn(footprint.EventsLost, fmt.Sprintf("cannot use %s: %v", watch.EnvEvents, err))
	}
	if p == nil && len(l.tallies) == 0 {
		return l
	}
	l.matcher = watch.NewMatcher(p, found, l.tallies...)
	if l.output, err = watch.Open(os.Stdout, os.Stderr, l.matcher); err != nil {
		l.warn(footprint.EpochUnseen, fmt.Sprintf("cannot watch the output for epochs: %v", err))
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

// look sees, with each reading, whether the file of events was used.
func (l *lookout) look() {
	if l.events != nil {
		l.events.Look()
	}
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

// The last reading waits this long at most for what the command has printed to be
// passed on, and with half of the slack. What the reader has not taken by then stays in order.
const drainLimit = 50 * time.Millisecond

// relayLimit is how long a relay may take to start, on a machine that is busy.
const relayLimit = time.Second

// ended reads what is left, and says what could not be seen.
func (l *lookout) ended(exit child.Exit, slack time.Duration) []footprint.Warning {
	l.mu.Lock()
	l.said = true
	l.mu.Unlock()
	if l.output != nil {
		l.output.Drain(drainLimit + slack/2)
	}
	if l.matcher != nil {
		l.matcher.Close(exit.Code == 0)
	}
	var told watch.Told
	if l.events != nil {
		told = l.events.Close()
		if told.Removed {
			l.warn(footprint.EventsLost, "the events file was moved or removed: later events are lost")
		}
		if told.Wrong > 0 {
			l.warn(footprint.EventsLost, fmt.Sprintf("%d invalid line(s) in the events file: %s", told.Wrong, strings.Join(told.Lines, "; ")))
		}
	}
	if l.matcher != nil {
		l.uncounted()
		l.saw(l.matcher.Seen(), told)
	}
	if n := int(l.named.Load()); n > 0 && n != l.planned {
		l.warn(footprint.EpochTotal, fmt.Sprintf("the output counts to epoch %d, but --epochs is %d: predictions are for %d", n, l.planned, l.planned))
		l.faults[len(l.faults)-1].Hint = "without --epochs the command's own number counts"
	}
	return l.faults
}

// handOver begins to give what there is yet to come to a relay, where processes outlive
// the command or a reader does not read: beside all else that is done at the end, so that
// nobody waits for its start.
func (l *lookout) handOver() {
	if l.output == nil || l.handed != nil {
		return
	}
	l.handed = make(chan error, 1)
	go func() { l.handed <- l.output.HandOver(relayLimit) }()
}

// release lets go of the output. Without a relay we pass on what there is yet to come.
func (l *lookout) release(say func(string)) {
	if l.output == nil {
		return
	}
	l.handOver()
	if err := <-l.handed; err != nil {
		say(fmt.Sprintf("passing on the output of background processes until they end (%v)", err))
		l.output.Stay()
	}
	l.output.Close()
}

// saw warns of what the search of the output has missed. Where the events told of
// the epochs, the output need not.
func (l *lookout) saw(s watch.Seen, told watch.Told) {
	if s.Skipped > 0 {
		l.warn(footprint.OutputSkipped, fmt.Sprintf("%d output line(s) not searched for epochs: the output was too fast", s.Skipped))
	}
	if l.pattern == nil {
		return
	}
	if s.Late {
		l.warn(footprint.EpochLate, fmt.Sprintf("the lines that match %q seem to be printed at the end of each epoch, not at its start: "+
			"each epoch may contain the energy of the next one", l.pattern.Name))
	}
	if s.Edges == 0 && told.Epochs == 0 && l.output != nil {
		text := fmt.Sprintf("no output line matches %q", l.pattern.Name)
		if len(s.Nearest) > 0 {
			text += "; nearest lines: " + strings.Join(s.Nearest, " | ")
		}
		l.warn(footprint.EpochUnseen, text)
		l.faults[len(l.faults)-1].Hint = `"--epoch-pattern RE" sets another pattern; "carbonctl mark" marks epochs from the program`
	}
}

package watch

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// Events is a file to which programs write events, and which is followed until
// Close. Until it is used it costs nothing but what [Events.Look] does: somebody
// who wakes up anyway calls that from time to time. From then on the kernel tells.
type Events struct {
	// Path is what EnvEvents is to hold.
	Path string

	found   func(Event)
	began   time.Time
	bell    *bell         // rung by Append; nil: there is none
	heard   chan struct{} // closed when nobody hears it any more
	asked   chan request  // holds one
	quit    chan struct{}
	done    chan struct{}
	closing sync.Once

	mu     sync.Mutex // guards what follows
	seen   seen
	notify *notify // nil: Look is asked
	closed bool

	// These belong to the goroutine, and after Close to who asks.
	file    *os.File
	at      int64     // how far it was read
	rest    []byte    // of a line without its end
	long    bool      // … that is too long
	open    bool      // an epoch has begun by a line of its own
	pending *Event    // without a time, and maybe the last of its kind
	latest  time.Time // the last one happened then, or later
	told    Told
}

// A request is to read what was added.
type request struct {
	done chan struct{} // closed when it was
	rung bool          // by the bell
}

// EnvEvents names the file of events to a command.
const EnvEvents = "CARBONCTL_EVENTS"

// Told says what came of a file of events.
type Told struct {
	// Events that were read, Epochs those of epochs among them, and Wrong lines that
	// were none, of which Lines holds why, for the first few.
	Events, Epochs, Wrong int64
	Lines                 []string
	// Removed: somebody moved or removed the file, or cut it short. What was
	// written before, and to a new file of its name, was read; what others wrote
	// to the old one afterwards was not.
	Removed bool
}

// OpenEvents makes a private file in dir ("" is that for temporary files), and follows
// it. It has no folder of its own: to remove one takes some disks milliseconds. found
// is called from one goroutine, with events in the order of their lines.
func OpenEvents(dir string, found func(Event)) (*Events, error) {
	file, err := os.CreateTemp(dir, eventsPrefix) // for us alone: 0600
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	e := &Events{
		Path: file.Name(), file: file, found: found, began: time.Now(),
		asked: make(chan request, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	hold(file)
	e.saw(e.began, stateOf(file))
	if e.bell = hang(e.Path); e.bell != nil {
		e.heard = make(chan struct{})
		go e.hear()
	}
	go e.follow()
	return e, nil
}

// hear has the file read whenever the bell rings.
func (e *Events) hear() {
	defer close(e.heard)
	for e.bell.wait() {
		select {
		case e.asked <- request{make(chan struct{}), true}:
		default: // it is about to be read
		}
	}
}

// Look sees whether the file was used, and has it read if so: that takes some
// microseconds, and is waited for, lookLimit at most, so that what is read of the
// counters next has the events before it.
func (e *Events) Look() {
	now := time.Now()
	if e.watched() {
		return
	}
	e.mu.Lock()
	was := e.seen
	e.mu.Unlock()
	if is, same := was.check(e.Path, now); same {
		is.at = now
		e.mu.Lock()
		if e.seen == was {
			e.seen = is
		}
		e.mu.Unlock()
		return
	}
	if _, err := os.Lstat(e.Path); err != nil && was.file == nil {
		return // it is still not there
	}
	done := make(chan struct{})
	select {
	case e.asked <- request{done: done}:
	default:
		return
	}
	limit := time.NewTimer(lookLimit)
	defer limit.Stop()
	select {
	case <-done:
	case <-e.done:
	case <-limit.C:
	}
}

// lookLimit is how long Look waits on a machine that is busy.
const lookLimit = 5 * time.Millisecond

func (e *Events) follow() {
	defer close(e.done)
	for {
		done, more := e.wait()
		if !more {
			break
		}
		e.look()
		if done != nil {
			close(done)
		}
	}
	e.look()
	if len(e.rest) > 0 { // the last line has no newline
		e.line(e.rest, time.Now())
		e.settle(time.Now())
	}
}

// wait waits until something may have changed, and returns what Look waits for, if
// that has asked. more is false after Close.
func (e *Events) wait() (done chan struct{}, more bool) {
	if e.notify != nil { // set by us alone
		return nil, e.notify.wait() && !e.over()
	}
	var asked request
	select {
	case <-e.quit:
		return nil, false
	case asked = <-e.asked:
	}
	// Who rings needs no kernel that tells.
	if !asked.rung && time.Since(e.began) >= notifyAfter && e.file != nil {
		e.watch()
	}
	return asked.done, true // to look once more, for what came before the kernel told
}

// over reports whether Close was called.
func (e *Events) over() bool {
	select {
	case <-e.quit:
		return true
	default:
		return false
	}
}

// Close reads what is there, and removes the file.
func (e *Events) Close() Told {
	e.closing.Do(func() {
		e.mu.Lock()
		e.closed = true
		close(e.quit)
		if e.notify != nil {
			e.notify.close()
		}
		e.mu.Unlock()
		if e.bell != nil {
			e.bell.close()
			<-e.heard
		}
		<-e.done
		if e.file != nil {
			_ = e.file.Close()
		}
		_ = os.Remove(e.Path)
		_ = os.Remove(bellOf(e.Path))
	})
	return e.told
}

// look reads on, and in a new file where the old one was replaced.
func (e *Events) look() {
	now, state := time.Now(), stateOf(e.file)
	e.read(now)
	defer func() {
		e.settle(now)
		e.saw(now, state)
	}()
	if leadsTo(e.Path, e.file) {
		return
	}
	info, err := os.Lstat(e.Path)
	e.told.Removed = true
	told := e.unwatch() // a file that has gone
	if e.file != nil {
		e.read(now)
		_ = e.file.Close()
		e.file = nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	e.end(now)
	if e.file, err = os.OpenFile(e.Path, os.O_RDONLY|nonblocking|noFollow, 0); err != nil {
		e.file = nil
		return
	}
	if info, err := e.file.Stat(); err != nil || !trusted(info) { // put there by somebody else
		_ = e.file.Close()
		e.file = nil
		return
	}
	hold(e.file)
	if told {
		e.watch()
	}
	state = stateOf(e.file)
	e.at = 0
	e.read(now)
}

// saw notes how far the file was read, and that this was all of it at a time.
func (e *Events) saw(at time.Time, state state) {
	s := seen{file: e.file, size: e.at, at: at}.with(state, at)
	e.mu.Lock()
	e.seen = s
	e.mu.Unlock()
}

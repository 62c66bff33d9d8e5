// Package attach follows what runs already: a process and all that it starts, or a cgroup.
// [Process] and [Group] give a [Target], which a session tracks in place of a command of its
// own. Linux only.
//
// The target is none of our children. Its exit code is its parent's to know, and it goes on
// whatever becomes of us.
package attach

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// The codes of an [Error], as clients of attach --control read them.
const (
	NoProcess    = "no-process"
	NoPermission = "no-permission"
	NoGroup      = "no-cgroup"
	Unsupported  = "unsupported"
)

// An Error says why something cannot be followed, in one line, and what to do, "" for
// nothing.
type Error struct {
	Code, Text, Hint string
}

func (e *Error) Error() string { return e.Text }

// Usage is what a target uses, as its use is read again and again.
type Usage interface {
	// Read tells what was used since the target was opened; Still does so without a look
	// where nothing has changed since the last Read.
	Read() (proc.Usage, error)
	Still(now time.Time) (proc.Usage, bool)
}

// An End says why following has ended.
type End string

// The ends.
const (
	Ended  End = "process-ended"
	Stop   End = "stop"
	Failed End = "failed" // a stop by who knows that the work has failed
	Closed End = "input-closed"
	Leave  End = "detached" // INT: the user has seen enough
	Signal End = "signal"   // TERM or HUP
)

// A Target is what is followed. Its methods are safe for concurrent use, but for those of
// its one user before Begin.
type Target struct {
	// PID of the process, 0 for a cgroup. Name is what it is called: "python3".
	PID  int
	Name string
	// Dir is its working directory, "" if that cannot be read; Args its command line.
	Dir  string
	Args []string
	// Foreign is the user that it belongs to where that is another one, who hides its
	// environment; else "".
	Foreign string
	// IgnoreInterrupt leaves INT to others; it is set before Begin.
	IgnoreInterrupt bool
	// Below tells what the target uses now; ok is false where it cannot be told. It is set
	// before Begin.
	Below func(pid int) (l child.Live, ok bool)

	env   map[string]string // nil: not readable
	usage Usage
	owns  func(pid int) bool
	watch func(stop <-chan struct{}) error // returns when the target has ended, or stop is closed
	kill  func(s syscall.Signal) error

	mu      sync.Mutex
	end     End
	stopped bool // it has taken a signal of ours
	aside   map[int]bool
	over    chan struct{}
	ending  sync.Once
	signals chan os.Signal
	done    chan struct{}

	useMu sync.Mutex
	last  child.Use
}

// Usage is how the use of the target is read.
func (t *Target) Usage() Usage { return t.usage }

// Owns reports whether a process is the target's.
func (t *Target) Owns(pid int) bool { return t.owns(pid) }

// Env looks up a variable of the process, as it was when that started; where it cannot be
// read, of ours.
func (t *Target) Env(name string) (string, bool) {
	if t.env == nil {
		return os.LookupEnv(name)
	}
	v, ok := t.env[name]
	return v, ok
}

// Begin takes the signals that end the following: INT, unless it is to be ignored or was
// when we started, TERM and HUP.
func (t *Target) Begin() {
	t.signals, t.done = make(chan os.Signal, 8), make(chan struct{})
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		switch {
		case s == syscall.SIGINT && t.IgnoreInterrupt:
			signal.Ignore(s)
		case !signal.Ignored(s):
			signal.Notify(t.signals, s)
		}
	}
	go func() {
		defer close(t.done)
		for s := range t.signals {
			if s == syscall.SIGINT {
				t.Finish(Leave)
			} else {
				t.Finish(Signal)
			}
		}
	}()
}

// Finish ends the following, once: the first reason counts.
func (t *Target) Finish(why End) {
	t.ending.Do(func() {
		t.mu.Lock()
		t.end = why
		t.mu.Unlock()
		close(t.over)
	})
}

// Why tells why the following has ended, "" while it goes on.
func (t *Target) Why() End {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.end
}

// Over is closed when the following has ended.
func (t *Target) Over() <-chan struct{} { return t.over }

// Wait waits until the target has ended, or the following. The Exit is empty.
func (t *Target) Wait() (child.Exit, error) {
	err := t.watch(t.over)
	if err == nil {
		_, _ = t.usage.Read() // as long as its parent has not waited for it
	}
	t.Finish(Ended)
	return child.Exit{}, err
}

// Use tells what was used since the target was opened.
func (t *Target) Use() child.Use {
	t.useMu.Lock()
	defer t.useMu.Unlock()
	l, ok := t.Below(t.PID)
	if !ok {
		t.last.Whole = false
		return t.last
	}
	t.last = child.Use{
		CPU: max(t.last.CPU, l.CPU), RSS: l.RSS, Processes: l.Processes, Edge: l.Edge, Whole: true, Open: l.Open,
	}
	return t.last
}

// Ended implements carbon.Ender. There is no exit code; a target that ended after a signal of
// ours was interrupted.
func (t *Target) Ended() (footprint.Status, *int, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.end == "":
		return "", nil, ""
	case t.end == Failed:
		return footprint.Failed, nil, ""
	case t.end == Signal, t.end == Ended && t.stopped:
		return footprint.Interrupted, nil, ""
	}
	return footprint.Completed, nil, ""
}

// IsAside reports whether a process was started by Aside, and lives.
func (t *Target) IsAside(pid int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.aside[pid]
}

// Aside starts a process that is none of the target's, and waits for it beside.
func (t *Target) Aside(start func() (pid int, err error)) error {
	pid, err := start()
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.aside == nil {
		t.aside = map[int]bool{}
	}
	t.aside[pid] = true
	go func() {
		reap(pid)
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.aside, pid)
	}()
	return nil
}

// Signal sends a signal to the process.
func (t *Target) Signal(s syscall.Signal) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.kill(s)
	t.stopped = t.stopped || err == nil
	return err
}

// Close lets go of the target and of the signals.
func (t *Target) Close() {
	t.Finish(Stop)
	if t.signals != nil {
		signal.Stop(t.signals)
		close(t.signals)
		<-t.done
		t.signals = nil
	}
}

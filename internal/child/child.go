// Package child runs a command so that it behaves as it would without us, waits
// for it, and adds up what its whole tree of processes used.
//
// [Command.Start] starts it, [Process.Wait] waits, [Process.Use] tells what the
// tree has used so far, [Process.Close] gives the signals back.
//
// While a Process runs this package waits for every child of our own process,
// also for those that others started: it is for a program that starts nothing
// else. What still differs for the command is listed in docs/wrap.md.
package child

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// Exit codes of a wrapper that are not the command's own, as env, timeout and
// nohup give them.
const (
	CodeFailed        = 125 // the wrapper itself failed, before the start
	CodeNotExecutable = 126 // the program was found but can't be run
	CodeNotFound      = 127 // there is no such program
)

// Forward says whether TERM, HUP, USR1 and USR2 that reach us are sent on to
// the command. INT and QUIT never are: the keyboard sends them to both of us.
// The zero value is Auto.
type Forward string

// The modes of forwarding.
const (
	// Auto forwards, except what the sender has sent to every process of the job
	// anyway: inside a SLURM step, where TERM is forwarded after 100 ms if the
	// command still runs, and from a timeout(1) that leads our process group.
	Auto   Forward = "auto"
	Always Forward = "always"
	Never  Forward = "never"
)

// ParseForward reads "auto", "always" or "never".
func ParseForward(s string) (Forward, error) {
	switch f := Forward(s); f {
	case Auto, Always, Never:
		return f, nil
	}
	return Auto, fmt.Errorf("invalid value %.40q: use auto, always or never", s)
}

// Command is what to run. It stays in our process group, session and working
// directory, with our limits, mask and ignored signals.
type Command struct {
	// Args is the program and its arguments. A program without a slash is
	// looked up in PATH.
	Args []string
	// Env is the whole environment; nil is ours.
	Env []string
	// Stdin, Stdout and Stderr are inherited as they are; nil is our own, also
	// if it is closed.
	Stdin, Stdout, Stderr *os.File
	// Forward says which signals are sent on.
	Forward Forward
	// Below tells what the processes below pid (itself not included) use now.
	// ok is false if it can't tell. A process that ends during the look may be
	// missed but must not be counted twice. nil: only what has ended is known.
	Below func(pid int) (l Live, ok bool)
}

// Live is what living processes use.
type Live struct {
	// Processes is how many there are.
	Processes int
	// CPU is their user and system time since their start, and that of their
	// children that have ended and were waited for.
	CPU time.Duration
	// RSS is their resident memory in bytes, shared pages counted once for each.
	RSS uint64
	// Edge is how much more CPU may be: the resolution of its clocks.
	Edge time.Duration
	// Open says that there may be more processes, which are not seen.
	Open bool
}

// Use is what the command's tree has used since its start.
type Use struct {
	// CPU is user and system time of all its processes. It never falls.
	CPU time.Duration
	// RSS is the resident memory in bytes of those that live now, 0 if not known.
	RSS uint64
	// Processes is how many live now. After the command's end these go on
	// without it: what they use from then on is not counted.
	Processes int
	// Whole is false where something may be missing: living processes that
	// nobody could look at, or orphans on a system that doesn't give them to us.
	Whole bool
	// Edge is how much more CPU may be: what living processes have used since their
	// clocks moved. It is 0 when all have ended and were waited for.
	Edge time.Duration
	// Open says that processes may have used more which are not seen. A command's orphans
	// are.
	Open bool
}

// Exit is how a command ended. The zero value is success.
type Exit struct {
	// Code is its exit code, or 128+N if signal N killed it.
	Code int
	// Signal is the signal that killed it, 0 if none did.
	Signal syscall.Signal
	// MaxRSS is the resident memory in bytes of its largest process, at its
	// peak, among those waited for; 0 if not known. On Linux it is never below
	// our own at the start: until exec the new process is a copy of us, and the
	// kernel keeps that peak.
	MaxRSS uint64
	// Interrupted: somebody stopped it. INT, QUIT, TERM or HUP killed it, or
	// reached us while it ran and it then failed.
	Interrupted bool
}

// Error says that a command could not be started.
type Error struct {
	// Code is what a wrapper exits with: CodeNotFound, CodeNotExecutable or
	// CodeFailed.
	Code int
	// Name is the program as given.
	Name string
	Err  error
}

// Error returns the program's name and why.
func (e *Error) Error() string { return fmt.Sprintf("run %s: %v", e.Name, e.Err) }

// Unwrap returns the cause, often a syscall.Errno.
func (e *Error) Unwrap() error { return e.Err }

// Process is a command that was started. Its methods may be called from several
// goroutines.
type Process struct {
	// PID of the command.
	PID int

	held   // the signals
	system // what waiting needs on this system

	mu    sync.Mutex
	aside map[int]bool // children that are none of the command's and were not waited for
	ended bool         // waited for: PID may already be somebody else's
	exit  Exit

	below func(pid int) (Live, bool)
	useMu sync.Mutex
	used  time.Duration // the largest CPU time told so far

	closing sync.Once
}

// Aside starts a process that is none of the command's: what it uses is not the
// command's, nor is what it starts as long as it lives itself. start returns its
// number. It is not waited for.
func (p *Process) Aside(start func() (pid int, err error)) error {
	p.mu.Lock() // so that it is known before it can be waited for
	defer p.mu.Unlock()
	pid, err := start()
	if err != nil {
		return err
	}
	if p.aside == nil {
		p.aside = map[int]bool{}
	}
	p.aside[pid] = true
	return nil
}

// IsAside reports whether a process was started by Aside, and lives.
func (p *Process) IsAside(pid int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.aside[pid]
}

//go:build unix

package child

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// held is the signals that we took from the default, which would end us.
type held struct {
	in      chan os.Signal
	done    chan struct{} // closed when the goroutine of pass has ended
	forward bool          // those of toPass are sent on

	// Under Process.mu:
	senders senders                 // who signals the command as well
	pending map[syscall.Signal]bool // held back until that is known
	asked   bool                    // one that stops came while the command ran
}

// keyboard are the signals that a terminal sends to the whole process group.
func keyboard() []syscall.Signal { return []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} }

// toPass are the signals that are sent on.
func toPass() []syscall.Signal {
	return []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
}

func passed(s syscall.Signal) bool { return slices.Contains(toPass(), s) }

// stops reports whether a signal asks a process to end.
func stops(s syscall.Signal) bool {
	return s == syscall.SIGINT || s == syscall.SIGQUIT || s == syscall.SIGTERM || s == syscall.SIGHUP
}

// kept are the signals to which Go gives a handler of its own at start, so that
// a command would get the default back where they were ignored before. The stop
// signals are not among them, since Go leaves those alone; CHLD must not be
// ignored by somebody who waits.
func kept() []syscall.Signal {
	return []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGALRM, syscall.SIGTERM,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGXCPU, syscall.SIGXFSZ, syscall.SIGVTALRM,
	}
}

// Stopping are the signals by which we are asked to end, but those that were ignored when we
// were started.
func Stopping() (all []os.Signal) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP} {
		if !ignoredAtStart(s) {
			all = append(all, s)
		}
	}
	return all
}

// hold catches the signals that would end us. A caught signal is back at its
// default in the command, an ignored one stays ignored, so those that were
// ignored when we started are ignored until the command runs.
func (h *held) hold() {
	h.in = make(chan os.Signal, 64)
	h.pending = map[syscall.Signal]bool{}
	ignore()
	for _, s := range append(keyboard(), toPass()...) {
		if !ignoredAtStart(s) {
			signal.Notify(h.in, s)
		}
	}
}

// ignore makes what was ignored when we started ignored by what we start.
func ignore() {
	for _, s := range kept() {
		if ignoredAtStart(s) {
			signal.Ignore(s)
		}
	}
}

// pass hands every signal to do, from now on also those that were ignored at
// our start: the command may have chosen to handle them. What came since hold
// comes first.
func (h *held) pass(do func(syscall.Signal)) {
	for _, s := range toPass() {
		signal.Notify(h.in, s)
	}
	h.done = make(chan struct{})
	go func() {
		defer close(h.done)
		for s := range h.in {
			do(s.(syscall.Signal))
		}
	}()
}

func (h *held) letGo() {
	signal.Stop(h.in)
	close(h.in)
	if h.done != nil {
		<-h.done
	}
	for _, s := range toPass() {
		if ignoredAtStart(s) {
			signal.Ignore(s)
		}
	}
}

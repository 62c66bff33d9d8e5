package session

import (
	"syscall"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/attach"
	"github.com/carbonctl/carbonctl/internal/child"
)

// process is what a run is of: a command that was started, or what runs already. Both end
// in the same order.
type process interface {
	// Wait waits for its end, or for that of following it.
	Wait() (child.Exit, error)
	Use() child.Use
	Signal(s syscall.Signal) error
	Aside(start func() (pid int, err error)) error
	IsAside(pid int) bool
	Close()
}

// followed is the work where that is no command of ours.
type followed struct {
	*tree
	target *attach.Target
}

// Owns implements carbon.Owner.
func (f followed) Owns(pid int) bool { return f.target.Owns(pid) }

// Ended implements carbon.Ender.
func (f followed) Ended() (footprint.Status, *int, string) { return f.target.Ended() }

// openTarget makes a session of what runs already.
func (s *Session) openTarget() {
	t := s.o.Target
	s.tree = newTree(t.Usage())
	t.Below = s.tree.below
	s.work, s.commit.dir = followed{s.tree, t}, func() (string, error) { return t.Dir, nil }
	s.o.Epochs.Unread = true
	s.begin = func(before func()) (process, error) {
		t.Begin()
		before()
		return t, nil
	}
}

// notSeen are the warnings of how the work was followed.
func (s *Session) notSeen() []footprint.Warning {
	left := s.tree.left()
	switch {
	case s.o.Target != nil:
		return s.o.Target.Warnings(left)
	case left > 0:
		return []footprint.Warning{{Code: footprint.Escaped, Text: stillRunning(left)}}
	}
	return nil
}

package child

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// system is what waiting needs on Linux.
type system struct {
	orphans bool          // the tree's orphans become our children
	base    time.Duration // CPU time of our children, before the start
	left    bool          // after the end: children remain
}

// adopt makes us the parent of every process of the tree that loses its own, so
// that daemons are waited for and their CPU time comes to us.
func (s *system) adopt() {
	s.orphans = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == nil
}

// origin notes what our children had used before the start. We mostly have
// none, except after an exec in a shell that had background jobs; those count
// with the tree from now on, and only from now on.
func (s *system) origin(below func(int) (Live, bool)) {
	s.base, _ = children()
	if waitable(unix.WNOHANG) != nil || below == nil {
		return
	}
	if l, ok := below(os.Getpid()); ok {
		s.base += l.CPU
	}
}

// Wait waits for the command to end, not for what it left running, and returns
// at once. The error says that its exit code is not known. Again: the same.
func (p *Process) Wait() (Exit, error) {
	for {
		// Looking and taking are two steps, so that no signal is sent to a pid
		// that is free again: a pid stays ours until it is taken, under the lock.
		err := waitable(0)
		p.mu.Lock()
		if !p.ended && err == nil {
			p.reap()
		}
		ended, exit := p.ended, p.exit
		p.mu.Unlock()
		if ended {
			return exit, nil
		}
		if err != nil {
			return Exit{Code: CodeFailed}, fmt.Errorf("wait for process %d: %w", p.PID, err)
		}
	}
}

// waitable waits until a child has ended, and leaves it as it is. ECHILD: there
// are no children.
func waitable(options int) error {
	for {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT|options, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// reap takes every child that has ended. p.mu is held.
func (p *Process) reap() {
	for {
		var ws unix.WaitStatus
		var u unix.Rusage
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, &u)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil || pid == 0:
			p.left = err == nil
			if p.ended && p.exit.MaxRSS == 0 {
				_, p.exit.MaxRSS = children()
			}
			return
		case p.aside[pid]:
			delete(p.aside, pid)
			p.base += cpuTime(u)
		case pid == p.PID && !p.ended:
			p.end(ws)
		}
	}
}

// Use tells what the tree has used so far. After the command's end that may
// still grow; take it right after Wait.
func (p *Process) Use() Use {
	p.useMu.Lock()
	defer p.useMu.Unlock()
	p.mu.Lock()
	if p.ended {
		p.reap()
	}
	ended, alone, aside := p.ended, p.ended && !p.left, len(p.aside) > 0
	// First what has ended, then what lives: what ends in between is missed
	// until the next call instead of being counted twice.
	cpu, _ := children()
	cpu -= p.base
	p.mu.Unlock()

	u := Use{Whole: alone && p.orphans}
	if !alone && p.below != nil {
		if l, ok := p.below(os.Getpid()); ok {
			cpu += l.CPU
			u = Use{RSS: l.RSS, Processes: l.Processes, Whole: p.orphans, Edge: l.Edge}
			alone = ended && aside && l.Processes == 0 // those that remain are not the command's
		}
	}
	if !alone && u.Processes == 0 {
		u.Processes = 1 // at least
	}
	p.used = max(p.used, cpu)
	u.CPU = p.used
	return u
}

// children returns the CPU time of all children that were waited for, theirs
// included, and the peak memory of the largest in bytes.
func children() (time.Duration, uint64) {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_CHILDREN, &u) != nil {
		return 0, 0
	}
	return cpuTime(u), uint64(u.Maxrss) << 10 // getrusage(2): kilobytes
}

func cpuTime(u unix.Rusage) time.Duration { return time.Duration(u.Utime.Nano() + u.Stime.Nano()) }

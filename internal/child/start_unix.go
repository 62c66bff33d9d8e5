//go:build unix

package child

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Start starts the command. before, if not nil, is called as late as possible
// before it: for the first reading. The error is an *Error.
//
// From here on INT, QUIT, TERM, HUP, USR1 and USR2 do nothing to us, until
// Close.
func (c Command) Start(before func()) (*Process, error) {
	if len(c.Args) == 0 {
		return nil, &Error{CodeFailed, "", errors.New("no command given")}
	}
	file, err := Look(c.Args[0], c.Env)
	if err != nil {
		return nil, err
	}
	env := c.Env
	if env == nil {
		env = os.Environ()
	}
	attr := &syscall.ProcAttr{Env: env, Files: []uintptr{fd(c.Stdin, 0), fd(c.Stdout, 1), fd(c.Stderr, 2)}}

	p := &Process{below: c.Below}
	p.forward = c.Forward != Never
	if p.forward && c.Forward != Always {
		p.senders = sendersOf(env)
	}
	p.adopt()
	p.origin(c.Below)
	p.hold()
	if before != nil {
		before()
	}
	p.PID, err = fork(file, c.Args, attr)
	runtime.KeepAlive(c)
	if err != nil {
		p.letGo()
		return nil, refused(c.Args[0], err)
	}
	p.pass(p.signal)
	return p, nil
}

// fork starts a program. os.StartProcess is not used because it keeps a handle
// that only its own Wait gives back, and forks once more to try pidfds.
func fork(file string, args []string, attr *syscall.ProcAttr) (int, error) {
	pid, err := syscall.ForkExec(file, args, attr)
	switch {
	case errors.Is(err, syscall.ENOEXEC) && script(file):
		sh := append([]string{"/bin/sh", file}, args[1:]...)
		return syscall.ForkExec(sh[0], sh, attr)
	case errors.Is(err, syscall.ENOENT) && runnable(file) == nil:
		return 0, fmt.Errorf("the interpreter that it names: %w", err)
	}
	return pid, err
}

// fd returns the descriptor that the command gets.
func fd(f *os.File, own int) uintptr {
	switch {
	case f != nil:
		return f.Fd()
	case closedAtStart(own):
		return ^uintptr(0) // stays closed: what we have there is Go's own stand-in
	}
	return uintptr(own)
}

// signal takes a signal that reached us.
func (p *Process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	if stops(s) {
		p.asked = true
	}
	if !p.forward || !passed(s) || p.pending[s] {
		return
	}
	p.judge(s, time.Now())
}

// judge sends a signal on that came at some time, or asks again later. One more that
// comes until then is taken for the same: timeout(1) sends two. p.mu is held.
func (p *Process) judge(s syscall.Signal, came time.Time) {
	wait, on := p.senders.judge(s, time.Since(came))
	p.pending[s] = on && wait > 0
	switch {
	case p.ended || !on:
	case wait > 0:
		time.AfterFunc(wait, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.judge(s, came)
		})
	default:
		_ = unix.Kill(p.PID, s) // fails only if it has become another user's
	}
}

// end notes how the command ended. p.mu is held.
func (p *Process) end(ws unix.WaitStatus) {
	p.ended = true
	if ws.Signaled() {
		p.exit.Signal = ws.Signal()
		p.exit.Code = 128 + int(ws.Signal())
	} else {
		p.exit.Code = ws.ExitStatus()
	}
	p.exit.Interrupted = stops(p.exit.Signal) || p.asked && p.exit.Code != 0
}

// Close gives the signals back, to what they did before Start. Nothing is
// killed. Again: nothing.
func (p *Process) Close() { p.closing.Do(p.letGo) }

// send sends a signal. p.mu is held and the command has not ended.
func (p *Process) send(s syscall.Signal) error { return unix.Kill(p.PID, s) }

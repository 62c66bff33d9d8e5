package child

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// held is Ctrl-C, which a console sends to the command as well.
type held struct{ in chan os.Signal }

// system is the process as Windows knows it.
type system struct {
	process *os.Process
	cpu     time.Duration // of the command alone, once it has ended
}

// Look finds the program that Start would run: in PATH of our own environment,
// with the endings of PATHEXT. The error is an *Error.
func Look(name string, _ []string) (string, error) {
	file, err := exec.LookPath(name)
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", &Error{CodeNotFound, name, err}
	case err != nil:
		return "", &Error{CodeNotExecutable, name, err}
	}
	return file, nil
}

// Start starts the command. before, if not nil, is called as late as possible
// before it: for the first reading. The error is an *Error.
func (c Command) Start(before func()) (*Process, error) {
	if len(c.Args) == 0 {
		return nil, &Error{CodeFailed, "", errors.New("no command given")}
	}
	file, err := Look(c.Args[0], c.Env)
	if err != nil {
		return nil, err
	}
	files := []*os.File{c.Stdin, c.Stdout, c.Stderr}
	for i, own := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if files[i] == nil {
			files[i] = own
		}
	}
	p := &Process{below: c.Below}
	p.in = make(chan os.Signal, 1) // never read: caught is all it needs to be
	signal.Notify(p.in, os.Interrupt)
	if before != nil {
		before()
	}
	p.process, err = os.StartProcess(file, slices.Clone(c.Args), &os.ProcAttr{Env: c.Env, Files: files})
	if err != nil {
		p.Close()
		return nil, &Error{CodeNotExecutable, c.Args[0], err}
	}
	p.PID = p.process.Pid
	return p, nil
}

// Wait waits for the command to end and returns at once. The error says that its
// exit code is not known. Again: the same.
func (p *Process) Wait() (Exit, error) {
	state, err := p.process.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && !p.ended {
		p.ended = true
		p.exit.Code = state.ExitCode()
		// STATUS_CONTROL_C_EXIT of ntstatus.h: Ctrl-C ended it.
		p.exit.Interrupted = uint32(state.ExitCode()) == uint32(syscall.Errno(0xC000013A))
		p.cpu = state.UserTime() + state.SystemTime()
	}
	if !p.ended {
		return Exit{Code: CodeFailed}, fmt.Errorf("wait for process %d: %w", p.PID, err)
	}
	return p.exit, nil
}

// Use tells what the command used, once it has ended; what it started is not
// included, so it is never Whole.
func (p *Process) Use() Use {
	p.useMu.Lock()
	defer p.useMu.Unlock()
	p.mu.Lock()
	ended, cpu := p.ended, p.cpu
	p.mu.Unlock()
	var u Use
	if !ended {
		u.Processes = 1 // at least
		if p.below != nil {
			if l, ok := p.below(os.Getpid()); ok {
				cpu, u = l.CPU, Use{RSS: l.RSS, Processes: l.Processes}
			}
		}
	}
	p.used = max(p.used, cpu)
	u.CPU = p.used
	return u
}

// Close gives Ctrl-C back. Nothing is killed. Again: nothing.
func (p *Process) Close() { p.closing.Do(func() { signal.Stop(p.in) }) }

// send ends the command. p.mu is held and it has not ended.
func (p *Process) send(syscall.Signal) error { return p.process.Kill() }

// Scarce: no error of Start is known to be one of want.
func Scarce(error) bool { return false }

// Replace can't be done. It returns an *Error.
func Replace(args, _ []string) error {
	return &Error{CodeFailed, args[0], errors.ErrUnsupported}
}

// Stopping are the signals by which we are asked to end.
func Stopping() []os.Signal { return []os.Signal{os.Interrupt} }

// SignalName is "": there are no signals.
func (Exit) SignalName() string { return "" }

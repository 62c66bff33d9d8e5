//go:build unix && !linux

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

// system is what waiting needs where orphans go to init: nothing brings their
// CPU time back, so Use is never Whole.
type system struct{ base time.Duration }

func (s *system) adopt() {}

func (s *system) origin(func(int) (Live, bool)) { s.base, _ = children() }

// senders: nobody is known to signal the command as well.
type senders struct{}

func sendersOf([]string) (s senders) { return s }

func (senders) judge(syscall.Signal, time.Duration) (wait time.Duration, on bool) { return 0, true }

// Wait waits for the command to end, not for what it left running, and returns
// at once. The error says that its exit code is not known. Again: the same.
func (p *Process) Wait() (Exit, error) {
	var ws unix.WaitStatus
	var err error
	for {
		_, err = unix.Wait4(p.PID, &ws, 0, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && !p.ended {
		p.end(ws)
		_, p.exit.MaxRSS = children()
	}
	if !p.ended {
		return Exit{Code: CodeFailed}, fmt.Errorf("wait for process %d: %w", p.PID, err)
	}
	return p.exit, nil
}

// Use tells what the tree has used so far, orphans not included.
func (p *Process) Use() Use {
	p.useMu.Lock()
	defer p.useMu.Unlock()
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	cpu, _ := children()
	var u Use
	if !ended {
		u.Processes = 1 // at least
		if p.below != nil {
			if l, ok := p.below(os.Getpid()); ok {
				cpu += l.CPU
				u = Use{RSS: l.RSS, Processes: l.Processes, Edge: l.Edge}
			}
		}
	}
	p.used = max(p.used, cpu-p.base)
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
	rss := uint64(u.Maxrss)
	if runtime.GOOS != "darwin" && runtime.GOOS != "ios" {
		rss <<= 10 // kilobytes there, bytes on darwin: getrusage(2)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), rss
}

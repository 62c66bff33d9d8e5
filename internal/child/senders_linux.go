package child

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// senders are those who are known to signal the whole process group: what came from
// them has reached the command as well. The zero value is nobody.
type senders struct {
	step    bool   // slurmstepd, which signals every process of a step
	timeout int    // pid of timeout(1), the leader of our group; 0: none
	seen    uint64 // the signals that it was seen to ignore, as bits
	past    uint64 // those of seen that are no news
}

const (
	// timeout(1) signals its child, ignores the signal itself, and then signals its
	// group (GNU coreutils, timeout.c, send_sig): by now it has.
	timeoutWait = 20 * time.Millisecond
	// A command that has ended of the signal that it got itself needs none of ours.
	goneWait = 100 * time.Millisecond
)

// sendersOf finds who may signal the group.
func sendersOf(env []string) (s senders) {
	// A batch script has a job but no step: SLURM signals us alone, on purpose.
	if lookup(env, "SLURM_STEP_ID", "") != "" || lookup(env, "SLURM_STEPID", "") != "" {
		s.step = true
		return s
	}
	// timeout(1) makes a group of its own, so that it is the leader of ours: our
	// parent or further up.
	leader := unix.Getpgrp()
	if leader == os.Getpid() {
		return s
	}
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", leader))
	if strings.TrimSpace(string(comm)) != "timeout" {
		return s
	}
	args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", leader))
	if !foreground(strings.Split(string(args), "\x00")) {
		s.timeout = leader
		s.past, _ = ignoredBy(leader)
	}
	return s
}

// judge decides on a signal that reached us some time ago: whether it is to be sent on,
// if the command still lives, or whether to ask again after wait.
func (s *senders) judge(sig syscall.Signal, ago time.Duration) (wait time.Duration, on bool) {
	switch {
	case s.step:
		return goneWait - ago, sig == syscall.SIGTERM
	case s.timeout == 0:
		return 0, true
	}
	ignored, lives := ignoredBy(s.timeout)
	s.seen |= ignored
	bit := uint64(1) << (sig - 1)
	switch {
	case ago < timeoutWait:
		return timeoutWait - ago, true
	case s.seen&^s.past&bit != 0:
		s.past |= bit // it sends each once: a later one is somebody else's
		return 0, false
	case !lives: // and so can't be asked
		return goneWait - ago, true
	}
	return 0, true
}

// ignoredBy is SigIgn of a process, see proc_pid_status(5), and whether it lives.
func ignoredBy(pid int) (ignored uint64, lives bool) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimSpace(value); key {
		case "State":
			lives = !strings.HasPrefix(value, "Z") && !strings.HasPrefix(value, "X")
		case "SigIgn":
			ignored, _ = strconv.ParseUint(value, 16, 64)
			return ignored, lives
		}
	}
	return 0, false
}

// foreground reports whether a command line of timeout has -f or --foreground:
// it then signals its child only.
func foreground(args []string) bool {
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--" || !strings.HasPrefix(a, "-") || a == "-":
			return false
		case strings.HasPrefix(a, "--"):
			name, _, given := strings.Cut(a, "=")
			if len(name) > 2 && strings.HasPrefix("--foreground", name) {
				return true
			}
			if !given && len(name) > 2 && (strings.HasPrefix("--kill-after", name) || strings.HasPrefix("--signal", name)) {
				i++
			}
		default:
			// Short options may stand together; k and s take the rest, or the
			// next argument.
			at := strings.IndexAny(a, "ks")
			if f := strings.IndexByte(a, 'f'); f > 0 && (at < 0 || f < at) {
				return true
			}
			if at == len(a)-1 {
				i++
			}
		}
	}
	return false
}

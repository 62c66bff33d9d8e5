package child

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// shared reports whether those who signal us are known to signal the command as
// well, so that forwarding would give it everything twice.
func shared(env []string) bool {
	// slurmstepd signals every process of a step. A batch script has a job but
	// no step: it signals us alone, on purpose, and we must forward.
	if lookup(env, "SLURM_STEP_ID", "") != "" || lookup(env, "SLURM_STEPID", "") != "" {
		return true
	}
	// timeout(1) makes a group of its own and signals it whole, so that it is
	// the leader of our group, our parent or further up.
	leader := unix.Getpgrp()
	if leader == os.Getpid() {
		return false
	}
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", leader))
	if strings.TrimSpace(string(comm)) != "timeout" {
		return false
	}
	args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", leader))
	return !foreground(strings.Split(string(args), "\x00"))
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

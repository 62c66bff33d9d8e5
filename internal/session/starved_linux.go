package session

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// thread is one of ours, as the kernel has it: for how long it has run and has been
// ready to run without a processor, and whether it is ready now, or held by the kernel.
// Waiting counts once it is over.
type thread struct {
	ran, waited time.Duration
	ready, held bool
}

// threads gives ours by their numbers; nothing where the kernel does not tell
// (CONFIG_SCHED_INFO).
func threads() map[string]thread {
	const tasks = "/proc/self/task/"
	entries, err := os.ReadDir(tasks)
	if err != nil {
		return nil
	}
	all := make(map[string]thread, len(entries))
	for _, e := range entries {
		// Time on a processor, time waiting for one, both in ns, and how often
		// (Documentation/scheduler/sched-stats.rst).
		b, _ := os.ReadFile(tasks + e.Name() + "/schedstat")
		times := bytes.Fields(b)
		stat, _ := os.ReadFile(tasks + e.Name() + "/stat")
		_, state, named := bytes.Cut(stat, []byte(") ")) // behind the name, which is ours
		if len(times) != 3 || !named || len(state) == 0 {
			continue // it has ended
		}
		ran, _ := strconv.ParseInt(string(times[0]), 10, 64)
		waited, _ := strconv.ParseInt(string(times[1]), 10, 64)
		all[e.Name()] = thread{time.Duration(ran), time.Duration(waited), state[0] == 'R', state[0] == 'D'}
	}
	return all
}

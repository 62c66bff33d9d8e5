package session

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// starved is for how long our threads have been ready to run and had no processor,
// together, so far; 0 where the kernel does not tell (CONFIG_SCHED_INFO).
func starved() (sum time.Duration) {
	const tasks = "/proc/self/task"
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return 0
	}
	for _, t := range threads {
		b, err := os.ReadFile(tasks + "/" + t.Name() + "/schedstat")
		if err != nil {
			continue // it has ended
		}
		// Time on a processor, time waiting for one, both in ns, and how often
		// (Documentation/scheduler/sched-stats.rst).
		if fields := bytes.Fields(b); len(fields) == 3 {
			ns, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			sum += time.Duration(ns)
		}
	}
	return sum
}

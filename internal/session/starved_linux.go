package session

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// starved gives for how long each of our threads has been ready to run and had no
// processor, so far, by its number; nothing where the kernel does not tell
// (CONFIG_SCHED_INFO).
func starved() map[string]time.Duration {
	const tasks = "/proc/self/task"
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return nil
	}
	all := make(map[string]time.Duration, len(threads))
	for _, t := range threads {
		b, err := os.ReadFile(tasks + "/" + t.Name() + "/schedstat")
		if err != nil {
			continue // it has ended
		}
		// Time on a processor, time waiting for one, both in ns, and how often
		// (Documentation/scheduler/sched-stats.rst).
		if fields := bytes.Fields(b); len(fields) == 3 {
			ns, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			all[t.Name()] = time.Duration(ns)
		}
	}
	return all
}

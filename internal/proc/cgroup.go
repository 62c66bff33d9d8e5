package proc

import (
	"io/fs"
	"iter"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Quota returns how many CPUs' worth of time this process may use by the limits
// of its cgroups, +Inf if they set none or can't be read. The least of the
// whole way up holds (Documentation/admin-guide/cgroup-v2.rst, cpu.max;
// scheduler/sched-bwc.rst for version 1).
func Quota(root fs.FS) float64 {
	least := math.Inf(1)
	for dir := range groups(root, "cpu") {
		least = min(least,
			quotaV2(text(root, dir+"/cpu.max")),
			ratio(text(root, dir+"/cpu.cfs_quota_us"), text(root, dir+"/cpu.cfs_period_us")))
	}
	return least
}

// MemoryLimit returns how many bytes of memory this process may use by the limits
// of its cgroups, the largest number if they set none or can't be read
// (memory.max of version 2, memory.limit_in_bytes of version 1).
func MemoryLimit(root fs.FS) uint64 {
	least := uint64(math.MaxUint64)
	for dir := range groups(root, "memory") {
		for _, file := range []string{"/memory.max", "/memory.limit_in_bytes"} {
			if n, err := strconv.ParseUint(text(root, dir+file), 10, 64); err == nil && n > 0 {
				least = min(least, n)
			}
		}
	}
	return least
}

// groups gives the folders of the cgroups that this process is in and of those
// above them, in the unified hierarchy and in that of one controller of version
// 1. What is mounted as "cpu,cpuacct" mostly has a link "cpu" beside it, but not
// in each container.
func groups(root fs.FS, controller string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.SplitSeq(text(root, "proc/self/cgroup"), "\n") {
			id, rest, _ := strings.Cut(line, ":")
			controllers, group, ok := strings.Cut(rest, ":")
			if !ok {
				continue
			}
			var mounts []string
			switch {
			case id == "0" && controllers == "":
				mounts = []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"}
			case slices.Contains(strings.Split(controllers, ","), controller):
				mounts = []string{"sys/fs/cgroup/" + controllers}
				if controllers != controller {
					mounts = append(mounts, "sys/fs/cgroup/"+controller)
				}
			}
			for _, mount := range mounts {
				for dir := range up(group) {
					if !yield(mount + dir) {
						return
					}
				}
			}
		}
	}
}

// up gives a group and those above it, "" for the topmost.
func up(group string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
			if dir == "/" {
				yield("")
				return
			}
			if !yield(dir) {
				return
			}
		}
	}
}

// quotaV2 reads "200000 100000" or "max 100000".
func quotaV2(s string) float64 {
	quota, period, _ := strings.Cut(s, " ")
	return ratio(quota, period)
}

// ratio is quota over period, +Inf where they set no limit.
func ratio(quota, period string) float64 {
	q, err := strconv.ParseUint(quota, 10, 62)
	if err != nil {
		return math.Inf(1)
	}
	p, err := strconv.ParseUint(period, 10, 62)
	if err != nil || p == 0 || q == 0 {
		return math.Inf(1)
	}
	return float64(q) / float64(p)
}

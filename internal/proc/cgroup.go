package proc

import (
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// Quota returns how many CPUs' worth of time this process may use by the limits
// of its cgroups, +Inf if they set none or can't be read. The least of the
// whole way up holds (Documentation/admin-guide/cgroup-v2.rst, cpu.max;
// scheduler/sched-bwc.rst for version 1).
func Quota(root fs.FS) float64 {
	least := math.Inf(1)
	for line := range strings.SplitSeq(text(root, "proc/self/cgroup"), "\n") {
		id, rest, _ := strings.Cut(line, ":")
		controllers, group, ok := strings.Cut(rest, ":")
		if !ok {
			continue
		}
		switch {
		case id == "0" && controllers == "":
			for dir := range up(group) {
				least = min(least, quotaV2(text(root, "sys/fs/cgroup"+dir+"/cpu.max")))
			}
		case hasController(controllers, "cpu"):
			for dir := range up(group) {
				base := "sys/fs/cgroup/cpu" + dir
				least = min(least, ratio(text(root, base+"/cpu.cfs_quota_us"), text(root, base+"/cpu.cfs_period_us")))
			}
		}
	}
	return least
}

// up gives a group and those above it, "" for the topmost.
func up(group string) func(func(string) bool) {
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

func hasController(list, name string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c == name {
			return true
		}
	}
	return false
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

package proc

import (
	"bytes"
	"io/fs"
	"strconv"
	"strings"
)

// smallCores are the logical CPUs of a hybrid Intel machine that are efficiency cores,
// by /sys/devices/cpu_atom/cpus (Linux, arch/x86/events/intel/core.c, from 5.13 on); nil
// where all cores are alike.
func smallCores(root fs.FS) map[int]bool {
	list := text(root, "sys/devices/cpu_atom/cpus")
	if list == "" || text(root, "sys/devices/cpu_core/cpus") == "" {
		return nil
	}
	small := map[int]bool{}
	for part := range strings.SplitSeq(list, ",") {
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || from < 0 || to < from || to > mostCPUs {
			return nil
		}
		for n := from; n <= to; n++ {
			small[n] = true
		}
	}
	return small
}

// mostCPUs is above NR_CPUS of any kernel.
const mostCPUs = 1 << 14

// Small returns seconds of CPU time that the efficiency cores of a hybrid machine were at
// work, as part of what the last Read has returned as busy, and how many of its logical
// CPUs they are; 0 and 0 where all cores are alike. A core that is offline counts 0.
func (s *Stat) Small() (busy float64, cpus int) {
	return s.smallBusy, len(s.small)
}

// smallOf adds up the lines of small CPUs below the first one.
func smallOf(b []byte, small map[int]bool) (busy float64) {
	for len(b) > 0 {
		var l []byte
		l, b = line(b)
		l, ok := bytes.CutPrefix(l, []byte("cpu"))
		if !ok {
			return busy
		}
		n, rest, ok := whole(l)
		if !ok || !small[int(n)] {
			continue
		}
		if x, _, ok := parseTimes(rest); ok {
			busy += x
		}
	}
	return busy
}

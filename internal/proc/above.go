package proc

import (
	"bytes"
	"io/fs"
	"strconv"
)

// generations is how far up Above looks: no tree of processes is that deep, and
// a /proc that is read while it changes must not lead in a circle.
const generations = 1000

// Above reports whether one of the processes above pid has that name: the name
// of its program, cut to 15 bytes by Linux. false also where that can't be told.
// On systems without /proc it is asked of this process alone, whatever pid is.
func Above(root fs.FS, pid int, name string) bool {
	if elsewhere {
		return systemAbove(name)
	}
	name = name[:min(len(name), 15)] // TASK_COMM_LEN less the final NUL
	buf := make([]byte, 4096)
	for range generations {
		n, _ := slurp(root, "proc/"+strconv.Itoa(pid)+"/stat", buf)
		p, ok := parseProcess(buf[:n])
		if !ok || p.parent == 0 {
			return false
		}
		pid = p.parent
		n, _ = slurp(root, "proc/"+strconv.Itoa(pid)+"/stat", buf)
		from, to := bytes.IndexByte(buf[:n], '('), bytes.LastIndexByte(buf[:n], ')')
		if from >= 0 && from < to && string(buf[from+1:to]) == name {
			return true
		}
	}
	return false
}

// Descends reports whether top is one of the processes above pid. false also
// where that can't be told.
func Descends(root fs.FS, pid, top int) bool {
	buf := make([]byte, 4096)
	for range generations {
		n, _ := slurp(root, "proc/"+strconv.Itoa(pid)+"/stat", buf)
		p, ok := parseProcess(buf[:n])
		switch {
		case !ok || p.parent == 0:
			return false
		case p.parent == top:
			return true
		}
		pid = p.parent
	}
	return false
}

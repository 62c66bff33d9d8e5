package nvml

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
)

// pids looks the driver's processes up. In a container the driver may name them
// as the host does; they can then be told only by the host's /proc, whose status
// files give the pid in every namespace that a process is in.
type pids struct {
	root  fs.FS
	space string // our pid namespace, if root shows the /proc of another one
	was   map[int]bool
}

func newPids(root fs.FS) pids {
	p := pids{root: root, was: map[int]bool{}}
	if len(p.inner("self")) > 1 {
		p.space, _ = fs.ReadLink(root, "proc/self/ns/pid")
	}
	return p
}

// mine reports whether a process of the driver's is the work's, and whether that
// can be told. One that has ended is what it was.
func (p pids) mine(pid int, mine func(int) bool) (ours, told bool) {
	if p.space == "" && mine(pid) {
		p.was[pid] = true
		return true, true
	}
	name := strconv.Itoa(pid)
	if _, err := fs.Stat(p.root, "proc/"+name); err != nil && !errors.Is(err, fs.ErrPermission) {
		if ours, told = p.was[pid]; !told {
			ours = mine(pid)
			told = ours
		}
		return ours, told
	}
	if p.space != "" {
		list := p.inner(name)
		space, _ := fs.ReadLink(p.root, "proc/"+name+"/ns/pid")
		ours = len(list) > 0 && space == p.space && mine(list[len(list)-1])
	}
	p.was[pid] = ours
	return ours, true
}

// inner gives the pids of a process in all its namespaces, the outermost first.
func (p pids) inner(name string) (list []int) {
	text, _ := fs.ReadFile(p.root, "proc/"+name+"/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "NSpid:"); ok {
			for _, f := range strings.Fields(rest) {
				n, err := strconv.Atoi(f)
				if err != nil {
					return nil
				}
				list = append(list, n)
			}
			return list
		}
	}
	return nil
}

package nvml

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// pids looks the driver's processes up. In a container the driver may name them
// as the host does; they can then be told only by the host's /proc, whose status
// files give the pid in every namespace that a process is in.
type pids struct {
	root  fs.FS
	space string // our pid namespace, if root shows the /proc of another one
	inner bool   // ours is not the first, so that the driver's pids may be the host's
	told  bool   // one of the driver's could be told

	// What processes were, the latest and those before: for one that has ended.
	was, before map[int]bool
	since       time.Time
}

// firstSpace is the pid namespace that the kernel starts with (PROC_PID_INIT_INO in
// include/linux/proc_ns.h).
const firstSpace = "pid:[4026531836]"

// forgetAfter is how long it is known at least what a process was that has ended.
// The driver tells of one for some seconds.
const forgetAfter = time.Minute

func newPids(root fs.FS) pids {
	p := pids{root: root, was: map[int]bool{}}
	space, _ := fs.ReadLink(root, "proc/self/ns/pid")
	if len(p.spaces("self")) > 1 {
		p.space = space
	} else {
		p.inner = space != "" && space != firstSpace
	}
	return p
}

// forget drops processes that were not asked for lately.
func (p *pids) forget(now time.Time) {
	switch {
	case p.since.IsZero():
		p.since = now
	case now.Sub(p.since) >= forgetAfter:
		p.before, p.was, p.since = p.was, map[int]bool{}, now
	}
}

// silent reports whether a driver that lists no process may only hide them: in a
// container it mostly does.
func (p *pids) silent() bool { return (p.inner || p.space != "") && !p.told }

// mine reports whether a process of the driver's is the work's, and whether that
// can be told. One that has ended is what it was.
func (p *pids) mine(pid int, mine func(int) bool) (ours, told bool) {
	ours, told = p.tell(pid, mine)
	p.told = p.told || told
	return ours, told
}

func (p *pids) tell(pid int, mine func(int) bool) (ours, told bool) {
	if ours, told = p.was[pid]; !told {
		ours, told = p.before[pid]
	}
	known := told
	if p.space == "" && (!p.inner || known && ours) && mine(pid) {
		p.was[pid] = true
		return true, true
	}
	name := strconv.Itoa(pid)
	if _, err := fs.Stat(p.root, "proc/"+name); err != nil && !errors.Is(err, fs.ErrPermission) {
		switch {
		case !known && p.space == "":
			ours = mine(pid)
			told = ours
		case !known:
			return false, false
		}
		if told {
			p.was[pid] = ours
		}
		return ours, told
	}
	switch {
	case p.space != "":
		list := p.spaces(name)
		space, _ := fs.ReadLink(p.root, "proc/"+name+"/ns/pid")
		ours = len(list) > 0 && space == p.space && mine(list[len(list)-1])
	case p.inner && !p.holdsGPU(name):
		return false, false // the host's process of that number is another
	default:
		ours = mine(pid)
	}
	p.was[pid] = ours
	return ours, true
}

// holdsGPU reports whether a process has a device of NVIDIA's open, as one that
// uses a GPU must, as far as that can be seen.
func (p *pids) holdsGPU(name string) bool {
	dir := "proc/" + name + "/fd"
	files, err := fs.ReadDir(p.root, dir)
	if err != nil {
		return true // not ours to look at
	}
	for _, f := range files {
		file, _ := fs.ReadLink(p.root, dir+"/"+f.Name())
		for _, device := range []string{"/dev/nvidia", "/dev/dxg", "/dev/nvhost", "/dev/nvmap", "/dev/nvgpu"} {
			if strings.HasPrefix(file, device) {
				return true
			}
		}
	}
	return false
}

// spaces gives the pids of a process in all its namespaces, the outermost first.
func (p *pids) spaces(name string) (list []int) {
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

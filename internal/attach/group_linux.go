package attach

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/carbonctl/carbonctl/internal/proc"
)

// Group begins to follow a cgroup, of version 2 or the cpuacct hierarchy of version 1, until
// no process is in it: all of a service or a container, whatever it starts. name is its
// folder, or its name below /sys/fs/cgroup. The error is an *Error.
func Group(name string) (*Target, error) { return openGroup(proc.Root("/"), name) }

func openGroup(root fs.FS, name string) (*Target, error) {
	dir := strings.TrimPrefix(cleanGroup(name), "/")
	wrong := func(format string, args ...any) (*Target, error) {
		return nil, &Error{NoGroup, fmt.Sprintf(format, args...), "cat /proc/PID/cgroup shows the cgroup of a process; systemd-cgls lists all"}
	}
	info, err := fs.Stat(root, dir)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, &Error{Code: NoPermission, Text: fmt.Sprintf("/%s: permission denied", dir)}
	case err != nil:
		return wrong("/%s: no such cgroup", dir)
	case !info.IsDir():
		return wrong("/%s: not a folder of a cgroup", dir)
	}
	g := &cgroup{root: root, dir: dir}
	if _, err := fs.Stat(root, dir+"/cpuacct.usage"); err == nil {
		g.v1 = true
	}
	if g.base, err = g.cpu(); err != nil {
		return wrong("/%s: %v", dir, err)
	}
	if !g.populated() {
		return wrong("/%s: no process is in this cgroup", dir)
	}
	g.own = path.Join("/", strings.TrimPrefix("/"+dir, mount))
	if _, err := fs.Stat(root, "sys/fs/cgroup/unified/cgroup.procs"); err == nil { // beside version 1
		g.own = path.Join("/", strings.TrimPrefix(g.own, "/unified"))
	}
	t := &Target{Name: g.own, usage: g, owns: g.owns, over: make(chan struct{})}
	t.kill = func(syscall.Signal) error { return errors.New("a cgroup is not stopped") }
	t.watch = func(stop <-chan struct{}) error {
		over := func() bool { return !g.populated() }
		// The kernel tells where the root is the machine's own; to look now and then does
		// no harm.
		fd, every := -1, time.Second
		if !g.v1 {
			if n, err := unix.Open("/"+dir+"/cgroup.events", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
				defer unix.Close(n)
				fd, every = n, 10*time.Second
			}
		}
		return await(fd, unix.POLLPRI, every, stop, over)
	}
	return t, nil
}

// cgroup is the use of a cgroup.
type cgroup struct {
	root fs.FS
	dir  string // below the root
	own  string // its name in /proc/PID/cgroup
	v1   bool
	base float64 // seconds of CPU time when it was opened
	most float64
}

// cpu reads the seconds of CPU time of all that have been in the cgroup.
func (g *cgroup) cpu() (float64, error) {
	if g.v1 {
		n, err := g.number("cpuacct.usage")
		return float64(n) / 1e9, err
	}
	b, err := fs.ReadFile(g.root, g.dir+"/cpu.stat")
	if err != nil {
		return 0, errors.New("no cgroup: it has neither cpu.stat nor cpuacct.usage")
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("usage_usec ")); ok {
			n, err := strconv.ParseUint(string(bytes.TrimSpace(rest)), 10, 63)
			if err != nil {
				return 0, errors.New("cpu.stat: usage_usec is not a number")
			}
			return float64(n) / 1e6, nil
		}
	}
	return 0, errors.New("cpu.stat has no usage_usec")
}

func (g *cgroup) number(file string) (uint64, error) {
	b, err := fs.ReadFile(g.root, g.dir+"/"+file)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%s is not a number", file)
	}
	return n, nil
}

// populated reports whether a process is in the cgroup or below it. A removed one has none.
func (g *cgroup) populated() bool {
	if b, err := fs.ReadFile(g.root, g.dir+"/cgroup.events"); err == nil {
		return !bytes.Contains(b, []byte("populated 0"))
	}
	found := false
	_ = fs.WalkDir(g.root, g.dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if b, err := fs.ReadFile(g.root, file+"/cgroup.procs"); d.IsDir() && err == nil && len(bytes.TrimSpace(b)) > 0 {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// Read implements Usage. The kernel counts all, those that have ended too; its clocks move
// with its ticks while a thread runs.
func (g *cgroup) Read() (proc.Usage, error) {
	used, err := g.cpu()
	if err != nil {
		return proc.Usage{CPU: g.most, Open: true}, err
	}
	g.most = max(g.most, used-g.base)
	u := proc.Usage{CPU: g.most, Living: g.most}
	for _, file := range []string{"memory.current", "memory.usage_in_bytes"} {
		if n, err := g.number(file); err == nil {
			u.RSS = n
		}
	}
	if n, err := g.number("pids.current"); err == nil {
		u.Processes = int(min(n, 1<<22))
	} else if g.populated() {
		u.Processes = 1 // at least
	}
	u.Edge = proc.Resolution * float64(min(max(u.Processes, 1), runtime.NumCPU()))
	return u, nil
}

// Still implements Usage: a look costs no more.
func (*cgroup) Still(time.Time) (proc.Usage, bool) { return proc.Usage{}, false }

// owns reports whether a process is in the cgroup or below.
func (g *cgroup) owns(pid int) bool {
	if pid == os.Getpid() {
		return false
	}
	b, err := fs.ReadFile(g.root, "proc/"+strconv.Itoa(pid)+"/cgroup")
	if err != nil {
		return false
	}
	for line := range bytes.Lines(b) {
		_, rest, _ := strings.Cut(strings.TrimSpace(string(line)), ":")
		controllers, name, ok := strings.Cut(rest, ":")
		own := g.own
		if g.v1 {
			own = strings.TrimPrefix(own, "/"+controllers)
		}
		if ok && (name == own || strings.HasPrefix(name, strings.TrimSuffix(own, "/")+"/")) {
			return true
		}
	}
	return false
}

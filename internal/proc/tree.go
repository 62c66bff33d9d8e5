package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"time"
)

// Usage is what the descendants of a process have used.
type Usage struct {
	// CPU is seconds of CPU time of all descendants so far, alive or dead. It
	// never falls, and never says more than was used.
	CPU float64
	// Edge is how many seconds more it may be: the resolution of the clocks that
	// could be read. An OwnTree has clocks of nanoseconds, which stand still by up
	// to a tick of the kernel while a thread runs; the times in /proc, and of
	// children that a living process has waited for, are rounded down to ticks.
	Edge float64
	// Living is the part of CPU that is in the times of the living ones: their
	// own, and that of children which they have waited for. It may fall.
	Living float64
	// RSS is the memory in bytes that the living ones hold now; pages that
	// they share count for each. Linux keeps the count by CPU, in batches, so a
	// process may show some hundred kilobytes less than it has, and a small one
	// none.
	RSS uint64
	// Processes is how many are alive.
	Processes int
	// Open says that more may have been used than is known, by processes that are not
	// seen. A Tree has none: our orphans stay.
	Open bool
}

// Tree reads what the descendants of one process use, itself left out.
//
// A process belongs to the tree if its parents lead to the top one. Orphans go
// to the nearest living ancestor that asked for them
// (prctl PR_SET_CHILD_SUBREAPER), and leave the tree if there is none below
// init. The time of a child is in its parent's from the moment that the parent
// waits for it, so those that live and die between two reads are counted too.
// Lost is only a child whose parent ignores SIGCHLD: the kernel then adds its
// time to nobody's, and Usage.CPU stands still until the others make up for it.
//
// No process is known by its number alone: each is taken only while its parent
// is one of the tree, and the top only while its start time is the one that it
// had when the Tree was opened.
type Tree struct {
	root     fs.FS
	top      int
	start    uint64
	children bool // the kernel lists children (CONFIG_PROC_CHILDREN)
	page     uint64
	skip     func(pid int) bool                  // not of the tree; nil: none
	clock    func(pid int) (time.Duration, bool) // nil: only /proc's ticks

	buf   []byte
	path  []byte
	queue []int
	procs []process // of a whole scan, where there are no lists
	most  float64

	clocks []stopped // of the processes of the last Read; nil: not all of them are known
	last   Usage     // what that returned
	ended  time.Time // and when
}

// stopped is the clock of a process as it was.
type stopped struct {
	pid     int
	at      time.Duration
	threads uint64
}

// process is what /proc/PID/stat says.
type process struct {
	pid, parent int
	own, waited float64 // seconds of CPU time, and of its dead children's
	edge        float64 // how much more they may be
	threads     uint64
	runs        bool
	start       uint64        // ticks since boot
	faults      uint64        // page faults of the children that it has waited for
	state       byte          // R, S, D, Z …
	rss         uint64        // pages
	in          bool          // found to be in the tree
	clock       time.Duration // 0: not known
}

// OpenTree looks at the descendants of the process with the number given: the
// own one (os.Getpid()) as a rule. Where there is no /proc the error matches
// fs.ErrNotExist.
func OpenTree(root fs.FS, top int) (*Tree, error) {
	t := &Tree{root: root, top: top, page: uint64(os.Getpagesize()), buf: make([]byte, 4096)}
	p, err := t.stat(top)
	if err != nil {
		return nil, fmt.Errorf("open the tree of process %d: %w", top, err)
	}
	t.start = p.start
	pid := strconv.Itoa(top)
	if _, err := slurp(root, "proc/"+pid+"/task/"+pid+"/children", t.buf); err == nil || errors.Is(err, io.EOF) {
		t.children = true
	}
	return t, nil
}

// OwnTree looks at the descendants of this process, by its own /proc.
func OwnTree() (*Tree, error) {
	t, err := OpenTree(Root("/"), os.Getpid())
	if err != nil {
		return nil, err
	}
	t.clock = cpuClock
	return t, nil
}

// Skip leaves processes out, with all below them; before the first Read.
func (t *Tree) Skip(skip func(pid int) bool) { t.skip = skip }

// Read returns what the descendants have used so far. If the top process is
// gone, the error matches fs.ErrNotExist and the CPU time is the last known.
func (t *Tree) Read() (Usage, error) {
	top, err := t.stat(t.top)
	if err == nil && top.start != t.start {
		err = fs.ErrNotExist // its number went to another
	}
	if err != nil {
		return Usage{CPU: t.most}, fmt.Errorf("read the tree of process %d: %w", t.top, err)
	}
	// Parents are read before their children. A child that ends in between is
	// then missed once, and found in its parent's time at the next read; the
	// other way round it would be counted twice.
	u := Usage{CPU: top.waited}
	t.clocks = t.clocks[:0]
	if t.children {
		t.walk(&u)
	} else if err := t.scan(&u); err != nil {
		return Usage{CPU: t.most}, fmt.Errorf("read the tree of process %d: %w", t.top, err)
	}
	t.most = max(t.most, u.CPU)
	u.CPU = t.most
	t.last, t.ended = u, time.Now()
	return u, nil
}

// maxStill is how many processes Still asks.
const maxStill = 32

// Still returns what the last Read did where none of the processes has used CPU time
// until now: who has run nothing has started, ended and waited for nothing. That takes
// one call a process, where Read opens files. false: use Read. It holds only as long as
// the top process, whose own clock always moves, starts none itself.
//
// The clock of a thread that runs moves with the kernel's tick, so Still knows nothing
// within two of them of a Read, and its Edge has the one that may be underway.
func (t *Tree) Still(now time.Time) (Usage, bool) {
	const settling = 2 * tick * float64(time.Second)
	n := len(t.clocks)
	if n == 0 || n > maxStill || n != t.last.Processes || now.Sub(t.ended) < time.Duration(settling) {
		return Usage{}, false
	}
	var threads uint64
	for _, c := range t.clocks {
		if at, ok := t.clock(c.pid); !ok || at != c.at {
			return Usage{}, false
		}
		threads += c.threads
	}
	u := t.last
	u.Edge += tick * float64(min(threads, uint64(runtime.NumCPU())))
	return u, true
}

func (t *Tree) add(u *Usage, p process) {
	u.CPU += p.own + p.waited
	u.Living += p.own + p.waited
	u.Edge += p.edge
	u.RSS += p.rss * t.page
	u.Processes++
	if p.clock > 0 {
		t.clocks = append(t.clocks, stopped{p.pid, p.clock, p.threads})
	}
}

// refine takes the time of a process from its clock, and says how far its times
// may be off. A clock that does not fit to /proc is another process's.
func (p *process) refine(clock func(int) (time.Duration, bool)) {
	const late = 1    // second between the two reads, at most
	p.edge = 2 * tick // user and system time are rounded down, each by itself
	if clock != nil {
		if d, ok := clock(p.pid); ok && d.Seconds() > p.own-tick && d.Seconds() < p.own+2*tick+late*float64(p.threads) {
			p.own, p.edge, p.clock = d.Seconds(), 0, d
			if p.runs || p.threads > 1 {
				p.edge = tick * float64(min(p.threads, uint64(runtime.NumCPU())))
			}
		}
	}
	if p.waited > 0 {
		p.edge += 2 * tick
	}
}

// walk follows the kernel's own lists of children.
func (t *Tree) walk(u *Usage) {
	t.queue = append(t.queue[:0], t.top)
	for i := 0; i < len(t.queue); i++ {
		parent, from := t.queue[i], len(t.queue)
		t.list(parent)
		to := from
		for _, pid := range t.queue[from:] {
			p, err := t.stat(pid)
			if err != nil || p.parent != parent || t.skip != nil && t.skip(pid) {
				continue // gone since, or its number with another already
			}
			t.add(u, p)
			t.queue[to] = pid
			to++
		}
		t.queue = t.queue[:to]
	}
}

// list appends the children of a process to the queue. Each of its threads has
// its own.
func (t *Tree) list(pid int) {
	t.path = strconv.AppendInt(append(t.path[:0], "proc/"...), int64(pid), 10)
	t.path = append(t.path, "/task"...)
	threads, err := fs.ReadDir(t.root, string(t.path))
	if err != nil {
		return
	}
	stem := len(t.path)
	for _, thread := range threads {
		t.path = append(append(append(t.path[:stem], '/'), thread.Name()...), "/children"...)
		b, err := t.whole(string(t.path))
		if err != nil {
			continue
		}
		for b = blank(b); len(b) > 0; b = blank(b) {
			child, rest, ok := whole(b)
			if !ok || child > 1<<31 {
				break
			}
			t.queue, b = append(t.queue, int(child)), rest
		}
	}
}

// whole reads a file of any length into the buffer, which grows for it.
func (t *Tree) whole(path string) ([]byte, error) {
	for {
		n, err := slurp(t.root, path, t.buf)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if n < len(t.buf) {
			return t.buf[:n], nil
		}
		t.buf = make([]byte, 2*len(t.buf))
	}
}

// scan reads every process of the machine and keeps those whose parents lead to
// the top.
func (t *Tree) scan(u *Usage) error {
	all, err := fs.ReadDir(t.root, "proc")
	if err != nil {
		return err
	}
	t.procs = t.procs[:0]
	for _, e := range all {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == t.top {
			continue
		}
		if p, err := t.stat(pid); err == nil && (t.skip == nil || !t.skip(pid)) {
			t.procs = append(t.procs, p)
		}
	}
	t.queue = append(t.queue[:0], t.top)
	for i := 0; i < len(t.queue); i++ {
		for j := range t.procs {
			if p := &t.procs[j]; !p.in && p.parent == t.queue[i] {
				p.in = true
				t.add(u, *p)
				t.queue = append(t.queue, p.pid)
			}
		}
	}
	return nil
}

// stat reads /proc/PID/stat.
func (t *Tree) stat(pid int) (process, error) {
	t.path = strconv.AppendInt(append(t.path[:0], "proc/"...), int64(pid), 10)
	t.path = append(t.path, "/stat"...)
	n, err := slurp(t.root, string(t.path), t.buf)
	if err != nil {
		return process{}, err
	}
	p, ok := parseProcess(t.buf[:n])
	if !ok {
		return process{}, fmt.Errorf("read %s: not the numbers of a process", t.path)
	}
	p.refine(t.clock)
	return p, nil
}

// parseProcess reads the fields of proc(5) that are needed: pid, state (3), ppid
// (4), cminflt, cmajflt (11, 13), utime, stime, cutime, cstime (14 to 17), num_threads
// (20), starttime (22), rss (24). The name in
// the second field may hold anything, brackets too, so it ends at the last ')'.
func parseProcess(b []byte) (p process, ok bool) {
	pid, _, ok := whole(b)
	end := bytes.LastIndexByte(b, ')')
	if !ok || end < 0 || pid > 1<<31 {
		return process{}, false
	}
	p.pid = int(pid)
	rest := blank(b[end+1:])
	for field := 3; field <= 24; field++ {
		word := rest
		if i := bytes.IndexByte(rest, ' '); i >= 0 {
			word, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		switch {
		case field == 3:
			p.runs = string(word) == "R"
			if len(word) > 0 {
				p.state = word[0]
			}
			continue
		case field > 4 && field < 11, field == 12, field == 18, field == 19, field == 21, field == 23:
			continue
		}
		n, tail, ok := whole(word)
		if !ok || len(tail) > 0 && tail[0] != '\n' {
			return process{}, false
		}
		switch field {
		case 4:
			p.parent = int(min(n, 1<<31))
		case 11, 13:
			p.faults += n
		case 14, 15:
			p.own += float64(n) * tick
		case 16, 17:
			p.waited += float64(n) * tick
		case 20:
			p.threads = max(n, 1)
		case 22:
			p.start = n
		case 24:
			p.rss = n
		}
	}
	return p, true
}

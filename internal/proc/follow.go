package proc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Follow reads what a process and all that it starts use, from the moment at which it was
// opened. The process need not be a child of this one, so that nobody's orphans come to us:
//
//   - A process that was seen once is followed until it ends, whoever its parent is by then.
//   - What a child used is in its parent's time once that has waited for it. What it had
//     used before the Follow was opened, and what children used that were waited for before,
//     does not count.
//   - What was started and lost its parent between two reads is not seen. Usage.Open tells
//     where that may have been so: some process of the tree has ended. Only where a parent
//     ignores SIGCHLD nothing shows that.
//
// No process is known by its number alone, but by its start too. Safe for concurrent use.
type Follow struct {
	mu    sync.Mutex
	tree  Tree // for what it reads with
	top   int
	start uint64

	known  map[int]*member
	queue  []int
	kids   map[int][]int // by parent, where the kernel does not list children
	since  uint64        // ticks since boot: when it was opened
	opened bool          // the first read is over
	ended  float64       // seconds of those that ended and nobody of the tree has waited for
	most   float64
	open   bool // something may be missing
	churn  bool // since processes other than the first have ended
	exited bool // the process itself was seen to have ended
}

// member is a process that is followed.
type member struct {
	process
	base   float64 // of its time: what it had used before
	before float64 // what it had waited for by the read before
	seen   bool    // by this read
	lost   bool    // not found any more
}

func (m *member) used() float64 { return m.own + m.waited - m.base }

// OpenFollow begins to follow a process and what is below it now. skip tells which
// processes are none of it, with all below them; nil: none. Where there is no such process
// the error matches fs.ErrNotExist; one that has ended and was not waited for is none.
func OpenFollow(root fs.FS, top int, skip func(pid int) bool) (*Follow, error) {
	f := &Follow{
		tree: Tree{root: root, page: uint64(os.Getpagesize()), buf: make([]byte, 4096), skip: skip},
		top:  top, known: map[int]*member{},
	}
	if root == Root("/") {
		f.tree.clock = cpuClock
	}
	p, err := f.tree.stat(top)
	if err == nil && ended(p) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("follow process %d: %w", top, err)
	}
	pid := strconv.Itoa(top)
	if _, err := slurp(root, "proc/"+pid+"/task/"+pid+"/children", f.tree.buf); err == nil || errors.Is(err, io.EOF) {
		f.tree.children = true
	}
	f.known[top] = &member{process: p, base: p.own + p.waited}
	f.start, f.since = p.start, uptime(root)
	if _, err := f.Read(); err != nil {
		return nil, err
	}
	return f, nil
}

// ended reports whether a process is only waited for.
func ended(p process) bool { return p.state == 'Z' || p.state == 'X' }

// Start is when the process started: ticks since boot.
func (f *Follow) Start() uint64 { return f.start }

// uptime is how long the machine is up, in ticks, 0 if that is not known.
func uptime(root fs.FS) uint64 {
	seconds, _, _ := strings.Cut(text(root, "proc/uptime"), " ")
	s, err := strconv.ParseFloat(seconds, 64)
	if err != nil || !(s > 0 && s < 1e11) {
		return 0
	}
	return uint64(s / tick)
}

// Owns reports whether a process is one of those that are followed, or below one.
func (f *Follow) Owns(pid int) bool {
	if f.tree.skip != nil && f.tree.skip(pid) {
		return false
	}
	f.mu.Lock()
	m := f.known[pid]
	f.mu.Unlock()
	return m != nil || Descends(f.tree.root, pid, f.top)
}

// Exited reports whether the process itself had ended by the last Read.
func (f *Follow) Exited() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.exited
}

// Churn reports whether processes of the tree other than the first had ended by the last
// Read: what they left behind may not be seen.
func (f *Follow) Churn() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.churn
}

// Read returns what was used since the Follow was opened. CPU never falls. After the end
// of the process itself it goes on with what outlives it.
func (f *Follow) Read() (Usage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.look(); err != nil {
		return Usage{CPU: f.most, Open: true}, err
	}
	f.bury()
	u := Usage{CPU: f.ended, Open: f.open || f.churn}
	f.tree.clocks = f.tree.clocks[:0]
	for pid, m := range f.known {
		u.CPU += m.used()
		u.Edge += m.edge
		if ended(m.process) {
			f.exited = f.exited || pid == f.top
			continue
		}
		u.Living += m.used()
		u.RSS += m.rss * f.tree.page
		u.Processes++
		if m.clock > 0 {
			f.tree.clocks = append(f.tree.clocks, stopped{m.pid, m.clock, m.threads})
		}
	}
	f.most = max(f.most, u.CPU)
	u.CPU = f.most
	f.tree.last, f.tree.ended = u, time.Now()
	return u, nil
}

// Still is [Tree.Still]: it holds as no process of the tree is this one.
func (f *Follow) Still(now time.Time) (Usage, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tree.Still(now)
}

// look reads all processes that are followed, and finds new ones below them. A parent is
// read before its children: one that ends in between is missed once, and not counted
// twice.
func (f *Follow) look() error {
	if !f.tree.children {
		if err := f.scan(); err != nil {
			return err
		}
	}
	for _, m := range f.known {
		m.seen, m.before = false, m.waited
	}
	f.walk(f.top)
	for left := true; left; { // those that have lost their parent
		left = false
		for pid, m := range f.known {
			if parent := f.known[m.parent]; !m.seen && !m.lost && (parent == nil || parent.seen || parent.lost) {
				left = true
				f.walk(pid)
				m.lost = !m.seen
			}
		}
	}
	f.opened = true
	return nil
}

// walk reads a process and what is below it.
func (f *Follow) walk(top int) {
	t := &f.tree
	f.queue = append(f.queue[:0], top)
	for i := 0; i < len(f.queue); i++ {
		pid := f.queue[i]
		m, known := f.known[pid]
		if known && m.seen || t.skip != nil && t.skip(pid) {
			continue
		}
		p, err := t.stat(pid)
		switch {
		case err != nil, known && p.start != m.start: // its number went to another
			continue
		case known:
			f.churn = f.churn || p.faults != m.faults // a child was waited for, which may have left others
			m.process = p
		case f.known[p.parent] == nil:
			continue // likewise
		default:
			m = &member{process: p}
			if !f.opened || p.start < f.since {
				m.base = p.own + p.waited
			}
			f.known[pid] = m
		}
		m.seen = true
		f.queue = append(f.queue, f.below(pid)...)
	}
}

// below gives the children of a process.
func (f *Follow) below(pid int) []int {
	if !f.tree.children {
		return f.kids[pid]
	}
	f.tree.queue = f.tree.queue[:0]
	f.tree.list(pid)
	return f.tree.queue
}

// scan notes the parent of every process.
func (f *Follow) scan() error {
	all, err := fs.ReadDir(f.tree.root, "proc")
	if err != nil {
		return err
	}
	f.kids = map[int][]int{}
	for _, e := range all {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if p, err := f.tree.stat(pid); err == nil {
				f.kids[p.parent] = append(f.kids[p.parent], pid)
			}
		}
	}
	return nil
}

// bury takes leave of the processes that have ended. What they used is in the time of
// their parent, if that is followed and has waited for them: its time has then grown by as
// much. Else it stays as it was last seen.
func (f *Follow) bury() {
	gone := map[int]*member{}
	for pid, m := range f.known {
		if !m.seen {
			gone[pid] = m
			delete(f.known, pid)
		}
	}
	if len(gone) == 0 {
		return
	}
	f.open = true // they may have left others, and their last moments were not seen
	f.exited = f.exited || gone[f.top] != nil
	f.churn = f.churn || len(gone) > 1 || gone[f.top] == nil
	families := map[*member][]*member{} // by the one that lives
	for _, m := range gone {
		over := m
		for gone[over.parent] != nil && gone[over.parent] != over {
			over = gone[over.parent]
		}
		parent := f.known[over.parent]
		families[parent] = append(families[parent], m)
	}
	for parent, family := range families {
		var all, base, used, grown float64
		for _, m := range family {
			all += m.own + m.waited
			base += m.base
			used += m.used()
		}
		if parent != nil {
			grown = parent.waited - parent.before
			base = min(base, grown)
			parent.base += base
		} else {
			base = 0
		}
		const rounding = 2 * tick
		if grown < all-rounding*float64(len(family)) { // some were not waited for
			f.ended += max(used-(grown-base), 0)
		}
	}
}

// Ended reports whether a process that started at some time, in ticks since boot, has ended,
// also where it is yet to be waited for. What cannot be read, as files are too many, has not.
func Ended(root fs.FS, pid int, start uint64) bool {
	p, err := stat(root, pid)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
	}
	return p.start != start || ended(p)
}

package proc

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// procLine is statLine with the state and the page faults of children that were waited for.
func procLine(pid, parent int, state string, own, waited, start, faults int) *fstest.MapFile {
	return raw(fmt.Sprintf("%d (python x) %s %d 1 1 0 -1 4194560 1 %d 3 0 %d 0 %d 0 20 0 1 0 %d 1000 2 99 0\n", pid, state, parent, faults, own, waited, start))
}

func setChildren(root fstest.MapFS, pid int, list string) {
	root[fmt.Sprintf("proc/%d/task/%d/children", pid, pid)] = raw(list)
}

// followed is process 10 with child 11, which has used 0.5 s before, at 100 s of uptime.
func followed() fstest.MapFS {
	root := fstest.MapFS{
		"proc/uptime":  raw("100.00 50.00\n"),
		"proc/1/stat":  procLine(1, 0, "S", 9, 9, 1, 0),
		"proc/10/stat": procLine(10, 1, "S", 700, 100, 50, 5),
		"proc/11/stat": procLine(11, 10, "R", 50, 0, 60, 0),
	}
	setChildren(root, 10, "11 ")
	setChildren(root, 11, "")
	return root
}

func read(t *testing.T, f *Follow) Usage {
	t.Helper()
	u, err := f.Read()
	require.NoError(t, err)
	return u
}

// What was used before does not count, neither when the child that used it is waited for
// later.
func TestFollowCountsFromNowOn(t *testing.T) {
	root := followed()
	f, err := OpenFollow(root, 10, nil)
	require.NoError(t, err)
	u := read(t, f)
	assert.Zero(t, u.CPU)
	assert.Equal(t, 2, u.Processes)
	assert.False(t, u.Open)

	root["proc/10/stat"] = procLine(10, 1, "S", 730, 100, 50, 5)
	root["proc/11/stat"] = procLine(11, 10, "R", 90, 0, 60, 0)
	u = read(t, f)
	assert.InDelta(t, 0.7, u.CPU, 1e-9)
	assert.False(t, u.Open)

	delete(root, "proc/11/stat")
	setChildren(root, 10, "")
	root["proc/10/stat"] = procLine(10, 1, "S", 740, 200, 50, 9)
	u = read(t, f)
	assert.InDelta(t, 0.9, u.CPU, 1e-9, "0.4 s of the process, 1 s of the child less the 0.5 s before")
	assert.True(t, u.Open, "it may have left others")
	assert.False(t, f.Exited())
}

// A process that loses its parent is followed on.
func TestFollowKeepsOrphans(t *testing.T) {
	root := followed()
	f, err := OpenFollow(root, 10, nil)
	require.NoError(t, err)
	delete(root, "proc/10/stat")
	root["proc/11/stat"] = procLine(11, 1, "R", 80, 0, 60, 0)
	root["proc/12/stat"] = procLine(12, 11, "R", 5, 0, 10100, 0)
	setChildren(root, 11, "12 ")
	setChildren(root, 12, "")
	setChildren(root, 1, "11 ")
	u := read(t, f)
	assert.InDelta(t, 0.35, u.CPU, 1e-9)
	assert.Equal(t, 2, u.Processes)
	assert.True(t, f.Exited())
	assert.True(t, f.Owns(12))
	assert.False(t, f.Owns(1))
	delete(root, "proc/11/stat") // its parent is not ours: nobody tells what it used at last
	root["proc/12/stat"] = procLine(12, 1, "R", 6, 0, 10100, 0)
	u = read(t, f)
	assert.InDelta(t, 0.36, u.CPU, 1e-9)
}

// Of two children only one is waited for: the kernel drops the other's time.
func TestFollowWhereChildrenAreIgnored(t *testing.T) {
	root := followed()
	root["proc/12/stat"] = procLine(12, 10, "R", 0, 0, 70, 0)
	setChildren(root, 10, "11 12 ")
	setChildren(root, 12, "")
	f, err := OpenFollow(root, 10, nil)
	require.NoError(t, err)
	root["proc/11/stat"] = procLine(11, 10, "R", 150, 0, 60, 0)
	root["proc/12/stat"] = procLine(12, 10, "R", 200, 0, 70, 0)
	assert.InDelta(t, 3, read(t, f).CPU, 1e-9)
	delete(root, "proc/11/stat")
	delete(root, "proc/12/stat")
	setChildren(root, 10, "")
	root["proc/10/stat"] = procLine(10, 1, "S", 700, 300, 50, 9) // 12 alone
	assert.InDelta(t, 3, read(t, f).CPU, 1e-9)
}

// A new process with the number of one that is followed, or of a child, is none of them.
func TestFollowKnowsProcessesByTheirStart(t *testing.T) {
	root := followed()
	f, err := OpenFollow(root, 10, nil)
	require.NoError(t, err)
	root["proc/11/stat"] = procLine(11, 1, "R", 9999, 0, 10500, 0)
	assert.Zero(t, read(t, f).CPU)
	root["proc/10/stat"] = procLine(10, 1, "R", 9999, 9999, 10600, 0)
	assert.Zero(t, read(t, f).CPU)
	assert.True(t, f.Exited())
	assert.Equal(t, uint64(50), f.Start())
}

func TestFollowLeavesOutWhoLooks(t *testing.T) {
	root := followed()
	f, err := OpenFollow(root, 10, func(pid int) bool { return pid == 11 })
	require.NoError(t, err)
	root["proc/11/stat"] = procLine(11, 10, "R", 500, 0, 60, 0)
	assert.Zero(t, read(t, f).CPU)
	assert.False(t, f.Owns(11))
	assert.True(t, f.Owns(10))
}

func TestFollowNeedsALivingProcess(t *testing.T) {
	root := followed()
	_, err := OpenFollow(root, 77, nil)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	root["proc/10/stat"] = procLine(10, 1, "Z", 700, 100, 50, 5)
	_, err = OpenFollow(root, 10, nil)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// Trees that start, wait for, leave and lose processes at random: what is told never falls
// and is never more than the truth.
func TestFollowNeverTellsMoreThanTheTruth(t *testing.T) {
	for seed := range uint64(300) {
		w := newWorld(seed)
		lists := seed%2 == 0
		f, err := OpenFollow(w.root(lists), 10, nil)
		require.NoError(t, err)
		f.tree.root = w.root(lists)
		last, before := 0.0, w.spent
		for range 40 {
			w.step()
			f.tree.root = w.root(lists)
			u := read(t, f)
			truth := float64(w.spent-before) * tick
			require.LessOrEqual(t, u.CPU, truth+1e-9, "seed %d", seed)
			require.GreaterOrEqual(t, u.CPU, last)
			if !u.Open && !w.ignored {
				require.InDelta(t, truth, u.CPU, 1e-9, "seed %d: nothing is said to be missing", seed)
			}
			last = u.CPU
		}
	}
}

// world is a machine whose processes are known.
type world struct {
	rand    *rand.Rand
	procs   map[int]*simulated
	next    int
	spent   int  // ticks of all that 10 has started, and itself
	ignored bool // a child ended for which nobody waited
}

type simulated struct {
	parent, own, waited, faults, start int
	in                                 bool
}

func newWorld(seed uint64) *world {
	w := &world{rand: rand.New(rand.NewPCG(seed, 1)), procs: map[int]*simulated{1: {}, 10: {parent: 1, own: 30, waited: 7, start: 5}}, next: 11}
	for range 5 {
		w.step()
	}
	for _, p := range w.procs { // what had left the tree by now is none of it
		p.in = false
	}
	w.procs[10].in = true
	for range w.procs {
		for _, p := range w.procs {
			p.in = p.in || w.procs[p.parent] != nil && w.procs[p.parent].in
		}
	}
	w.ignored = false
	return w
}

func (w *world) step() {
	for range w.rand.IntN(6) {
		var pids []int
		for pid := range w.procs {
			if pid != 1 {
				pids = append(pids, pid)
			}
		}
		if len(pids) == 0 {
			return
		}
		pid := pids[0]
		for _, p := range pids { // maps have no order
			pid = min(pid, p)
		}
		pid += w.rand.IntN(w.next - pid)
		p := w.procs[pid]
		if p == nil {
			continue
		}
		switch w.rand.IntN(5) {
		case 0:
			w.procs[w.next] = &simulated{parent: pid, start: 10000 + w.next, in: p.in}
			w.next++
		case 1:
			if pid != 10 {
				w.end(pid, w.rand.IntN(4) == 0)
			}
		default:
			n := w.rand.IntN(20)
			p.own += n
			if p.in {
				w.spent += n
			}
		}
	}
}

// end ends a process; its parent waits for it, or is ignorant.
func (w *world) end(pid int, ignored bool) {
	p := w.procs[pid]
	w.ignored = w.ignored || ignored || p.parent == 1
	if parent := w.procs[p.parent]; !ignored && p.parent != 1 {
		parent.waited += p.own + p.waited
		parent.faults++
	}
	for _, c := range w.procs {
		if c.parent == pid {
			c.parent = 1
		}
	}
	delete(w.procs, pid)
}

func (w *world) root(lists bool) fstest.MapFS {
	root := fstest.MapFS{"proc/uptime": raw("100.00 1\n")}
	below := map[int][]string{}
	for pid, p := range w.procs {
		root[fmt.Sprintf("proc/%d/stat", pid)] = procLine(pid, p.parent, "S", p.own, p.waited, p.start, p.faults)
		below[p.parent] = append(below[p.parent], fmt.Sprint(pid))
	}
	for pid := range w.procs {
		if lists {
			setChildren(root, pid, strings.Join(below[pid], " ")+" ")
		}
	}
	return root
}

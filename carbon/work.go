package carbon

import (
	"io/fs"
	"math"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// Work is the work that is tracked: a process, a tree of them, a part of one.
type Work interface {
	// Used returns what the work has used so far, since any fixed moment, and what it holds
	// now. It is called at each reading from one goroutine, and must be quick.
	Used() Used
}

// Used is what some work uses.
type Used struct {
	// CPU time so far. It never falls. KnowsCPU is false where it is not known at this moment;
	// a later Used may know it.
	CPU      time.Duration
	KnowsCPU bool
	// CPUEdge is how far the truth may lie from CPU: the resolution of the clocks
	// behind it. 0 is exact.
	CPUEdge time.Duration
	// Open says that the work may have used more than CPU and Memory since the Used
	// before, by processes that are not seen: its part is then a lower bound, and its
	// upper bound all that the machine used meanwhile.
	Open bool
	// Memory in bytes that is held now, as far as KnowsMemory.
	Memory      uint64
	KnowsMemory bool
	// MemoryPeak is the most that its largest process has held, in bytes, as far as
	// that is known: what no reading saw may have been as much. 0: not known.
	MemoryPeak uint64
}

// Ender is Work that knows how it ended. It is found by type assertion.
type Ender interface {
	// Ended returns the run's status, the exit code, nil if it has none, and the
	// name of the signal that killed it without "SIG", "" if none did. An empty
	// status leaves the tracker's own.
	Ended() (status footprint.Status, exitCode *int, signal string)
}

// Looker is Work that learns of epochs and tasks by looking, such as in a file. It is
// found by type assertion.
type Looker interface {
	// Look gives what it finds to [Tracker.Mark]. It is called just before each regular
	// reading, so that this one and the one before stand on both sides of what it
	// finds, and must be quick.
	Look()
}

// Owner is Work that knows its processes. It is found by type assertion; other Work is this
// process and all that it starts.
type Owner interface {
	// Owns reports whether a process is the work's. It is called from the goroutines of
	// meters, and must be quick.
	Owns(pid int) bool
}

// tick is the kernel's step of CPU time at its coarsest, a hundred a second.
const tick = 10 * time.Millisecond

// usage sets what the work uses against what the whole machine does.
type usage struct {
	load    func() (busy, capacity float64, err error) // nil: not known
	stat    *proc.Stat                                 // behind load, if it is not a meter's
	memory  *proc.Memory
	threads int // of the machine, 0 if not known

	started    bool
	at         time.Time // of the last read of memory
	based      bool
	first, now times // the machine's, at the first read and the last

	shared float64       // busy seconds at the last read that told who used them
	told   time.Duration // and the work's then

	// Bytes held by the work and in use by all at the last read that knew, and what
	// that and the whole memory have made in byte-seconds.
	held, inUse      float64
	mine, all, whole float64
	since            float64 // seconds since the last read that knew what the work held
	unsure, scatter  float64 // how far mine may be off: at most, and the squares of chance
}

// times are seconds of CPU time of all CPUs: at work, and all that passed.
type times struct{ busy, capacity float64 }

// newUsage sets work against what the model of the machine, if there is one among the
// meters, reads of it anyway. They are read before.
func newUsage(root fs.FS, threads int, meters []energy.Meter) *usage {
	u := &usage{threads: threads}
	for _, m := range meters {
		if model, ok := m.(*estimate.Meter); ok {
			u.load = model.Load
		}
	}
	if u.load == nil {
		if stat, err := proc.OpenStat(root); err == nil { // else shares are not known, and the report says so
			u.stat, u.load = stat, stat.Read
		}
	}
	u.memory, _ = proc.OpenMemory(root)
	return u
}

func (u *usage) close() {
	if u.stat != nil {
		_ = u.stat.Close()
	}
	if u.memory != nil {
		_ = u.memory.Close()
	}
}

// busy is how many seconds of CPU time the machine was at work since the first
// read, 0 if that is not known.
func (u *usage) busy() float64 { return u.now.busy - u.first.busy }

// read appends the use of CPU and memory up to now.
func (u *usage) read(at time.Time, used Used, to []energy.Use) []energy.Use {
	to = u.readCPU(used, to)
	to = u.readMemory(at, used, to)
	u.started, u.at = true, at
	return to
}

// edge appends the use of the CPU at an edge of the work's own, where that is
// known without a look at other processes.
func (u *usage) edge(own *self, to []energy.Use) []energy.Use {
	used := own.used(time.Now(), false)
	if !used.KnowsCPU {
		return to
	}
	return u.readCPU(used, to)
}

func (u *usage) readCPU(used Used, to []energy.Use) []energy.Use {
	if u.load == nil {
		return to
	}
	busy, capacity, err := u.load()
	if err != nil {
		return to
	}
	u.now = times{busy, capacity}
	if !u.based {
		u.based, u.first = true, u.now
	}
	// The machine's time comes in ticks of 10 ms. Until one has passed, nobody
	// knows what part of it the work's is; a part of nothing would not be 0.
	known := used.KnowsCPU && (!u.started || busy > u.shared || used.CPU <= u.told)
	if known {
		u.shared, u.told = busy, used.CPU
	}
	return append(to, energy.Use{
		Kind: energy.CPU, Mine: used.CPU.Seconds(), All: busy, Capacity: capacity, Known: known,
		MineEdge: used.CPUEdge.Seconds(), AllEdge: u.error(), Open: used.Open,
	})
}

// error is how far the machine's busy time may lie from the truth: the tick that
// each CPU has underway, and what comes of looking at ticks. Most kernels take
// whoever runs at a tick to have run since the last one
// (CONFIG_TICK_CPU_ACCOUNTING). n ticks that find a CPU busy in a part f of them
// scatter by √(n·f·(1-f)), most if all CPUs are equally busy: twice that holds the
// truth 19 times in 20.
func (u *usage) error() float64 {
	busy, capacity := u.busy(), u.now.capacity-u.first.capacity
	e := tick.Seconds() * float64(max(u.threads, 1))
	if capacity > 0 && busy > 0 {
		e += 2 * math.Sqrt(tick.Seconds()*busy*max(1-busy/capacity, 0))
	}
	return e
}

// readMemory integrates memory over time.
func (u *usage) readMemory(at time.Time, used Used, to []energy.Use) []energy.Use {
	if u.memory == nil {
		return to
	}
	total, available, err := u.memory.Read()
	if err != nil {
		return to
	}
	if u.started {
		d := at.Sub(u.at).Seconds()
		u.since += d
		u.all += u.inUse * d
		u.whole += float64(total) * d
	}
	u.inUse = float64(total - min(available, total))
	if used.KnowsMemory {
		// Pages that processes share count for each: never more than is in use.
		u.hold(min(float64(used.Memory), u.inUse), min(float64(used.MemoryPeak), u.inUse))
	}
	return append(to, energy.Use{
		Kind: energy.Memory, Mine: u.mine, All: u.all, Capacity: u.whole, Known: used.KnowsMemory,
		MineEdge: u.unsure + 2*math.Sqrt(u.scatter), Open: used.Open,
	})
}

// hold takes what the work holds now. Between two reads of living processes it held
// the mean of both, give or take half their difference, which is chance. What began
// or ended since the last read held what was seen of it, for an unknown part of the
// time; what did both was not seen, and held something up to its peak.
func (u *usage) hold(now, peak float64) {
	was, d := u.held, u.since
	u.held, u.since = now, 0
	switch {
	case was > 0 && now > 0:
		off := math.Abs(now-was) / 2 * d
		u.mine += (was + now) / 2 * d
		u.scatter += off * off
	case was > 0 || now > 0:
		seen := max(was, now)
		u.mine += seen * d
		u.unsure += max(seen, peak-seen) * d
	default:
		u.mine += peak / 2 * d
		u.unsure += peak / 2 * d
	}
}

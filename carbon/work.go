package carbon

import (
	"io/fs"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// Work is the work that is tracked: a process, a tree of them, a part of one.
type Work interface {
	// Used says what the work has used so far, since whenever, and what it holds
	// now. It is called at each reading from one goroutine, and must be quick.
	Used() Used
}

// Used is what some work uses.
type Used struct {
	// CPU time so far. It never falls. KnowsCPU is false where it is not known
	// at this moment; a later Used may tell.
	CPU      time.Duration
	KnowsCPU bool
	// Memory in bytes that is held now, as far as KnowsMemory.
	Memory      uint64
	KnowsMemory bool
}

// Ender is Work that knows how it ended. It is found by type assertion.
type Ender interface {
	// Ended returns the run's status and the exit code, nil if it has none. An
	// empty status leaves the tracker's own.
	Ended() (status footprint.Status, exitCode *int)
}

// usage sets what the work uses against what the whole machine does.
type usage struct {
	stat   *proc.Stat
	memory *proc.Memory

	started    bool
	at         time.Time // of the last read
	first, now float64   // the machine's busy seconds, at the first read and the last

	shared float64       // busy seconds at the last read that told who used them
	told   time.Duration // and the work's then

	// Bytes held by the work and in use by all at the last read, and what that
	// and the whole memory have made in byte-seconds.
	held, inUse      float64
	mine, all, whole float64
}

func newUsage(root fs.FS) *usage {
	u := &usage{}
	u.stat, _ = proc.OpenStat(root) // nil: shares are not known, and the report says so
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
func (u *usage) busy() float64 { return u.now - u.first }

// read appends the use of CPU and memory up to now.
func (u *usage) read(at time.Time, w Work, to []energy.Use) []energy.Use {
	used := w.Used()
	to = u.readCPU(used, to)
	to = u.readMemory(at, used, to)
	u.started, u.at = true, at
	return to
}

func (u *usage) readCPU(used Used, to []energy.Use) []energy.Use {
	if u.stat == nil {
		return to
	}
	busy, capacity, err := u.stat.Read()
	if err != nil {
		return to
	}
	if !u.started {
		u.first = busy
	}
	u.now = busy
	// The machine's time comes in ticks of 10 ms. Until one has passed, nobody
	// knows what part of it the work's is; a part of nothing would not be 0.
	known := used.KnowsCPU && (!u.started || busy > u.shared || used.CPU <= u.told)
	if known {
		u.shared, u.told = busy, used.CPU
	}
	return append(to, energy.Use{
		Kind: energy.CPU, Mine: used.CPU.Seconds(), All: busy, Capacity: capacity, Known: known,
	})
}

// readMemory integrates memory over time: what was held at the last read counts
// until this one.
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
		u.mine += u.held * d
		u.all += u.inUse * d
		u.whole += float64(total) * d
	}
	u.inUse = float64(total - min(available, total))
	if used.KnowsMemory {
		// Pages that processes share count for each: never more than is in use.
		u.held = min(float64(used.Memory), u.inUse)
	}
	return append(to, energy.Use{
		Kind: energy.Memory, Mine: u.mine, All: u.all, Capacity: u.whole, Known: used.KnowsMemory,
	})
}

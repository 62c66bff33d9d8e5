package session

import (
	"sync"
	"time"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// What looking at the command's processes may take: lookCost of one core's time,
// and lookShare of what they use themselves. After a look that took a millisecond
// the next one waits for ten seconds if they use little, and for two if they keep a
// core busy. Until then what they use is not known, and the next look tells for the
// time between. While all of them idle the last look holds.
const (
	lookCost  = 0.0001
	lookShare = 0.0004
)

// tree is the command and all that it starts, as the work that is tracked.
type tree struct {
	procs procs  // what lives, nil if that can't be read
	look  func() // called before each reading, nil for nothing; set before the start
	// counted gives what engines have done up to the end; nil for nothing, set before the start.
	counted func() []footprint.Count

	mu      sync.Mutex    // guards what follows
	process process       // nil before the start
	exit    *child.Exit   // nil before the end
	use     child.Use     // the latest
	next    time.Time     // of the next look
	looked  time.Time     // when the last one was
	before  time.Duration // what had been used until then
}

// procs reads what the processes that live use.
type procs interface {
	Still(now time.Time) (proc.Usage, bool)
	Read() (proc.Usage, error)
}

func newTree(p procs) *tree { return &tree{procs: p} }

// aside reports whether a process is ours and none of the command's. It is called from
// below, with the lock held.
func (t *tree) aside(pid int) bool { return t.process != nil && t.process.IsAside(pid) }

func (t *tree) started(p process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.process = p
}

func (t *tree) ended(e child.Exit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exit = &e
}

// below looks at what lives, if a look is due. It is called from within Used,
// with the lock held.
func (t *tree) below(int) (child.Live, bool) {
	if t.procs == nil {
		return child.Live{}, false
	}
	now := time.Now()
	// Nothing starts below us but the command and what is aside.
	if u, ok := t.procs.Still(now); ok && t.exit == nil {
		return liveOf(u), true
	}
	if t.exit == nil && now.Before(t.next) {
		return child.Live{}, false
	}
	u, err := t.procs.Read()
	end := time.Now()
	busy := 0.0 // cores
	if past := now.Sub(t.looked); !t.looked.IsZero() && past > 0 {
		busy = max(0, float64(t.use.CPU-t.before)/float64(past))
	}
	t.looked, t.before = now, t.use.CPU
	t.next = end.Add(time.Duration(float64(end.Sub(now)) / (lookCost + lookShare*busy)))
	return liveOf(u), err == nil
}

func liveOf(u proc.Usage) child.Live {
	return child.Live{
		Processes: u.Processes, RSS: u.RSS,
		CPU:  time.Duration(u.Living * float64(time.Second)),
		Edge: time.Duration(u.Edge * float64(time.Second)), Open: u.Open,
	}
}

// Look implements carbon.Looker.
func (t *tree) Look() {
	if t.look != nil {
		t.look()
	}
}

// Counted implements carbon.Counter.
func (t *tree) Counted() []footprint.Count {
	if t.counted == nil {
		return nil
	}
	return t.counted()
}

// Used implements carbon.Work.
func (t *tree) Used() carbon.Used {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.process == nil {
		return carbon.Used{KnowsCPU: true, KnowsMemory: true} // not started: nothing
	}
	t.use = t.process.Use()
	u := carbon.Used{
		CPU: t.use.CPU, CPUEdge: t.use.Edge, KnowsCPU: t.use.Whole, Open: t.use.Open,
		Memory: t.use.RSS, KnowsMemory: t.use.RSS > 0 || t.exit != nil,
	}
	if t.exit != nil {
		u.MemoryPeak = t.exit.MaxRSS
	}
	return u
}

// left is how many processes of the command went on without it.
func (t *tree) left() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.use.Processes
}

// Ended implements carbon.Ender.
func (t *tree) Ended() (footprint.Status, *int, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.exit == nil {
		return "", nil, ""
	}
	code, signal := t.exit.Code, t.exit.SignalName()
	switch {
	case t.exit.Interrupted:
		return footprint.Interrupted, &code, signal
	case code != 0:
		return footprint.Failed, &code, signal
	}
	return footprint.Completed, &code, signal
}

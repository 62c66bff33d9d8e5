package carbon

import (
	"os"
	"runtime"
	"time"

	"github.com/carbonctl/carbonctl/internal/proc"
)

// lookCost is the part of one core's time that looking at the processes of the
// work may take: after a look that took a millisecond, the next one waits for two
// seconds. Until then what they use is not known, and the next look tells for the
// time between.
const lookCost = 0.0005

// self is this process and all that it starts. Children that live are looked at
// as they run; what those that have ended used is in the kernel's sum, to the
// microsecond, from the moment that they are waited for. Without a /proc those that
// live can only be counted: as long as there are any, what the work uses is not
// known, and the first that is known after their end tells for all that time.
type self struct {
	statm *os.File   // nil: not Linux
	tree  *proc.Tree // nil: no /proc
	next  time.Time  // of the next look
	live  proc.Usage
	most  time.Duration // the largest CPU time told so far
	buf   [128]byte

	// Without a tree:
	parent func() bool // there are children
	others bool        // there were at the latest look
	unsaid bool        // there were some whose time nobody tells
}

func newSelf() *self {
	s := &self{parent: proc.HasChildren}
	if f, err := os.Open("/proc/self/statm"); err == nil {
		s.statm = f
	}
	s.tree, _ = proc.OwnTree()
	return s
}

func (s *self) close() {
	if s.statm != nil {
		_ = s.statm.Close()
	}
}

// Used implements Work.
func (s *self) Used() Used {
	u := s.used(time.Now(), true)
	own, ok := s.resident()
	u.Memory, u.KnowsMemory = own+s.live.RSS, ok
	return u
}

// used tells the CPU time; look says whether the processes may be looked at now.
func (s *self) used(now time.Time, look bool) (u Used) {
	// First what has ended, then what lives: what is waited for in between is
	// missed until the next time, and not counted twice.
	var own, ended time.Duration
	own, u.KnowsCPU = processCPU()
	ended, known := childrenCPU()
	u.KnowsCPU = u.KnowsCPU && known
	u.CPU = own + ended
	// The clock of a process stands still for up to a tick while another of its
	// threads runs.
	u.CPUEdge = tick * time.Duration(runtime.GOMAXPROCS(0)-1)
	switch {
	case s.tree == nil:
		if look && !now.Before(s.next) {
			s.others = s.parent()
			s.unsaid = s.unsaid || s.others && !addsChildren
			s.rest(now)
		}
		u.KnowsCPU = u.KnowsCPU && !s.others && !s.unsaid
	case !proc.HasChildren():
		s.live = proc.Usage{}
	case look && !now.Before(s.next):
		live, err := s.tree.Read()
		s.rest(now)
		if err != nil {
			u.KnowsCPU = false
			break
		}
		s.live = live
		u.CPU += seconds(live.Living)
		u.CPUEdge += seconds(live.Edge)
	default:
		u.KnowsCPU = false
	}
	if u.KnowsCPU {
		s.most = max(s.most, u.CPU)
		u.CPU = s.most
	}
	return u
}

// rest puts the next look off, by how long the one took that began then.
func (s *self) rest(began time.Time) {
	now := time.Now()
	s.next = now.Add(time.Duration(float64(now.Sub(began)) / lookCost))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// resident returns the memory that this process holds: the second number of
// statm, in pages (proc(5)).
func (s *self) resident() (uint64, bool) {
	if s.statm == nil {
		return 0, false
	}
	n, _ := s.statm.ReadAt(s.buf[:], 0)
	var field, pages uint64
	for _, c := range s.buf[:n] {
		switch {
		case c == ' ':
			field++
		case field == 1 && c >= '0' && c <= '9':
			pages = pages*10 + uint64(c-'0')
		case field > 1:
			return pages * uint64(os.Getpagesize()), true
		}
	}
	return 0, false
}

// ownCPU is the CPU time of this process alone.
func ownCPU() time.Duration {
	d, _ := processCPU()
	return d
}

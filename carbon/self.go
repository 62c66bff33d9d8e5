package carbon

import (
	"os"
	"time"
)

// self is this process and its children that have ended.
type self struct {
	statm *os.File
	buf   [128]byte
}

func newSelf() *self {
	f, err := os.Open("/proc/self/statm") // Linux; elsewhere memory is not known
	if err != nil {
		f = nil
	}
	return &self{statm: f}
}

// Used implements Work.
func (s *self) Used() Used {
	var u Used
	u.CPU, u.KnowsCPU = selfCPU()
	u.Memory, u.KnowsMemory = s.resident()
	return u
}

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

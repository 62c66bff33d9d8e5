package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
)

// tick is the unit of CPU time in /proc: USER_HZ is 100 on every architecture
// that Linux has kept (include/uapi/asm-generic/param.h; alpha's 1024 was the
// last exception), whatever the kernel's own HZ is.
const tick = 0.01 // seconds

// Resolution is the step of the times in /proc/stat, in seconds of CPU time.
const Resolution = tick

// Stat reads the busy time of all CPUs together.
type Stat struct {
	file      *file
	small     map[int]bool // logical CPUs that are efficiency cores
	smallBusy float64
}

// OpenStat opens /proc/stat.
func OpenStat(root fs.FS) (*Stat, error) {
	// A line has ten numbers of at most 20 digits. Those of each CPU count on hybrid
	// machines only.
	small := smallCores(root)
	size := 256
	for n := range small {
		size = max(size, 256*(n+2))
	}
	f, err := open(root, "proc/stat", size)
	if err == nil {
		s := &Stat{file: f, small: small}
		_, _, err = s.Read()
		if err == nil {
			return s, nil
		}
		s.Close()
		return nil, err
	}
	if errors.Is(err, fs.ErrNotExist) && elsewhere {
		return &Stat{}, nil
	}
	return nil, err
}

// Read returns seconds of CPU time since boot, summed over all CPUs. Busy is
// time at work; capacity is all time that passed, so that the busy fraction
// between two reads is Δbusy/Δcapacity. Waiting for a disk is idle. Time that
// the hypervisor gave to others is in the capacity only. Busy moves in steps of
// [Resolution] and capacity may fall by a few steps, since the kernel rounds
// each of its parts by itself and may correct iowait downwards.
func (s *Stat) Read() (busy, capacity float64, err error) {
	if s.file == nil {
		return systemTimes()
	}
	b, err := s.file.read()
	if err != nil {
		return 0, 0, err
	}
	busy, capacity, ok := parseStat(b)
	if !ok {
		return 0, 0, fmt.Errorf("read %s: no line of CPU times at the start", s.file.path)
	}
	if s.small != nil {
		_, rest := line(b)
		s.smallBusy = smallOf(rest, s.small)
	}
	return busy, capacity, nil
}

// Close lets go of the file.
func (s *Stat) Close() error { return s.file.close() }

// parseStat reads the first line of /proc/stat: user, nice, system, idle,
// iowait, irq, softirq, steal, and then guest times, which user and nice
// already hold (Documentation/filesystems/proc.rst). Old kernels end sooner.
func parseStat(b []byte) (busy, capacity float64, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte("cpu "))
	end := bytes.IndexByte(b, '\n')
	if !ok || end < 0 {
		return 0, 0, false
	}
	return parseTimes(b[:end])
}

// parseTimes reads the numbers of a line.
func parseTimes(b []byte) (busy, capacity float64, ok bool) {
	var ticks [8]float64
	n := 0
	for b = blank(b); len(b) > 0 && n < len(ticks); b = blank(b) {
		v, rest, ok := whole(b)
		if !ok || len(rest) > 0 && rest[0] != ' ' {
			return 0, 0, false
		}
		ticks[n], b = float64(v), rest
		n++
	}
	if n < 4 {
		return 0, 0, false
	}
	user, nice, system, idle := ticks[0], ticks[1], ticks[2], ticks[3]
	iowait, irq, softirq, steal := ticks[4], ticks[5], ticks[6], ticks[7]
	busy = user + nice + system + irq + softirq
	return busy * tick, (busy + idle + iowait + steal) * tick, true
}

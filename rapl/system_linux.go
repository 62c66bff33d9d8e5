package rapl

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// host returns the system behind a root. What sleeps is the machine that runs, so
// its clocks are for a root of real files; perf events belong to the kernel that
// runs, so they are for a root that shows this kernel's own sysfs and not a copy.
func host(root fs.FS) (s system) {
	top, err := root.Open(".")
	if err != nil {
		return s
	}
	defer top.Close()
	if _, real := top.(descriptor); !real {
		return s
	}
	s.slept = slept
	f, err := root.Open(pmuDir + "/type")
	if err != nil {
		return s
	}
	defer f.Close()
	var st unix.Statfs_t
	if real, ok := f.(descriptor); ok && unix.Fstatfs(int(real.Fd()), &st) == nil && int64(st.Type) == unix.SYSFS_MAGIC {
		s.open = openEvent
	}
	return s
}

// descriptor is what a file of the operating system has.
type descriptor interface{ Fd() uintptr }

// slept compares the clock that goes on while the machine sleeps with the one that
// does not. The first is read between two readings of the second: whoever loses the
// CPU between any two of them knows less, and never something false. It tries again
// a few times to know more. Where there are no such clocks it has never slept.
func slept() (low, high time.Duration) {
	return bracket(func() (before, all, after time.Duration) {
		return clock(unix.CLOCK_MONOTONIC), clock(unix.CLOCK_BOOTTIME), clock(unix.CLOCK_MONOTONIC)
	})
}

// clock reads a clock, 0 if there is no such.
func clock(id int32) time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(id, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// perfFile is a perf event of the kernel.
type perfFile struct {
	fd  int
	buf [8]byte
}

// openEvent opens an event. The child that is measured must not inherit it.
func openEvent(kind uint32, config uint64, cpu int) (eventFile, error) {
	attr := unix.PerfEventAttr{Type: kind, Size: unix.PERF_ATTR_SIZE_VER0, Config: config}
	fd, err := unix.PerfEventOpen(&attr, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("perf_event_open", err)
	}
	return &perfFile{fd: fd}, nil
}

func (p *perfFile) Count() (uint64, error) {
	n, err := unix.Read(p.fd, p.buf[:])
	if err == nil && n != len(p.buf) {
		err = fmt.Errorf("%d bytes: %w", n, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint64(p.buf[:]), nil
}

func (p *perfFile) Close() error { return unix.Close(p.fd) }

package child

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What a measured run needs beside its command, measured with Go 1.26 on two CPUs and
// rounded up; birth_cgo.go has what Go's runtime needs to start at all.
const (
	leastFiles   = 32
	leastThreads = 16
	leastAS      = 4 << 30   // Go and the C library reserve much and use little
	leastData    = 320 << 20 // a stack of 8 MiB for each thread
)

// Where one of these limits is finite we take two of Go's processors at most, since
// each may become threads.
const (
	manyThreads = 4096
	amplAS      = 16 << 30
	ampleData   = 8 << 30
)

// Cramped returns why a command that we measured could fail for want of room that it
// would have without us: a limit of open files, threads or memory. It is nil where there
// is room, and then keeps our own use of it low. See Replace.
func Cramped() error {
	limit := func(what int) uint64 {
		var r unix.Rlimit
		if unix.Getrlimit(what, &r) != nil {
			return math.MaxUint64
		}
		return uint64(r.Cur)
	}
	files, as, data := limit(unix.RLIMIT_NOFILE), limit(unix.RLIMIT_AS), limit(unix.RLIMIT_DATA)
	processes := limit(unix.RLIMIT_NPROC)
	if os.Getuid() == 0 {
		processes = math.MaxUint64 // the kernel does not count root's
	}
	switch {
	case files < leastFiles:
		return fmt.Errorf("the limit of open files is %d, and carbonctl needs %d", files, leastFiles)
	case as < leastAS:
		return fmt.Errorf("the limit of address space is %d MiB, and carbonctl needs %d", as>>20, leastAS>>20)
	case data < leastData:
		return fmt.Errorf("the limit of data memory is %d MiB, and carbonctl needs %d", data>>20, leastData>>20)
	}
	if processes < manyThreads {
		if room := int64(processes) - int64(threadsOf(os.Getuid())); room < leastThreads {
			return fmt.Errorf("the limit of processes leaves room for %d, and carbonctl needs %d", max(room, 0), leastThreads)
		}
	}
	if room := pidsLeft(); room < leastThreads {
		return fmt.Errorf("the control group has room for %d processes, and carbonctl needs %d", max(room, 0), leastThreads)
	}
	if processes < manyThreads || as < amplAS || data < ampleData {
		runtime.GOMAXPROCS(min(2, runtime.GOMAXPROCS(0)))
	}
	return nil
}

// threadsOf is how many threads a user has, 0 where that can't be seen.
func threadsOf(uid int) (n uint64) {
	names, _ := os.ReadDir("/proc")
	for _, name := range names {
		var process, tasks unix.Stat_t
		dir := "/proc/" + name.Name()
		if _, err := strconv.Atoi(name.Name()); err != nil || unix.Stat(dir, &process) != nil || int(process.Uid) != uid {
			continue
		}
		if unix.Stat(dir+"/task", &tasks) == nil && tasks.Nlink > 2 {
			n += uint64(tasks.Nlink) - 2 // a folder for each thread
		}
	}
	return n
}

// pidsLeft is how many processes our control group (version 2) and those above it have
// room for.
func pidsLeft() int64 {
	least := int64(math.MaxInt64)
	groups, err := os.ReadFile("/proc/self/cgroup")
	at, found := bytes.CutPrefix(bytes.TrimSpace(groups), []byte("0::"))
	if err != nil || !found {
		return least
	}
	number := func(file string) (int64, bool) {
		b, err := os.ReadFile(file)
		if err != nil {
			return 0, false
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
		return n, err == nil // "max" is not a number
	}
	for dir := path.Clean(string(at)); ; dir = path.Dir(dir) {
		folder := "/sys/fs/cgroup" + dir
		if most, ok := number(folder + "/pids.max"); ok {
			if now, ok := number(folder + "/pids.current"); ok {
				least = min(least, most-now)
			}
		}
		if dir == "/" || dir == "." {
			return least
		}
	}
}

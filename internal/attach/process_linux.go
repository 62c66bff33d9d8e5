package attach

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/sys/unix"

	"github.com/carbonctl/carbonctl/internal/proc"
)

// Process begins to follow a process and all that it starts from now on. The error is an
// *Error.
func Process(pid int) (*Target, error) { return process(proc.Root("/"), pid) }

func process(root fs.FS, pid int) (*Target, error) {
	if pid == os.Getpid() {
		return nil, &Error{Code: NoProcess, Text: fmt.Sprintf("process %d is carbonctl itself", pid)}
	}
	if own, err := fs.ReadLink(root, "proc/self"); err == nil && own != strconv.Itoa(os.Getpid()) {
		return nil, &Error{Code: Unsupported, Text: fmt.Sprintf("/proc is that of another PID namespace: it lists carbonctl as %s instead of %d", own, os.Getpid()),
			Hint: "mount the container's own /proc, or run carbonctl where /proc belongs to"}
	}
	fd, err := unix.PidfdOpen(pid, 0) // first, so that the number cannot go to another
	if err != nil {
		fd = -1
	}
	t, err2 := followed(root, pid, err)
	if err2 != nil {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
		return nil, err2
	}
	t.kill = func(s syscall.Signal) error {
		if fd < 0 {
			return errors.New("cannot signal it safely: no pidfd")
		}
		return unix.PidfdSendSignal(fd, s, nil, 0)
	}
	t.watch = func(stop <-chan struct{}) error {
		if fd >= 0 && await(fd, unix.POLLIN, 0, stop, func() bool { return true }) == nil {
			return nil
		}
		return t.poll(root, stop)
	}
	return t, nil
}

// followed opens a process; opening is what pidfd_open said, nil if it is there.
func followed(root fs.FS, pid int, opening error) (*Target, error) {
	dir := "proc/" + strconv.Itoa(pid)
	if of := group(root, dir); of != 0 && of != pid {
		return nil, &Error{NoProcess, fmt.Sprintf("%d is a thread of process %d", pid, of), fmt.Sprintf("carbonctl attach %d", of)}
	}
	self := os.Getpid()
	f, err := proc.OpenFollow(root, pid, func(pid int) bool { return pid == self })
	if err != nil {
		return nil, missing(root, pid, opening, err)
	}
	name, _ := fs.ReadFile(root, dir+"/comm")
	t := &Target{PID: pid, Name: printable(string(bytes.TrimSpace(name))), usage: f, owns: f.Owns, over: make(chan struct{})}
	if line, err := fs.ReadFile(root, dir+"/cmdline"); err == nil {
		t.Args = strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	}
	t.Dir, _ = fs.ReadLink(root, dir+"/cwd")
	if b, err := fs.ReadFile(root, dir+"/environ"); err == nil {
		t.env = environment(b)
	} else {
		t.Foreign = owner(root, dir)
	}
	return t, nil
}

// missing says why a process cannot be followed.
func missing(root fs.FS, pid int, opening, err error) *Error {
	hidden := &Error{NoPermission, fmt.Sprintf("process %d is hidden by the hidepid option of /proc", pid), "run carbonctl as the user of that process, or as root"}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return hidden
	case errors.Is(err, fs.ErrNotExist):
		if _, err := fs.Stat(root, "proc/"+strconv.Itoa(pid)+"/stat"); err == nil {
			return &Error{Code: NoProcess, Text: fmt.Sprintf("process %d has ended already; its parent has not collected it", pid)}
		}
		if opening == nil || errors.Is(opening, fs.ErrPermission) {
			return hidden
		}
		return &Error{NoProcess, fmt.Sprintf("no process %d", pid), "ps -e lists the processes; a process in a container has another PID on the host"}
	}
	return &Error{Code: NoProcess, Text: fmt.Sprintf("process %d: %v", pid, err)}
}

// group is the process that a thread belongs to, 0 if that is not known.
func group(root fs.FS, dir string) int {
	b, err := fs.ReadFile(root, dir+"/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "Tgid:"); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(rest))
			return n
		}
	}
	return 0
}

// owner names the user of a process, "" where it is this one.
func owner(root fs.FS, dir string) string {
	info, err := fs.Stat(root, dir)
	if err != nil {
		return "another user"
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() {
		return ""
	}
	if u, err := user.LookupId(strconv.Itoa(int(st.Uid))); err == nil {
		return u.Username
	}
	return fmt.Sprintf("user %d", st.Uid)
}

func environment(b []byte) map[string]string {
	env := map[string]string{}
	for e := range strings.SplitSeq(string(b), "\x00") {
		if k, v, ok := strings.Cut(e, "="); ok {
			if _, twice := env[k]; !twice { // as getenv(3)
				env[k] = v
			}
		}
	}
	return env
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// await waits until a descriptor shows one of some events and over says that this was
// it, or stop is closed. It looks by itself every time every, if that is not 0.
func await(fd int, events int16, every time.Duration, stop <-chan struct{}, over func() bool) error {
	var wake [2]int
	if err := unix.Pipe2(wake[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	closed := make(chan struct{})
	go func() {
		select {
		case <-stop:
		case <-closed:
		}
		_ = unix.Close(wake[1])
	}()
	defer unix.Close(wake[0])
	defer close(closed)
	timeout := -1
	if every > 0 {
		timeout = int(every.Milliseconds())
	}
	for {
		fds := []unix.PollFd{{Fd: int32(wake[0]), Events: unix.POLLIN}, {Fd: int32(fd), Events: events}}
		_, err := unix.Poll(fds, timeout)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case fds[0].Revents != 0:
			return nil
		case (fds[1].Revents != 0 || every > 0) && over():
			return nil
		}
	}
}

// pollEvery is how often a process is looked for where the kernel, or a filter of system
// calls, does not give us its descriptor, or one to wait with.
const pollEvery = 250 * time.Millisecond

// poll waits for the end of the process by looking for it.
func (t *Target) poll(root fs.FS, stop <-chan struct{}) error {
	f := t.usage.(*proc.Follow)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !proc.Ended(root, t.PID, f.Start()) {
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
	}
	return nil
}

// reap waits for a child.
func reap(pid int) {
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &ws, 0, nil); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// cleanGroup is the folder of a cgroup as the user wrote it: the path of the folder, or the
// name below the mount, as /proc/PID/cgroup has it.
func cleanGroup(name string) string {
	name = path.Clean("/" + name)
	if name == mount || strings.HasPrefix(name, mount+"/") {
		return name
	}
	return path.Join(mount, name)
}

const mount = "/sys/fs/cgroup"

//go:build unix

package child

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The test binary is also every program that the tests need: started as
// "BINARY role=NAME ARGS…" it plays that role.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if name, ok := strings.CutPrefix(os.Args[1], "role="); ok {
			os.Exit(play(name, os.Args[2:]))
		}
	}
	// The race detector waits a second at each exit unless told not to.
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	os.Unsetenv("SLURM_STEP_ID") // the tests may run in a step themselves
	os.Unsetenv("SLURM_STEPID")
	os.Exit(m.Run())
}

func play(name string, args []string) int {
	switch name {
	case "wrap":
		return wrap(args)
	case "signals":
		return signals()
	case "burn":
		return burn(args)
	case "tree":
		return tree(args)
	case "orphan":
		return orphan(args)
	case "shell":
		return shell(args)
	case "tty":
		return tty()
	case "fds":
		return fds()
	case "cramped":
		fmt.Print(Cramped())
		return 0
	case "replace":
		return Replace(args, nil).(*Error).Code
	case "below-timeout":
		fmt.Print(sendersOf(nil) != senders{})
		return 0
	}
	panic("no role " + name)
}

// self returns the command line that plays a role.
func self(role string, args ...string) []string {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return append([]string{exe, "role=" + role}, args...)
}

// result is what the wrap role tells about its run.
type result struct {
	Exit  Exit
	Use   Use
	Error string
	Code  int
}

// wrap runs args[1:] with forwarding args[0] as carbonctl would, writes a result
// to the file that $RESULT names, and exits as the command did.
func wrap(args []string) int {
	var r result
	p, err := Command{Args: args[1:], Forward: Forward(args[0]), Below: below}.Start(nil)
	if err != nil {
		r.Error, r.Code = err.Error(), err.(*Error).Code
	} else {
		defer p.Close()
		r.Exit, err = p.Wait()
		r.Code, r.Use = r.Exit.Code, p.Use()
		if err != nil {
			r.Error = err.Error()
		}
	}
	if file := os.Getenv("RESULT"); file != "" {
		b, _ := json.Marshal(r)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			panic(err)
		}
	}
	return r.Code
}

// below looks at all processes in /proc, parents first as they mostly are in
// order of their pid.
func below(pid int) (Live, bool) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return Live{}, false
	}
	type proc struct {
		ppid  int
		ticks int64
		rss   uint64
	}
	all := map[int]proc{}
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		p := proc{}
		p.ppid, _ = strconv.Atoi(f[1])
		for _, t := range f[11:15] {
			n, _ := strconv.ParseInt(t, 10, 64)
			p.ticks += n
		}
		pages, _ := strconv.ParseUint(f[21], 10, 64)
		p.rss = pages * uint64(os.Getpagesize())
		all[id] = p
	}
	var l Live
	for id, p := range all {
		for up, i := id, 0; i < 100; i++ {
			up = all[up].ppid
			if up == pid {
				l.Processes++
				l.CPU += time.Duration(p.ticks) * 10 * time.Millisecond
				l.RSS += p.rss
			}
			if up <= 1 {
				break
			}
		}
	}
	return l, true
}

// signals prints each signal that it gets, one a line, until TERM.
func signals() int {
	c := make(chan os.Signal, 16)
	signal.Notify(c, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	fmt.Println("ready", os.Getpid(), os.Getppid())
	for s := range c {
		fmt.Println(s)
		if s == syscall.SIGTERM {
			return 7
		}
	}
	return 0
}

// spent is what this process and the children it waited for have used.
func spent() time.Duration {
	var sum time.Duration
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if err := unix.Getrusage(who, &u); err != nil {
			panic(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}

// burn uses as much CPU time as args[0] says, and prints how much it was. With
// "hold" it then waits until stdin ends.
func burn(args []string) int {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		panic(err)
	}
	for x := 1.0; spent() < d; {
		for range 1000 {
			x += 1 / x
		}
	}
	fmt.Println("spent", int64(spent()))
	if len(args) > 1 {
		io.Copy(io.Discard, os.Stdin)
	}
	return 0
}

// tree runs args[0] short children one after the other, then leaves one that
// burns args[1] behind in a session of its own and sees it end. What all of
// them used is printed.
func tree(args []string) int {
	n, _ := strconv.Atoi(args[0])
	for range n {
		cmd := self("burn", "1ms")
		if err := exec.Command(cmd[0], cmd[1:]...).Run(); err != nil {
			panic(err)
		}
	}
	cmd := self("orphan", args[1])
	out, err := exec.Command(cmd[0], cmd[1:]...).Output() // ends with the orphan's stdout
	if err != nil {
		panic(err)
	}
	var pid int
	var burnt int64
	if _, err := fmt.Sscanf(string(out), "orphan %d\nspent %d\n", &pid, &burnt); err != nil {
		panic(fmt.Sprintf("%v in %q", err, out))
	}
	gone(pid)
	fmt.Println("spent", int64(spent())+burnt)
	return 3
}

// gone waits until a process that is not ours has been waited for.
func gone(pid int) {
	for unix.Kill(pid, 0) == nil {
		runtime.Gosched()
	}
}

// orphan leaves a child that burns args[0] behind, in a session of its own.
func orphan(args []string) int {
	cmd := self("burn", args...)
	c := exec.Command(cmd[0], cmd[1:]...)
	c.Stdin, c.Stdout, c.SysProcAttr = os.Stdin, os.Stdout, &syscall.SysProcAttr{Setsid: true}
	r, w, err := os.Pipe() // the orphan's first line must not come before ours
	if err != nil {
		panic(err)
	}
	c.Args = append([]string{"/bin/sh", "-c", `read go <&3; exec 3<&-; exec "$@"`, "sh"}, c.Args...)
	c.Path, c.ExtraFiles = "/bin/sh", []*os.File{r}
	if err := c.Start(); err != nil {
		panic(err)
	}
	fmt.Println("orphan", c.Process.Pid)
	fmt.Fprintln(w, "go")
	return 0
}

// fds prints the descriptors that it was given.
func fds() int {
	for fd := range 64 {
		// What Go opens for itself is closed on exec; what was given is not.
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			fmt.Print(fd, " ")
		}
	}
	return 0
}

// run runs a command from a start that the shell code sets up, and returns its
// output and exit code.
func run(t *testing.T, setup string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"-c", setup + "\n" + `"$@"`, "sh"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		require.IsType(t, new(exec.ExitError), err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// wrapped runs a command under the wrap role and returns what that tells.
func wrapped(t *testing.T, setup string, args ...string) (string, result) {
	t.Helper()
	file := t.TempDir() + "/result"
	t.Setenv("RESULT", file)
	out, code := run(t, setup, append(self("wrap", "auto"), args...)...)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var r result
	require.NoError(t, json.Unmarshal(b, &r))
	require.Equal(t, code, r.Code)
	return out, r
}

package attach

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/child"
	"github.com/carbonctl/carbonctl/internal/proc"
)

func fails(t *testing.T, code, text string, err error) {
	t.Helper()
	e := (*Error)(nil)
	require.ErrorAs(t, err, &e)
	assert.Equal(t, code, e.Code)
	assert.Equal(t, text, e.Text)
}

// start starts a process that nobody waits for until the end of the test.
func start(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func follow(t *testing.T, pid int) *Target {
	t.Helper()
	target, err := Process(pid)
	require.NoError(t, err)
	target.Below = func(int) (child.Live, bool) {
		u, err := target.Usage().Read()
		return child.Live{Processes: u.Processes, CPU: time.Duration(u.CPU * 1e9), Open: u.Open}, err == nil
	}
	t.Cleanup(target.Close)
	return target
}

// TestTooManyOpenFiles checks that a process is followed to its end where no more files can be
// opened, and not taken as ended.
func TestTooManyOpenFiles(t *testing.T) {
	cmd := start(t, "sleep", "60")
	target := follow(t, cmd.Process.Pid)
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	none := limit
	none.Cur = 3
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	ended := make(chan error, 1)
	go func() { ended <- target.watch(target.Over()) }()
	select {
	case err := <-ended:
		ended <- errors.New("it was taken as ended")
		assert.NoError(t, err)
	case <-time.After(2 * pollEvery):
	}
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	assert.NoError(t, <-ended)
}

func TestWhatCannotBeFollowed(t *testing.T) {
	self := os.Getpid()
	_, err := Process(self)
	fails(t, NoProcess, fmt.Sprintf("process %d is carbonctl itself", self), err)

	cmd := start(t, "/bin/true") // and is a zombie soon
	require.Eventually(t, func() bool { return proc.Ended(proc.Root("/"), cmd.Process.Pid, 0) }, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
		return len(b) > 0 && string(b[len(strconv.Itoa(cmd.Process.Pid))+len(" (true) "):][0]) == "Z"
	}, 10*time.Second, time.Millisecond)
	_, err = Process(cmd.Process.Pid)
	fails(t, NoProcess, fmt.Sprintf("process %d has ended already; its parent has not collected it", cmd.Process.Pid), err)

	_, err = Process(1 << 30)
	fails(t, NoProcess, fmt.Sprintf("no process %d", 1<<30), err)

	threads, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	require.Greater(t, len(threads), 1)
	tid, err := strconv.Atoi(threads[len(threads)-1].Name())
	require.NoError(t, err)
	_, err = Process(tid)
	fails(t, NoProcess, fmt.Sprintf("%d is a thread of process %d", tid, self), err)
}

// hiding is a /proc that hides what others run.
type hiding struct {
	fs.FS
	err error
}

func (h hiding) Open(name string) (fs.File, error) {
	if name == "proc/77/stat" || name == "proc/77/status" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: h.err}
	}
	return h.FS.Open(name)
}

func TestWhatIsHidden(t *testing.T) {
	for name, c := range map[string]struct {
		proc, opening error
		code, text    string
	}{
		"hidepid=1":            {fs.ErrPermission, nil, NoPermission, "process 77 is hidden by the hidepid option of /proc"},
		"hidepid=2":            {fs.ErrNotExist, nil, NoPermission, "process 77 is hidden by the hidepid option of /proc"},
		"hidepid=2, no pidfd":  {fs.ErrNotExist, syscall.EPERM, NoPermission, "process 77 is hidden by the hidepid option of /proc"},
		"there is none":        {fs.ErrNotExist, syscall.ESRCH, NoProcess, "no process 77"},
		"neither proc nor one": {errors.New("broken"), syscall.ESRCH, NoProcess, "process 77: follow process 77: open proc/77/stat: broken"},
	} {
		t.Run(name, func(t *testing.T) {
			target, err := followed(hiding{fstest.MapFS{}, c.proc}, 77, c.opening)
			assert.Nil(t, target)
			fails(t, c.code, c.text, err)
		})
	}
}

// Another PID namespace numbers processes differently.
func TestAnotherNamespacesProc(t *testing.T) {
	root := linked{fstest.MapFS{"proc/77/stat": {Data: []byte("77 (a) S")}}, "4"}
	_, err := process(root, 77)
	fails(t, Unsupported, fmt.Sprintf("/proc is that of another PID namespace: it lists carbonctl as 4 instead of %d", os.Getpid()), err)
}

type linked struct {
	fs.FS
	self string
}

func (l linked) ReadLink(string) (string, error)        { return l.self, nil }
func (l linked) Lstat(name string) (fs.FileInfo, error) { return fs.Stat(l.FS, name) }

func TestAProcessIsFollowedToItsEnd(t *testing.T) {
	cmd := start(t, "/bin/sh", "-c", "read x; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")
	target := follow(t, cmd.Process.Pid)
	target.Begin()
	assert.Equal(t, "process "+strconv.Itoa(cmd.Process.Pid)+" (sh)", target.String())
	assert.True(t, target.Owns(cmd.Process.Pid))
	assert.False(t, target.Owns(os.Getpid()))
	_, set := target.Env("PATH")
	assert.True(t, set)
	assert.Empty(t, target.Foreign)
	status, _, _ := target.Ended()
	assert.Empty(t, status)
	require.NoError(t, cmd.Process.Kill())
	exit, err := target.Wait()
	require.NoError(t, err)
	assert.Zero(t, exit)
	assert.Equal(t, Ended, target.Why())
	status, code, signal := target.Ended()
	assert.Equal(t, footprint.Completed, status)
	assert.Nil(t, code)
	assert.Empty(t, signal)
	assert.True(t, target.Use().Whole)
	warnings := target.Warnings(0)
	require.Len(t, warnings, 1)
	assert.Equal(t, footprint.ExitUnknown, warnings[0].Code)
}

// What a budget has stopped did not complete.
func TestAProcessThatWeEnd(t *testing.T) {
	cmd := start(t, "/bin/sleep", "60")
	target := follow(t, cmd.Process.Pid)
	require.NoError(t, target.Signal(syscall.SIGTERM))
	_, err := target.Wait()
	require.NoError(t, err)
	status, code, signal := target.Ended()
	assert.Equal(t, footprint.Interrupted, status)
	assert.Nil(t, code)
	assert.Empty(t, signal)
}

// Who has no descriptor of the process looks for it.
func TestAProcessIsFollowedWithoutAPidfd(t *testing.T) {
	cmd := start(t, "/bin/sleep", "60")
	root := proc.Root("/")
	target, err := followed(root, cmd.Process.Pid, syscall.ENOSYS)
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Kill())
	require.NoError(t, target.poll(root, nil))

	stop := make(chan struct{})
	close(stop)
	require.NoError(t, follow(t, start(t, "/bin/sleep", "60").Process.Pid).poll(root, stop))
}

func TestFollowingIsEndedOnce(t *testing.T) {
	for _, why := range []End{Stop, Failed, Closed, Leave, Signal} {
		target := follow(t, start(t, "/bin/sleep", "60").Process.Pid)
		target.Finish(why)
		target.Finish(Ended)
		_, err := target.Wait()
		require.NoError(t, err)
		assert.Equal(t, why, target.Why())
		status, _, _ := target.Ended()
		assert.Equal(t, map[End]footprint.Status{Failed: footprint.Failed, Signal: footprint.Interrupted}[why], without(status, footprint.Completed))
		assert.Empty(t, target.Warnings(1))
	}
}

func without(s, completed footprint.Status) footprint.Status {
	if s == completed {
		return ""
	}
	return s
}

func TestSignalsEndTheFollowing(t *testing.T) {
	heard := make(chan os.Signal, 9) // below nohup they are ignored, and attach leaves that so
	signal.Notify(heard, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(heard)
	for s, why := range map[syscall.Signal]End{syscall.SIGINT: Leave, syscall.SIGTERM: Signal, syscall.SIGHUP: Signal} {
		target := follow(t, start(t, "/bin/sleep", "60").Process.Pid)
		target.Begin()
		require.NoError(t, syscall.Kill(os.Getpid(), s))
		_, err := target.Wait()
		require.NoError(t, err)
		assert.Equal(t, why, target.Why())
		target.Close()
	}
}

func TestAnotherUsersProcessIsToldOf(t *testing.T) {
	target := &Target{PID: 77, Name: "nginx", Foreign: "www-data", usage: &cgroup{}}
	warnings := target.Warnings(0)
	require.Len(t, warnings, 1)
	assert.Equal(t, footprint.AttachLimited, warnings[0].Code)
	assert.Equal(t, "process 77 (nginx) belongs to www-data: its environment and working directory cannot be read", warnings[0].Text)
}

//go:build unix

package watch

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The test binary is also the relay.
func TestMain(m *testing.M) {
	if IsRelay(os.Args) {
		os.Exit(Relay(os.Args))
	}
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	os.Exit(m.Run())
}

// soon is more than a loaded machine needs to start a relay.
const soon = 20 * time.Second

// outliving runs a shell that leaves something behind which goes on when the pipe that
// it has as descriptor 3 ends. What the shell prints goes to out.
type outliving struct {
	*Output
	read    *os.File // where everything comes out
	release *os.File
	cmd     *exec.Cmd
}

func outlive(t *testing.T, script string) outliving {
	read, w, err := os.Pipe()
	require.NoError(t, err)
	hold, release, err := os.Pipe()
	require.NoError(t, err)
	m := null(t)
	o, err := Open(w, w, m)
	require.NoError(t, err)
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = o.Stdout, o.Stderr, []*os.File{hold}
	require.NoError(t, cmd.Start())
	_, _ = w.Close(), hold.Close()
	o.Started()
	require.NoError(t, cmd.Wait())
	t.Cleanup(func() { m.Close(false); _, _ = read.Close(), release.Close() })
	return outliving{o, read, release, cmd}
}

func (o outliving) all(t *testing.T) string {
	t.Helper()
	_ = o.read.SetReadDeadline(time.Now().Add(soon))
	b, err := io.ReadAll(o.read)
	require.NoError(t, err)
	return string(b)
}

func TestARelayPassesOnWhatOutlivesTheCommand(t *testing.T) {
	file := t.TempDir() + "/alive"
	o := outlive(t, `(read x <&3; echo late; echo later >&2; : >'`+file+`') & echo done`)
	require.True(t, o.Drain(time.Second))
	require.NoError(t, o.HandOver(soon))
	_ = o.release.Close()
	assert.Equal(t, "done\nlate\nlater\n", o.all(t), "and ends when the last of them has")
	assert.FileExists(t, file)
}

// What prints on and on never makes the pipe empty.
func TestARelayTakesOverFromWhatNeverPauses(t *testing.T) {
	o := outlive(t, `(n=0; while test $n -lt 200000; do echo line $n; n=$((n+1)); done; echo end) & echo done`)
	read := make(chan string)
	go func() { b, _ := io.ReadAll(o.read); read <- string(b) }()
	if o.Drain(5 * time.Millisecond) {
		require.NoError(t, o.HandOver(soon))
	}
	got := <-read
	assert.True(t, strings.HasSuffix(got, "\nend\n"))
	assert.Equal(t, 200002, strings.Count(got, "\n"), "every line once")
	last := -1
	for line := range strings.Lines(got) {
		if n, ok := strings.CutPrefix(line, "line "); ok {
			last++
			require.Equal(t, last, atoi(n))
		}
	}
}

func atoi(s string) (n int) {
	for _, c := range strings.TrimSpace(s) {
		n = 10*n + int(c-'0')
	}
	return n
}

// A reader that does not read holds the command up, as it does without us, and what is
// on its way is kept for it, in order.
func TestARelayGetsWhatTheReaderHasNotTaken(t *testing.T) {
	for kind, open := range map[string]func(*testing.T) (*os.File, *os.File){"pipe": pipePair, "socket": socketPair} {
		t.Run(kind, func(t *testing.T) {
			read, w := open(t)
			m := null(t)
			o, err := Open(w, nil, m)
			require.NoError(t, err)
			_ = w.Close()
			want := make([]byte, 150_000) // more than a pipe, less than what is on its way
			for i := range want {
				want[i] = byte(i * i / 255)
			}
			cmd := exec.Command("cat")
			cmd.Stdin, cmd.Stdout = bytes.NewReader(want), o.Stdout
			require.NoError(t, cmd.Start())
			o.Started()
			require.NoError(t, cmd.Wait())
			require.True(t, o.Drain(5*time.Millisecond))
			require.NoError(t, o.HandOver(soon))
			m.Close(false)
			require.NoError(t, read.SetReadDeadline(time.Now().Add(soon)))
			got, err := io.ReadAll(read)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(want, got), "%d bytes of %d", len(got), len(want))
		})
	}
}

// The same where there is no relay: we pass on what is left.
func TestASocketIsStayedFor(t *testing.T) {
	read, w := socketPair(t)
	m := null(t)
	defer m.Close(false)
	o, err := Open(w, nil, m)
	require.NoError(t, err)
	_ = w.Close()
	cmd := exec.Command("head", "-c", "100000", "/dev/zero")
	cmd.Stdout = o.Stdout
	require.NoError(t, cmd.Start())
	o.Started()
	require.NoError(t, cmd.Wait())
	require.True(t, o.Drain(5*time.Millisecond))
	stayed := make(chan struct{})
	go func() { o.Stay(); close(stayed) }()
	require.NoError(t, read.SetReadDeadline(time.Now().Add(soon)))
	got, err := io.ReadAll(read)
	require.NoError(t, err)
	assert.Len(t, got, 100_000)
	<-stayed
}

// A reader that closes its socket is felt by the command.
func TestASocketThatIsClosed(t *testing.T) {
	read, w := socketPair(t)
	m := null(t)
	defer m.Close(false)
	o, err := Open(w, nil, m)
	require.NoError(t, err)
	_ = w.Close()
	cmd := exec.Command("sh", "-c", "while echo y; do :; done")
	cmd.Stdout = o.Stdout
	require.NoError(t, cmd.Start())
	o.Started()
	require.NoError(t, read.Close())
	require.Error(t, cmd.Wait())
	assert.Equal(t, syscall.SIGPIPE, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
	assert.False(t, o.Drain(time.Second))
}

func pipePair(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r, w
}

// socketPair is a stream of little room, as a service has it for its output. Its writing
// end waits, as a program expects.
func socketPair(t *testing.T) (r, w *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	require.NoError(t, err)
	require.NoError(t, unix.SetsockoptInt(fds[1], unix.SOL_SOCKET, unix.SO_SNDBUF, 4096))
	require.NoError(t, unix.SetNonblock(fds[0], true))
	r, w = os.NewFile(uintptr(fds[0]), "reader"), os.NewFile(uintptr(fds[1]), "writer")
	t.Cleanup(func() { _ = r.Close() })
	return r, w
}

// The reader goes away when only a relay is left: what goes on printing is told, as it
// would be without us.
func TestARelayBreaksThePipeWithItsReader(t *testing.T) {
	file := t.TempDir() + "/code"
	o := outlive(t, `(read x <&3; sh -c 'while echo y; do :; done'; echo $? >'`+file+`.new'; mv '`+file+`.new' '`+file+`') & echo done`)
	require.True(t, o.Drain(time.Second))
	require.NoError(t, o.HandOver(soon))
	_, _ = o.read.Close(), o.release.Close()
	require.Eventually(t, func() bool { _, err := os.Stat(file); return err == nil }, soon, time.Millisecond)
	code, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "141\n", string(code))
}

func TestWithoutARelayWeStay(t *testing.T) {
	o := outlive(t, `(read x <&3; echo late) & echo done`)
	require.True(t, o.Drain(time.Second))
	require.ErrorContains(t, o.HandOver(-time.Second), "not ready", "no relay is ever so quick")
	stayed := make(chan struct{})
	go func() { o.Stay(); close(stayed) }()
	select {
	case <-stayed:
		assert.Fail(t, "somebody prints yet")
	default:
	}
	_ = o.release.Close()
	assert.Equal(t, "done\nlate\n", o.all(t))
	<-stayed
}

func TestNothingIsLeftOfACommandAlone(t *testing.T) {
	o := outlive(t, `echo done`)
	assert.False(t, o.Drain(soon))
	require.NoError(t, o.HandOver(0), "there is nothing to hand over")
	o.Stay()
	o.Close()
	assert.Equal(t, "done\n", o.all(t))
}

func TestARelayThatIsNotWantedDoesNothing(t *testing.T) {
	assert.True(t, IsRelay([]string{"carbonctl", "__relay", "1"}))
	assert.False(t, IsRelay([]string{"carbonctl", "wrap", "x"}))
	for _, args := range [][]string{{"x", "__relay", "none"}, {"x", "__relay", "3"}} {
		assert.Equal(t, 2, Relay(args))
	}
	cmd := exec.Command(os.Args[0], "__relay", "1")
	assert.Error(t, cmd.Run(), "nothing is there to be relayed")
}

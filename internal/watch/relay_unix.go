//go:build unix

package watch

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The descriptors of a relay: 0 is where it gets what is unwritten and, by that, the
// word to begin; 1 and 2 are /dev/null; from 4 on come both ends of each channel.
const (
	relayReady = 3 // it writes a byte there when it could begin
	relayEnds  = 4
)

// maxRelayed is more than is ever read and not yet written.
const maxRelayed = 1 << 20

// startRelay starts a relay for channels that are stopped, and returns when it has
// taken them over. A relay that is not ready within limit never begins.
func startRelay(channels []*channel, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	var ours, theirs []*os.File
	defer func() {
		for _, f := range append(ours, theirs...) {
			_ = f.Close()
		}
	}()
	feedR, feed, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start relay: %w", err)
	}
	ours, theirs = append(ours, feed), append(theirs, feedR)
	ready, readyW, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start relay: %w", err)
	}
	ours, theirs = append(ours, ready), append(theirs, readyW)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("start relay: %w", err)
	}
	theirs = append(theirs, null)

	give := []*os.File{feedR, null, null, readyW}
	for _, c := range channels {
		give = append(give, c.inner, c.outer)
	}
	exe, err := self()
	if err != nil {
		return fmt.Errorf("start relay: %w", err)
	}
	attr := &syscall.ProcAttr{Dir: "/", Env: os.Environ(), Sys: &syscall.SysProcAttr{Setsid: true}}
	for _, f := range give {
		// Not Fd, which would make the description wait.
		if err := control(f, func(fd int) error { attr.Files = append(attr.Files, uintptr(fd)); return nil }); err != nil {
			return fmt.Errorf("start relay: %w", err)
		}
	}
	_, err = syscall.ForkExec(exe, []string{os.Args[0], relayArgument, strconv.Itoa(len(channels))}, attr)
	runtime.KeepAlive(give)
	if err != nil {
		return fmt.Errorf("start relay: %w", err)
	}
	_ = readyW.Close() // so that a relay that dies is seen
	_ = ready.SetReadDeadline(deadline)
	if _, err := io.ReadFull(ready, make([]byte, 1)); err != nil {
		return fmt.Errorf("relay is not ready: %w", err)
	}
	_ = feed.SetWriteDeadline(deadline)
	for _, c := range channels {
		b := binary.LittleEndian.AppendUint32(nil, uint32(len(c.rest)))
		if _, err := feed.Write(append(b, c.rest...)); err != nil {
			return fmt.Errorf("relay has ended: %w", err)
		}
	}
	return nil
}

// Relay is all that a process does for which IsRelay is true, with its command line. It
// returns the exit code.
func Relay(args []string) int {
	n, err := strconv.Atoi(args[2])
	if err != nil || n < 1 || n > 2 {
		return 2
	}
	closeFrom(relayEnds + 2*n) // whatever we were given for the command
	// What stops the command's processes closes their ends, and so ends us.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT)
	ready := os.NewFile(relayReady, "ready")
	if _, err := ready.Write([]byte{'r'}); err != nil {
		return 2
	}
	_ = ready.Close()
	var channels []*channel
	for i := range n {
		var size [4]byte
		if _, err := io.ReadFull(os.Stdin, size[:]); err != nil {
			return 2 // we are not wanted
		}
		rest := make([]byte, min(binary.LittleEndian.Uint32(size[:]), maxRelayed))
		if _, err := io.ReadFull(os.Stdin, rest); err != nil {
			return 2
		}
		fd := uintptr(relayEnds + 2*i)
		channels = append(channels, relayed(os.NewFile(fd, "inner"), os.NewFile(fd+1, "outer"), rest))
	}
	_ = os.Stdin.Close()
	pump(channels)
	return 0
}

// closeFrom closes every descriptor from a number on that was inherited. Go's own are
// closed on exec.
func closeFrom(first int) {
	const most = 1024 // where they can't be listed
	list := func(yield func(int) bool) {
		for fd := first; fd < most; fd++ {
			if !yield(fd) {
				return
			}
		}
	}
	if names, err := os.ReadDir("/proc/self/fd"); err == nil {
		list = func(yield func(int) bool) {
			for _, name := range names {
				if fd, err := strconv.Atoi(name.Name()); err == nil && fd >= first && !yield(fd) {
					return
				}
			}
		}
	}
	for fd := range list {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}

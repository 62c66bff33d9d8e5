//go:build unix && !cgo

package child

import (
	"os/signal"
	"syscall"
)

// exact: what we were started with is known in part. See birth_cgo.go.
const exact = false

// ignoredAtStart reports whether a signal was ignored when we were started, as
// far as Go's runtime keeps that: HUP and INT. A shell that starts a job in the
// background ignores INT and QUIT together (POSIX, asynchronous lists), so QUIT
// is taken to be as INT is.
func ignoredAtStart(s syscall.Signal) bool {
	switch s {
	case syscall.SIGHUP, syscall.SIGINT:
		return signal.Ignored(s)
	case syscall.SIGQUIT:
		return signal.Ignored(syscall.SIGINT)
	}
	return false
}

// closedAtStart: Go's runtime has put /dev/null there, and does not say so.
func closedAtStart(int) bool { return false }

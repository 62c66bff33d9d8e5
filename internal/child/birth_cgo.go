//go:build unix && cgo

package child

// Before main starts, Go's runtime gives most signals a handler and puts
// /dev/null where a standard descriptor is closed. Only what runs earlier can
// see how we were started.

/*
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

static unsigned long long ignored;
static int closed;

__attribute__((constructor)) static void birth(void) {
	for (int s = 1; s < 32; s++) {
		struct sigaction a;
		if (sigaction(s, 0, &a) == 0 && !(a.sa_flags & SA_SIGINFO) && a.sa_handler == SIG_IGN)
			ignored |= 1ULL << s;
	}
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
			closed |= 1 << fd;
}

static unsigned long long ignoredMask(void) { return ignored; }
static int closedMask(void) { return closed; }
*/
import "C"

import "syscall"

// exact: what we were started with is known in full.
const exact = true

// ignoredAtStart reports whether a signal was ignored when we were started.
func ignoredAtStart(s syscall.Signal) bool { return C.ignoredMask()>>uint(s)&1 != 0 }

// closedAtStart reports whether a standard descriptor was closed.
func closedAtStart(fd int) bool { return C.closedMask()>>uint(fd)&1 != 0 }

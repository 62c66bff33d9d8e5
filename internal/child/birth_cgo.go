//go:build unix && cgo

package child

// Before main starts, Go's runtime gives most signals a handler, puts /dev/null
// where a standard descriptor is closed, and needs memory and threads. Only what
// runs earlier can see how we were started, and run a command where the runtime
// itself can't. Of the least limits: Go 1.26 with cgo needs, to start, 0.8 GiB of
// address space, 90 MB of data and 5 threads; the rest is what it takes to go on.

/*
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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

#ifdef __linux__
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *waiting(void *none) {
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return none;
}

// room tries whether there may be n more threads at once.
static int room(int n) {
	pthread_t all[16];
	pthread_attr_t small;
	int made = 0;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 << 10);
	pthread_mutex_lock(&gate);
	while (made < n && pthread_create(&all[made], &small, waiting, 0) == 0)
		made++;
	pthread_mutex_unlock(&gate);
	for (int i = 0; i < made; i++)
		pthread_join(all[i], 0);
	return made == n;
}

static int below(int what, rlim_t least) {
	struct rlimit r;
	return getrlimit(what, &r) == 0 && r.rlim_cur < least;
}

// cramped runs the command of "carbonctl wrap … -- CMD" in our place where Go's
// runtime would end for want of memory or threads.
__attribute__((constructor)) static void cramped(int argc, char **argv, char **envp) {
	const char *why = 0;
	int at = 2;
	if (argc < 4 || strcmp(argv[1], "wrap") != 0)
		return;
	while (at < argc && strcmp(argv[at], "--") != 0)
		at++;
	if (at + 1 >= argc)
		return;
	if (below(RLIMIT_AS, 4ULL << 30))
		why = "the limit of address space is too low";
	else if (below(RLIMIT_DATA, 320 << 20))
		why = "the limit of data memory is too low";
	else if (getuid() != 0 && below(RLIMIT_NPROC, 4096) && !room(16))
		why = "the limit of processes leaves no room for carbonctl";
	if (!why)
		return;
	dprintf(2, "carbonctl: not measured: %s\n", why);
	execvp(argv[at + 1], argv + at + 1);
	dprintf(2, "carbonctl: run %s: %s\n", argv[at + 1], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}
#endif

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

//go:build unix

package watch

import "syscall"

// nonblocking opens a pipe that nobody reads with an error, instead of waiting.
const nonblocking = syscall.O_NONBLOCK

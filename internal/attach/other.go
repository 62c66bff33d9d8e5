//go:build !linux

package attach

import "runtime"

func unsupported() error {
	return &Error{Unsupported, "attach needs Linux, not " + runtime.GOOS, "carbonctl wrap -- CMD measures a command from its start"}
}

// Process needs Linux. The error is an *Error.
func Process(int) (*Target, error) { return nil, unsupported() }

// Group needs Linux. The error is an *Error.
func Group(string) (*Target, error) { return nil, unsupported() }

func reap(int) {}

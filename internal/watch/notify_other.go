//go:build !linux

package watch

func newWaiter(string, func() bool) waiter { return newPoll() }

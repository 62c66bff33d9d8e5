//go:build !linux

package watch

func newWaiter(string) waiter { return newPoll() }

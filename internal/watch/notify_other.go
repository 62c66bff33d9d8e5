//go:build !linux

package watch

// notify is what the kernel does not do here.
type notify struct{}

func openNotify(string) *notify { return nil }

func (*notify) wait() bool { return false }

func (*notify) close() {}

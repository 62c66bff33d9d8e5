//go:build !linux

package child

// Cramped: limits are looked at on Linux alone.
func Cramped() error { return nil }

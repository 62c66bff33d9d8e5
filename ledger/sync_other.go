//go:build !unix

package ledger

// syncDir: elsewhere a directory cannot be opened for this; the file system's
// own journal keeps the name.
func syncDir(string) error { return nil }

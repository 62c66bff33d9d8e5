//go:build !unix

package ledger

// noFollow: making links takes rights that others do not have here.
const noFollow = 0

// lockName is the file that a ledger's lock is on: locks keep readers out here,
// so it is not the ledger.
func lockName(path string) string { return path + ".lock" }

// syncDir: elsewhere a directory cannot be opened for this; the file system's
// own journal keeps the name.
func syncDir(string) error { return nil }

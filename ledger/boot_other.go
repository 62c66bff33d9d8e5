//go:build !linux && !darwin

package ledger

// bootID: these systems have none that is read without more ado; the host's
// name has to do.
func bootID() string { return "" }

//go:build unix

package ledger

import (
	"io/fs"
	"os"
	"syscall"
)

// ours reports whether a file belongs to this user.
func ours(f fs.FileInfo) bool {
	s, ok := f.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}

//go:build !unix

package atomicfile

import (
	"io/fs"
	"os"
)

// keepOwner has nothing to keep: a new file takes the rights of its directory.
func keepOwner(*os.File, fs.FileInfo) bool { return true }

// syncDir does nothing: directories can't be synced here.
func syncDir(string) error { return nil }

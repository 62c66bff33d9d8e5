//go:build !unix

package proc

import (
	"io/fs"
	"os"
)

// Root gives the files below a folder.
func Root(dir string) fs.FS { return os.DirFS(dir) }

package proc

import (
	"io/fs"
	"os"
)

// Host is what the machine calls itself. A field that is not known is "".
type Host struct {
	Name   string // host name
	OS     string // as Go names it: linux, darwin, windows
	Kernel string // its version: "6.12.9-amd64"
}

// ReadHost returns the names of the machine whose root is given, and starts no
// other program for it.
func ReadHost(root fs.FS) Host {
	h := Host{
		Name:   text(root, "proc/sys/kernel/hostname"),
		Kernel: text(root, "proc/sys/kernel/osrelease"),
	}
	if h.Name == "" && h.Kernel == "" {
		h = systemHost()
	} else {
		h.OS = "linux"
	}
	if h.Name == "" {
		h.Name, _ = os.Hostname()
	}
	return h
}

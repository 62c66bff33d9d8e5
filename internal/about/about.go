// Package about says which machine and which build this is: what a report holds of
// both.
package about

import (
	"io/fs"
	"os"
	"os/user"
	"runtime/debug"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// Host says which machine this is, from the /proc and /sys of a root, and which
// CPU it has. What is not known is zero.
func Host(root fs.FS) (footprint.Host, proc.CPU) {
	names := proc.ReadHost(root)
	h := footprint.Host{Name: names.Name, OS: names.OS, Machine: proc.Machine(root)}
	cpu, err := proc.CPUInfo(root)
	if err == nil {
		h.CPUModel, h.CPUThreads, h.Virtual = cpu.Brand, cpu.Threads, cpu.Virtual
	}
	h.MemoryBytes, _ = proc.MemoryTotal(root)
	return h, cpu
}

const module = "github.com/carbonctl/carbonctl"

// Version returns the version of this module as it was built: a release, a
// commit, or "devel".
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if info.Main.Path != module {
		for _, d := range info.Deps {
			if d.Path == module {
				return d.Version
			}
		}
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "devel"
}

// User is the login name of who runs this, "" if that is not known.
func User() string {
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

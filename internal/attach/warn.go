package attach

import (
	"fmt"

	"github.com/carbonctl/carbonctl/footprint"
)

// Attached is what a report says of the target.
func (t *Target) Attached() footprint.Attached {
	if t.PID == 0 {
		return footprint.Attached{Cgroup: t.Name}
	}
	return footprint.Attached{PID: t.PID, Name: t.Name}
}

// String names the target: "process 4711 (python3)".
func (t *Target) String() string { return t.Attached().String() }

// Warnings are what the reader of the report must know of how the target was followed; left
// is how many of its processes live on.
func (t *Target) Warnings(left int) (all []footprint.Warning) {
	add := func(code, hint, format string, args ...any) {
		all = append(all, footprint.Warning{Code: code, Text: fmt.Sprintf(format, args...), Hint: hint})
	}
	if t.Foreign != "" {
		add(footprint.AttachLimited, "run carbonctl as that user for the GPUs, job and directory of the process",
			"%v belongs to %s: its environment and working directory cannot be read", t, t.Foreign)
	}
	if t.Why() == Ended {
		if t.PID != 0 {
			add(footprint.ExitUnknown, "", "exit code of %v unknown: only its parent receives it", t)
		}
		if left > 0 {
			add(footprint.Escaped, "", "%s still running; their further use is not counted", count(left, "process", "processes"))
		}
	}
	if c, ok := t.usage.(interface{ Churn() bool }); ok && c.Churn() {
		add(footprint.ShareLow, "carbonctl attach --cgroup PATH counts all processes of a service or container",
			"processes of the tree ended while attached; what they left running may not be seen: the process share is a lower bound")
	}
	return all
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

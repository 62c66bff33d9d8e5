package footprint

import "fmt"

// Attached is what a run has followed that ran already: a process and all that it starts,
// or a cgroup.
type Attached struct {
	// PID of the process, 0 for a cgroup, and its Name: "python3".
	PID  int    `json:"pid,omitempty"`
	Name string `json:"name,omitempty"`
	// Cgroup is the path of the cgroup below /sys/fs/cgroup, "" for a process.
	Cgroup string `json:"cgroup,omitempty"`
}

// String names it for people: "process 4711 (python3)", "cgroup /system.slice/nginx.service".
func (a Attached) String() string {
	if a.Cgroup != "" {
		return "cgroup " + a.Cgroup
	}
	return fmt.Sprintf("process %d (%s)", a.PID, a.Name)
}

package carbon

import (
	"io/fs"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// headline decides what the headline takes where nobody said: the whole machine,
// or, where it is seen to be shared, the work's part. Who limits a job to some
// CPUs gives the others to somebody else.
func headline(root fs.FS, cpu proc.CPU, memory uint64, env func(string) (string, bool)) (footprint.Charge, []footprint.Fault) {
	if why := proc.Allotment(root, cpu, memory, env); why != "" {
		return footprint.ChargeProcess, []footprint.Fault{{
			Code: footprint.MachineShared, Text: why + ", so it is shared: only the run's share is charged",
		}}
	}
	if proc.InContainer(root) {
		return footprint.ChargeMachine, []footprint.Fault{{
			Code: footprint.MachineWhole, Text: "container without limits: the whole machine is charged, including its other work",
		}}
	}
	return footprint.ChargeMachine, nil
}

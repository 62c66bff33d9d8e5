package carbon

import (
	"fmt"
	"io/fs"
	"runtime"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/proc"
)

// headline decides what the headline takes where nobody said: the whole
// machine, or, where this process may use only a part of its CPUs, the work's
// part. Who limits a job to some CPUs gives the others to somebody else.
func headline(root fs.FS, threads int) (footprint.Charge, *footprint.Fault) {
	ours := min(float64(runtime.NumCPU()), proc.Quota(root)) // affinity and cpusets; cgroup limits
	if threads == 0 || ours >= float64(threads) {
		return footprint.ChargeMachine, nil
	}
	return footprint.ChargeProcess, &footprint.Fault{
		Code: footprint.MachineShared,
		Text: fmt.Sprintf("%.3g of the machine's %d CPUs may be used here, so it is shared: only the work's part is charged", ours, threads),
	}
}

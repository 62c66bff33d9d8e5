package proc

import (
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
)

func TestAllotment(t *testing.T) {
	const gib = 1 << 30
	// As many CPUs as this test may use, so that affinity is no sign.
	cpu := CPU{Threads: runtime.NumCPU(), Cores: runtime.NumCPU() / 2, Siblings: runtime.NumCPU(), Packages: []int{0}}
	many := CPU{Threads: 10_000, Cores: 2500, Siblings: 5000, Packages: []int{0, 1}}
	pod := map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
	for name, tt := range map[string]struct {
		files map[string]string
		env   map[string]string
		cpu   CPU
		want  string // a part of it; "": not shared
	}{
		"nothing": {cpu: cpu},
		"a quota": {map[string]string{"proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "50000 100000"}, nil, cpu, "0.5 of the machine's"},
		"a quota, version 1, as it is mounted": {map[string]string{"proc/self/cgroup": "3:cpu,cpuacct:/docker/x\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000"}, nil, cpu, "0.5 of the machine's"},
		"an affinity": {cpu: many, want: "of the machine's 10000 CPUs may be used here"},
		"memory": {map[string]string{"proc/self/cgroup": "0::/kubepods.slice/cri-1.scope",
			"sys/fs/cgroup/kubepods.slice/cri-1.scope/memory.max": "268435456\n"}, nil, cpu, "0.25 of the machine's 16 GiB"},
		"memory of a group above": {map[string]string{"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/b/memory.max": "max", "sys/fs/cgroup/a/memory.max": "8589934592\n"}, nil, cpu, "8 of the machine's 16 GiB"},
		"memory, version 1":       {map[string]string{"proc/self/cgroup": "4:memory:/x", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "1073741824"}, nil, cpu, "1 of the machine's 16 GiB"},
		"memory, no limit":        {map[string]string{"proc/self/cgroup": "4:memory:/x\n0::/", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712", "sys/fs/cgroup/memory.max": "max"}, nil, cpu, ""},
		"a pod":                   {map[string]string{"var/run/secrets/kubernetes.io/serviceaccount/token": "x"}, pod, cpu, "Kubernetes pod"},
		"a pod without an account, by its cgroup": {map[string]string{"proc/self/cgroup": "0::/kubepods/besteffort/pod1"}, nil, cpu, "Kubernetes pod"},
		"a machine that can reach Kubernetes":     {nil, pod, cpu, ""},
		"a service account, somebody else's":      {map[string]string{"var/run/secrets/kubernetes.io/serviceaccount/token": "x"}, nil, cpu, ""},
		"a container":                             {map[string]string{".dockerenv": "", "proc/self/cgroup": "0::/"}, nil, cpu, ""},
	} {
		root := fstest.MapFS{}
		for p, s := range tt.files {
			root[p] = &fstest.MapFile{Data: []byte(s)}
		}
		env := func(k string) (string, bool) { v, ok := tt.env[k]; return v, ok }
		got := Allotment(root, tt.cpu, 16*gib, env)
		assert.Equal(t, tt.want == "", got == "", "%s: %s", name, got)
		assert.Contains(t, got, tt.want, name)
		assert.Equal(t, name == "a container" || strings.Contains(tt.files["proc/self/cgroup"], "docker"), InContainer(root), name)
	}
	assert.Empty(t, Allotment(fstest.MapFS{}, CPU{}, 0, nil), "nothing is known")
	limit := fstest.MapFS{"proc/self/cgroup": {Data: []byte("0::/a")}, "sys/fs/cgroup/a/memory.max": {Data: []byte("268435456")}}
	assert.Equal(t, "only 0.25 GiB of memory may be used here", Allotment(limit, CPU{}, 0, nil), "how much there is can't be read")
	old := fstest.MapFS{"proc/self/cgroup": {Data: []byte("4:memory:/x")}, "sys/fs/cgroup/memory/x/memory.limit_in_bytes": {Data: []byte("9223372036854771712")}}
	assert.Empty(t, Allotment(old, CPU{}, 0, nil), "no limit, in the words of version 1")
}

func TestScheduled(t *testing.T) {
	cpu := CPU{Threads: 64, Cores: 16, Siblings: 32, Packages: []int{0, 1}}
	for name, tt := range map[string]struct {
		env  map[string]string
		want string
	}{
		"none":                   {nil, ""},
		"slurm":                  {map[string]string{"SLURM_JOB_ID": "1", "SLURM_CPUS_ON_NODE": "4"}, "the SLURM allocation has 4 of the machine's 64 CPUs"},
		"slurm, the whole node":  {map[string]string{"SLURM_JOB_ID": "1", "SLURM_CPUS_ON_NODE": "64"}, ""},
		"slurm, all its cores":   {map[string]string{"SLURM_JOB_ID": "1", "SLURM_CPUS_ON_NODE": "32"}, ""},
		"slurm, no job":          {map[string]string{"SLURM_CPUS_ON_NODE": "4"}, ""},
		"slurm, garbage":         {map[string]string{"SLURM_JOB_ID": "1", "SLURM_CPUS_ON_NODE": "4(x2)"}, ""},
		"pbs":                    {map[string]string{"PBS_JOBID": "1.server", "NCPUS": "8"}, "PBS"},
		"torque":                 {map[string]string{"PBS_JOBID": "1.server", "PBS_NUM_PPN": "8"}, "PBS"},
		"lsf":                    {map[string]string{"LSB_JOBID": "1", "LSB_DJOB_NUMPROC": "16"}, "LSF"},
		"lsf over many machines": {map[string]string{"LSB_JOBID": "1", "LSB_DJOB_NUMPROC": "256"}, ""},
		"grid engine":            {map[string]string{"SGE_ROOT": "/sge", "NSLOTS": "2"}, "Grid Engine"},
		"somebody else's NSLOTS": {map[string]string{"NSLOTS": "2"}, ""},
		"somebody else's NCPUS":  {map[string]string{"NCPUS": "2"}, ""},
	} {
		got := scheduled(cpu, func(k string) (string, bool) { v, ok := tt.env[k]; return v, ok })
		assert.Equal(t, tt.want == "", got == "", "%s: %s", name, got)
		assert.Contains(t, got, tt.want, name)
	}
}

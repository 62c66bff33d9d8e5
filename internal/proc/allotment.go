package proc

import (
	"fmt"
	"io/fs"
	"runtime"
	"strconv"
	"strings"
)

// Allotment says in a few words why this machine is taken to be shared: a limit
// that leaves the rest of it to others, a scheduler's allocation that does, or a
// Kubernetes pod. "" means no such sign. env is as os.LookupEnv; nil asks no
// scheduler. A container without limits is no sign: see InContainer.
func Allotment(root fs.FS, cpu CPU, memory uint64, env func(string) (string, bool)) string {
	usable := min(float64(runtime.NumCPU()), Quota(root)) // affinity and cpusets; quotas
	if cpu.Threads > 0 && usable < float64(cpu.Threads) {
		return fmt.Sprintf("%.3g of the machine's %d CPUs may be used here", usable, cpu.Threads)
	}
	switch limit := MemoryLimit(root); {
	case memory > 0 && limit < memory:
		return fmt.Sprintf("%.3g of the machine's %.3g GiB of memory may be used here", float64(limit)/(1<<30), float64(memory)/(1<<30))
	case memory == 0 && limit < noLimit:
		return fmt.Sprintf("only %.3g GiB of memory may be used here", float64(limit)/(1<<30))
	}
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	if s := scheduled(cpu, env); s != "" {
		return s
	}
	if inPod(root, env) {
		return "this is a Kubernetes pod"
	}
	return ""
}

// noLimit is more memory than a machine has: version 1 shows a limit that was not
// set as the largest number of pages.
const noLimit = 1 << 60

// schedulers are the batch systems that put several jobs on a machine, with the
// variables of the job's ID and of how many CPUs it has, as their manuals give
// them: sbatch(1); PBS Professional User's Guide, B.1; Torque, qsub(1); LSF
// Configuration Reference, environment variables; qsub(1) of Grid Engine. A count
// over several machines that is below the CPUs of this one is below them here
// too; one that is not tells nothing.
var schedulers = [...]struct{ name, job, cpus string }{
	{"SLURM", "SLURM_JOB_ID", "SLURM_CPUS_ON_NODE"},
	{"PBS", "PBS_JOBID", "NCPUS"},
	{"PBS", "PBS_JOBID", "PBS_NUM_PPN"},
	{"LSF", "LSB_JOBID", "LSB_DJOB_NUMPROC"},
	{"Grid Engine", "SGE_ROOT", "NSLOTS"},
}

// scheduled says which batch system has given this job less than the machine. One
// that counts cores gives all of them to a job that has the machine to itself.
func scheduled(cpu CPU, env func(string) (string, bool)) string {
	for _, s := range schedulers {
		job, _ := env(s.job)
		count, _ := env(s.cpus)
		n, err := strconv.Atoi(count)
		if job == "" || err != nil || n <= 0 || n >= cpu.Threads || n == cpu.Cores*cpu.Sockets() {
			continue
		}
		return fmt.Sprintf("the %s allocation has %d of the machine's %d CPUs", s.name, n, cpu.Threads)
	}
	return ""
}

// inPod reports whether the cgroup is a pod's, or, where a namespace hides its
// name, a service account of Kubernetes is mounted and a service to be reached.
func inPod(root fs.FS, env func(string) (string, bool)) bool {
	if strings.Contains(text(root, "proc/self/cgroup"), "kubepods") {
		return true
	}
	if host, _ := env("KUBERNETES_SERVICE_HOST"); host == "" {
		return false
	}
	for _, dir := range []string{"var/run", "run"} {
		if _, err := fs.Stat(root, dir+"/secrets/kubernetes.io/serviceaccount"); err == nil {
			return true
		}
	}
	return false
}

// InContainer reports whether this process seems to run in a container: by the
// files that Docker and Podman leave in one, or the name of its cgroup. In a
// cgroup namespace that name is "/" and shows nothing.
func InContainer(root fs.FS) bool {
	for _, file := range []string{".dockerenv", "run/.containerenv"} {
		if _, err := fs.Stat(root, file); err == nil {
			return true
		}
	}
	for _, name := range []string{"/docker", "containerd", "libpod", "/lxc", "crio-"} {
		if strings.Contains(text(root, "proc/self/cgroup"), name) {
			return true
		}
	}
	return false
}

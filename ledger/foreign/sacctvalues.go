package foreign

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/plan"
)

// slurmJob reads the figures of a job. What its steps say counts where that is more: the
// most memory, the most CPU time.
func (f *file) slurmJob(j *job) (plan.Job, error) {
	r := plan.Job{Partition: j.first("partition")}
	var err error
	if r.Hours, err = hours(j.first("elapsedraw"), j.first("elapsed")); err != nil {
		return r, fmt.Errorf("elapsed: %w", err)
	}
	if j.first("elapsedraw") == "" && slices.Contains([]string{"", "INVALID"}, j.first("elapsed")) {
		start, err := slurmTime(j.first("start"), f.Location)
		if end, endErr := slurmTime(j.first("end"), f.Location); err == nil && endErr == nil {
			r.Hours = max(0, end.Sub(start).Hours())
		}
	}
	tres := tresOf(j.first("alloctres", "reqtres"))
	if r.CPUs, err = amount(j.first("ncpus", "alloccpus"), tres["cpu"]); err != nil {
		return r, fmt.Errorf("NCPUS: %w", err)
	}
	if r.CPUs == 0 {
		if r.CPUs, err = amount(tres["cpu"], j.first("reqcpus")); err != nil {
			return r, fmt.Errorf("ReqCPUS: %w", err)
		}
	}
	nodes, err := amount(j.first("nnodes", "allocnodes"), tres["node"])
	if err != nil {
		return r, fmt.Errorf("NNodes: %w", err)
	}
	for _, l := range j.lines() {
		busy, err := clock(l.get("totalcpu"))
		if err != nil {
			return r, fmt.Errorf("TotalCPU: %w", err)
		}
		r.BusyHours = max(r.BusyHours, busy)
		rss, err := f.memory(l.get("maxrss"), 1)
		if err != nil {
			return r, fmt.Errorf("MaxRSS: %w", err)
		}
		tasks, err := amount(l.get("ntasks"), "1") // MaxRSS is that of one task
		if err != nil {
			return r, fmt.Errorf("NTasks: %w", err)
		}
		r.UsedGB = max(r.UsedGB, rss*max(1, tasks))
	}
	if r.CPUs == 0 && r.Hours > 0 { // not printed: those that were busy
		r.CPUs = math.Ceil(r.BusyHours / r.Hours)
	}
	r.GPUs, r.GPUName, r.GPUSlices, err = gpusOf(tres, j.first("allocgres", "reqgres"))
	if err != nil {
		return r, err
	}
	r.MemoryGB, err = f.requested(j.first("reqmem"), nodes, r.CPUs)
	if err == nil && r.MemoryGB == 0 {
		r.MemoryGB, err = f.memory(tres["mem"], 1e6)
	}
	if err != nil {
		return r, fmt.Errorf("memory: %w", err)
	}
	for _, x := range []float64{r.Hours / 1e5, r.CPUs / 1e7, r.BusyHours / 1e12, r.GPUs / 1e6, r.MemoryGB / 1e9, r.UsedGB / 1e9} {
		if !(x >= 0 && x <= 1) {
			return r, fmt.Errorf("more than any job can have used")
		}
	}
	return r, nil
}

// amount reads a count, or the one that stands in for an empty cell.
func amount(cell, or string) (float64, error) {
	if cell == "" {
		cell = or
	}
	x, _, err := number(strings.ReplaceAll(cell, ",", "."))
	return x, err
}

// hours reads an elapsed time: seconds, or "1-02:03:04".
func hours(raw, text string) (float64, error) {
	if raw != "" {
		s, _, err := number(raw)
		return s / 3600, err
	}
	return clock(text)
}

// clock reads "[days-][hours:]minutes:seconds[.fraction]" in hours; locales write the
// fraction with a comma.
func clock(s string) (float64, error) {
	if s == "" || s == "INVALID" || s == "UNLIMITED" {
		return 0, nil
	}
	days, rest, dashed := strings.Cut(s, "-")
	if !dashed {
		days, rest = "", s
	}
	parts := strings.Split(strings.ReplaceAll(rest, ",", "."), ":")
	if len(parts) > 3 || len(parts) < 2 && !dashed {
		return 0, fmt.Errorf("%.40q is not a time", s)
	}
	unit := 1.0 // of the last part, in seconds
	if dashed {
		unit = []float64{3600, 60, 1}[len(parts)-1] // "1-02" is days and hours
	}
	sum := 0.0
	for i := len(parts) - 1; i >= 0; i-- {
		x, there, err := number(parts[i])
		if err != nil || !there {
			return 0, fmt.Errorf("%.40q is not a time", s)
		}
		sum += x * unit
		unit *= 60
	}
	d, _, err := number(days)
	return (sum + d*86400) / 3600, err
}

// requested reads ReqMem: "32G", "4Gc" a CPU, "16Gn" a node. 0 is a whole node, or not
// known.
func (f *file) requested(s string, nodes, cpus float64) (float64, error) {
	times := 1.0
	if t, ok := strings.CutSuffix(s, "n"); ok {
		s, times = t, max(1, nodes)
	} else if t, ok := strings.CutSuffix(s, "c"); ok {
		s, times = t, max(1, cpus)
	}
	gb, err := f.memory(s, 1e6) // without a unit: megabytes
	return gb * times, err
}

// memory reads an amount in GB; unit is that of a bare number, in bytes. SLURM's K, M, G
// are powers of 1024; Green Algorithms takes them for powers of 1000, and so does what
// repeats its figures.
func (f *file) memory(s string, unit float64) (float64, error) {
	if s = strings.TrimSuffix(s, "?"); s == "" { // where sacct does not know of how many
		return 0, nil
	}
	base := 1024.0
	if f.Method == plan.GreenAlgorithms {
		base = 1000
	}
	if i := strings.IndexByte("KMGTPE", s[len(s)-1]); i >= 0 {
		unit, s = math.Pow(base, float64(i+1)), s[:len(s)-1]
	}
	x, _, err := number(strings.ReplaceAll(s, ",", "."))
	return x * unit / 1e9, err
}

// tresOf takes "billing=8,cpu=8,gres/gpu=1,mem=32G,node=1" apart.
func tresOf(s string) map[string]string {
	all := map[string]string{}
	for pair := range strings.SplitSeq(s, ",") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			all[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return all
}

// gpusOf is how many GPUs a job had, which, and whether some are slices. "gres/gpu=4,gres/gpu:a100=4" are four;
// older versions have "gpu:a100:4" in a column of its own.
func gpusOf(tres map[string]string, gres string) (n float64, name string, sliced bool, err error) {
	typed, parts := 0.0, 0.0
	for key, value := range tres {
		kind, ok := strings.CutPrefix(key, "gres/gpu:")
		if !ok {
			continue
		}
		x, _, err := number(value)
		if err != nil {
			return 0, "", false, fmt.Errorf("%s: %w", key, err)
		}
		typed += x
		kind, part := plan.SliceOf(kind)
		sliced = sliced || part < 1
		parts += x * part
		name = max(name, kind) // of several the same each time
	}
	if n, _, err = number(tres["gres/gpu"]); err != nil {
		return 0, "", false, fmt.Errorf("gres/gpu: %w", err)
	}
	if n = parts + max(0, n-typed); n > 0 || !strings.HasPrefix(gres, "gpu") {
		return n, name, sliced, nil
	}
	words := strings.Split(strings.Split(gres, ",")[0], ":")
	part := 1.0
	if len(words) == 3 {
		name, part = plan.SliceOf(words[1])
	}
	n, there, err := number(words[len(words)-1])
	if err != nil || !there || len(words) == 1 {
		n, err = 1, nil
	}
	return n * part, name, part < 1, err
}

// maxConsumed is above any job's joules: SLURM writes 2⁶⁴-2 for "not known".
const maxConsumed = 1e15

// consumed is the energy of the job's nodes, where the job had them alone.
func (f *file) consumed(j *job, r plan.Job, o *origin) (energy.Energy, bool) {
	joules := 0.0
	for _, l := range j.lines() {
		x, _, err := number(l.get("consumedenergyraw"))
		if err != nil || x > maxConsumed {
			continue
		}
		joules = max(joules, x)
	}
	if joules == 0 {
		return 0, false
	}
	nodes, _ := amount(j.first("nnodes", "allocnodes"), tresOf(j.first("alloctres"))["node"])
	p, _ := f.Cluster.Partition(r.Partition)
	if p.NodeCPUs == 0 || r.CPUs < nodes*float64(p.NodeCPUs) || nodes == 0 {
		o.Notes = append(o.Notes, "the energy that SLURM measured is that of whole nodes, and is not charged to a job that may not have been alone (node-cpus in --cluster says how many CPUs a node has)")
		return 0, false
	}
	o.Notes = append(o.Notes, "energy as SLURM measured it: the job had its nodes alone")
	return energy.Joules(joules), true
}

func slurmLabels(account, partition string) string {
	labels := map[string]string{}
	if account != "" {
		labels["account"] = account
	}
	if partition != "" {
		labels["partition"] = partition
	}
	if len(labels) == 0 {
		return ""
	}
	b, _ := json.Marshal(labels) // keys are sorted
	return string(b)
}

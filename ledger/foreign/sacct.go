package foreign

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/runs"
)

// Slurm is what `sacct -P` prints: a header and a line for each job and step, their cells
// separated by "|".
const Slurm Format = "sacct"

// SacctFields are the columns to ask sacct for. Others are passed over, and of these only
// JobID and State must be there.
const SacctFields = "JobID,JobName,User,Account,Cluster,Partition,State,ExitCode,Submit,Start,End,ElapsedRaw,NNodes,NCPUS,NTasks,TotalCPU,ReqMem,MaxRSS,AllocTRES,ConsumedEnergyRaw"

// slurmDetails is what an imported job's details tell beyond the columns.
type slurmDetails struct {
	Name     string  `json:"name,omitempty"`
	State    string  `json:"state"`
	CPUs     float64 `json:"cpus"`
	GPUs     float64 `json:"gpus,omitempty"`
	CPUHours float64 `json:"cpu_hours"` // of CPU time used
	Hours    float64 `json:"core_hours"`
	// Memory requested, and what would have been enough; both in GB.
	Requested float64       `json:"memory_requested_gb"`
	Needed    float64       `json:"memory_needed_gb"`
	Unneeded  energy.Energy `json:"memory_unneeded_joules"` // of memory requested beyond that
}

// slurmLine is a line, whose cells are found by the lower-case names of their columns.
type slurmLine struct {
	columns map[string]int
	cells   []string
}

// get is the cell of a column, "" where there is none.
func (l slurmLine) get(column string) string {
	if i, ok := l.columns[column]; ok && i < len(l.cells) {
		return strings.TrimSpace(l.cells[i])
	}
	return ""
}

// job is a job as its lines tell it.
type job struct {
	id    string
	of    slurmLine // none where only its steps are there
	line  int
	steps []slurmLine
}

// sacct reads the jobs. Steps belong to the job before their dot; a step without its job
// stands for it.
func (f *file) sacct() {
	var columns map[string]int
	var header string
	separator, width := "|", 0
	var jobs []*job
	byID, byStart := map[string]*job{}, map[string]*job{}
	for {
		line, more := f.next()
		if !more {
			break
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		if line == header { // of files put together
			continue
		}
		if columns == nil {
			header, separator = line, slurmSeparator(line)
		}
		cells := strings.Split(line, separator)
		if columns == nil {
			columns = make(map[string]int, len(cells))
			for i, c := range cells {
				columns[strings.ToLower(strings.TrimSpace(c))] = i
			}
			width = len(cells)
			for _, name := range []string{"jobid", "state"} {
				if _, ok := columns[name]; !ok {
					f.fail(f.line, fmt.Errorf("no column %s: print the jobs with sacct -P, and with these columns", name))
					return
				}
			}
			continue
		}
		l, err := slurmCells(columns, width, cells, separator)
		if err != nil {
			f.fail(f.line, err)
			continue
		}
		base, _, step := strings.Cut(l.get("jobid"), ".")
		key := l.get("cluster") + " " + base
		owner := byID[key]
		switch {
		case step && owner == nil:
			owner = &job{id: base, line: f.line, steps: []slurmLine{l}}
			jobs, byID[key] = append(jobs, owner), owner
		case step:
			owner.steps = append(owner.steps, l)
		case owner != nil && owner.of.cells == nil: // its steps came first
			owner.of = l
			byStart[key+" "+l.get("start")] = owner
		case byStart[key+" "+l.get("start")] != nil: // the same job again
			byID[key] = byStart[key+" "+l.get("start")]
		default: // also one that was queued again, which has another start
			owner = &job{id: base, of: l, line: f.line}
			jobs, byID[key], byStart[key+" "+l.get("start")] = append(jobs, owner), owner, owner
		}
	}
	for _, j := range jobs {
		if f.ended {
			return
		}
		row, o, id, err := f.slurmRow(j)
		switch {
		case errors.Is(err, errNotRun):
			continue
		case err == nil:
			err = finish(&row, o, "", id)
		}
		if err != nil {
			f.fail(j.line, err)
			continue
		}
		f.give(row)
	}
}

// errNotRun is a job that has not begun, or not ended: it has no row.
var errNotRun = errors.New("the job has not ended")

// slurmSeparator is what stands between the columns of a header, as sacct's --delimiter has
// it: all that no name of a column has.
func slurmSeparator(header string) string {
	name := func(r rune) bool { return r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' }
	at := strings.IndexFunc(header, name)
	if at < 0 {
		return "|"
	}
	rest := header[at:]
	if end := strings.IndexFunc(rest, func(r rune) bool { return !name(r) }); end > 0 {
		rest = rest[:end]
	}
	if strings.Trim(rest, " ") == "" { // columns of a fixed width
		return "|"
	}
	return rest
}

// slurmCells checks the cells of a line. A "|" in the name of a job makes more of them
// than there are columns.
func slurmCells(columns map[string]int, width int, cells []string, separator string) (slurmLine, error) {
	if more := len(cells) - width; more > 0 {
		if at, ok := columns["jobname"]; ok {
			name := strings.Join(cells[at:at+more+1], separator)
			cells = slices.Concat(cells[:at], []string{name}, cells[at+more+1:])
		}
	}
	l := slurmLine{columns, cells}
	if len(cells) != width {
		return l, fmt.Errorf("%d of %d columns", len(cells), width)
	}
	if id := l.get("jobid"); id == "" || id[0] < '0' || id[0] > '9' {
		return l, fmt.Errorf("%.40q is not a job ID", id)
	}
	return l, nil
}

// first is the first cell of some columns that holds anything, that of the job itself
// before those of its steps.
func (j *job) first(columns ...string) string {
	if v := j.of.first(columns); v != "" {
		return v
	}
	for _, s := range j.steps {
		if v := s.first(columns); v != "" {
			return v
		}
	}
	return ""
}

func (l slurmLine) first(columns []string) string {
	for _, c := range columns {
		if v := l.get(c); v != "" && v != "Unknown" && v != "None" {
			return v
		}
	}
	return ""
}

// lines are that of the job and those of its steps.
func (j *job) lines() []slurmLine { return append([]slurmLine{j.of}, j.steps...) }

// slurmStatus says how a state counts; ok is false for a job that has not ended.
func slurmStatus(state string) (s footprint.Status, ok bool) {
	word, _, _ := strings.Cut(state, " ") // "CANCELLED by 500"
	switch strings.TrimRight(strings.ToUpper(word), "+") {
	case "COMPLETED", "CD":
		return footprint.Completed, true
	case "CANCELLED", "CA", "PREEMPTED", "PR", "REVOKED", "RV":
		return footprint.Interrupted, true
	case "FAILED", "F", "TIMEOUT", "TO", "OUT_OF_MEMORY", "OUT_OF_ME", "OOM", "NODE_FAIL", "NF", "BOOT_FAIL", "BF", "DEADLINE", "DL", "LAUNCH_FAILED", "RECONFIG_FAIL":
		return footprint.Failed, true
	}
	return "", false
}

// slurmRow makes the row of a job.
func (f *file) slurmRow(j *job) (row runs.Row, o origin, id string, err error) {
	o = origin{Line: j.line, Unknown: []string{"host"}}
	state := j.first("state")
	status, ended := slurmStatus(state)
	if word, _, _ := strings.Cut(strings.ToUpper(state), " "); slices.Contains([]string{"REQUEUED", "RQ", "RESIZING", "RS"}, word) && j.first("end") != "" {
		status, ended = footprint.Interrupted, true // what it used until then; sacct -D has such lines
	}
	if !ended {
		switch word, _, _ := strings.Cut(strings.ToUpper(state), " "); word {
		case "RUNNING", "R", "PENDING", "PD", "SUSPENDED", "S", "REQUEUED", "RQ", "RESIZING", "RS", "COMPLETING", "CG", "CONFIGURING", "CF", "REQUEUE_HOLD", "SPECIAL_EXIT", "STOPPED", "SIGNALING", "STAGE_OUT", "REQUEUE_FED", "RESV_DEL_HOLD":
			f.skip("not yet ended")
			return row, o, "", errNotRun
		}
		return row, o, "", fmt.Errorf("unknown state %.40q", state)
	}
	read, err := f.slurmJob(j)
	if err != nil {
		return row, o, "", err
	}
	if read.Hours == 0 {
		f.skip("never started")
		return row, o, "", errNotRun
	}
	method := f.Method
	if method == "" {
		method = plan.Ours
	}
	use := f.Cluster.Use(read, method)
	used := use.Energy()
	row = f.row(kilowattHours(used.Expected), &o)
	row.Status, row.Charge, row.Coverage = status, footprint.ChargeProcess, 1
	o.Notes = append(o.Notes, use.Notes...)
	expected := func(r plan.Range) energy.Energy { return kilowattHours(r.Expected) }
	cpu, gpu, memory := expected(use.CPU), expected(use.GPU), expected(use.Memory)
	row.CPU, row.Memory = &cpu, &memory
	if read.GPUs > 0 {
		row.GPU = &gpu
	}
	row.MeasuredShare = new(runs.Number(0))
	low, high := min(kilowattHours(used.Low), row.Energy), max(kilowattHours(used.High), row.Energy)
	if method == plan.Ours {
		row.EnergyLow, row.EnergyHigh = &low, &high
		o.Unknown = known(o.Unknown, "energy_low_joules", "energy_high_joules")
	}
	unneeded := expected(use.Unneeded)
	if method == plan.Ours {
		if e, alone := f.consumed(j, read, &o); alone {
			row.Energy, row.MachineEnergy, row.CPU, row.GPU, row.Memory = e, e, nil, nil, nil
			row.EnergyLow, row.EnergyHigh, row.MeasuredShare, unneeded = nil, nil, new(runs.Number(1)), 0
		}
	}
	spent := row.Energy
	row.ProcessEnergy = &spent
	row.DurationS = runs.Number(read.Hours * 3600)
	f.slurmTimes(j, &row, &o)
	row.JobID, row.User, row.Project = j.id, j.first("user", "uid"), j.first("account")
	row.Labels = slurmLabels(row.Project, read.Partition)
	o.Slurm = &slurmDetails{
		Name: j.of.get("jobname"), State: state, CPUs: read.CPUs, GPUs: read.GPUs, CPUHours: read.BusyHours, Hours: read.CPUs * read.Hours,
		Requested: read.MemoryGB, Needed: f.Cluster.Needed(read), Unneeded: unneeded,
	}
	p, _ := f.Cluster.Partition(read.Partition)
	row.PUE = new(runs.Number(p.PUE))
	if err := f.slurmGrid(read.Partition, &row); err != nil {
		return row, o, "", err
	}
	// When a job is imported again it has the same ID, whatever file it stands in.
	id = strings.Join([]string{j.first("cluster"), row.JobID, j.first("start", "submit"), row.User}, "|")
	return row, o, id, nil
}

// known takes names from those that are unknown.
func known(unknown []string, names ...string) (rest []string) {
	for _, u := range unknown {
		if !slices.Contains(names, u) {
			rest = append(rest, u)
		}
	}
	return rest
}

// slurmGrid multiplies by the intensity of the job's partition.
func (f *file) slurmGrid(partition string, row *runs.Row) error {
	if f.Grid == nil {
		return f.given(row)
	}
	in, err := f.Grid(partition, row.StartedAt.Time)
	if err == nil {
		*row = runs.Recompute(*row, runs.Factors{Intensity: &in})
	}
	return err
}

func (f *file) skip(why string) {
	if f.Skipped != nil {
		f.Skipped(why)
	}
}

// slurmTimes sets start and end. Times without a zone are those of the cluster.
func (f *file) slurmTimes(j *job, row *runs.Row, o *origin) {
	start := j.first("start")
	if start == "" {
		o.Unknown = append(o.Unknown, "started_at", "ended_at")
		return
	}
	at, err := slurmTime(start, f.Location)
	if err != nil { // SLURM_TIME_FORMAT=relative, and what sites make up
		o.Unknown = append(o.Unknown, "started_at", "ended_at")
		o.Notes = append(o.Notes, "start and end are in no form that is read: print the jobs without SLURM_TIME_FORMAT")
		return
	}
	row.StartedAt.Time = at.UTC()
	row.EndedAt.Time = at.Add(span(float64(row.DurationS))).UTC()
	if end, err := slurmTime(j.first("end"), f.Location); err == nil && !end.Before(at) {
		row.EndedAt.Time = end.UTC()
	}
}

func slurmTime(s string, in *time.Location) (at time.Time, err error) {
	if sec, there, numErr := number(s); numErr == nil && there && sec > 1e8 && sec < 1e11 { // SLURM_TIME_FORMAT=%s
		return time.Unix(int64(sec), 0), nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05-0700", "2006-01-02T15:04"} {
		if at, err = time.ParseInLocation(layout, s, in); err == nil {
			return at, nil
		}
	}
	return at, fmt.Errorf("%.40q is not a time", s)
}

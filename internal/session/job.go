package session

import (
	"strconv"

	"github.com/carbonctl/carbonctl/footprint"
)

// jobs are the variables by which batch and CI systems tell a job who it is, as
// their manuals give them. The most particular come first: a step of a batch
// job may run inside a CI job.
var jobs = []struct{ system, id, rank string }{
	{"slurm", "SLURM_JOB_ID", "SLURM_PROCID"},
	{"pbs", "PBS_JOBID", "PBS_TASKNUM"},
	{"lsf", "LSB_JOBID", ""},
	{"sge", "JOB_ID", "SGE_TASK_ID"},
	{"airflow", "AIRFLOW_CTX_DAG_RUN_ID", ""},
	{"github-actions", "GITHUB_RUN_ID", ""},
	{"gitlab-ci", "CI_JOB_ID", ""},
	{"jenkins", "BUILD_TAG", ""},
}

// Job is the batch or CI job that the environment names, nil if none.
func Job(env func(string) string) *footprint.Job {
	for _, j := range jobs {
		id := env(j.id)
		if id == "" || j.system == "sge" && env("SGE_TASK_ID") == "" {
			continue
		}
		found := &footprint.Job{System: j.system, ID: id}
		if n, err := strconv.Atoi(env(j.rank)); err == nil && j.rank != "" {
			found.Rank = &n
		}
		return found
	}
	return nil
}

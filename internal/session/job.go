package session

import (
	"strconv"

	"github.com/carbonctl/carbonctl/footprint"
)

// jobs are the variables by which batch and CI systems tell a job who it is, as
// their manuals give them. The most particular come first: a step of a batch
// job may run inside a CI job.
var jobs = []struct{ system, id, rank, workflow, task, attempt string }{
	{system: "slurm", id: "SLURM_JOB_ID", rank: "SLURM_PROCID"},
	{system: "pbs", id: "PBS_JOBID", rank: "PBS_TASKNUM"},
	{system: "lsf", id: "LSB_JOBID"},
	{system: "sge", id: "JOB_ID", rank: "SGE_TASK_ID"},
	{system: "airflow", id: "AIRFLOW_CTX_DAG_RUN_ID", workflow: "AIRFLOW_CTX_DAG_ID", task: "AIRFLOW_CTX_TASK_ID", attempt: "AIRFLOW_CTX_TRY_NUMBER"},
	{system: "github-actions", id: "GITHUB_RUN_ID", workflow: "GITHUB_WORKFLOW", task: "GITHUB_JOB", attempt: "GITHUB_RUN_ATTEMPT"},
	{system: "gitlab-ci", id: "CI_JOB_ID", task: "CI_JOB_NAME"},
	{system: "jenkins", id: "BUILD_TAG"},
}

// Job is the batch or CI job that the environment names, nil if none.
func Job(env func(string) string) *footprint.Job {
	for _, j := range jobs {
		id := env(j.id)
		if id == "" || j.system == "sge" && env("SGE_TASK_ID") == "" {
			continue
		}
		get := func(name string) string {
			if name == "" {
				return ""
			}
			return env(name)
		}
		return &footprint.Job{
			System: j.system, ID: id, Rank: number(get(j.rank)),
			Workflow: get(j.workflow), Task: get(j.task), Attempt: number(get(j.attempt)),
		}
	}
	return nil
}

// number is a whole number, nil if text is none.
func number(text string) *int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil
	}
	return &n
}

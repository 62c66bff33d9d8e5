package session

import (
	"maps"
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

// dagLabels are the variables of Airflow's operators by the labels that a run gets of them,
// so that reports can group by DAG and task. Airflow sets them for each try of a task.
var dagLabels = map[string]string{
	"dag": "AIRFLOW_CTX_DAG_ID", "task": "AIRFLOW_CTX_TASK_ID", "run": "AIRFLOW_CTX_DAG_RUN_ID", "try": "AIRFLOW_CTX_TRY_NUMBER",
}

// Labels are those of a run with what the environment adds to them: of Airflow dag, task, run
// and try. Labels that are given stay. The map given does not change.
func Labels(given map[string]string, env func(string) string) map[string]string {
	all := maps.Clone(given)
	for label, variable := range dagLabels {
		value := env(variable)
		if _, ok := all[label]; ok || value == "" {
			continue
		}
		if all == nil {
			all = map[string]string{}
		}
		all[label] = value
	}
	return all
}

// number is a whole number, nil if text is none.
func number(text string) *int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil
	}
	return &n
}

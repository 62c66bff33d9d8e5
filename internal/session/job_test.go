package session

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/carbonctl/carbonctl/footprint"
)

func TestJob(t *testing.T) {
	rank := func(n int) *int { return &n }
	for name, tt := range map[string]struct {
		env  map[string]string
		want *footprint.Job
	}{
		"none":                     {nil, nil},
		"slurm":                    {map[string]string{"SLURM_JOB_ID": "12", "SLURM_PROCID": "3"}, &footprint.Job{System: "slurm", ID: "12", Rank: rank(3)}},
		"slurm outside of a step":  {map[string]string{"SLURM_JOB_ID": "12"}, &footprint.Job{System: "slurm", ID: "12"}},
		"a rank that is no number": {map[string]string{"SLURM_JOB_ID": "12", "SLURM_PROCID": "x"}, &footprint.Job{System: "slurm", ID: "12"}},
		"sge":                      {map[string]string{"JOB_ID": "7", "SGE_TASK_ID": "2"}, &footprint.Job{System: "sge", ID: "7", Rank: rank(2)}},
		"sge, no array":            {map[string]string{"JOB_ID": "7", "SGE_TASK_ID": "undefined"}, &footprint.Job{System: "sge", ID: "7"}},
		"somebody else's JOB_ID":   {map[string]string{"JOB_ID": "7"}, nil},
		"a batch job in a CI job":  {map[string]string{"GITHUB_RUN_ID": "9", "SLURM_JOB_ID": "12"}, &footprint.Job{System: "slurm", ID: "12"}},
		"a CI job":                 {map[string]string{"CI_JOB_ID": "9"}, &footprint.Job{System: "gitlab-ci", ID: "9"}},
		"airflow": {map[string]string{"AIRFLOW_CTX_DAG_RUN_ID": "manual__1", "AIRFLOW_CTX_DAG_ID": "etl", "AIRFLOW_CTX_TASK_ID": "train", "AIRFLOW_CTX_TRY_NUMBER": "2"},
			&footprint.Job{System: "airflow", ID: "manual__1", Workflow: "etl", Task: "train", Attempt: rank(2)}},
		"lsf has no variable of it": {map[string]string{"LSB_JOBID": "5", "": "1"}, &footprint.Job{System: "lsf", ID: "5"}},
	} {
		assert.Equal(t, tt.want, Job(func(k string) string { return tt.env[k] }), name)
	}
}

func TestLabelsOfATask(t *testing.T) {
	env := func(k string) string {
		return map[string]string{"AIRFLOW_CTX_DAG_ID": "etl", "AIRFLOW_CTX_TASK_ID": "train", "AIRFLOW_CTX_DAG_RUN_ID": "manual__1", "AIRFLOW_CTX_TRY_NUMBER": "2"}[k]
	}
	given := map[string]string{"task": "mine", "team": "red"}
	assert.Equal(t, map[string]string{"dag": "etl", "task": "mine", "run": "manual__1", "try": "2", "team": "red"}, Labels(given, env))
	assert.Equal(t, map[string]string{"task": "mine", "team": "red"}, given)
	assert.Equal(t, map[string]string{"dag": "etl", "task": "train", "run": "manual__1", "try": "2"}, Labels(nil, env))
	assert.Nil(t, Labels(nil, func(string) string { return "" }))
}

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// recipe is the code of docs/ci.md that is in a language, below a heading.
func recipe(t *testing.T, heading, language string) string {
	page, err := os.ReadFile("../docs/ci.md")
	require.NoError(t, err)
	_, part, ok := strings.Cut(string(page), "\n## "+heading+"\n")
	require.True(t, ok, heading)
	part, _, _ = strings.Cut(part, "\n## ")
	m := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(part)
	require.NotNil(t, m, "%s has no %s", heading, language)
	return m[1]
}

// runner is the machine of a CI system, with the programs that recipes call and that are
// not ours: carbonctl is there already, and make has something to do.
func runner(t *testing.T) desk {
	d := newDesk(t)
	require.NoError(t, os.Mkdir(d.at("bin"), 0o755))
	for name, text := range map[string]string{
		"go":   "#!/bin/sh\n[ \"$1\" = install ] && [ \"$2\" = github.com/carbonctl/carbonctl/cmd/carbonctl@latest ]\n",
		"make": "#!/bin/sh\necho \"make $*\"; echo working >&2; [ ! -e broken ]\n",
	} {
		d.write("bin/"+name, text)
		require.NoError(t, os.Chmod(d.at("bin/"+name), 0o755))
	}
	return d
}

// step runs a script as a runner does.
func (d desk) step(script string, env ...string) (out string, code int) {
	c := d.command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	c.Env = append(append(c.Env, env...), "PATH="+d.at("bin")+":"+built+":"+os.Getenv("PATH"), "CI=true", "CARBONCTL_REGION=FR")
	b, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil {
		require.ErrorAs(d, err, &exit, "%s", b)
	}
	return string(b), c.ProcessState.ExitCode()
}

// A githubStep is what a step of a workflow leaves.
type githubStep struct {
	id, log, summary, output string
	code                     int
}

// github runs the steps of the recipe until one fails.
func github(d desk, workflow string) (steps []githubStep) {
	var w struct {
		Jobs map[string]struct {
			Steps []struct {
				ID, Name, Uses, Run string
				Env                 map[string]string
			}
		}
	}
	require.NoError(d, yaml.Unmarshal([]byte(workflow), &w))
	require.Len(d, w.Jobs, 1)
	outputs := map[string]string{}
	for _, job := range w.Jobs {
		require.Greater(d, len(job.Steps), 3)
		for i, s := range job.Steps {
			require.NotEqual(d, s.Uses == "", s.Run == "", "a step uses or runs")
			if s.Run == "" {
				continue // of others
			}
			require.NotContains(d, s.Run, "${{", "what a script is made of is no place for text of others")
			files := map[string]string{}
			env := []string{"GITHUB_ACTIONS=true", "GITHUB_RUN_ID=1", "GITHUB_JOB=test", "GITHUB_WORKFLOW=test", "GITHUB_RUN_ATTEMPT=1"}
			for _, name := range []string{"GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"} {
				files[name] = d.write(fmt.Sprint(name, i), "")
				env = append(env, name+"="+files[name])
			}
			for k, v := range s.Env {
				env = append(env, k+"="+regexp.MustCompile(`\$\{\{ (\S+) \}\}`).ReplaceAllStringFunc(v, func(m string) string {
					v, ok := outputs[strings.Trim(m, "${} ")]
					require.True(d, ok, "%s: nothing has set it", m)
					return v
				}))
			}
			g := githubStep{id: s.ID}
			g.log, g.code = d.step(s.Run, env...)
			g.summary, g.output = d.read(filepath.Base(files["GITHUB_STEP_SUMMARY"])), d.read(filepath.Base(files["GITHUB_OUTPUT"]))
			for line := range strings.Lines(g.output) {
				k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
				outputs["steps."+s.ID+".outputs."+k] = v
			}
			if steps = append(steps, g); g.code != 0 {
				return steps
			}
		}
	}
	return steps
}

func TestGitHubRecipe(t *testing.T) {
	t.Parallel()
	d := runner(t)
	workflow := recipe(t, "GitHub Actions", "yaml")
	steps := github(d, workflow)
	require.Len(t, steps, 4)
	for _, s := range steps {
		require.Zero(t, s.code, s.log)
	}
	test := steps[1]
	assert.Contains(t, test.log, "make test\n")
	assert.Regexp(t, `(?m)^::notice title=Carbon footprint::.* CO2e from .*, modelled`, test.log)
	assert.Contains(t, test.summary, "### Footprint of a run")
	m := regexp.MustCompile(`(?m)^carbon_emissions_g=(\S+)$`).FindStringSubmatch(test.output)
	require.NotNil(t, m, test.output)
	assert.Equal(t, "The tests emitted "+m[1]+" g of CO2e\n", steps[2].log)
	assert.Contains(t, steps[3].summary, "200 kg", "the gate says what it holds")

	// A month that is over its budget fails the job; so does a command that fails, after its
	// run is shown.
	steps = github(d, strings.ReplaceAll(workflow, "200kg", "0.0000001g"))
	require.Len(t, steps, 4)
	assert.Equal(t, 1, steps[3].code)
	d.write("broken", "")
	steps = github(d, workflow)
	require.Len(t, steps, 2)
	assert.Equal(t, 1, steps[1].code)
	assert.Contains(t, steps[1].summary, "### Footprint of a run")
	assert.Len(t, groupsOf(d, "carbon/ledger.csv", "status"), 2)
}

// groupsOf are the keys of a report and their energy.
func groupsOf(d desk, ledger, by string) map[string]json.Number {
	var totals struct {
		Groups []struct {
			Key    map[string]string
			Energy json.Number `json:"energy_joules"`
		}
	}
	require.NoError(d, json.Unmarshal([]byte(d.run("carbonctl", "report", ledger, "--by", by, "--json")), &totals))
	all := map[string]json.Number{}
	for _, g := range totals.Groups {
		var key []string
		for _, k := range strings.Split(by, ",") {
			key = append(key, g.Key[k])
		}
		all[strings.Join(key, "/")] = g.Energy
	}
	return all
}

func TestGitLabRecipe(t *testing.T) {
	t.Parallel()
	d := runner(t)
	type job struct {
		Script    []string
		Needs     []string
		Artifacts struct {
			Paths   []string
			Reports map[string]string
		}
	}
	var jobs map[string]job
	require.NoError(t, yaml.Unmarshal([]byte(recipe(t, "GitLab CI", "yaml")), &jobs))
	require.Len(t, jobs, 2)
	run := func(name string, variables ...string) (string, int) {
		return d.step(strings.Join(jobs[name].Script, "\n"), append(variables, "GITLAB_CI=true", "CI_JOB_ID=7", "CI_JOB_NAME="+name, "CI_PROJECT_DIR="+d.dir)...)
	}
	log, code := run("test")
	require.Zero(t, code, log)
	test := jobs["test"].Artifacts
	metrics := d.read(test.Reports["metrics"])
	assert.Contains(t, test.Paths, test.Reports["metrics"])
	assert.Regexp(t, `(?m)^carbonctl_energy_joules_total\{job="test",basis="modelled"\} [0-9.]+$`, metrics)
	assert.True(t, strings.HasSuffix(metrics, "\n# EOF\n"))
	dotenv := strings.Split(strings.TrimSpace(d.read(test.Reports["dotenv"])), "\n")
	require.Contains(t, strings.Join(dotenv, "\n"), "CARBON_EMISSIONS_G=")
	require.Equal(t, []string{"test"}, jobs["emissions"].Needs)
	log, code = run("emissions", dotenv...)
	require.Zero(t, code, log)
	assert.Regexp(t, `^The tests emitted [0-9.e-]+ g of CO2e\n$`, log)
}

func TestAirflowRecipe(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, dir := range []string{"carbon", "models"} {
		require.NoError(t, os.Mkdir(d.at(dir), 0o755))
	}
	dag := recipe(t, "Airflow", "python")
	d.write("train.py", fmt.Sprintf("import sys\nprint('loss 0.1', file=sys.stderr)\nopen(%q, 'w').write('x')\nprint(%q)\n", d.at("model.bin"), d.at("model.bin")))
	for from, to := range map[string]string{"/data/carbon/": d.at("carbon") + "/", "/srv/models/": d.at("models") + "/", "python3 train.py": "python3 " + d.at("train.py")} {
		require.Contains(t, dag, from)
		dag = strings.ReplaceAll(dag, from, to)
	}
	d.write("dag.py", dag)
	stub, err := filepath.Abs("testdata/airflow")
	require.NoError(t, err)
	c := d.command("python3", filepath.Join(stub, "run.py"), d.at("dag.py"))
	c.Env = append(c.Env, "PYTHONPATH="+stub, "PYTHONDONTWRITEBYTECODE=1", "CARBONCTL_REGION=FR")
	out, err := c.Output()
	if exit := (*exec.ExitError)(nil); err != nil {
		require.ErrorAs(t, err, &exit)
		require.FailNow(t, string(exit.Stderr))
	}
	var results map[string]string
	require.NoError(t, json.Unmarshal(out, &results))
	assert.Equal(t, d.at("model.bin"), results["train"], "the last line is the command's")
	assert.FileExists(t, d.at("models/model.bin"))
	groups := groupsOf(d, d.at("carbon/ledger.csv"), "label:dag,label:task")
	require.Len(t, groups, 1)
	assert.Contains(t, groups, "model/train")
}

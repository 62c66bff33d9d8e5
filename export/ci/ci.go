// Package ci shows a run where the CI system that it was a job of shows results: GitHub's job
// summary, outputs and annotations, GitLab's metrics report and variables.
package ci

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/carbonctl/carbonctl/footprint"
)

// System is a CI system.
type System string

// The systems. The zero value is none.
const (
	None   System = ""
	GitHub System = "github"
	GitLab System = "gitlab"
)

// Parse reads the name of a system, or "auto": what env shows this job to be of, which may be
// none. GitHub's runners set GITHUB_ACTIONS, as those of Gitea and Forgejo do; GitLab's set
// GITLAB_CI.
func Parse(name string, env func(string) string) (System, error) {
	switch {
	case name == string(GitHub), name == string(GitLab):
		return System(name), nil
	case name != "auto":
		return None, fmt.Errorf("unknown CI system %.40q: use auto, github or gitlab", name)
	case env("GITHUB_ACTIONS") == "true":
		return GitHub, nil
	case env("GITLAB_CI") == "true":
		return GitLab, nil
	}
	return None, nil
}

// A value is one figure of a run, in the digits of its JSON.
type value struct{ name, text string }

// values are what later steps and jobs may go by; what is not known is left out.
func values(r footprint.Report) (list []value) {
	add := func(name string, v any) {
		if b, err := json.Marshal(v); err == nil && string(b) != "null" {
			list = append(list, value{name, string(b)})
		}
	}
	h := r.Headline()
	list = append(list, value{"carbon_run_id", oneWord(r.RunID)})
	if h.Energy != "" {
		add("carbon_energy_joules", r.Energy)
		add("carbon_energy_low_joules", r.EnergyLow)
	}
	add("carbon_energy_high_joules", r.EnergyHigh)
	if h.Emissions != "" {
		add("carbon_emissions_g", r.Emissions)
		add("carbon_emissions_low_g", r.EmissionsLow)
		add("carbon_emissions_high_g", r.EmissionsHigh)
	}
	add("carbon_measured_share", r.MeasuredShare)
	add("carbon_coverage", r.Coverage)
	return list
}

// oneWord is a text without what would end a line.
func oneWord(s string) string { return strings.Join(strings.Fields(s), "_") }

package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"math/rand/v2"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// teamNow is when the pages of teams are made.
var teamNow = time.Date(2026, 11, 27, 14, 2, 0, 0, time.UTC)

// teamRows are a year of a team's runs, made up: four projects of which one has moved to a
// cleaner grid, failures, and hosts whose counters are closed.
func teamRows(months int) (all []runs.Row) {
	random := rand.New(rand.NewPCG(17, 2))
	first := time.Date(2026, time.Month(12-months), 1, 6, 0, 0, 0, time.UTC)
	for _, p := range []struct {
		name       string
		each       int // days between runs
		kWh, hours float64
		hosts      []string
		measured   float64
	}{
		{"llm-finetune", 2, 19, 7.5, []string{"node-07", "node-04"}, 0.97},
		{"ablations", 1, 3.2, 2, []string{"node-02", "node-05"}, 0.78},
		{"vision", 1, 1.9, 1.5, []string{"node-11"}, 0.9},
		{"recsys", 1, 3.3, 3.3, []string{"node-09"}, 0.55},
		{"ocr", 3, 0.9, 1, []string{"laptop-3"}, 0},
		{"tutorials", 4, 0.6, 0.5, []string{"laptop-3", "laptop-4"}, 0},
		{"scraper", 9, 0.3, 2, []string{"node-01"}, 0},
	} {
		for day := first; day.Before(teamNow); day = day.AddDate(0, 0, p.each) {
			if w := day.Weekday(); w == time.Sunday || w == time.Saturday && random.IntN(2) == 0 {
				continue
			}
			r := row(0)
			r.RunID = fmt.Sprintf("01%06x-%04x-7e02-8e10-5a3c9b1d%04x", random.IntN(1<<24), random.IntN(1<<16), random.IntN(1<<16))
			r.Project, r.Host, r.User = p.name, p.hosts[random.IntN(len(p.hosts))], "ada"
			hours := p.hours * (0.6 + 0.8*random.Float64())
			start := day.Add(time.Duration(random.IntN(600)) * time.Minute)
			r.StartedAt, r.EndedAt, r.DurationS = runs.Stamp{Time: start}, runs.Stamp{Time: start.Add(time.Duration(hours * float64(time.Hour)))}, runs.Number(hours*3600)
			joules := p.kWh * 3.6e6 * hours / p.hours
			share := runs.Number(p.measured)
			r.Energy, r.MeasuredShare = energy.Joules(joules), &share
			spread := 0.004 + 0.4*(1-p.measured)
			r.EnergyLow, r.EnergyHigh = new(energy.Joules(joules*(1-spread))), new(energy.Joules(joules*(1+spread)))
			r.Zone, r.PerKWh, r.PUE, r.IntensityYear, r.IntensityKind, r.IntensityScope = "DE", 330, new(runs.Number(1.12)), new(2025), "annual-average", "lifecycle"
			r.IntensitySource = "Our World in Data, with data of Ember and the Energy Institute, 2026"
			if p.name == "recsys" && start.Month() >= time.August {
				r.Zone, r.PerKWh, r.Provider, r.CloudRegion = "FR", 41, "aws", "eu-west-3"
			}
			if p.measured < 0.9 {
				r.Warnings = "partly-modelled no-permission"
			}
			if p.name == "ocr" {
				r.Zone, r.PerKWh, r.IntensityKind, r.Warnings = "", 458, "world-default", "region-assumed modelled no-counter"
			}
			g := r.Energy.KilowattHours() * float64(*r.PUE) * float64(r.PerKWh)
			r.Emissions, r.EmissionsLow, r.EmissionsHigh = runs.Number(g), new(runs.Number(g*(1-spread))), new(runs.Number(g*(1+spread)))
			r.Charge, r.ToolVersion, r.DataVersion = footprint.ChargeMachine, "v1.0.0", "2026.2"
			r.Status = footprint.Completed
			if random.IntN(11) == 0 {
				r.Status, r.ExitCode = footprint.Failed, new(1+random.IntN(2)*136)
			}
			r.Labels = fmt.Sprintf(`{"model":"%s","team":"nlp"}`, []string{"7b", "13b"}[random.IntN(2)])
			all = append(all, r)
		}
	}
	return all
}

func team(t testing.TB, rows []runs.Row, with func(*report.Team)) report.Team {
	v := report.Team{Totals: report.Totals{Groups: &runs.Groups{}}, Now: teamNow}
	if with != nil {
		with(&v)
	}
	for i := range rows {
		v.Add(&rows[i])
	}
	v.Settle()
	return v
}

// teamPages are the pages that the goldens hold, and that integration opens in a browser.
func teamPages(t testing.TB) map[string]report.Team {
	year := teamRows(12)
	return map[string]report.Team{
		"year": team(t, year, func(v *report.Team) {
			v.Title, v.Budget.Emissions = "NLP team", 180e3
			v.Link = func(r runs.Row) string { return "runs/" + r.RunID + ".html" }
		}),
		"energy": team(t, year, func(v *report.Team) { v.Budget.Energy = 400 * energy.KilowattHour }),
		"month":  team(t, teamRows(1), nil),
		"none":   team(t, nil, func(v *report.Team) { v.Budget.Emissions = 180e3 }),
	}
}

func TestTeamPages(t *testing.T) {
	for name, v := range teamPages(t) {
		var b bytes.Buffer
		require.NoError(t, v.Write(&b, "html"))
		assert.Less(t, b.Len(), 300<<10, name)
		golden(t, "testdata/team-"+name+".html", b.Bytes())
	}
}

// The policy of a page names the style sheet and the script that are in it, and no other.
func TestTeamPolicyFitsThePage(t *testing.T) {
	v := team(t, teamRows(1), func(v *report.Team) { v.Live = &report.Served{Script: "let x = 1 < 2 && \"</b>\""} })
	var b bytes.Buffer
	require.NoError(t, v.Write(&b, "html"))
	inline := regexp.MustCompile(`(?s)<(?:script|style)>(.*?)</(?:script|style)>`).FindAllStringSubmatch(b.String(), -1)
	require.Len(t, inline, 3)
	for _, m := range inline {
		sum := sha256.Sum256([]byte(m[1]))
		assert.Contains(t, v.Policy(), "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	assert.Contains(t, html.UnescapeString(b.String()), `content="`+v.Policy()+`"`)
	assert.NotContains(t, v.Policy(), "unsafe")
}

package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"math/rand/v2"
	"regexp"
	"strings"
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
		"energy":  team(t, year, func(v *report.Team) { v.Budget.Energy = 400 * energy.KilowattHour }),
		"month":   team(t, teamRows(1), nil),
		"odd":     team(t, oddRows(), nil),
		"foreign": team(t, foreignRows(5000), nil),
		"scopes":  team(t, scopeRows(), nil),
		"old":     team(t, year, func(v *report.Team) { v.Now = v.Now.AddDate(1, 0, 0) }),
		"none":    team(t, nil, func(v *report.Team) { v.Budget.Emissions = 180e3 }),
	}
}

// oddRows have all that a name can hold, no start, starts in the future, months without runs,
// and amounts that no run can have.
func oddRows() (all []runs.Row) {
	names := []string{hostile, "<script>alert(1)</script>", "مشروع تدريب النماذج اللغوية", "\u202eevil", strings.Repeat("long ", 40), strings.Repeat("x", 200), "", "ünïcode 模型"}
	for i, r := range teamRows(10)[:120] {
		r.Project, r.Host = names[i%len(names)], names[(i+3)%len(names)]
		r.Labels = runs.LabelCell(map[string]string{names[i%len(names)]: names[(i+1)%len(names)]})
		r.StartedAt.Time = r.StartedAt.AddDate(0, i%3*4, 0) // some months have none
		r.EndedAt.Time = r.StartedAt.Add(time.Hour)
		switch {
		case i%40 == 7:
			r.StartedAt, r.EndedAt = runs.Stamp{}, runs.Stamp{}
		case i%40 == 8: // by a clock that is wrong
			r.StartedAt.Time = teamNow.AddDate(0, 0, 2)
		case i%40 == 9:
			r.Energy, r.MeasuredShare, r.Emissions, r.EmissionsLow, r.EmissionsHigh, r.EnergyLow, r.EnergyHigh = 0, nil, 0, nil, nil, nil, nil
		case i%40 == 10:
			r.EnergyHigh, r.EmissionsHigh = nil, nil
		}
		all = append(all, r)
	}
	return all
}

// foreignRows are of another tool: neither bounds nor a basis, PUE or host.
func foreignRows(n int) (all []runs.Row) {
	random := rand.New(rand.NewPCG(5, 5))
	for i := range n {
		r := row(0)
		r.RunID, r.Project, r.Host = fmt.Sprint("import-", i), fmt.Sprint("project ", i%9), ""
		r.StartedAt.Time = teamNow.AddDate(0, 0, -random.IntN(480)).Add(-time.Duration(random.IntN(600)) * time.Minute)
		r.EndedAt.Time = r.StartedAt.Add(time.Hour)
		r.Energy = energy.Joules(3.6e6 * (0.5 + random.Float64()) * float64(1+i%9))
		r.Emissions = runs.Number(r.Energy.KilowattHours() * 300)
		r.EnergyLow, r.EnergyHigh, r.EmissionsLow, r.EmissionsHigh, r.MeasuredShare, r.PUE = nil, nil, nil, nil, nil, nil
		r.Warnings, r.IntensityScope, r.Zone = "imported", "", "PL"
		all = append(all, r)
	}
	return all
}

// scopeRows are by lifecycle factors in Europe, and by direct ones in America.
func scopeRows() []runs.Row {
	all := teamRows(5)
	for i := range all {
		if all[i].Project == "vision" || i%17 == 0 {
			all[i].Zone, all[i].IntensityScope, all[i].PerKWh = "US-VA", "direct", 245
			all[i].Emissions, all[i].EmissionsLow, all[i].EmissionsHigh = all[i].Emissions*0.7, new(*all[i].EmissionsLow*0.7), new(*all[i].EmissionsHigh*0.7)
		}
	}
	return all
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

package page_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/reporttest"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/report/page"
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
			r := reporttest.Row(0)
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

func team(t testing.TB, rows []runs.Row, with func(*page.Team)) page.Team {
	v := page.Team{Totals: report.Totals{Groups: &runs.Groups{}}, Now: teamNow}
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
func teamPages(t testing.TB) map[string]page.Team {
	year := teamRows(12)
	return map[string]page.Team{
		"year": team(t, year, func(v *page.Team) {
			v.Title, v.Budget.Emissions = "NLP team", 180e3
			v.Link = func(r runs.Row) string { return "runs/" + r.RunID + ".html" }
		}),
		"energy": team(t, year, func(v *page.Team) { v.Budget.Energy = 400 * energy.KilowattHour }),
		"month":  team(t, teamRows(1), nil),
		"live": team(t, year, func(v *page.Team) {
			going := finetune()
			going.Status, going.Project = footprint.Running, reporttest.Hostile
			v.Table = regions.Builtin()
			v.Link = func(r runs.Row) string { return "/runs/" + r.RunID }
			v.Foot = []string{"chain of 1,193 rows verified", reporttest.Hostile}
			v.Live = &page.Served{
				Underway: []page.Underway{{Run: report.Run{Report: going}, Link: "/runs/" + going.RunID}, {Run: report.Run{Report: footprint.Report{RunID: "new", Project: "begun", Status: footprint.Running}}, Link: "javascript:alert(1)"}},
				Filters: []page.Control{
					{Name: "time", Label: "Time", Options: []page.Option{{Text: "all"}, {Value: "-30d", Text: "last 30 days"}}, Value: "-30d"},
					{Name: "project", Label: "Project", Options: []page.Option{{Text: "all"}, {Value: reporttest.Hostile}}},
					{Name: "label", Label: "Label", Value: `"><script>`, Hint: "team=nlp"},
				},
				Links:  [][2]string{{"All runs", "?runs=all"}, {"CSV", "?format=csv"}, {"JSON", "?format=json"}},
				Narrow: func(project, time string) string { return "/?project=" + url.QueryEscape(project) + "&time=" + time },
				Script: "document.documentElement.dataset.live = 1",
			}
		}),
		"odd":     team(t, oddRows(), nil),
		"foreign": team(t, foreignRows(5000), nil),
		"scopes":  team(t, scopeRows(), nil),
		"old":     team(t, year, func(v *page.Team) { v.Now = v.Now.AddDate(1, 0, 0) }),
		"none":    team(t, nil, func(v *page.Team) { v.Budget.Emissions = 180e3 }),
	}
}

// oddRows have all that a name can hold, no start, starts in the future, months without runs,
// and amounts that no run can have.
func oddRows() (all []runs.Row) {
	names := []string{reporttest.Hostile, "<script>alert(1)</script>", "مشروع تدريب النماذج اللغوية", "\u202eevil", strings.Repeat("long ", 40), strings.Repeat("x", 200), "", "ünïcode 模型"}
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
		r := reporttest.Row(0)
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
		reporttest.Golden(t, "testdata/team-"+name+".html", b.Bytes())
	}
}

// The policy of a page names the style sheet and the script that are in it, and no other.
func TestTeamPolicyFitsThePage(t *testing.T) {
	v := team(t, teamRows(1), func(v *page.Team) { v.Live = &page.Served{Script: "let x = 1 < 2 && \"</b>\""} })
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

// What people, other programs and servers write is text on the page, whatever it is.
func TestTeamPageIsText(t *testing.T) {
	for name, v := range teamPages(t) {
		var b bytes.Buffer
		require.NoError(t, v.Write(&b, "html"))
		text := b.String()
		assert.LessOrEqual(t, strings.Count(text, "<script>"), 2, name)
		assert.NotContains(t, text, "<script>alert", name)
		assert.NotContains(t, text, `href="javascript:`, name)
		assert.NotRegexp(t, ` (width|height|x|y|x1|x2|y1|y2|points)="(-|NaN|[+]?Inf)`, text, name)
	}
}

// What has no name is not called "(none)", and a group of runs inside others is not unknown.
func TestGroupsWithoutANameOrRunsOfTheirOwn(t *testing.T) {
	rows := foreignRows(10)
	for i := range rows {
		rows[i].Project = ""
	}
	rows[0].Project = "named"
	nested := rows[1]
	nested.RunID, nested.Project, nested.CountedBy = "inner", "inner", rows[1].RunID
	v := team(t, append(rows, nested), nil)
	var b bytes.Buffer
	require.NoError(t, v.Write(&b, "html"))
	assert.Regexp(t, `<p class="say"><b>[0-9.]+ %</b> has no project\.`, b.String())
	assert.NotContains(t, b.String(), "is (none)")
	assert.Regexp(t, `<bdi>inner</bdi></th>.*<td class="known k-run" data-value="[^"]*">inside others</td>`, b.String())
}

// A page has at most 200 runs, 41 groups and 300 kB, however many and however long their
// names are.
func TestTeamPageIsBounded(t *testing.T) {
	rows := foreignRows(3000)
	for i := range rows {
		rows[i].Project = strings.Repeat("<&>", 60) + fmt.Sprint(i)
		rows[i].Host, rows[i].Labels = rows[i].Project, runs.LabelCell(map[string]string{rows[i].Project: rows[i].Project})
		rows[i].Zone = fmt.Sprint("Z", i)
	}
	v := team(t, rows, func(v *page.Team) {
		v.Most = 1000
		v.Link = func(r runs.Row) string { return "runs/" + r.RunID + ".html" }
	})
	var b bytes.Buffer
	require.NoError(t, v.Write(&b, "html"))
	assert.Less(t, b.Len(), 300<<10)
	assert.LessOrEqual(t, strings.Count(b.String(), "<a href="), page.MaxRuns)
	assert.Contains(t, b.String(), "2960 more")
	assert.Contains(t, b.String(), "24 of ")
	b.Reset()
	require.NoError(t, v.Write(&b, "runs.csv"))
	all, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	assert.LessOrEqual(t, len(all), 1+page.MaxRuns)
}

// The figures of the page are those of the totals, and its parts add up to them.
func TestTeamJSON(t *testing.T) {
	type sum struct {
		Runs   int
		Energy float64 `json:"energy_joules"`
		Scopes []struct {
			Scope     string
			Emissions float64 `json:"emissions_g"`
		}
	}
	for name, v := range teamPages(t) {
		var b bytes.Buffer
		require.NoError(t, v.Write(&b, "json"))
		var got struct {
			Schema        string
			Total         sum
			Month, Before *sum
			Expected      *struct{ Low, Expected, High float64 }
			Used          *float64 `json:"budget_used"`
			Bins          []string
			Groups        []struct {
				Period sum
				Bins   []float64
			}
			Runs []struct {
				RunID string `json:"run_id"`
			}
		}
		require.NoError(t, json.Unmarshal(b.Bytes(), &got))
		assert.Equal(t, page.TeamSchema, got.Schema)
		assert.Equal(t, v.Groups.Total.Runs, got.Total.Runs)
		period := got.Total
		if got.Month != nil {
			period = *got.Month
		}
		n, joules := 0, 0.0
		for _, g := range got.Groups {
			n, joules = n+g.Period.Runs, joules+g.Period.Energy
			assert.Len(t, g.Bins, len(got.Bins))
		}
		assert.Equal(t, period.Runs, n, name)
		assert.InEpsilon(t, 1+period.Energy, 1+joules, 1e-9, name)
		if e := got.Expected; e != nil {
			assert.True(t, e.Low <= e.Expected && e.Expected <= e.High, name)
		}
		assert.LessOrEqual(t, len(got.Runs), page.MaxRuns)
		b.Reset()
		require.NoError(t, v.Write(&b, "csv"))
	}
	assert.Error(t, team(t, nil, nil).Write(io.Discard, "pdf"))
}

// What is said of a change, an expectation or another place stands only where the record
// bears it out.
func TestTeamSaysOnlyWhatIsKnown(t *testing.T) {
	written := func(rows []runs.Row, with func(*page.Team)) string {
		var b bytes.Buffer
		require.NoError(t, team(t, rows, with).Write(&b, "html"))
		return b.String()
	}
	year := teamRows(12)
	text := written(year, nil)
	assert.Contains(t, text, "change against October up to its 27th")
	assert.Contains(t, text, "expected by 30 November")
	assert.NotContains(t, text, "of the budget")
	assert.NotContains(t, text, "instead of 3")

	text = written(year, func(v *page.Team) { v.Table = regions.Builtin() })
	assert.Regexp(t, `−[0-9.]+ t</b><span>had all [0-9,]+ runs in DE .* been in azure:norwayeast`, text)

	young := slices.DeleteFunc(slices.Clone(year), func(r runs.Row) bool { return r.StartedAt.Before(teamNow.AddDate(0, 0, -5)) })
	text = written(young, nil)
	assert.NotContains(t, text, "expected by", "five days are too few")
	assert.NotContains(t, text, "change against", "there is no month before")

	partly := slices.DeleteFunc(slices.Clone(year), func(r runs.Row) bool { return r.StartedAt.Before(teamNow.AddDate(0, 0, -45)) })
	assert.NotContains(t, written(partly, nil), "change against", "the month before is not whole")

	future := slices.Clone(year)
	future[3].StartedAt.Time = teamNow.AddDate(0, 0, 2)
	text = written(future, nil)
	assert.NotContains(t, text, "expected by")
	assert.Contains(t, text, "starts in the future")

	within := func(grams regions.Grams) string {
		return written(year, func(v *page.Team) { v.Budget.Emissions = grams })
	}
	assert.Contains(t, within(500e3), ": within the budget")
	assert.Contains(t, within(150e3), ": may exceed the budget")
	assert.Contains(t, within(136e3), ": over the budget")
	assert.Regexp(t, `1\d\d % of the budget of 100 kg a month: \d+.* over`, within(100e3))

	// Of runs in no sum nothing is said; a filter that leaves out this month is about all.
	text = written(year, func(v *page.Team) { v.Filter.To = teamNow.AddDate(0, -3, 0) })
	assert.NotContains(t, text, "this month")
	assert.NotContains(t, written(foreignRows(50), nil), "modelled</b>")
}

// One run without a result is a run, not runs.
func TestOneRunWithoutAResult(t *testing.T) {
	for n, want := range map[int][]string{
		1: {"One run that was interrupted took ", "went into 1 run of this month that was interrupted"},
		2: {"Runs that were interrupted took ", "went into 2 runs of this month that were interrupted"},
	} {
		var rows []runs.Row
		for i := range 3 {
			r := reporttest.Row(i)
			if r.StartedAt.Time, r.Status = teamNow.Add(-time.Duration(i+1)*time.Hour), footprint.Completed; i < n {
				r.Status = footprint.Interrupted
			}
			rows = append(rows, r)
		}
		var b bytes.Buffer
		require.NoError(t, team(t, rows, nil).Write(&b, "html"))
		for _, text := range want {
			assert.Contains(t, b.String(), text)
		}
	}
}

// A group of which no energy is known is null, beside one that has some.
func TestTeamGroupsWithoutEnergy(t *testing.T) {
	blind := reporttest.Row(0)
	blind.Project, blind.Energy, blind.EnergyLow, blind.EnergyHigh, blind.MeasuredShare = "blind", 0, new(energy.Energy(0)), nil, nil
	seen := reporttest.Row(0)
	seen.Project = "seen"
	v := team(t, []runs.Row{blind, seen}, nil)
	var b bytes.Buffer
	require.NoError(t, v.Write(&b, "json"))
	assert.Regexp(t, `"project": "blind"\s+\},\s+"period": \{[^}]*"energy_joules": null,`, b.String())
	assert.Regexp(t, `"project": "seen"\s+\},\s+"period": \{[^}]*"energy_joules": [1-9]`, b.String())
}

// A difference has the unit that fits it, whatever that of the month's sum, and a project's
// runs are those of its figure.
func TestADifferenceHasItsOwnUnit(t *testing.T) {
	row := func(id string, at time.Time, grams float64, scope string) runs.Row {
		e := energy.Joules(grams * 9000)
		return runs.Row{
			RunID: id, Project: "b", Status: footprint.Completed, Zone: "FR", PerKWh: 400, IntensityScope: scope, Coverage: 1, Charge: footprint.ChargeMachine,
			StartedAt: runs.Stamp{Time: at}, EndedAt: runs.Stamp{Time: at.Add(time.Hour)}, DurationS: 3600, MeasuredShare: new(runs.Number(1)),
			Energy: e, EnergyLow: new(e.Scale(0.99)), EnergyHigh: new(e.Scale(1.01)),
			Emissions: runs.Number(grams), EmissionsLow: new(runs.Number(grams * 0.99)), EmissionsHigh: new(runs.Number(grams * 1.01)),
		}
	}
	now, before := teamNow.AddDate(0, 0, -1), time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)
	other := row("4", now, 0.01, "lifecycle")
	other.Project = "c"
	var b bytes.Buffer
	require.NoError(t, team(t, []runs.Row{row("1", before, 4.9, "lifecycle"), row("2", now, 0.6, "lifecycle"), other, row("3", now.Add(2*time.Hour), 0.7, "direct")}, nil).Write(&b, "html"))
	assert.Contains(t, b.String(), "<b>4.30 g less</b> than in ")
	assert.Contains(t, b.String(), "energy this month, all scopes")
	assert.Regexp(t, `data-value="0.6">600</td>.*data-value="1">1</td>`, b.String())
}

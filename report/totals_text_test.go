package report

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/facts"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// grams is a run of a project in a month that emitted so much.
func grams(i int, project string, month int, g float64, scope string) runs.Row {
	start := time.Date(2025, time.Month(month), 3, 0, 0, i, 0, time.UTC)
	return runs.Row{
		RunID: fmt.Sprintf("0198a0de-%04x-7000-8000-000000000000", i), Project: project, Status: "completed", IntensityScope: scope,
		StartedAt: runs.Stamp{Time: start}, EndedAt: runs.Stamp{Time: start.Add(time.Minute)}, DurationS: 60,
		Energy: energy.WattHour.Scale(g), EnergyLow: new(energy.WattHour.Scale(g)), EnergyHigh: new(energy.WattHour.Scale(g)),
		Emissions: runs.Number(g), EmissionsLow: new(runs.Number(g)), EmissionsHigh: new(runs.Number(g)), MeasuredShare: new(runs.Number(1)),
	}
}

// Parts of a total are at most ten and one row for the rest, and add up as shown.
func TestPartsAddUp(t *testing.T) {
	v := Totals{Groups: &runs.Groups{By: []runs.Key{runs.ByProject}}, Overview: true}
	for i := range 30 {
		v.Groups.Add(grams(i, "p"+strconv.Itoa(i), 1+i, 10+float64(i)*1.37, "lifecycle"))
	}
	v.Groups.Settle()
	var b strings.Builder
	require.NoError(t, v.Text(&b))
	assert.Contains(t, b.String(), "896 g CO2e from 896 Wh in 30 runs, 2025-01-03 to 2027-06-03, all measured\n")
	for _, title := range []string{"by month", "by project"} {
		_, part, ok := strings.Cut(b.String(), "\n"+title+"\n")
		require.True(t, ok, title)
		lines := strings.Split(part, "\n")
		sum, shares, n := 0, 0, 0
		for _, line := range lines[1:] {
			f := strings.Fields(strings.NewReplacer(" more", "-more", " earlier", "-earlier").Replace(line))
			if len(f) != 5 {
				break
			}
			g, err := strconv.Atoi(f[1])
			require.NoError(t, err, line)
			share, err := strconv.Atoi(f[2])
			require.NoError(t, err, line)
			count, err := strconv.Atoi(f[4])
			require.NoError(t, err, line)
			sum, shares, n = sum+g, shares+share, n+count
		}
		assert.Equal(t, 896, sum, title)
		assert.Equal(t, 100, shares, title)
		assert.Equal(t, 30, n, title)
	}
	assert.Contains(t, b.String(), "  20 earlier ")
	assert.Contains(t, b.String(), "  20 more ")
}

// A total over two scopes has a headline for each, and no share.
func TestTwoScopesAreTwoHeadlines(t *testing.T) {
	v := Totals{Groups: &runs.Groups{By: []runs.Key{runs.ByProject}}, Overview: true}
	v.Groups.Add(grams(0, "a", 1, 20, "lifecycle"))
	v.Groups.Add(grams(1, "b", 1, 30, "direct"))
	v.Groups.Settle()
	var b strings.Builder
	require.NoError(t, v.Text(&b))
	assert.Contains(t, b.String(), "20.0 g CO2e lifecycle (1 run) and 30.0 g CO2e direct (1 run) from 50.0 Wh")
	assert.NotContains(t, b.String(), "share")
	b.Reset()
	require.NoError(t, v.Write(&b, "latex"))
	assert.Contains(t, b.String(), `20.0 g CO$_2$e lifecycle ($\pm$ 0.1 \%), 30.0 g CO$_2$e direct`)
}

// A list of runs of two scopes names that of each; of one it has no column for it.
func TestListedRunsNameTheirScope(t *testing.T) {
	for _, other := range []string{"direct", "", "lifecycle"} {
		rows := []runs.Row{grams(0, "a", 1, 20, "lifecycle"), grams(1, "b", 1, 30, other)}
		var listing runs.Listing
		v := Totals{Groups: &runs.Groups{}}
		for i := range rows {
			listing.Add(&rows[i])
			v.Groups.Add(rows[i])
		}
		v.Groups.Settle()
		v.Latest = &listing
		var text, data strings.Builder
		require.NoError(t, v.Text(&text))
		line := regexp.MustCompile(`(?m)^  0198a0de-0001-7000 .*$`).FindString(text.String())
		assert.Equal(t, other != "lifecycle", strings.Contains(line, "  "+facts.ScopeWord(regions.Scope(other))+" "), text.String())
		require.NoError(t, v.Write(&data, "json"))
		assert.Contains(t, data.String(), fmt.Sprintf("\"scope\": %q,\n      \"counted_by\"", other))
	}
}

// Where what is not measured is not recorded, nothing is said to be modelled.
func TestBasisThatIsNotRecorded(t *testing.T) {
	for _, c := range []struct {
		measured     float64
		total, prose string
	}{
		{1, "10 % measured, the rest not recorded", "10 % of it measured by hardware counters; the basis of the rest is not recorded"},
		{0.5, "5.0 % measured, 90 % not recorded, the rest modelled", "5.0 % of it measured by hardware counters, 90 % of unknown basis, the rest modelled"},
	} {
		own, foreign := grams(0, "a", 1, 10, "lifecycle"), grams(1, "b", 2, 90, "lifecycle")
		own.MeasuredShare, foreign.MeasuredShare = new(runs.Number(c.measured)), nil
		g := &runs.Groups{}
		g.Add(own)
		g.Add(foreign)
		g.Settle()
		assert.Equal(t, c.total, facts.MeasuredWords(&g.Total.Group))
		assert.Equal(t, c.prose, basis(g.Total))
	}
}

// The overlap has the unit of the sum.
func TestOverlapInTheUnitOfTheSum(t *testing.T) {
	s := runs.Summary{Shared: 8, Overlap: 770 * energy.Joule}
	assert.Equal(t, []string{"8 runs shared a machine; overlap of 0.214 Wh counted once"}, facts.Shared(s))
	s.Energy = 110 * energy.Joule
	assert.Equal(t, []string{"8 runs shared a machine; overlap of 770 J counted once"}, facts.Shared(s))
}

// A terminal has bars and a bold answer within its width; a pipe has neither.
func TestTotalsOnATerminal(t *testing.T) {
	v := Totals{Groups: &runs.Groups{By: []runs.Key{runs.ByProject}}, Overview: true}
	for i := range 6 {
		v.Groups.Add(grams(i, strings.Repeat("界", i+1), 1+i, 10*float64(i+1), "lifecycle"))
	}
	v.Groups.Settle()
	var pipe, tty strings.Builder
	require.NoError(t, v.Text(&pipe))
	assert.NotContains(t, pipe.String(), "█")
	assert.NotContains(t, pipe.String(), "\x1b")
	v.Screen = Screen{Width: 100, Bars: true, Color: true}
	require.NoError(t, v.Text(&tty))
	assert.Contains(t, tty.String(), "█")
	assert.True(t, strings.HasPrefix(tty.String(), "\x1b[1m210 g CO2e"))
	for line := range strings.Lines(tty.String()) {
		assert.LessOrEqual(t, format.Columns(strings.TrimSuffix(line, "\n")), 100+8, line)
	}
}

// An ID is shown as far as it opens the run: whole where two listed ones begin alike.
func TestShortIDs(t *testing.T) {
	list := runs.Rows{{RunID: "0198a0de-0001-7abc-8000-000000000001"}, {RunID: "0198a0de-0001-7abc-8000-000000000002"},
		{RunID: "0198a0de-0002-7abc-8000-000000000001"}, {RunID: "train-7"}}
	assert.Equal(t, []string{list[0].RunID, list[1].RunID, "0198a0de-0002-7abc", "train-7"}, format.ShortIDs(list.Len(), func(i int) string { return list.At(i).RunID }))
}

// The newest month is compared with the one before it, as far as that is a comparison.
func TestLatestMonth(t *testing.T) {
	row := func(day string, grams float64, scope string) runs.Row {
		at, err := time.Parse("2006-01-02", day)
		require.NoError(t, err)
		return runs.Row{RunID: day, StartedAt: runs.Stamp{Time: at}, EndedAt: runs.Stamp{Time: at.Add(time.Hour)}, DurationS: 3600, Energy: energy.KilowattHour, Emissions: runs.Number(grams), IntensityScope: scope}
	}
	for _, c := range []struct {
		want string
		rows []runs.Row
	}{
		{"", []runs.Row{row("2026-11-03", 100, "lifecycle")}},
		{"150 g CO2e in 2026-11 (until 3 November), +50 % on 2026-10", []runs.Row{row("2026-10-03", 100, "lifecycle"), row("2026-11-03", 150, "lifecycle")}},
		{"50.0 g CO2e in 2026-11, −50 % on 2026-10", []runs.Row{row("2026-10-03", 100, "lifecycle"), row("2026-11-30", 50, "lifecycle")}},
		{"2.00 kg CO2e in 2027-01 (until 2 January), 20 times 2026-12", []runs.Row{row("2026-12-03", 100, "lifecycle"), row("2027-01-02", 2000, "lifecycle")}},
		{"", []runs.Row{row("2026-09-03", 100, "lifecycle"), row("2026-11-03", 150, "lifecycle")}},
		{"", []runs.Row{row("2026-10-03", 100, "direct"), row("2026-11-03", 150, "lifecycle")}},
		{"", []runs.Row{row("2026-10-03", 0, "lifecycle"), row("2026-11-03", 150, "lifecycle")}},
	} {
		var sums runs.Groups
		for _, r := range c.rows {
			sums.Add(r)
		}
		sums.Settle()
		assert.Equal(t, c.want, Totals{Groups: &sums}.latestMonth())
	}
}

// A group of which no energy is known is unknown in every form, beside one that has some.
func TestGroupsWithoutEnergy(t *testing.T) {
	blind := grams(0, "blind", 0, 0, "lifecycle")
	blind.Energy, blind.EnergyLow, blind.EnergyHigh, blind.MeasuredShare = 0, new(energy.Energy(0)), nil, nil
	v := Totals{Groups: &runs.Groups{By: []runs.Key{runs.ByProject}}}
	v.Groups.Add(blind)
	v.Groups.Add(grams(1, "seen", 1, 20, "lifecycle"))
	v.Groups.Settle()
	for form, want := range map[string]string{
		"text":     `(?m)^  blind +1 +unknown +unknown *$`,
		"markdown": `\| .blind. \| 1 \| unknown \| unknown \| `,
		"csv":      `(?m)^blind,1,0,[^,]+,[^,]+,[0-9.]+,,0.000000,,,lifecycle,,,,`,
		"json":     `"project": "blind"\s+\},[^}]*"energy_joules": null,\s+"energy_low_joules": 0,\s+"energy_high_joules": null,[^}]*"scopes": \[\]`,
	} {
		var b strings.Builder
		require.NoError(t, v.Write(&b, form))
		assert.Regexp(t, want, b.String(), form)
	}
	v.Overview = true
	var b strings.Builder
	require.NoError(t, v.Text(&b))
	assert.Regexp(t, `(?m)^  blind +unknown +1 *$`, b.String())
}

// What could not be counted is unknown, in a total too: it is never 0.
func TestRunsWithoutEnergy(t *testing.T) {
	blind := grams(0, "a", 0, 0, "lifecycle")
	blind.Energy, blind.EnergyLow, blind.EnergyHigh, blind.MeasuredShare = 0, new(energy.Energy(0)), new(8*energy.Joule), nil
	v := Totals{Groups: &runs.Groups{}}
	v.Groups.Add(blind)
	v.Groups.Settle()
	var b strings.Builder
	require.NoError(t, v.Text(&b))
	assert.Contains(t, b.String(), "energy of 1 run unknown, at most 8.00 J")
	assert.NotContains(t, b.String(), "0 g")
	assert.NotContains(t, b.String(), "interval")
	b.Reset()
	require.NoError(t, v.Write(&b, "markdown"))
	assert.Contains(t, b.String(), "| Emissions | **unknown** |\n| Energy | **unknown, at most 8.00 J** |")

	v = Totals{Groups: &runs.Groups{}}
	v.Groups.Add(blind)
	v.Groups.Add(grams(1, "b", 1, 20, "lifecycle"))
	v.Groups.Settle()
	b.Reset()
	require.NoError(t, v.Text(&b))
	assert.Contains(t, b.String(), "the energy of 1 run is unknown and not in the sum")
}

package page

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// pair is two runs, the second of which took half of the energy on a worse grid.
func pair() Compare {
	run := func(id string, joules, grams float64) footprint.Report {
		return footprint.Report{
			RunID: id, Project: "vision", Status: footprint.Completed, DurationS: 3600, Coverage: 1, Charge: footprint.ChargeMachine, MeasuredShare: new(1.0),
			Energy: energy.Joules(joules), EnergyLow: energy.Joules(0.95 * joules), EnergyHigh: new(energy.Joules(1.05 * joules)),
			Emissions: regions.Grams(grams), EmissionsLow: regions.Grams(0.95 * grams), EmissionsHigh: new(regions.Grams(1.05 * grams)),
			Intensity: footprint.Intensity{PerKWh: 41, Scope: regions.Lifecycle, Source: "a table"}, PUE: footprint.PUE{Value: 1.2},
		}
	}
	b := Compare{Runs: []footprint.Report{run("0198c0de-0001", 3.6e6, 41), run("0198c0de-0002", 1.8e6, 300)}, Links: []string{"/runs/1", "/runs/2"}, Home: "/"}
	b.Runs[1].Project = "<script>alert(1)</script>\u202e" + strings.Repeat("x", 200)
	return b
}

func TestRunsBesideEachOther(t *testing.T) {
	var page, text, table bytes.Buffer
	require.NoError(t, pair().Write(&page, "html"))
	html := page.String()
	assert.Contains(t, html, "The second run drew 50\u00a0% less and emitted 7.3 times as much.")
	assert.Contains(t, html, "45 to 55 % less")
	assert.Contains(t, html, `<a href="/runs/2">`)
	assert.NotContains(t, html, "<script")
	assert.NotContains(t, html, "\u202e")
	assert.Less(t, len(html), 50_000)

	require.NoError(t, pair().Write(&text, "json"))
	var got struct {
		Runs []struct {
			Run    footprint.Report `json:"run"`
			Energy *struct {
				Ratio float64 `json:"ratio"`
			} `json:"energy_against_first"`
		} `json:"runs"`
	}
	require.NoError(t, json.Unmarshal(text.Bytes(), &got))
	require.Len(t, got.Runs, 2)
	assert.Nil(t, got.Runs[0].Energy)
	assert.InEpsilon(t, 0.5, got.Runs[1].Energy.Ratio, 1e-9)

	require.NoError(t, pair().Write(&table, "csv"))
	rows, err := csv.NewReader(&table).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	assert.Equal(t, "0.5", rows[2][20])
	assert.Equal(t, "", rows[1][20])
	assert.Error(t, pair().Write(&table, "pdf"))
}

// What can't be compared is said, and its cells are empty.
func TestRunsThatCannotBeCompared(t *testing.T) {
	b := pair()
	b.Runs[1].MeasuredShare, b.Runs[1].Energy = nil, 0
	b.Runs = append(b.Runs, pair().Runs[1], pair().Runs[0])
	b.Runs[2].Intensity.Scope = regions.Direct
	var page, table bytes.Buffer
	require.NoError(t, b.Write(&page, "html"))
	for _, want := range []string{
		"Run 2 is not compared: energy unknown.", "Run 3 drew 50\u00a0% less; emissions are of two scopes.",
		"Run 4 cannot be distinguished from the first by its energy: the bounds of both overlap.", "<bdi>not compared</bdi>", "<bdi>unknown</bdi>",
	} {
		assert.Contains(t, page.String(), want)
	}
	require.NoError(t, b.Write(&table, "csv"))
	rows, err := csv.NewReader(&table).ReadAll()
	require.NoError(t, err)
	assert.Equal(t, []string{"", "", "", ""}, rows[2][20:])
	assert.Empty(t, rows[2][11], "unknown is no 0")
	assert.Equal(t, []string{"0.5", "", "", ""}, rows[3][20:])
}

// Half of the energy for a quarter of the tokens is twice as much for each.
func TestWorkBesideEachOther(t *testing.T) {
	b := pair()
	for i, n := range []float64{1e6, 0.25e6} {
		r := &b.Runs[i]
		r.Work = []footprint.Work{{
			Unit: footprint.UnitOutputToken, Count: n, Low: n, High: new(n), Bound: footprint.CountExact,
			Energy: new(r.Energy.Joules() / n), EnergyLow: new(r.EnergyLow.Joules() / n), EnergyHigh: new(r.EnergyHigh.Joules() / n),
		}, {Unit: footprint.UnitCachedToken, Count: 5}}
	}
	b.Runs[0].Work = append(b.Runs[0].Work, footprint.Work{Unit: "image", Count: 3, Energy: new(1.2e6)})
	var page, text, table bytes.Buffer
	require.NoError(t, b.Write(&page, "html"))
	for _, want := range []string{"energy an output token", "<bdi>3.6 J</bdi>", "<bdi>7.2 J</bdi>", "250,000 counted", "<bdi>2.0 times as much</bdi>", "energy an image"} {
		assert.Contains(t, page.String(), want)
	}
	assert.NotContains(t, page.String(), "cached")
	require.NoError(t, b.Write(&text, "json"))
	var got struct {
		Runs []struct {
			Each map[string]struct{ Ratio, Low, High float64 } `json:"energy_per_unit_against_first"`
		} `json:"runs"`
	}
	require.NoError(t, json.Unmarshal(text.Bytes(), &got))
	require.Len(t, got.Runs[1].Each, 1)
	e := got.Runs[1].Each["output_token"]
	assert.InEpsilon(t, 2, e.Ratio, 1e-9)
	assert.InEpsilon(t, 2*0.95/1.05, e.Low, 1e-6)
	assert.InEpsilon(t, 2*1.05/0.95, e.High, 1e-6)
	require.NoError(t, b.Write(&table, "csv"))
	rows, err := csv.NewReader(&table).ReadAll()
	require.NoError(t, err)
	assert.Equal(t, []string{"output_token:250000 cached_token:5", "output_token:7.2"}, rows[2][22:])
}

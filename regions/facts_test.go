package regions

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Values of the sources, typed by hand, against what the embedded tables give.

func TestFactsOfSubdivisions(t *testing.T) {
	for _, c := range []struct {
		zone            string
		year            int
		want, low, high Grams
		note            string
	}{
		{"US-CA", 2025, 191.0, 130, 264, ""},
		{"US-TX", 2025, 379.6, 285, 467, ""},
		{"US-NY", 2025, 267.8, 197, 357, ""},
		{"US-VA", 2025, 356.5, 265, 442, ""},
		{"US-OR", 2025, 199.9, 141, 306, ""},
		{"US-OH", 2025, 535.6, 408, 641, ""},
		{"US-IA", 2025, 313.7, 241, 394, ""},
		{"US-IL", 2025, 247.1, 189, 309, ""},
		{"US-GA", 2025, 351.3, 264, 434, ""},
		{"US-NC", 2025, 349.6, 262, 432, ""},
		{"US-SC", 2025, 287.9, 219, 357, ""},
		{"US-NV", 2025, 328.6, 238, 413, ""},
		{"US-WA", 2025, 135.2, 91, 245, ""},
		{"US-WY", 2025, 619.4, 481, 733, "below the direct figure of 832 g/kWh (2023, generation): probably too low"},
		{"US-UT", 2025, 617.1, 471, 730, "below the direct figure of 645 g/kWh (2023, generation): probably too low"},
		{"US-AZ", 2025, 311.0, 231, 391, "below the direct figure of 313 g/kWh (2023, generation): probably too low"},
		{"CA-QC", 2022, 25.6, 3, 151, ""},
		{"CA-ON", 2022, 67.6, 35, 124, ""},
		{"CA-BC", 2022, 36.3, 10, 168, ""},
		{"CA-AB", 2022, 621.0, 398, 684, "coal ended in 2024, and the fitted gas factor is high: too high today"},
		{"CA-NB", 2022, 299.5, 182, 397, "below the direct figure of 350 g/kWh (2022, consumption): probably too low"},
		{"AU-NSW", 2021, 674.5, 532, 815, "Australia as a whole fell from 606 g/kWh in 2021 to 525 in 2025: probably too high today"},
		{"AU-VIC", 2021, 616.6, 484, 750, "brown coal: too low, the fitted coal factor is that of all Australia; below the direct figure of 740 g/kWh (2026, consumption): probably too low"},
	} {
		in := lookup(t, Query{Zone: c.zone})
		assert.Equal(t, []any{Lifecycle, c.year, c.want, c.low, c.high, c.note}, []any{in.Scope, in.Year, in.PerKWh, in.Low, in.High, in.Note}, c.zone)
		assert.Empty(t, in.Instead, c.zone)
		assert.Contains(t, in.Source, "by fuel factors fitted to Our World in Data")
	}
}

func TestFactsOfHours(t *testing.T) {
	for _, c := range []struct {
		zone        string
		month, hour int
		ratio       float64
		years, fit  string
	}{
		{"DE", 6, 11, 0.3837, "2025", "own"},
		{"DE", 1, 18, 1.1592, "2025", "own"},
		{"NL", 6, 11, 0.3837, "2025", "proxy"},
		{"US-CA", 5, 20, 0.4699, "2020-2022", "own"},
		{"US-TX", 7, 12, 1.1173, "2020-2022", "own"},
		{"FR", 3, 4, 0.9847, "2018-2020", "own"},
		{"PL", 12, 17, 0.9924, "2020-2021", "own"},
		{"GB", 8, 14, 0.9172, "2018-2020", "own"},
		{"US-VA", 10, 0, 0.9630, "2020-2022", "market"},
	} {
		h, ok, err := Builtin().Hours(c.zone)
		require.NoError(t, err)
		require.True(t, ok, c.zone)
		assert.InDelta(t, c.ratio, h.Ratio[c.month-1][c.hour], 0.005*c.ratio, c.zone)
		assert.Equal(t, []string{c.years, c.fit}, []string{h.Years, h.Fit}, c.zone)
	}
	for zone, why := range map[string]string{"CA-QC": "hydro 94 % of generation in 2022", "SG": "gas 91 % of generation in 2025"} {
		h, ok, err := Builtin().Hours(zone)
		require.NoError(t, err)
		require.True(t, ok)
		assert.Equal(t, "nearly the same at all hours: "+why, h.String())
	}
	for _, none := range []string{"IE", "TW", "CA-ON", "JP", "IN"} { // no licence, or no series
		_, ok, err := Builtin().Hours(none)
		require.NoError(t, err)
		assert.False(t, ok, none)
	}
}

func TestFactsOfClouds(t *testing.T) {
	for _, c := range []struct {
		region, zone string
		measure      Measure
		year         int
		want         float64
	}{
		{"gcp:europe-north2", "SE", GridFactor, 2025, 19.39},
		{"gcp:us-east4", "US-VA", GridFactor, 2025, 343.48},
		{"gcp:asia-south1", "IN", HourlyCFE, 2025, 20},
		{"gcp:us-central1", "US-IA", HourlyCFE, 2025, 88},
		{"aws:us-east-1", "US-VA", MarketFactor, 2024, 0},
	} {
		p, err := Builtin().Place(c.region)
		require.NoError(t, err)
		f, ok := p.Cloud.Figure(c.measure, 0)
		require.True(t, ok, c.region)
		assert.Equal(t, []any{c.zone, c.year, c.want}, []any{p.Zone.Code, f.Year, f.Value}, c.region)
	}
	for region, zone := range map[string]string{
		"aws:mx-central-1": "MX", "aws:us-east-1-nyc-1a": "US-NJ", "aws:eu-west-3-dss-wlz-1a": "SN", "linode:us-ord": "US-IL",
		"coreweave:US-EAST-04": "US-VA", "runpod:CA-MTL-1": "CA-QC", "oracle:uk-gov-cardiff-1": "GB", "azure:westus": "US-CA",
	} {
		p, err := Builtin().Place(region)
		require.NoError(t, err, region)
		assert.Equal(t, zone, p.Zone.Code, region)
	}
}

// Zones whose factors are fitted to one country have that country's figure together:
// they are weighed as the generator's table of mixes has it.
func TestStatesAddUpToTheCountry(t *testing.T) {
	twh := map[string]float64{}
	for _, r := range rowsOf(t, "mix_subdivisions.csv") {
		if r[3] != "twh" {
			continue
		}
		for _, cell := range r[4:] {
			twh[r[0]] += number(t, cell)
		}
	}
	var grams, all float64
	for zone, e := range twh {
		if zone[:2] == "US" {
			grams, all = grams+e*float64(lookup(t, Query{Zone: zone}).PerKWh), all+e
		}
	}
	assert.InEpsilon(t, float64(lookup(t, Query{Zone: "US"}).PerKWh), grams/all, 0.001)
}

// The rankings of docs/regions-data.md are those of the table.
func TestPageRankings(t *testing.T) {
	page, err := os.ReadFile("../docs/regions-data.md")
	require.NoError(t, err)
	row := regexp.MustCompile("(?m)^\\| [^|`]+ \\(`([^`]+)`\\) \\| [^|`]+ \\(`([^`]+)`\\) \\| [^|]+ \\| (\\d+) < (\\d+)")
	rows := row.FindAllStringSubmatch(string(page), -1)
	assert.Len(t, rows, 10)
	for _, r := range rows {
		cleaner, err := Builtin().Site(Query{Zone: r[1]})
		require.NoError(t, err)
		other, err := Builtin().Site(Query{Zone: r[2]})
		require.NoError(t, err)
		assert.Equal(t, r[3:5], []string{fmt.Sprintf("%.0f", cleaner.Intensity.PerKWh), fmt.Sprintf("%.0f", other.Intensity.PerKWh)}, r[0])
		assert.Less(t, cleaner.Intensity.PerKWh, other.Intensity.PerKWh)
		assert.Equal(t, Lifecycle, cleaner.Intensity.Scope)
	}
}

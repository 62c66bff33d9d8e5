package regions

import (
	"context"
	"encoding/csv"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPlaces(t *testing.T) {
	for name, want := range map[string]struct{ zone, cloud string }{
		"FR":                        {"FR", ""},
		"Korea, Republic of":        {"KR", ""},
		"aws:eu-west-1":             {"IE", "aws:eu-west-1"},
		" AWS : EU-WEST-1 ":         {"IE", "aws:eu-west-1"},
		"aws:eu-west-1a":            {"IE", "aws:eu-west-1"},
		"amazon:us-east-1":          {"US-VA", "aws:us-east-1"},
		"gcp:europe-west6":          {"CH", "gcp:europe-west6"},
		"gcp:europe-west6-a":        {"CH", "gcp:europe-west6"},
		"google:europe-west1-b":     {"BE", "gcp:europe-west1"},
		"gcp:europe-west10-b":       {"DE", "gcp:europe-west10"},
		"azure:westeurope":          {"NL", "azure:westeurope"},
		"azure:westeurope-1":        {"NL", "azure:westeurope"},
		"hetzner:fsn1-dc14":         {"DE", "hetzner:fsn1"},
		"ovh:GRA11":                 {"FR", "ovhcloud:GRA"},
		"scaleway:fr-par-1":         {"FR", "scaleway:fr-par"},
		"alibaba:cn-hangzhou-h":     {"CN-ZJ", "alibaba:cn-hangzhou"},
		"oracle:uk-london-1":        {"GB", "oracle:uk-london-1"},
		"digitalocean:nyc3":         {"US-NY", "digitalocean:nyc3"},
		"tencent:ap-beijing-2":      {"CN-BJ", "tencent:ap-beijing"},
		"ibm:us-south-3":            {"US-TX", "ibm:us-south"},
		"upcloud:fi-hel1":           {"FI", "upcloud:fi-hel1"},
		"exoscale:ch-gva-2":         {"CH", "exoscale:ch-gva-2"},
		"huawei:af-south-1":         {"ZA", "huawei:af-south-1"},
		"azure:swedencentral":       {"SE", "azure:swedencentral"},
		"aws:ap-southeast-2":        {"AU-NSW", "aws:ap-southeast-2"},
		"gcp:southamerica-east1-c ": {"BR", "gcp:southamerica-east1"},
		"azure:westeurope-az2":      {"NL", "azure:westeurope"},
		"oracle:uk-london-1-ad-3":   {"GB", "oracle:uk-london-1"},
		"aws:us-east-1-lim-1a":      {"PE", "aws:us-east-1-lim-1a"}, // Local Zones are where they are
		"us-east-1-nyc-1a":          {"US-NJ", "aws:us-east-1-nyc-1a"},

		// Names of other kinds.
		"europe-west6":     {"CH", "gcp:europe-west6"},
		"europe-west6-a":   {"CH", "gcp:europe-west6"},
		"eastus":           {"US-VA", "azure:eastus"},
		"US-EAST-04":       {"US-VA", "coreweave:US-EAST-04"},
		"eu-frankfurt":     {"DE", "tencent:eu-frankfurt"},
		"EU (Frankfurt)":   {"DE", "aws:eu-central-1"},
		"France Central":   {"FR", "azure:francecentral"},
		"UK South":         {"GB", "azure:uksouth"},
		"use1-az1":         {"US-VA", "aws:us-east-1"},
		"use1-az6":         {"US-VA", "aws:us-east-1"},
		"US-CAL-CISO":      {"US-CA", ""},
		"JP-TK":            {"JP", ""},
		"DK-DK1":           {"DK", ""},
		"10YFR-RTE------C": {"FR", ""},
		"Deutschland":      {"DE", ""},
		"Allemagne":        {"DE", ""},
		"Suisse":           {"CH", ""},
		"德国":               {"DE", ""},
		"England":          {"GB", ""},
		"Scotland":         {"GB", ""},
		"Hamburg":          {"DE", ""},
		"Montréal":         {"CA-QC", ""},
		"FRA":              {"FR", ""}, // a code goes before Vultr's name
	} {
		p, err := Builtin().Place(name)
		require.NoError(t, err, name)
		assert.Equal(t, want.zone, p.Zone.Code, name)
		got := ""
		if p.Cloud != nil {
			got = p.Cloud.String()
		}
		assert.Equal(t, want.cloud, got, name)
		assert.Empty(t, p.Guess, name)
		assert.Nil(t, p.Near, name)
	}
}

func TestPlacesThatAreNone(t *testing.T) {
	for name, want := range map[string]string{
		"aws:eu-wst-1":        `unknown region "aws:eu-wst-1"; nearest: aws:eu-west-1 (Dublin), aws:eu-west-2 (London), aws:eu-west-3 (Paris)`,
		"aws:us-east-12":      `unknown region "aws:us-east-12"; nearest: aws:us-east-1 (Ashburn), aws:us-east-2 (Columbus)`,
		"gcp:europe-west6-":   `unknown region "gcp:europe-west6-"; nearest: gcp:europe-west6 (Zürich), `,
		"gcp:europe-west-6":   `unknown region "gcp:europe-west-6"; nearest: gcp:`,
		"awz:eu-west-1":       `unknown region "awz:eu-west-1"; nearest: aws:eu-west-1 (Dublin)`,
		":":                   `unknown region ":"; nearest: `,
		"aws:":                `aws is a cloud provider of 119 regions: name one, such as aws:`,
		"Google":              `gcp is a cloud provider of 4`,
		"gcp us-eats1":        `unknown region "gcp:us-eats1"; nearest: gcp:us-east1 (Moncks Corner)`,
		"eu-west-1a":          `region "eu-west-1a" may be alibaba:eu-west-1 (London) or aws:eu-west-1 (Dublin): give the code`,
		"NYC":                 `region "NYC" may be US-NJ (New Jersey, United States) or US-NY`,
		"90,0":                `point "90,0": the nearest known point is Tromsø (NO), 2263 km away: give a zone instead`,
		"91,0":                `point "91,0": want a latitude of -90 to 90 and a longitude of -180 to 180 degrees`,
		"0,-181":              `point "0,-181": want`,
		"NaN,0":               `point "NaN,0": want`,
		"48.85,east":          `unknown region "48.85,east"`,
		"48.85,2.35,3":        `unknown region "48.85,2.35,3"`,
		"azure:westeurope-x1": `unknown region "azure:westeurope-x1"; nearest: azure:westeurope (Amsterdam)`,
		"aws:nowhere":         `unknown region "aws:nowhere"`,
		"eu-west-1":           `region "eu-west-1" may be alibaba:eu-west-1 (London) or aws:eu-west-1 (Dublin): give the code`,
		"us-east-1":           `region "us-east-1" may be alibaba:us-east-1 (Ashburn) or aws:us-east-1 (Ashburn) or lambda:us-east-1 or ibm:us-east (Ashburn): give the code`,
		"Canada Central":      `region "Canada Central" may be aws:ca-central-1 (Montréal) or azure:canadacentral (Toronto): give the code`,
		"Washington":          `region "Washington" may be US-DC (District of Columbia, United States) or US-VA (Virginia, United States) or US-WA`,
		"New York":            `region "New York" may be US-NJ (New Jersey, United States) or US-NY (New York, United States): give the code`,
		"Portland":            `region "Portland" may be US-ME (Maine, United States) or US-OR (Oregon, United States): give the code`,
	} {
		_, err := Builtin().Place(name)
		require.Error(t, err, name)
		assert.True(t, strings.HasPrefix(err.Error(), want), "%s\n%s", err, want)
	}
}

func TestPoints(t *testing.T) {
	for point, want := range map[string]struct{ zone, near, guess string }{
		"48.85,2.35":     {"FR", "Paris", "the nearest known point is Paris (FR), 1 km away"},
		" 37.4 , -122.1": {"US-CA", "Palo Alto", "the nearest known point is Palo Alto (US-CA), 6 km away"},
		"-33.9,151.2":    {"AU-NSW", "Sydney", "the nearest known point is Sydney (AU-NSW), 3 km away"},
		"50.05,6.6":      {"LU", "Luxembourg", "the nearest known point is Luxembourg (LU), 59 km away; Aachen (DE) is 89 km away"},
		"64.1,-21.9":     {"IS", "Dublin", "the nearest known point is Reykjavík (IS), 6 km away"},
		"-18,-179.9":     {"FJ", "Auckland", "the nearest known point is Suva (FJ), 176 km away"}, // over the date line
	} {
		p, err := Builtin().Place(point)
		require.NoError(t, err)
		assert.Equal(t, want.zone, p.Zone.Code)
		assert.Equal(t, want.guess, p.Guess)
		require.NotNil(t, p.Near, point)
		assert.Equal(t, want.near, p.Near.City, point)
		assert.Nil(t, p.Cloud)
		in := lookup(t, Query{Zone: point})
		assert.Contains(t, in.Instead, want.guess)
		assert.Empty(t, in.CloudRegion)
	}
}

func TestKilometres(t *testing.T) {
	paris, sydney := Point{48.8566, 2.3522}, Point{-33.8688, 151.2093}
	assert.InDelta(t, 16960, paris.Kilometres(sydney), 10)
	assert.Equal(t, paris.Kilometres(sydney), sydney.Kilometres(paris))
	assert.Zero(t, paris.Kilometres(paris))
	assert.InDelta(t, math.Pi*earthRadius, Point{0, 0}.Kilometres(Point{0, 180}), 1e-6)
	assert.InDelta(t, math.Pi*earthRadius, Point{90, 0}.Kilometres(Point{-90, 77}), 1e-6)
}

func TestCloudIntensity(t *testing.T) {
	in := lookup(t, Query{Zone: "aws:eu-west-1"})
	grid := lookup(t, Query{Zone: "IE"})
	assert.Equal(t, "aws", in.Provider)
	assert.Equal(t, "eu-west-1", in.CloudRegion)
	assert.Equal(t, grid.PerKWh, in.PerKWh)
	assert.Equal(t, "IE", in.Zone)
	assert.False(t, in.Market)
	in.Provider, in.CloudRegion = "", ""
	assert.Equal(t, grid, in)
}

func TestMarket(t *testing.T) {
	in := lookup(t, Query{Zone: "aws:us-west-2", Market: true})
	assert.True(t, in.Market)
	assert.Empty(t, in.Scope, "what a contract counts is not said")
	assert.Equal(t, "US-OR", in.Zone)
	assert.Positive(t, in.Year)
	assert.NotEmpty(t, in.Source)
	older := lookup(t, Query{Zone: "aws:us-west-2", Market: true, Year: 2022})
	assert.Equal(t, 2022, older.Year)
	for q, want := range map[Query]string{
		{Zone: "aws:us-west-2", Year: 2019}:    "aws:us-west-2 (Boardman) has no market-based figure for 2019; the nearest year is 2022",
		{Zone: "gcp:europe-west6"}:             "gcp:europe-west6 (Zürich) has no market-based figure, only location-based",
		{Zone: "FR"}:                           "FR (France) is not a cloud region: market-based figures are a provider's; name one, such as aws:eu-west-1",
		{Zone: "48.85,2.35"}:                   "FR (France) is not a cloud region",
		{Zone: ""}:                             "WORLD (World) is not a cloud region",
		{Zone: "aws:us-west-2", Scope: "both"}: `unknown scope "both"`,
	} {
		q.Market = true
		_, err := Builtin().Intensity(context.Background(), q)
		require.Error(t, err)
		assert.True(t, strings.HasPrefix(err.Error(), want), err.Error())
	}
}

func rowsOf(t *testing.T, file string) [][]string {
	f, err := os.Open("data/" + file)
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	return rows[1:]
}

// number is a cell, 0 for an empty one.
func number(t *testing.T, cell string) float64 {
	if cell == "" {
		return 0
	}
	v, err := strconv.ParseFloat(cell, 64)
	require.NoError(t, err)
	return v
}

// Every row of the readable tables is in the parsed ones, and nothing else.
func TestCloudsHoldAllRows(t *testing.T) {
	rows := func(file string) [][]string { return rowsOf(t, file) }
	clouds := slices.Collect(Builtin().Clouds())
	want := rows("clouds.csv")
	require.Len(t, clouds, len(want))
	providers := map[string]bool{}
	for i, c := range clouds {
		assert.Equal(t, want[i][:5], []string{c.Provider, c.Region, c.Zone, c.City, map[bool]string{true: "announced", false: "active"}[c.Announced]})
		providers[c.Provider] = true
		_, err := Builtin().Zone(c.Zone)
		assert.NoError(t, err)
		got, err := Builtin().Cloud(strings.ToUpper(c.Provider), strings.ToUpper(c.Region))
		require.NoError(t, err)
		assert.Equal(t, c, got)
		if c.City == "" {
			assert.Zero(t, c.Point)
		}
	}
	assert.Len(t, providers, 21)
	names := map[string]string{}
	for _, s := range Builtin().Sources() {
		names[s.ID] = s.Name
	}
	n := 0
	for _, r := range rows("cloud_figures.csv") {
		year, err := strconv.Atoi(r[3])
		require.NoError(t, err)
		v, err := strconv.ParseFloat(r[4], 64)
		require.NoError(t, err)
		var f Figure
		var ok bool
		if r[1] == "" {
			f, ok = newest(builtinPlaces().figures(r[0]), Measure(r[2]), year)
		} else {
			c, err := Builtin().Cloud(r[0], r[1])
			require.NoError(t, err)
			f, ok = c.Figure(Measure(r[2]), year)
		}
		assert.True(t, ok, r)
		assert.Equal(t, Figure{Measure(r[2]), year, v, names[r[5]], f.Licence}, f)
		assert.NotEmpty(t, f.Licence)
		n++
	}
	for _, c := range clouds {
		n -= len(c.Figures())
	}
	for _, f := range builtinPlaces().fleets {
		n -= len(f.held().figures)
	}
	assert.Zero(t, n)
}

// Each country and subdivision has a city, and a city is in the zone it names
// as far as its neighbours can tell.
func TestEveryZoneHasAPoint(t *testing.T) {
	for z := range Builtin().Zones() {
		if z.Kind != Country && z.Kind != Subdivision {
			continue
		}
		_, ok := Builtin().Point(z.Code)
		assert.True(t, ok, z.Code)
	}
	p, ok := Builtin().Point("FR")
	require.True(t, ok)
	assert.Less(t, p.Kilometres(Point{46.6, 2.5}), 150.0, "%v", p)
	p, ok = Builtin().Point("aws:eu-west-1")
	require.True(t, ok)
	assert.Equal(t, Point{53.35, -6.26}, p)
	p, ok = Builtin().Point("1,2")
	require.True(t, ok)
	assert.Equal(t, Point{1, 2}, p)
	for _, none := range []string{"WORLD", "EGRID-CAMX", "nowhere", "azure:usseceast"} {
		_, ok := Builtin().Point(none)
		if none == "azure:usseceast" {
			assert.True(t, ok, "the country's")
			continue
		}
		assert.False(t, ok, none)
	}
	_, err := ParsePoint("Paris")
	assert.ErrorContains(t, err, `point "Paris": want latitude and longitude in degrees`)
	assert.False(t, func() bool { _, ok := new(Table).Point("FR"); return ok }())
}

func TestContinents(t *testing.T) {
	n := map[string]int{}
	for z := range Builtin().Zones() {
		if z.Country == "" {
			assert.Empty(t, z.Continent)
			continue
		}
		c, err := Builtin().Zone(z.Country)
		require.NoError(t, err)
		assert.Equal(t, c.Continent, z.Continent, z.Code)
		group, err := Builtin().Zone(z.Continent)
		require.NoError(t, err)
		assert.Equal(t, Group, group.Kind)
		n[z.Continent]++
	}
	assert.Len(t, n, 6)
}

func FuzzPlace(f *testing.F) {
	for _, name := range []string{"aws:eu-west-1", "48.85,2.35", "gcp:europe-west6-a", "aws:", ":", ",", "1,", "1e999,0", "aws:\xff", "ovh:GRA1"} {
		f.Add(name)
	}
	table, err := parse(small) // misses are slow to explain on the whole table
	require.NoError(f, err)
	p, err := parsePlaces(smallPlaces)
	require.NoError(f, err)
	table.places = func() *places { return p }
	f.Fuzz(func(t *testing.T, name string) {
		p, err := table.Place(name)
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		in, err := table.Intensity(context.Background(), Query{Zone: name})
		if strings.TrimSpace(name) != "" {
			require.NoError(t, err)
			assert.Equal(t, p.Zone.Code, in.Zone)
		}
	})
}

func BenchmarkPlace(b *testing.B) {
	table := Builtin()
	for _, name := range []string{"aws:eu-west-1", "gcp:europe-west6-a", "48.85,2.35"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := table.Intensity(context.Background(), Query{Zone: name}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkColdPlaces is what the first cloud region costs a process, of a large provider
// and of a small one, and the first point, which needs all of them.
func BenchmarkColdPlaces(b *testing.B) {
	for _, name := range []string{"aws:eu-west-1", "gcp:europe-west6", "48.85,2.35"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.ReportMetric(float64(len(placesText)), "bytes-embedded")
			table := *Builtin()
			for b.Loop() {
				table.places = sync.OnceValue(func() *places { return tested(skimPlaces(placesText)) })
				if _, err := table.Place(name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

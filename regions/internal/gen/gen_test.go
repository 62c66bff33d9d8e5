package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The embedded table is what the generator makes of the readable ones. If this
// fails, run go generate ./regions and look at the difference.
func TestTableIsFresh(t *testing.T) {
	texts, err := build(os.DirFS("../../data"))
	require.NoError(t, err)
	require.Len(t, texts, 4)
	for file, want := range texts {
		have, err := os.ReadFile("../../" + file)
		require.NoError(t, err)
		if string(want) != string(have) {
			t.Fatalf("regions/%s is stale: run go generate ./regions", file)
		}
	}
}

// small is a copy of tables that build accepts, with one text replaced.
func small(file, old, new string) fstest.MapFS {
	texts := map[string]string{
		"VERSION":     "9.1\n",
		"sources.csv": "id,name,publisher,licence,url,attribution,note\nowid,OWID,OWID,CC-BY-4.0,https://owid.example,OWID.,\nepa,EPA,EPA,public,https://epa.example,EPA.,old\nderived,Ours,us,CC0,https://us.example,Us.,\n",
		"zones.csv":   "code,alpha3,kind,country,continent,name,aliases\nWORLD,,world,,,World,\nFR,FRA,country,FR,EUROPE,France,Gaul\nUS,USA,country,US,NORTH_AMERICA,United States,\n",
		"intensity.csv": "zone,scope,basis,source,year,g_per_kwh\nFR,lifecycle,generation,owid,2023,40\nWORLD,lifecycle,generation,owid,2020,500.5\n" +
			"FR,lifecycle,generation,owid,2020,50\nFR,lifecycle,generation,owid,2021,49\nUS,direct,consumption,epa,2020,400\nUS,direct,generation,epa,2020,399\nUS,lifecycle,generation,owid,2020,450\n",
	}
	hours := "area,month,h00"
	for h := range 23 {
		hours += fmt.Sprintf(",h%02d", h+1)
	}
	for month := range 12 {
		hours += fmt.Sprintf("\nA,%d%s", month+1, strings.Repeat(",1.5", 24))
	}
	for name, text := range map[string]string{
		"points.csv":           "name,zone,lat,lon\nParis,FR,48.86,2.35\nAshburn,US,39.04,-77.49\n",
		"clouds.csv":           "provider,region,zone,place,status,source,year\naws,eu-west-3,FR,Paris,active,epa,2025\naws,us-east-1,US,,announced,epa,2026\n",
		"cloud_figures.csv":    "provider,region,figure,year,value,source\naws,eu-west-3,pue,2023,1.2,epa\naws,eu-west-3,pue,2024,1.1,epa\naws,,pue,2024,1.15,epa\n",
		"areas.csv":            "area,name,years,source,note\nA,An area,2022,epa,old\n",
		"hour_zones.csv":       "zone,area,fit,note\nUS,A,own,\nFR,A,proxy,far\n",
		"names.csv":            "name,target,source,year\nFrankreich,FR,epa,2026\nParis,FR,epa,2026\nEurope (Paris),aws:eu-west-3,epa,2026\n",
		"ranges.csv":           "zone,scope,source,year,low,high,note\nUS,direct,epa,2020,380,420,too high\n",
		"mix_subdivisions.csv": "zone,year,source,unit,coal,gas,oil,nuclear,hydro,wind,solar,bioenergy,other_renewable\n",
		"hours.csv":            hours + "\n",
		"fuels.csv":            "fuel,kg_per_gj,efficiency\ncoal,90,0.36\ngas,50,0.5\noil,80,0.36\n",
		"mix.csv":              "zone,year,coal_twh,gas_twh,oil_twh,nuclear_twh,hydro_twh,wind_twh,solar_twh,bioenergy_twh,other_renewable_twh\nFR,2020,1,1,1,4,,1,1,1,0\nUS,2020,1,0,0,0,0,0,0,0,0\n",
	} {
		texts[name] = text
	}
	m := fstest.MapFS{}
	for name, text := range texts {
		if name == file {
			text = strings.Replace(text, old, new, 1)
		}
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func TestBuild(t *testing.T) {
	texts, err := build(small("", "", ""))
	require.NoError(t, err)
	head, body, _ := strings.Cut(string(texts["table.txt"]), "\n")
	assert.Regexp(t, `^carbonctl-regions/3\t9\.1\+[0-9a-f]{8}$`, head)
	// The US has a direct figure published; France gets a derived one:
	// (900 + 360 + 800) / 10 g/kWh.
	assert.Equal(t, `s	owid	OWID	OWID	CC-BY-4.0	https://owid.example	OWID.	
s	epa	EPA	EPA	public	https://epa.example	EPA.	old
s	derived	Ours	us	CC0	https://us.example	Us.	
z	WORLD		world			World	
v	l	g	0	2020	500.5
z	FR	FRA	country	FR	EUROPE	France	Gaul
v	l	g	0	2020	50 49 - 40
v	d	g	2	2020	206
z	US	USA	country	US	NORTH_AMERICA	United States	
v	l	g	0	2020	450
v	d	g	1	2020	399	380	420	too high
v	d	c	1	2020	400
`, body)
	_, version, _ := strings.Cut(head, "\t")
	rest := map[string]string{}
	for file, text := range texts {
		head, body, _ := strings.Cut(string(text), "\n")
		assert.Equal(t, headers[file]+version, head, "one version")
		rest[file] = body
	}
	assert.Equal(t, `s	epa	EPA	EPA	public	https://epa.example	EPA.	old
p	Paris	FR	48.86	2.35
p	Ashburn	US	39.04	-77.49
a	aws
f	pue	2024	1.15	0
r	eu-west-3	FR	0	active
f	pue	2023	1.2	0
f	pue	2024	1.1	0
r	us-east-1	US		announced
`, rest["places.txt"])
	assert.Equal(t, `s	epa	EPA	EPA	public	https://epa.example	EPA.	old
n	FR	Frankreich	Paris
n	aws:eu-west-3	Europe (Paris)
`, rest["names.txt"])
	assert.Equal(t, `s	epa	EPA	EPA	public	https://epa.example	EPA.	old
h	An area	2022	0	old
`+strings.Repeat("m\t1500"+strings.Repeat(" 1500", 23)+"\n", 12)+"u\tUS\town\t\nu\tFR\tproxy\tfar\n", rest["hours.txt"])
}

func TestBuildRefuses(t *testing.T) {
	for _, c := range []struct{ file, old, new, want string }{
		{"intensity.csv", "zone,", "place,", "intensity.csv:1: want the columns zone,"},
		{"intensity.csv", "FR,", "FX,", `intensity.csv:2: no zone "FX" in zones.csv`},
		{"intensity.csv", "lifecycle", "life", `intensity.csv:2: scope "life"`},
		{"intensity.csv", "generation", "", `intensity.csv:2: basis ""`},
		{"intensity.csv", "owid", "iea", `intensity.csv:2: no source "iea" in sources.csv`},
		{"intensity.csv", "2023", "23", `intensity.csv:2: year "23"`},
		{"intensity.csv", ",40\n", ",-40\n", `intensity.csv:2: g_per_kwh "-40"`},
		{"intensity.csv", ",40\n", ",4e1\n", `intensity.csv:2: g_per_kwh "4e1"`},
		{"intensity.csv", ",40\n", ",NaN\n", `intensity.csv:2: g_per_kwh "NaN"`},
		{"intensity.csv", ",40\n", ",\n", `intensity.csv:2: g_per_kwh ""`},
		{"intensity.csv", ",40\n", ",4000\n", `intensity.csv:2: g_per_kwh "4000"`},
		{"intensity.csv", ",40\n", ",0.00\n", "intensity.csv:2: a lifecycle figure of 0"},
		{"intensity.csv", "2023,40", "2021,40", "FR lifecycle generation owid 2021 stands twice"},
		{"intensity.csv", "WORLD,lifecycle,generation,owid,2020,500.5\n", "", "zones.csv:2: no figure for WORLD"},
		{"zones.csv", "US,USA", "FR,USA", `zones.csv:4: id "FR" is empty or stands twice`},
		{"zones.csv", "Gaul", "\"Ga\nul\"", "zones.csv:3: a cell holds a tab or a line break"},
		{"sources.csv", "epa,", "owid,", `sources.csv:3: id "owid" is empty or stands twice`},
		{"sources.csv", "\nepa", "\nepa,too,many", "wrong number of fields"},
		{"sources.csv", "derived,", "another,", "sources.csv:4: no figure comes from another"},
		{"points.csv", "48.86", "98.86", `points.csv:2: "Paris, FR" stands twice, or`},
		{"points.csv", "Ashburn,US", "Paris,FR", `points.csv:3: "Paris, FR" stands twice`},
		{"clouds.csv", ",FR,Paris", ",FX,Paris", `clouds.csv:2: no zone "FX"`},
		{"clouds.csv", ",FR,Paris", ",US,Paris", `clouds.csv:2: no place "Paris" of US in points.csv`},
		{"clouds.csv", "us-east-1", "eu-west-3", `clouds.csv:3: "aws eu-west-3" stands twice`},
		{"clouds.csv", "announced", "maybe", `clouds.csv:3: status "maybe"`},
		{"cloud_figures.csv", "2024,1.1,", "2023,1.1,", "cloud_figures.csv:3: aws,eu-west-3,pue,2023,1.1,epa: stands twice"},
		{"cloud_figures.csv", "2024,1.1,", "2024,0.9,", "cloud_figures.csv:3:"},
		{"cloud_figures.csv", "eu-west-3", "eu-west-4", "cloud_figures.csv:2:"},
		{"clouds.csv", "epa,2026", "iea,2026", `clouds.csv:3: no source "iea"`},
		{"areas.csv", ",epa,", ",iea,", `areas.csv:2: no source "iea"`},
		{"hour_zones.csv", "FR,A", "FX,A", "hour_zones.csv:3: FX stands twice, or its zone, area or fit"},
		{"hour_zones.csv", "FR,A", "US,A", "hour_zones.csv:3: US stands twice"},
		{"hour_zones.csv", "proxy", "far", "hour_zones.csv:3:"},
		{"names.csv", "Paris,FR", "Paris,FX", `names.csv:3: "Paris" stands twice, or its target`},
		{"names.csv", "aws:eu-west-3", "aws:eu-west-4", `names.csv:4:`},
		{"ranges.csv", "US,direct,epa,2020", "US,direct,epa,2021", "ranges.csv:2: US 2021: no such figure"},
		{"ranges.csv", "380,420", "400,420", "ranges.csv:2: 399 of US is not from 400 to 420"},
		{"mix_subdivisions.csv", "other_renewable\n", "other_renewable\nUS,2020,owid,gwh,1,1,1,1,1,1,1,1,1\n", "mix_subdivisions.csv:2:"},
		{"hours.csv", "\nA,12", "\nA,11", `hours.csv:13: month "11" is wrong or stands twice`},
		{"hours.csv", "A,1,1.5", "A,1,-7", `hours.csv:2: "-7"`},
		{"fuels.csv", "0.36", "36", "fuels.csv:2: want coal, gas, oil"},
		{"mix.csv", "FR,2020,1", "FR,2020,one", `mix.csv:2: zone "FR", year "2020": invalid amount of TWh "one"`},
		{"mix.csv", "US,2020", "FR,2020", "mix.csv: FR 2020 stands twice"},
	} {
		_, err := build(small(c.file, c.old, c.new))
		assert.ErrorContains(t, err, c.want, c.new)
	}
	_, err := build(fstest.MapFS{})
	assert.Error(t, err)
}

func TestRefresh(t *testing.T) {
	download := "\ufeffEntity,Code,Year,Carbon intensity of electricity - gCO2/kWh\n" +
		"France,FRA,2009,90\nFrance,FRA,2024,44.1234567\nFrance,FRA,2025,0\nWorld,OWID_WRL,2025,458.2\nAtlantis,,2025,1\nAtlantis,,2026,1\nUnited States,USA,2025,380\n"
	got, skipped, err := refresh(small("", "", ""), []byte(download))
	require.NoError(t, err)
	assert.Equal(t, []string{"France 2025: zero", "Atlantis (): not in zones.csv"}, skipped)
	assert.Equal(t, `zone,scope,basis,source,year,g_per_kwh
WORLD,lifecycle,generation,owid,2025,458.2
FR,lifecycle,generation,owid,2024,44.123
US,lifecycle,generation,owid,2025,380
US,direct,generation,epa,2020,399
US,direct,consumption,epa,2020,400
`, string(got))
	for _, bad := range []string{"", "a,b\n", "Entity,Code,Year,x\nFrance,FRA,soon,1\n", "Entity,Code,Year,x\nFrance,FRA,2020,-1\n", "Entity,Code,Year,x\nFrance,FRA,2020,Inf\n"} {
		_, _, err := refresh(small("", "", ""), []byte(bad))
		assert.Error(t, err, bad)
	}
}

// The readable table stays in the order that a refresh writes, so that a
// yearly difference shows the new figures and nothing else.
func TestIntensityOrder(t *testing.T) {
	tables, err := read(os.DirFS("../../data"))
	require.NoError(t, err)
	have, err := os.ReadFile("../../data/intensity.csv")
	require.NoError(t, err)
	if string(tables.intensityCSV()) != string(have) {
		t.Fatal("data/intensity.csv is not in order: zone as in zones.csv, lifecycle, generation, source as in sources.csv, year")
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "data"), small("", "", "")))
	download := filepath.Join(dir, "owid.csv")
	require.NoError(t, os.WriteFile(download, []byte("entity,code,year,co2_intensity\nFrance,FRA,2026,39\nWorld,OWID_WRL,2026,450\n"), 0o644))
	require.NoError(t, run(dir, download))
	table, err := os.ReadFile(filepath.Join(dir, "table.txt"))
	require.NoError(t, err)
	assert.Contains(t, string(table), "France\tGaul\nv\tl\tg\t0\t2026\t39\n")
	assert.Error(t, run(dir, filepath.Join(dir, "none.csv")))
}

// The direct intensities that we derive are as good as docs/regions.md says,
// wherever a publisher's figure for plants of the same country and year lets us
// see.
func TestDerivedAgainstPublished(t *testing.T) {
	data := os.DirFS("../../data")
	tables, err := read(data)
	require.NoError(t, err)
	factors, err := fuelFactors(data)
	require.NoError(t, err)
	rows, err := readCSV(data, "mix.csv", mixColumns)
	require.NoError(t, err)
	derived := map[string]float64{}
	for _, row := range rows {
		derived[row[0]+row[1]], err = intensityOf(row, factors)
		require.NoError(t, err)
	}
	var misses []float64
	for _, f := range tables.figures {
		source := tables.sources[f.source][0]
		d, ok := derived[tables.zones[f.zone][0]+strconv.Itoa(f.year)]
		if !ok || f.scope != "direct" || source != "eea" && !strings.HasPrefix(source, "egrid") {
			continue
		}
		v, err := strconv.ParseFloat(f.value, 64)
		require.NoError(t, err)
		misses = append(misses, math.Abs(d-v))
	}
	slices.Sort(misses)
	require.Len(t, misses, 56)
	t.Logf("median %.0f g/kWh, nine of ten within %.0f, most %.0f", misses[28], misses[50], misses[55])
	assert.InDelta(t, 15, misses[28], 1)
	assert.InDelta(t, 40, misses[50], 5)
}

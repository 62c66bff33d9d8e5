package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The embedded table is what the generator makes of the readable ones. If this
// fails, run go generate ./regions and look at the difference.
func TestTableIsFresh(t *testing.T) {
	want, err := build(os.DirFS("../../data"))
	require.NoError(t, err)
	have, err := os.ReadFile("../../table.txt")
	require.NoError(t, err)
	if string(want) != string(have) {
		t.Fatal("regions/table.txt is stale: run go generate ./regions")
	}
}

// small is a copy of tables that build accepts, with one text replaced.
func small(file, old, new string) fstest.MapFS {
	texts := map[string]string{
		"VERSION":     "9.1\n",
		"sources.csv": "id,name,publisher,licence,url,attribution,note\nowid,OWID,OWID,CC-BY-4.0,https://owid.example,OWID.,\nepa,EPA,EPA,public,https://epa.example,EPA.,old\n",
		"zones.csv":   "code,alpha3,kind,country,name,aliases\nWORLD,,world,,World,\nFR,FRA,country,FR,France,Gaul\nUS,USA,country,US,United States,\n",
		"intensity.csv": "zone,scope,basis,source,year,g_per_kwh\nFR,lifecycle,generation,owid,2023,40\nWORLD,lifecycle,generation,owid,2020,500.5\n" +
			"FR,lifecycle,generation,owid,2020,50\nFR,lifecycle,generation,owid,2021,49\nUS,direct,consumption,epa,2020,400\nUS,direct,generation,epa,2020,399\nUS,lifecycle,generation,owid,2020,450\n",
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
	got, err := build(small("", "", ""))
	require.NoError(t, err)
	head, body, _ := strings.Cut(string(got), "\n")
	assert.Regexp(t, `^carbonctl-regions/1\t9\.1\+[0-9a-f]{8}$`, head)
	assert.Equal(t, `s	owid	OWID	OWID	CC-BY-4.0	https://owid.example	OWID.	
s	epa	EPA	EPA	public	https://epa.example	EPA.	old
z	WORLD		world		World	
v	l	g	0	2020	500.5
z	FR	FRA	country	FR	France	Gaul
v	l	g	0	2020	50 49 - 40
z	US	USA	country	US	United States	
v	l	g	0	2020	450
v	d	g	1	2020	399
v	d	c	1	2020	400
`, body)
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
	} {
		_, err := build(small(c.file, c.old, c.new))
		assert.ErrorContains(t, err, c.want)
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

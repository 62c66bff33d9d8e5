package regions

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const small = header + "1.0\n" +
	"s\town\tOur own\tUs\tCC0-1.0\thttps://example.org\tUs.\t\n" +
	"z\tWORLD\t\tworld\t\t\tWorld\t\n" +
	"v\tl\tg\t0\t2020\t500 - 480.5\n" +
	"z\tFR\tFRA\tcountry\tFR\tEUROPE\tFrance\tGaul;Gallia\n" +
	"v\tl\tg\t0\t2020\t50\n"

func TestParse(t *testing.T) {
	table, err := parse(small)
	require.NoError(t, err)
	in, err := table.Intensity(context.Background(), Query{})
	require.NoError(t, err)
	assert.Equal(t, Grams(480.5), in.PerKWh)
	assert.Equal(t, 2022, in.Year)
	_, err = table.Intensity(context.Background(), Query{Year: 2021})
	assert.EqualError(t, err, "WORLD (World) has no lifecycle figure for 2021; the nearest years are 2020 and 2022")
	z, err := table.Zone("gallia")
	require.NoError(t, err)
	assert.Equal(t, Zone{Code: "FR", Alpha3: "FRA", Name: "France", Kind: Country, Country: "FR", Continent: "EUROPE"}, z)
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"another file":  {header, "zone,", "line 1: not a table of regions"},
		"no version":    {header + "1.0", header, "line 1: not a table of regions"},
		"blank line":    {"\nz\tFR", "\n\nz\tFR", `line 5: unexpected line ""`},
		"short line":    {"\tGaul;Gallia", "", "line 5: unexpected line"},
		"long line":     {"Gaul", "a\tb\tc\td", "line 5: more than 9 cells"},
		"kind":          {"country", "planet", `line 5: unknown kind of zone "planet"`},
		"scope":         {"v\tl", "v\tm", `line 4: unknown scope "m"`},
		"basis":         {"l\tg", "l\tx", `line 4: unknown basis "x"`},
		"source":        {"g\t0", "g\t1", `line 4: no source "1"`},
		"year":          {"2020", "20", `line 4: bad year "20"`},
		"negative":      {"500", "-500", `line 4: bad figure "-500"`},
		"negative zero": {"500", "-0", `line 4: bad figure "-0"`},
		"not a number":  {"500", "NaN", `line 4: bad figure "NaN"`},
		"infinite":      {"500", "Inf", `line 4: bad figure "Inf"`},
		"two spaces":    {"500 ", "500  ", `line 4: bad figure ""`},
		"gap at end":    {"480.5", "-", "line 4: figures end in a gap"},
		"late source":   {"Gallia\n", "Gallia\ns\ta\tb\tc\td\te\tf\tg\n", "line 6: unexpected line"},
		"no figures":    {"v\tl\tg\t0\t2020\t500 - 480.5\n", "", "zone WORLD has no figures"},
		"code twice":    {"FRA", "World", `zone FR: code "World" stands for WORLD too`},
		"unusable code": {"FRA", "?", `zone FR: name "?" cannot be used`},
		"no code":       {"z\tFR", "z\t", "line 5: zone without code or name"},
		"empty alias":   {"Gaul;", ";", `zone FR: name "" cannot be used`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(small, c.old, c.new, 1)
			require.NotEqual(t, small, text)
			_, err := parse(text)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// What is read zone by zone is what parse reads.
func TestSkim(t *testing.T) {
	whole, err := parse(tableText)
	require.NoError(t, err)
	skimmed, err := skim(tableText)
	require.NoError(t, err)
	assert.Equal(t, whole.version, skimmed.version)
	assert.Equal(t, whole.sources, skimmed.sources)
	require.Len(t, skimmed.zones, len(whole.zones))
	for i := range whole.zones {
		require.NotEmpty(t, whole.zones[i].series)
		assert.Equal(t, whole.zones[i].Zone, skimmed.zones[i].Zone)
		assert.Equal(t, whole.zones[i].series, skimmed.zones[i].all(), whole.zones[i].Code)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small)
	f.Add(tableText[:2000])
	f.Add(header)
	f.Add(strings.ReplaceAll(small, "Gaul", "World"))
	f.Fuzz(func(t *testing.T, text string) {
		table, err := parse(text)
		if err != nil {
			return
		}
		skimmed, err := skim(text)
		require.NoError(t, err)
		for z := range table.Zones() {
			got, err := table.Zone(z.Code)
			require.NoError(t, err)
			require.Equal(t, z, got)
			series, err := table.Series(z.Code)
			require.NoError(t, err)
			require.NotEmpty(t, series)
			later, err := skimmed.Series(z.Code)
			require.NoError(t, err)
			require.Equal(t, series, later)
			for _, in := range series {
				v := float64(in.PerKWh)
				require.False(t, math.IsNaN(v) || math.IsInf(v, 0) || v < 0)
			}
			_, err = table.Intensity(context.Background(), Query{Zone: z.Code})
			require.NoError(t, err)
			_, _ = table.Zone(z.Name)
			_, _ = table.Zone(z.Name + "x")
		}
	})
}

func TestFixed(t *testing.T) {
	p, err := Fixed(30, nil)
	require.NoError(t, err)
	in, err := p.Intensity(context.Background(), Query{})
	require.NoError(t, err)
	assert.Equal(t, Intensity{Kind: Own, PerKWh: 30, Source: "given by the user"}, in)
	in, err = p.Intensity(context.Background(), Query{Zone: "france", Scope: Direct, Year: 1990})
	require.NoError(t, err)
	assert.Equal(t, Intensity{Zone: "FR", Name: "France", Kind: Own, PerKWh: 30, Source: "given by the user"}, in)
	_, err = p.Intensity(context.Background(), Query{Zone: "FX"})
	var unknown *UnknownError
	assert.ErrorAs(t, err, &unknown)
	_, err = Fixed(0, nil)
	assert.NoError(t, err)
	for _, bad := range []Grams{-1, Grams(math.NaN()), Grams(math.Inf(1)), Grams(math.Inf(-1))} {
		p, err := Fixed(bad, nil)
		assert.Nil(t, p)
		assert.ErrorContains(t, err, "must be a number, zero or more")
	}
}

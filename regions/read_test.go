package regions

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const ownTable = `zone,scope,year,g_per_kwh,name,basis,source,licence
FR,lifecycle,2023,20.5,,,Our supplier 2023,
FR,lifecycle,2025,18,,,Our supplier 2023,
FR-LAB,direct,2024,0,Our roof,consumption,,CC0-1.0
aws:eu-west-1,lifecycle,2024,99,,,,
"atelier",lifecycle,2024,12,"Atelier, Lyon",,,
`

func overlaid(t *testing.T) *Table {
	t.Helper()
	own, err := ReadTable(strings.NewReader(ownTable), "own.csv")
	require.NoError(t, err)
	both, err := Builtin().With(own)
	require.NoError(t, err)
	return both
}

func TestOwnTable(t *testing.T) {
	both := overlaid(t)
	get := func(q Query) Intensity {
		in, err := both.Intensity(context.Background(), q)
		require.NoError(t, err)
		return in
	}
	in := get(Query{Zone: "France"})
	assert.Equal(t, Intensity{Zone: "FR", Name: "France", Kind: Own, Scope: Lifecycle, Year: 2025, Basis: "generation", PerKWh: 18, Source: "Our supplier 2023",
		Note: "your own figure, not the built-in 41.4 g/kWh (lifecycle, 2025)"}, in)
	assert.Equal(t, Grams(20.5), get(Query{Zone: "FRA", Year: 2023}).PerKWh)
	// The scope that the user's table does not speak of is as it was.
	assert.Equal(t, lookup(t, Query{Zone: "FR", Scope: Direct}), get(Query{Zone: "FR", Scope: Direct}))
	// A scope of which it speaks is its own for all years: no two sources mix.
	_, err := both.Intensity(context.Background(), Query{Zone: "FR", Year: 2024})
	assert.EqualError(t, err, "FR (France) has no lifecycle figure for 2024; the nearest years are 2023 and 2025")

	lab := get(Query{Zone: "fr-lab"})
	assert.Equal(t, "Our roof", lab.Name)
	assert.Zero(t, lab.PerKWh)
	assert.Equal(t, "user's table own.csv", lab.Source)
	assert.Equal(t, "CC0-1.0", lab.Licence)
	z, err := both.Zone("our roof")
	require.NoError(t, err)
	assert.Equal(t, Zone{Code: "FR-LAB", Name: "Our roof", Kind: Private, Country: "FR", Continent: "EUROPE"}, z)

	cloud := get(Query{Zone: "aws:eu-west-1"})
	assert.Equal(t, Grams(99), cloud.PerKWh)
	assert.Equal(t, "eu-west-1", cloud.CloudRegion)
	assert.Equal(t, cloud.PerKWh, get(Query{Zone: "aws:eu-west-1b"}).PerKWh, "a zone of that region too")
	direct, err := both.Site(Query{Zone: "aws:eu-west-1", Scope: Direct})
	require.NoError(t, err)
	assert.Equal(t, lookup(t, Query{Zone: "IE", Scope: Direct}).PerKWh, direct.Intensity.PerKWh)

	assert.Equal(t, "Atelier, Lyon", get(Query{Zone: "Atelier"}).Name)
	assert.Regexp(t, `^20.*\+[0-9a-f]{8}\+own\.[0-9a-f]{8}$`, both.Version())
	// The table underneath has not changed.
	assert.Equal(t, Grams(41.44), lookup(t, Query{Zone: "FR"}).PerKWh)
	_, err = Builtin().Zone("atelier")
	assert.Error(t, err)

	sites, without, err := both.Sites(Query{}, Filter{})
	require.NoError(t, err)
	seen := map[string]int{}
	for _, s := range sites {
		seen[s.Intensity.Provider+":"+s.Intensity.CloudRegion+s.Zone.Code]++
	}
	for site, n := range seen {
		assert.Equal(t, 1, n, site)
	}
	assert.Equal(t, 1, seen[":ATELIER"]+seen[":atelier"])
	assert.Zero(t, without, "our roof has only a direct figure, but France has the other")
}

func TestReadTableRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "own.csv:1:1: empty: want the columns zone,scope,year,g_per_kwh",
		"\n":                               "own.csv:1:1: empty",
		"zone,scope,year,g_per_kwh\n":      "own.csv:1:1: no rows below the header",
		"zone,scope,year\nFR,x,1\n":        "own.csv:1:1: no column g_per_kwh",
		"zone,scope,year,g_per_kwh,wind\n": `own.csv:1:27: unknown column "wind": columns are zone,scope,year,g_per_kwh,name,basis,source,licence`,
		"zone,zone,scope,year,g_per_kwh\n": `own.csv:1:6: column "zone" stands twice`,
		"zone,scope,year,g_per_kwh\nFR,lifecycle,2024,-1\n":                       `own.csv:2:19: g_per_kwh "-1": want a number from 0 to 3000`,
		"zone,scope,year,g_per_kwh\nFR,lifecycle,2024,-0\n":                       `own.csv:2:19: g_per_kwh "-0"`,
		"zone,scope,year,g_per_kwh\nFR,lifecycle,2024,forty\n":                    `own.csv:2:19: g_per_kwh "forty"`,
		"zone,scope,year,g_per_kwh\nFR,lifecycle,2024,NaN\n":                      `own.csv:2:19: g_per_kwh "NaN"`,
		"zone,scope,year,g_per_kwh\nFR,lifecycle,2024,\n":                         `own.csv:2:19: g_per_kwh ""`,
		"zone,scope,year,g_per_kwh\nFR,lifecycle,2024,5000\n":                     `own.csv:2:19: g_per_kwh "5000"`,
		"zone,scope,year,g_per_kwh\nFR,lifecycle,24,5\n":                          `own.csv:2:14: year "24": want 1990 to 2100`,
		"zone,scope,year,g_per_kwh\nFR,life,2024,5\n":                             `own.csv:2:4: scope "life": want lifecycle or direct`,
		"zone,scope,year,g_per_kwh\nF R,lifecycle,2024,5\n":                       `own.csv:2:1: zone "F R": want a code`,
		"zone,scope,year,g_per_kwh\n,lifecycle,2024,5\n":                          `own.csv:2:1: zone ""`,
		"zone,scope,year,g_per_kwh,basis\nFR,direct,2024,5,both\n":                `own.csv:2:18: basis "both": want generation or consumption`,
		"zone,scope,year,g_per_kwh,name\nFR,direct,2024,5,???\n":                  `own.csv:2:18: name "???"`,
		"zone,scope,year,g_per_kwh\nFR,direct,2024,5\nfr,direct,2024,6\n":         `own.csv:3:1: "fr" direct 2024 stands twice: first in line 2`,
		"zone,scope,year,g_per_kwh\nFR,direct,2024\nFR,direct,2024,-6\n":          "own.csv:3:16: g_per_kwh \"-6\"",
		"zone,scope,year,g_per_kwh\nFR,direct,2024\n":                             "own.csv:2:1: wrong number of fields",
		"zone,scope,year,g_per_kwh\n\"FR,direct,2024,5\n":                         "own.csv:2:",
		"zone,scope,year,g_per_kwh\nX,direct,2024,-5\nY,direct,x,5\n":             "own.csv:2:15: g_per_kwh \"-5\": want a number from 0 to 3000\nown.csv:3:10: year",
		"zone,scope,year,g_per_kwh\n" + strings.Repeat("X,direct,2024,x\n", 1000): "own.csv:2:15",
	} {
		_, err := ReadTable(strings.NewReader(text), "own.csv")
		require.Error(t, err, text)
		assert.Contains(t, err.Error(), want, text)
		assert.LessOrEqual(t, strings.Count(err.Error(), "\n"), maxOwnErrs)
	}
	_, err := ReadTable(iotest.ErrReader(errors.New("the disk is gone")), "own.csv")
	assert.EqualError(t, err, "own.csv: the disk is gone")
	_, err = ReadTable(strings.NewReader(strings.Repeat(" ", maxOwn+1)), "own.csv")
	assert.ErrorContains(t, err, "own.csv: more than")
}

// The built-in table's own rows can be read back as a user's table.
func TestReadTableTakesOurs(t *testing.T) {
	text, err := os.ReadFile("data/intensity.csv")
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("zone,scope,year,g_per_kwh\n")
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		c := strings.Split(strings.TrimSpace(line), ",")
		if key := c[0] + c[1] + c[4]; c[0] != "zone" && !seen[key] {
			seen[key] = true
			b.WriteString(strings.Join([]string{c[0], c[1], c[4], c[5]}, ",") + "\n")
		}
	}
	own, err := ReadTable(strings.NewReader("\ufeff"+b.String()), "ours.csv")
	require.NoError(t, err)
	both, err := Builtin().With(own)
	require.NoError(t, err)
	for z := range own.Zones() {
		a, err := own.Intensity(context.Background(), Query{Zone: z.Code})
		require.NoError(t, err)
		b, err := both.Intensity(context.Background(), Query{Zone: z.Code})
		require.NoError(t, err)
		assert.Equal(t, a.PerKWh, b.PerKWh)
		assert.Equal(t, Own, b.Kind)
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add(ownTable)
	f.Add("zone,scope,year,g_per_kwh\nFR,direct,2024,5\n")
	f.Add("\ufeffzone,scope,year,g_per_kwh\r\nFR,direct,2024,5")
	f.Add("zone,scope,year,g_per_kwh\n\"FR\n\",direct,2024,5\nWORLD,direct,1990,0\nWORLD,direct,2100,0")
	f.Add("zone,scope,year,g_per_kwh\n:0,lifecycle,2000,0\nx:y,direct,2000,0")
	base, err := parse(small)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		own, err := ReadTable(strings.NewReader(text), "own.csv")
		if err != nil {
			return
		}
		both, err := base.With(own)
		if err != nil {
			return
		}
		for z := range own.Zones() {
			in, err := both.Intensity(context.Background(), Query{Zone: z.Code})
			require.NoError(t, err)
			v := float64(in.PerKWh)
			require.False(t, math.IsNaN(v) || v < 0 || v > maxPerKWh)
		}
	})
}

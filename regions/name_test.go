package regions

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestZoneNames(t *testing.T) {
	for name, code := range map[string]string{
		"FR": "FR", "fr": "FR", "FRA": "FR", " France ": "FR", "fRANCE": "FR",
		"UK": "GB", "gb": "GB", "Great Britain": "GB", "U.K.": "GB", "United Kingdom": "GB",
		"U.S.A.": "US", "U.S.": "US", "United States": "US", "the united states of america": "US",
		"South Korea": "KR", "Korea, Republic of": "KR", "DPRK": "KP", "north korea": "KP",
		"Czech Republic": "CZ", "Czechia": "CZ", "Ivory Coast": "CI", "Cote d'Ivoire": "CI",
		"Côte d’Ivoire": "CI", "CÔTE D'IVOIRE": "CI", "Cote d Ivoire": "CI",
		"Co\u0302te d'Ivoire": "CI", // the accent as a rune of its own
		"Réunion":             "RE", "reunion": "RE", "Sao Tome & Principe": "ST", "Türkiye": "TR", "Turkey": "TR",
		"Bosnia & Herzegovina": "BA", "guinea bissau": "GW", "Guinea": "GN", "The Netherlands": "NL", "Holland": "NL",
		"St. Lucia": "LC", "Timor-Leste": "TL", "Burma": "MM", "Swaziland": "SZ", "XKX": "XK", "Viet Nam": "VN",
		"DRC": "CD", "Russian Federation": "RU", "EL": "GR", "UAE": "AE", "Macau": "MO", "Palestine": "PS",
		"US-CA": "US-CA", "us_ca": "US-CA", "us ca": "US-CA", "California": "US-CA", "Washington D.C.": "US-DC",
		"CA": "CA", "NSW": "AU-NSW", "New South Wales": "AU-NSW", "Quebec": "CA-QC", "Québec": "CA-QC",
		"EGRID-CAMX": "EGRID-CAMX", "WECC California": "EGRID-CAMX", "NPCC NYC/Westchester": "EGRID-NYCW",
		"World": "WORLD", "global": "WORLD", "EU": "EU27", "european union": "EU27", "north america": "NORTH_AMERICA",
		// A piece of a code is never taken for another code.
		"AU-S": "", "US-A": "", "F-R": "", "???": "", "日本": "JP",
	} {
		z, err := Builtin().Zone(name)
		if code == "" {
			var unknown *UnknownError
			assert.ErrorAs(t, err, &unknown, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, code, z.Code, name)
	}
}

func TestAmbiguous(t *testing.T) {
	for name, want := range map[string]string{
		"Georgia":        `region "Georgia" may be GE (Georgia) or US-GA (Georgia, United States): give the code`,
		"korea":          `region "korea" may be KP (North Korea) or KR (South Korea): give the code`,
		"Congo":          `region "Congo" may be CD (Democratic Republic of the Congo) or CG (Congo): give the code`,
		"virgin islands": `region "virgin islands" may be VG (British Virgin Islands) or VI (United States Virgin Islands): give the code`,
	} {
		_, err := Builtin().Zone(name)
		var ambiguous *AmbiguousError
		require.ErrorAs(t, err, &ambiguous)
		assert.Len(t, ambiguous.Matches, 2)
		assert.EqualError(t, err, want)
	}
}

func TestUnknown(t *testing.T) {
	for name, want := range map[string]string{
		"Nairobi":       "KE (Kenya)",
		"Lyon":          "FR (France)",
		"GER":           "DE (Germany)",
		"Grmany":        "DE (Germany)",
		"Untied States": "US (United States)",
		"Frnace":        "FR (France)",
		"Untied Stats":  "US (United States)",
		"DE-BE":         "DE (Germany)",
		"califor":       "US-CA (California, United States)",
		"US-XX":         "US (United States)",
		"carolina":      "US-NC (North Carolina, United States), US-SC (South Carolina, United States), EGRID-SRVC (SERC Virginia/Carolina, United States)",
		"swit":          "CH (Switzerland)",
		"EGRID-CAMS":    "EGRID-CAMX (WECC California, United States)",
	} {
		_, err := Builtin().Zone(name)
		var unknown *UnknownError
		require.ErrorAs(t, err, &unknown)
		assert.Contains(t, err.Error(), `unknown region "`+name+`"; nearest: `+want)
	}
	for _, far := range []string{"xyzzy", "Mordor", "qqqqqqq", "FX", "XX", "PJM"} {
		_, err := Builtin().Zone(far)
		assert.EqualError(t, err, `unknown region "`+far+`"`, "nothing is suggested that is not near")
	}
	_, err := Builtin().Zone(strings.Repeat("x", 1000) + "\n")
	assert.EqualError(t, err, `unknown region "`+strings.Repeat("x", 40)+`…"`)
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		asked, key string
		want       int
	}{
		{"kitten", "sitting", 3}, {"france", "france", 0}, {"frnace", "france", 1},
		{"fra", "france", 0}, {"de-be", "de", 0}, {"de-be", "deb", 2}, {"abc", "xyz", 3},
		{"carolina", "north-carolina", 1}, {"abc", "", 3},
	} {
		assert.Equal(t, c.want, distance(c.asked, c.key), "%s %s", c.asked, c.key)
	}
}

func FuzzZone(f *testing.F) {
	for _, name := range []string{"", "FR", "gallia", "Côte d’Ivoire", "US-CA", "georgia", "the-the-", "&&&", "\xff\xfe", "ﬀ", "İstanbul", strings.Repeat("é", 100)} {
		f.Add(name)
	}
	table, err := parse(small) // misses are slow to explain on the whole table
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, name string) {
		assert.LessOrEqual(t, len(fold(nil, name)), maxKey)
		z, err := table.Zone(name)
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		again, err := table.Zone(strings.ToUpper(z.Code))
		assert.NoError(t, err)
		assert.Equal(t, z, again)
	})
}

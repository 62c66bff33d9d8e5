package regions

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const smallSource = "s\town\tOur own\tUs\tCC0-1.0\thttps://example.org\tUs.\t\n"

func smallHours() string {
	return hoursHeader + "1.0\n" + smallSource + "h\tAn area\t2018-2020\t0\told\n" +
		strings.Repeat("m\t"+strings.Repeat("700 ", 23)+"700\n", 12) + "u\tFR\town\t\nk\tUS\thydro\t96\t2024\n"
}

func TestParseHoursRefuses(t *testing.T) {
	h, err := parseTypical(smallHours())
	require.NoError(t, err)
	fr, ok := h.of("FR")
	require.True(t, ok)
	assert.InDelta(t, 1, fr.Ratio[3][7], 1e-12, "ratios are of the year's mean")
	assert.Equal(t, "typical hours 2018-2020 of An area (old)", fr.String())
	for name, c := range map[string]struct{ old, new, want string }{
		"another file":   {hoursHeader, "x", "line 1: not a table of hours"},
		"kind":           {"u\tFR", "q\tFR", "line 16: unexpected line"},
		"source":         {"2018-2020\t0", "2018-2020\t1", `line 3: no source "1"`},
		"hours":          {"m\t700 700", "m\t700 x", "line 4: bad hours"},
		"negative":       {"m\t700 700", "m\t700 -7", "line 4: bad hours"},
		"too much":       {"m\t700 700", "m\t700 700000", "line 4: bad hours"},
		"too few hours":  {"m\t700 700", "m\t700", "line 4: 23 hours"},
		"too many hours": {"m\t700 700", "m\t700 700 700", "line 4: bad hours"},
		"months":         {"m\t" + strings.Repeat("700 ", 23) + "700\n", "", "area An area has 11 months"},
		"twice":          {"u\tFR", "u\tFR\town\t\nu\tFR", "line 17: zone FR has hours twice"},
	} {
		text := strings.Replace(smallHours(), c.old, c.new, 1)
		require.NotEqual(t, smallHours(), text, name)
		_, err := parseTypical(text)
		assert.ErrorContains(t, err, c.want, name)
	}
	_, err = parseTypical(strings.ReplaceAll(smallHours(), "700", "0"))
	assert.ErrorContains(t, err, "hours of nothing")
}

func FuzzParseHours(f *testing.F) {
	f.Add(smallHours())
	f.Add(hoursText[:4000])
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseTypical(text)
		if err != nil {
			return
		}
		for zone := range h.zones {
			got, ok := h.of(zone)
			require.True(t, ok)
			for _, month := range got.Ratio {
				for _, v := range month {
					require.GreaterOrEqual(t, v, 0.0)
				}
			}
		}
	})
}

// What typical hours there are is of zones that there are, and every area serves some.
func TestHoursServe(t *testing.T) {
	h := builtinTypical()
	assert.Len(t, h.areas, 33)
	assert.Len(t, h.zones, 78)
	for _, a := range h.areas {
		assert.Positive(t, a.zones, a.name)
	}
	for zone := range h.zones {
		_, err := Builtin().Zone(zone)
		assert.NoError(t, err)
		assert.NotContains(t, h.steady, zone)
	}
}

func TestParseNamesRefuses(t *testing.T) {
	clouds := slices.Values([]*CloudRegion{{Provider: "aws", Region: "eu-west-3", Zone: "FR"}, {Provider: "x", Region: "eu-west-3", Zone: "US"}, {Provider: "x", Region: "eu-paris", Zone: "US"}})
	const text = namesHeader + "1.0\n" + smallSource + "n\tFR\tFrankreich\tParis\nn\taws:eu-west-3\tEU (Paris)\nn\tUS\tParis\n"
	a, err := parseNames(text, clouds)
	require.NoError(t, err)
	assert.Equal(t, map[string]int32{"eu-west-3": -1, "eu-paris": 2}, a.regions)
	assert.Equal(t, map[string]int32{"frankreich": 3, "eu-paris": 4, "paris": -2}, a.names)
	for name, c := range map[string]struct{ old, new, want string }{
		"another file": {namesHeader, "x", "line 1: not a table of names"},
		"kind":         {"n\tFR", "q\tFR", "line 3: unexpected line"},
		"no name":      {"\tFrankreich\tParis", "", "line 3: unexpected line"},
		"empty name":   {"Frankreich", "()", `line 3: name "()" cannot be used`},
		"source":       {"s\town\t", "s\t", "line 2: bad source"},
	} {
		_, err := parseNames(strings.Replace(text, c.old, c.new, 1), clouds)
		assert.ErrorContains(t, err, c.want, name)
	}
}

// Each name of the readable table leads to its target, or is refused with it.
func TestNamesLead(t *testing.T) {
	n := 0
	for _, r := range rowsOf(t, "names.csv") {
		p, err := Builtin().Place(r[0])
		if err != nil {
			var ambiguous *AmbiguousError
			require.ErrorAs(t, err, &ambiguous, r[0])
			assert.Contains(t, strings.Join(ambiguous.Matches, " "), r[1])
			n++
			continue
		}
		if p.Cloud != nil {
			assert.Equal(t, r[1], p.Cloud.String(), r[0])
			continue
		}
		assert.Equal(t, r[1], p.Zone.Code, r[0])
	}
	t.Logf("%d of the rows are ambiguous", n)
	assert.Less(t, n, 50)
}

func FuzzParseNames(f *testing.F) {
	f.Add(namesHeader + "1.0\n" + smallSource + "n\tFR\tFrankreich\tParis\n")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseNames(text, new(places).clouds())
		if err != nil {
			return
		}
		for _, target := range a.all() {
			require.NotEmpty(t, target)
		}
	})
}

func BenchmarkColdHours(b *testing.B) {
	b.ReportMetric(float64(len(hoursText)), "bytes-embedded")
	for b.Loop() {
		if _, err := parseTypical(hoursText); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkColdNames(b *testing.B) {
	clouds := builtinPlaces().clouds()
	b.ReportMetric(float64(len(namesText)), "bytes-embedded")
	for b.Loop() {
		if _, err := parseNames(namesText, clouds); err != nil {
			b.Fatal(err)
		}
	}
}

package regions

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const smallPlaces = placesHeader + "1.0\n" +
	"s\town\tOur own\tUs\tCC0-1.0\thttps://example.org\tUs.\t\n" +
	"p\tParis\tFR\t48.86\t2.35\n" +
	"a\taws\nf\tpue\t2024\t1.15\t0\n" +
	"r\teu-west-3\tFR\t0\tactive\nf\tpue\t2023\t1.2\t0\n"

func TestParsePlacesRefuses(t *testing.T) {
	_, err := parsePlaces(smallPlaces)
	require.NoError(t, err)
	for name, c := range map[string]struct{ old, new, want string }{
		"another file":  {placesHeader, "x", "line 1: not a table of places"},
		"kind":          {"p\tParis", "q\tParis", "line 3: unexpected line"},
		"latitude":      {"48.86", "98.86", `line 3: point "98.86,2.35"`},
		"city":          {"FR\t0\tactive", "FR\t1\tactive", `line 6: no city "1"`},
		"source":        {"1.15\t0", "1.15\t1", `line 5: no source "1"`},
		"year":          {"2024", "24", `line 5: bad year "24"`},
		"negative":      {"1.15", "-1", `line 5: bad figure "-1"`},
		"NaN":           {"1.15", "NaN", `line 5: bad figure "NaN"`},
		"provider":      {"r\teu-west-3", "a\tgcp\na\taws\nr\teu-west-3", `line 7: provider "aws" stands twice`},
		"order":         {"a\taws", "w\tFR\t2025\t1\t0\t2\na\taws", "line 4: unexpected line"},
		"water":         {"r\teu-west-3", "w\tFR\t2025\t1\t2\t0\nr\teu-west-3", "line 6: bad water"},
		"orphan figure": {"a\taws\n", "", "line 4: unexpected line"},
		"twice":         {"r\teu-west-3", "r\tEU-west-3\tFR\t\tactive\nr\teu-west-3", "line 7: region aws:eu-west-3 stands twice"},
	} {
		text := strings.Replace(smallPlaces, c.old, c.new, 1)
		require.NotEqual(t, smallPlaces, text, name)
		_, err := parsePlaces(text)
		assert.ErrorContains(t, err, c.want, name)
	}
}

func FuzzParsePlaces(f *testing.F) {
	f.Add(smallPlaces)
	f.Add(placesText[:3000])
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePlaces(text)
		if err != nil {
			return
		}
		table, err := parse(small)
		require.NoError(t, err)
		table.places = func() *places { return p }
		for c := range table.Clouds() {
			_, _ = table.Place(c.String())
			_, _ = table.Site(Query{Zone: c.String()})
		}
		_, _ = table.Place("48.85,2.35")
	})
}

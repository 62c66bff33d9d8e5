package report

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/layout"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/runs"
)

// ranked is a ranking of everywhere, with distances.
func ranked(t *testing.T) Ranking {
	grid := regions.Builtin()
	q := regions.Query{Zone: "FR"}
	here, err := grid.Site(q)
	require.NoError(t, err)
	paris, ok := grid.Point("FR")
	require.True(t, ok)
	sites, without, err := grid.Sites(q, regions.Filter{From: paris, Distances: true})
	require.NoError(t, err)
	places, err := runs.Compare(1, regions.PUE{}, here, sites)
	require.NoError(t, err)
	return Ranking{Energy: energy.KilowattHour, Of: "run <1>", Places: places, All: len(places), Without: without, Data: "test"}
}

func TestRankingEverywhereFitsAndParses(t *testing.T) {
	r := ranked(t)
	var b strings.Builder
	for _, format := range RankingFormats() {
		b.Reset()
		require.NoError(t, r.Write(&b, format), format)
		out := b.String()
		assert.NotContains(t, out, "NaN")
		assert.NotContains(t, out, "ZgotmplZ")
		switch format {
		case "text":
			for line := range strings.Lines(out) {
				assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), layout.Width, line)
			}
			assert.Contains(t, out, runs.Uncovered[:30])
		case "json":
			var v struct {
				Regions []runs.Comparison `json:"regions"`
				Not     string            `json:"not_covered"`
			}
			require.NoError(t, json.Unmarshal([]byte(out), &v))
			assert.Equal(t, r.Places, v.Regions)
			assert.NotEmpty(t, v.Not)
		case "csv":
			lines, err := csv.NewReader(strings.NewReader(out)).ReadAll()
			require.NoError(t, err)
			assert.Len(t, lines, 1+len(r.Places))
		case "markdown":
			assert.Contains(t, out, "run &lt;1&gt;")
		case "svg":
			assert.NotContains(t, out, "<1>")
			n := 0
			for d := xml.NewDecoder(strings.NewReader(out)); ; n++ {
				_, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
			}
			assert.Equal(t, maxRanked, strings.Count(out, `height="16"`))
			assert.Equal(t, 1, strings.Count(out, `class="here"`))
			for _, label := range regexp.MustCompile(`x="(\d+)" y="[0-9.]+" text-anchor="end">([^<]*)<`).FindAllStringSubmatch(out, -1) {
				room, err := strconv.Atoi(label[1])
				require.NoError(t, err)
				assert.LessOrEqual(t, 8*utf8.RuneCountInString(html.UnescapeString(label[2])), room, label[2])
			}
			assert.Contains(t, out, "svg { max-width: 100%; height: auto;", "it fits a narrow window")
		}
	}
	assert.ErrorContains(t, r.Write(&b, "pdf"), `unknown format "pdf": use one of text, json`)
}

func TestRankingKeepsHereInTheTop(t *testing.T) {
	r := ranked(t)
	top := r.Top(3)
	require.Len(t, top.Places, 4)
	assert.True(t, top.Places[3].Here)
	assert.Len(t, r.Top(0).Places, r.All)
	assert.Len(t, r.Top(10_000).Places, r.All)
	var b strings.Builder
	require.NoError(t, top.Text(&b))
	assert.Contains(t, b.String(), "4 of 905 regions")
	assert.Contains(t, b.String(), "   …\n")
}

// What a table of the user's own holds is shown as text, whatever it is.
func TestRankingEscapes(t *testing.T) {
	bad := "=x</text><script>|\x1b[2J"
	zero := 0.0
	r := Ranking{Places: []runs.Comparison{
		{Rank: 1, Here: true, Zone: bad, Name: bad, Source: bad, Licence: bad, Kind: regions.Own, PUE: 1, PUEOf: "given", Kilometres: &zero},
	}, All: 1, Of: bad, Notes: []string{bad}}
	for _, format := range RankingFormats() {
		var b strings.Builder
		require.NoError(t, r.Write(&b, format), format)
		assert.NotContains(t, b.String(), "\x1b", format)
		if format == "svg" {
			assert.NotContains(t, b.String(), "<script>", format)
		}
		if format == "csv" {
			assert.NotContains(t, b.String(), ",=x", format)
		}
	}
	var b strings.Builder
	require.NoError(t, Ranking{}.Text(&b), "an empty one is no accident")
}

// A ranking of a plan gives the plan's energy to programs, also where that is more than a
// counter can hold.
func TestRankingOfAPlanHasItsEnergy(t *testing.T) {
	for kWh, want := range map[float64]string{0.26: "936000", 2.5: "9000000", 5e9: "18000000000000000"} {
		r := ranked(t)
		r.Energy, r.Estimated = 0, new(plan.Exactly(kWh))
		var b strings.Builder
		require.NoError(t, r.Write(&b, "json"))
		assert.Contains(t, b.String(), `"energy_joules": `+want+`,`)
		b.Reset()
		require.NoError(t, r.Top(1).Write(&b, "csv"))
		rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
		require.NoError(t, err)
		assert.Equal(t, want, rows[1][7])
	}
}

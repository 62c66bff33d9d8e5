package runs

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/regions"
)

// europe is the table of European cloud regions in a blog article of 2022 on the
// footprint of training GPT-3: 310 cards of 300 W for 90 days, with intensities
// of 2019 in g/kWh as ML CO2 Impact carries them. Kilograms are unrounded; the
// article's tonnes follow with kg/kWh rounded to two decimals, as that calculator
// does.
var europe = []struct {
	region     string
	perKWh     string
	kg, tonnes float64
}{
	{"gcp:europe-west6", "16", 3214.08, 4},
	{"aws:eu-west-3", "105", 21092.4, 20.1},
	{"gcp:europe-west1", "267", 53634.96, 54.2},
	{"gcp:europe-west4", "569", 114300.72, 114.5},
	{"aws:eu-central-1", "615", 123541.2, 122.5},
	{"gcp:europe-west3", "615", 123541.2, 122.5},
	{"gcp:europe-west2", "623", 125148.24, 124.5},
}

func TestCompareReproducesTheWorkedTable(t *testing.T) {
	table := strings.Builder{}
	table.WriteString("zone,scope,year,g_per_kwh\n")
	for _, r := range slices.Backward(europe) {
		table.WriteString(r.region + ",lifecycle,2019," + r.perKWh + "\n")
	}
	own, err := regions.ReadTable(strings.NewReader(table.String()), "mlco2-2019.csv")
	require.NoError(t, err)
	grid, err := regions.Builtin().With(own)
	require.NoError(t, err)
	var sites []regions.Site
	for _, r := range europe {
		s, err := grid.Site(regions.Query{Zone: r.region})
		require.NoError(t, err)
		sites = append(sites, s)
	}
	here := sites[2] // Belgium, as in the article
	const cards, watts, hours = 310, 300, 90 * 24
	e := energy.WattHour.Scale(cards * watts * hours)
	assert.Equal(t, 200880.0, e.KilowattHours())
	got, err := Compare(e.KilowattHours(), regions.PUE{Value: 1, Of: Given}, here, sites)
	require.NoError(t, err)
	require.Len(t, got, len(europe))
	for i, want := range europe {
		c := got[i]
		assert.Equal(t, want.region, *c.Provider+":"+*c.CloudRegion)
		assert.InEpsilon(t, want.kg, float64(c.Emissions)/1000, 1e-9)
		kgPerKWh, err := strconv.ParseFloat(strconv.FormatFloat(float64(c.PerKWh)/1000, 'f', 2, 64), 64)
		require.NoError(t, err)
		assert.InDelta(t, want.tonnes, kgPerKWh*e.KilowattHours()/1000, 0.05, want.region)
		assert.InEpsilon(t, want.kg/europe[2].kg, *c.Ratio, 1e-9)
		assert.Equal(t, want.region == "gcp:europe-west1", c.Here)
		assert.Equal(t, []int{1, 2, 3, 4, 5, 5, 7}[i], c.Rank)
		assert.Equal(t, 1.0, c.PUE)
		assert.Equal(t, "given", c.PUEOf)
		assert.Equal(t, regions.Own, c.Kind)
		assert.Equal(t, 2019, c.Year)
	}
}

func TestCompareEverywhere(t *testing.T) {
	for _, scope := range []regions.Scope{regions.Lifecycle, regions.Direct} {
		q := regions.Query{Zone: "aws:eu-west-1", Scope: scope}
		here, err := regions.Builtin().Site(q)
		require.NoError(t, err)
		sites, _, err := regions.Builtin().Sites(q, regions.Filter{})
		require.NoError(t, err)
		got, err := Compare(1, regions.PUE{}, here, sites)
		require.NoError(t, err)
		assert.Len(t, got, len(sites), "here is among them")
		n := 0
		for i, c := range got {
			assert.InDelta(t, c.PUE*float64(c.PerKWh), float64(c.Emissions), 1e-9)
			assert.InDelta(t, *c.Ratio, float64(c.Emissions/got[slices.IndexFunc(got, func(c Comparison) bool { return c.Here })].Emissions), 1e-9)
			if i > 0 {
				assert.GreaterOrEqual(t, c.Emissions, got[i-1].Emissions)
				assert.GreaterOrEqual(t, c.Rank, got[i-1].Rank)
			}
			if c.Here {
				n++
				assert.Equal(t, 1.0, *c.Ratio)
				assert.Equal(t, "IE", c.Zone)
			}
			if c.Provider == nil {
				assert.Equal(t, here.PUE.Value, c.PUE, "nothing is published: that of here")
			}
			assert.NotEmpty(t, c.Source)
			assert.Equal(t, scope, c.Scope)
		}
		assert.Equal(t, 1, n)
	}
}

func TestCompareRefuses(t *testing.T) {
	site := func(in regions.Intensity) regions.Site {
		return regions.Site{Zone: regions.Zone{Code: "FR"}, Intensity: in, PUE: regions.PUE{Value: 1}}
	}
	plain := site(regions.Intensity{Zone: "FR", Scope: regions.Lifecycle, PerKWh: 40})
	other := func(in regions.Intensity) []regions.Site { return []regions.Site{site(in)} }
	for _, c := range []struct {
		e     float64
		pue   float64
		here  regions.Site
		sites []regions.Site
		want  string
	}{
		{-1, 0, plain, nil, "energy -1 kWh: must be a number of at least 0"},
		{math.NaN(), 0, plain, nil, "energy NaN kWh"},
		{math.Inf(1), 0, plain, nil, "energy +Inf kWh"},
		{1, 0.9, plain, nil, "pue 0.9: want 1 to 100, or 0"},
		{1, math.NaN(), plain, nil, "pue NaN"},
		{1, 0, plain, other(regions.Intensity{Zone: "SE", Scope: regions.Direct}), `the intensity of SE is of scope "direct", that of FR of scope "lifecycle"`},
		{1, 0, plain, other(regions.Intensity{Zone: "SE", Scope: regions.Lifecycle, Market: true}), "SE is market-based where FR is not"},
		{1, 0, plain, other(regions.Intensity{Scope: regions.Lifecycle, Marginal: true}), "marginal"},
		{1, 0, site(regions.Intensity{Marginal: true}), nil, "marginal"},
	} {
		_, err := Compare(c.e, regions.PUE{Value: c.pue}, c.here, c.sites)
		assert.ErrorContains(t, err, c.want)
	}
}

func TestCompareWithNothing(t *testing.T) {
	here := regions.Site{Zone: regions.Zone{Code: "X"}, PUE: regions.PUE{Value: 1}}
	got, err := Compare(0, regions.PUE{}, here, nil)
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.True(t, got[0].Here)
	assert.Nil(t, got[0].Ratio, "nothing is no measure")
	assert.Zero(t, got[0].Emissions)
	text, err := json.Marshal(got[0])
	require.NoError(t, err)
	for _, key := range []string{`"provider":null`, `"cloud_region":null`, `"ratio":null`, `"emissions_g":0`, `"g_per_kwh":0`, `"pue":1`, `"year":0`, `"source":""`, `"zone":"X"`} {
		assert.Contains(t, string(text), key)
	}
}

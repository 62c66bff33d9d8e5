package regions

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPUE(t *testing.T) {
	cloud := func(provider, region string) *CloudRegion {
		c, err := Builtin().Cloud(provider, region)
		require.NoError(t, err)
		return &c
	}
	gcp := Builtin().PUE(cloud("gcp", "europe-west4"))
	assert.Equal(t, PUE{1.07, 2024, "region", "Google, environmental report, figures of data centre regions"}, gcp)
	azure := Builtin().PUE(cloud("azure", "francecentral"))
	assert.Equal(t, "provider", azure.Of)
	assert.Equal(t, 1.16, azure.Value)
	for _, c := range []*CloudRegion{nil, cloud("hetzner", "fsn1"), cloud("ovhcloud", "GRA")} {
		industry := Builtin().PUE(c)
		assert.Equal(t, 1.56, industry.Value)
		assert.Equal(t, 2024, industry.Year)
		assert.Equal(t, "industry", industry.Of)
	}
	assert.Equal(t, PUE{Value: 1}, new(Table).PUE(nil))
	for c := range Builtin().Clouds() {
		p := Builtin().PUE(&c)
		assert.GreaterOrEqual(t, p.Value, 1.0)
		assert.NotEmpty(t, p.Source)
		assert.NotZero(t, p.Year)
	}
}

func TestSite(t *testing.T) {
	s, err := Builtin().Site(Query{Zone: "aws:us-east-1"})
	require.NoError(t, err)
	assert.Equal(t, lookup(t, Query{Zone: "aws:us-east-1"}), s.Intensity, "a comparison and a run have one figure")
	assert.Equal(t, Lifecycle, s.Intensity.Scope)
	assert.Equal(t, "US-VA", s.Zone.Code)
	assert.Equal(t, "us-east-1", s.Intensity.CloudRegion)
	assert.Empty(t, s.Intensity.Instead)
	s, err = Builtin().Site(Query{Zone: "alibaba:cn-hangzhou"})
	require.NoError(t, err)
	assert.Equal(t, lookup(t, Query{Zone: "CN"}).PerKWh, s.Intensity.PerKWh)
	assert.Equal(t, "that of China: no lifecycle figure is published for CN-ZJ", s.Intensity.Instead)
	s, err = Builtin().Site(Query{Zone: "aws:us-east-1", Scope: Direct})
	require.NoError(t, err)
	assert.Equal(t, lookup(t, Query{Zone: "US-VA", Scope: Direct}).PerKWh, s.Intensity.PerKWh)
	assert.Empty(t, s.Intensity.Instead)
	s, err = Builtin().Site(Query{})
	require.NoError(t, err)
	assert.Equal(t, "WORLD", s.Zone.Code)
	s, err = Builtin().Site(Query{Zone: "aws:us-west-2", Market: true})
	require.NoError(t, err)
	assert.True(t, s.Intensity.Market)
	_, err = Builtin().Site(Query{Zone: "gcp:us-east4", Market: true})
	assert.ErrorContains(t, err, "has no market-based figure", "never the grid's in its place")
	_, err = Builtin().Site(Query{Zone: "WORLD", Scope: Direct})
	assert.Error(t, err)
	_, err = Builtin().Site(Query{Zone: "nowhere"})
	assert.Error(t, err)
}

func TestSites(t *testing.T) {
	for _, scope := range []Scope{"", Lifecycle, Direct} {
		sites, without, err := Builtin().Sites(Query{Scope: scope, Zone: "not looked at"}, Filter{})
		require.NoError(t, err)
		assert.Len(t, sites, 692+213-without)
		if scope == Direct {
			assert.Equal(t, 1, without, "derived where none is published, but of the Central African Republic no mix is known")
		} else {
			assert.Zero(t, without)
		}
		for _, s := range sites {
			want := scope
			if scope == "" {
				want = Lifecycle
			}
			require.Equal(t, want, s.Intensity.Scope, "%v", s)
			require.Nil(t, s.Kilometres)
		}
	}
	sites, without, err := Builtin().Sites(Query{Market: true}, Filter{})
	require.NoError(t, err)
	assert.Greater(t, len(sites), 15)
	assert.Zero(t, countOther(sites, "aws"), "only Amazon publishes any")
	assert.Equal(t, 692, len(sites)+without)
}

func countOther(sites []Site, provider string) (n int) {
	for _, s := range sites {
		if s.Cloud == nil || s.Cloud.Provider != provider {
			n++
		}
	}
	return n
}

func TestFilter(t *testing.T) {
	sites := func(f Filter) []Site {
		s, _, err := Builtin().Sites(Query{}, f)
		require.NoError(t, err)
		return s
	}
	aws := sites(Filter{Providers: []string{"Amazon"}})
	assert.Len(t, aws, 117)
	assert.Zero(t, countOther(aws, "aws"))
	for _, s := range sites(Filter{Continents: []string{"europe"}}) {
		assert.Equal(t, "EUROPE", s.Zone.Continent)
	}
	paris := Point{48.86, 2.35}
	near := sites(Filter{Within: 500, From: paris})
	cities := map[string]bool{}
	for _, s := range near {
		require.NotNil(t, s.Cloud, "countries are no points")
		require.NotNil(t, s.Kilometres)
		assert.LessOrEqual(t, *s.Kilometres, 500.0)
		cities[s.Cloud.City] = true
	}
	for _, c := range []string{"Paris", "London", "Brussels", "Frankfurt", "Geneva", "Amsterdam", "Strasbourg"} {
		assert.True(t, cities[c], c)
	}
	assert.False(t, cities["Dublin"])
	all := sites(Filter{Distances: true, From: paris})
	assert.Len(t, all, 692+213)
	for _, bad := range []struct {
		f    Filter
		want string
	}{
		{Filter{Providers: []string{"awz"}}, `unknown provider "awz"; nearest: aws`},
		{Filter{Providers: []string{"mycloud"}}, `unknown provider "mycloud": use one of alibaba, aws, azure, `},
		{Filter{Continents: []string{"France"}}, "FR (France) is not a continent"},
		{Filter{Continents: []string{"EU27"}}, "EU27 (European Union (27)) is not a continent"},
		{Filter{Continents: []string{"Atlantis"}}, `unknown region "Atlantis"`},
		{Filter{Within: -1}, "distance -1 km: want 0 or more"},
	} {
		_, _, err := Builtin().Sites(Query{}, bad.f)
		assert.ErrorContains(t, err, bad.want)
	}
	_, _, err := Builtin().Sites(Query{Scope: "both"}, Filter{})
	assert.ErrorContains(t, err, `unknown scope "both"`)
	assert.Empty(t, func() []Site { s, _, _ := new(Table).Sites(Query{}, Filter{}); return s }())
}

func BenchmarkSites(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Builtin().Sites(Query{}, Filter{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Most customers can't move to these: they are no advice.
func TestSpecial(t *testing.T) {
	for name, want := range map[string]bool{
		"aws:us-east-1": false, "aws:ap-southeast-7": false, "aws:cn-north-1": false, "azure:eastus2": false, "gcp:us-east4": false,
		"azure:usgovtexas": true, "azure:ussecwest": true, "azure:usdodeast": true, "azure:eastus2euap": true,
		"aws:us-gov-east-1": true, "aws:eusc-de-east-1": true, "aws:us-east-1-lim-1a": true, "aws:eu-west-2-wl1-lon-wlz-1": true,
		"aws:eu-west-3-cmn-wlz-1a": true,
	} {
		s, err := Builtin().Site(Query{Zone: name})
		require.NoError(t, err, name)
		assert.Equal(t, want, s.Cloud.Special(), name)
	}
	all, _, err := Builtin().Sites(Query{}, Filter{Providers: []string{"aws"}, Usual: true})
	require.NoError(t, err)
	for _, s := range all {
		assert.False(t, s.Cloud.Special(), s.Cloud)
	}
	assert.Greater(t, len(all), 30)
}

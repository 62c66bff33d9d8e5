package regions

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answers is a Provider that always says the same.
type answers struct {
	in     Intensity
	series []Intensity
	err    error
}

func (a answers) Intensity(context.Context, Query) (Intensity, error) { return a.in, a.err }

func (a answers) Forecast(context.Context, Query, time.Time) ([]Intensity, error) {
	return a.series, a.err
}

// plain hides Forecast.
type plain struct{ Provider }

func TestElse(t *testing.T) {
	ctx := context.Background()
	down := answers{err: errors.New("example.org: status 500")}
	live := answers{in: Intensity{Zone: "FR", Kind: Live, PerKWh: 21}, series: hourly(1, 2)}

	in, err := Else(live, Builtin()).Intensity(ctx, Query{Zone: "FR"})
	require.NoError(t, err)
	assert.Equal(t, live.in, in)
	in, err = Else(down, Builtin()).Intensity(ctx, Query{Zone: "FR"})
	require.NoError(t, err)
	assert.Equal(t, AnnualAverage, in.Kind)
	assert.Equal(t, "in place of a live value: example.org: status 500", in.Instead)
	in, err = Else(down, Builtin()).Intensity(ctx, Query{Zone: "US-CA"})
	require.NoError(t, err)
	assert.Equal(t, "in place of a live value: example.org: status 500; only direct emissions are published for US-CA", in.Instead)
	for _, odd := range []Intensity{{Marginal: true}, {Market: true}} {
		in, err = Else(answers{in: odd}, Builtin()).Intensity(ctx, Query{Zone: "FR"})
		require.NoError(t, err)
		assert.False(t, in.Marginal || in.Market)
		assert.Contains(t, in.Instead, "in place of a live value: the answer is mar")
	}
	in, err = Else(answers{in: Intensity{Market: true}}, Builtin()).Intensity(ctx, Query{Zone: "FR", Market: true})
	require.NoError(t, err)
	assert.True(t, in.Market)
	_, err = Else(down, Builtin()).Intensity(ctx, Query{Zone: "nowhere"})
	var unknown *UnknownError
	assert.ErrorAs(t, err, &unknown)
	assert.ErrorIs(t, err, down.err)

	forecaster := Else(live, Builtin()).(Forecaster)
	series, err := forecaster.Forecast(ctx, Query{Zone: "US-NY", Time: at(0)}, at(2))
	require.NoError(t, err)
	assert.Equal(t, live.series, series)
	for _, first := range []Provider{down, plain{live}} {
		series, err = Else(first, Builtin()).(Forecaster).Forecast(ctx, Query{Zone: "US-NY", Time: at(0)}, at(2))
		require.NoError(t, err)
		require.Len(t, series, 2)
		assert.Equal(t, Profile, series[0].Kind)
		assert.Contains(t, series[1].Instead, "in place of a live value: ")
	}
	_, err = Else(down, plain{Builtin()}).(Forecaster).Forecast(ctx, Query{Zone: "FR", Time: at(0)}, at(2))
	assert.ErrorIs(t, err, ErrNoForecast)
	assert.ErrorIs(t, err, down.err)
}

func TestDetectProvider(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{nil, ""},
		{map[string]string{"sys_vendor": "Amazon EC2\n", "product_name": "m7i.large\n"}, "aws"},
		{map[string]string{"sys_vendor": "Xen\n", "bios_version": "4.11.amazon\n"}, "aws"},
		{map[string]string{"sys_vendor": "Google\n", "product_name": "Google Compute Engine\n"}, "gcp"},
		{map[string]string{"sys_vendor": "Microsoft Corporation\n", "product_name": "Virtual Machine\n", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77\n"}, "azure"},
		{map[string]string{"sys_vendor": "Microsoft Corporation\n", "product_name": "Virtual Machine\n", "chassis_asset_tag": "0000\n"}, ""}, // Hyper-V at home
		{map[string]string{"sys_vendor": "Hetzner\n", "product_name": "vServer\n"}, "hetzner"},
		{map[string]string{"sys_vendor": "QEMU\n", "product_name": "Standard PC (Q35 + ICH9, 2009)\n", "chassis_asset_tag": "OracleCloud.com\n"}, "oracle"},
		{map[string]string{"sys_vendor": "Alibaba Cloud\n"}, "alibaba"},
		{map[string]string{"sys_vendor": "DigitalOcean\n"}, "digitalocean"},
		{map[string]string{"sys_vendor": "QEMU\n"}, ""},
		{map[string]string{"sys_vendor": "Amazonas Computers\n"}, ""},
		{map[string]string{"sys_vendor": ""}, ""},
		{map[string]string{"sys_vendor": "\xff\xfe\x00"}, ""},
	} {
		root := fstest.MapFS{}
		for name, text := range c.files {
			root["sys/class/dmi/id/"+name] = &fstest.MapFile{Data: []byte(text)}
		}
		assert.Equal(t, c.want, DetectProvider(root), "%v", c.files)
	}
	known := map[string]bool{}
	for c := range Builtin().Clouds() {
		known[c.Provider] = true
	}
	for _, v := range vendors {
		assert.True(t, known[v.provider], v.provider)
	}
}

func TestDetectRegion(t *testing.T) {
	ec2 := fstest.MapFS{"sys/class/dmi/id/sys_vendor": {Data: []byte("Amazon EC2\n")}}
	for _, c := range []struct {
		root             fstest.MapFS
		env              map[string]string
		region, provider string
	}{
		{nil, nil, "", ""},
		{ec2, nil, "", "aws"},
		{ec2, map[string]string{"AWS_REGION": "eu-west-1"}, "aws:eu-west-1", "aws"},
		{ec2, map[string]string{"AWS_REGION": "eu-wst-1", "AWS_DEFAULT_REGION": "eu-west-3"}, "aws:eu-west-3", "aws"},
		{ec2, map[string]string{"AWS_REGION": "the moon"}, "", "aws"},
		{nil, map[string]string{"AWS_REGION": "eu-west-1"}, "", ""}, // a laptop that works with AWS
		{ec2, map[string]string{"CLOUDSDK_COMPUTE_ZONE": "europe-west6-a"}, "", "aws"},
		{nil, map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_REGION": "eu-north-1"}, "aws:eu-north-1", "aws"},
		{nil, map[string]string{"K_SERVICE": "s", "CLOUDSDK_COMPUTE_ZONE": "europe-west6-a"}, "gcp:europe-west6", "gcp"},
		{nil, map[string]string{"WEBSITE_SITE_NAME": "w", "REGION_NAME": "West Europe"}, "azure:westeurope", "azure"},
	} {
		region, provider := Builtin().DetectRegion(c.root, func(name string) string { return c.env[name] })
		assert.Equal(t, c.region, region, "%v", c.env)
		assert.Equal(t, c.provider, provider)
	}
}

func TestHoldings(t *testing.T) {
	n, places := 0, 0
	for _, h := range Builtin().Holdings() {
		assert.NotEmpty(t, h.Source.ID)
		assert.Positive(t, h.Figures, h.Source.ID)
		assert.Positive(t, h.Places, h.Source.ID)
		assert.LessOrEqual(t, h.First, h.Last)
		assert.GreaterOrEqual(t, h.First, 2010)
		n, places = n+h.Figures, places+h.Places
		switch h.Source.ID {
		case "owid":
			assert.Equal(t, Holding{Source: h.Source, Places: 221, Figures: 3376, First: 2010, Last: 2025}, h)
		case "derived":
			assert.Equal(t, []int{179, 1112}, []int{h.Places, h.Figures})
		}
	}
	// As docs/regions.md says: figures of zones, of clouds and their fleets, hours.
	assert.Equal(t, 4998+807+4*288, n)
	assert.Empty(t, new(Table).Holdings())
}

package regions

import (
	"context"
	"errors"
	"maps"
	"strings"
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

func TestElse(t *testing.T) {
	ctx := context.Background()
	down := answers{err: errors.New("example.org: status 500")}
	live := answers{in: Intensity{Zone: "FR", Kind: Live, PerKWh: 21}}

	in, err := Else(live, Builtin()).Intensity(ctx, Query{Zone: "FR"})
	require.NoError(t, err)
	assert.Equal(t, live.in, in)
	in, err = Else(down, Builtin()).Intensity(ctx, Query{Zone: "FR"})
	require.NoError(t, err)
	assert.Equal(t, AnnualAverage, in.Kind)
	assert.Equal(t, "instead of a live value: example.org: status 500", in.Instead)
	in, err = Else(down, Builtin()).Intensity(ctx, Query{Zone: "US-CA"})
	require.NoError(t, err)
	assert.Equal(t, "instead of a live value: example.org: status 500", in.Instead)
	for _, odd := range []Intensity{{Marginal: true}, {Market: true}} {
		in, err = Else(answers{in: odd}, Builtin()).Intensity(ctx, Query{Zone: "FR"})
		require.NoError(t, err)
		assert.False(t, in.Marginal || in.Market)
		assert.Contains(t, in.Instead, "instead of a live value: the answer is mar")
	}
	in, err = Else(answers{in: Intensity{Market: true}}, Builtin()).Intensity(ctx, Query{Zone: "FR", Market: true})
	require.NoError(t, err)
	assert.True(t, in.Market)
	_, err = Else(down, Builtin()).Intensity(ctx, Query{Zone: "nowhere"})
	var unknown *UnknownError
	assert.ErrorAs(t, err, &unknown)
	assert.ErrorIs(t, err, down.err)
}

func TestElseForecast(t *testing.T) {
	ctx := context.Background()
	down := answers{err: errors.New("example.org: status 500")}
	live := answers{series: hourly(1, 2)}
	for _, c := range []struct {
		first   Forecaster
		kind    Kind
		instead string
	}{
		{live, Forecast, ""},
		{down, Profile, "instead of a live forecast: example.org: status 500; typical hours"},
		{nil, Profile, "typical hours"},
	} {
		series, err := ElseForecast(c.first, Builtin()).Forecast(ctx, Query{Zone: "US-NY", Time: at(0)}, at(2))
		require.NoError(t, err)
		require.Len(t, series, 2)
		assert.Equal(t, c.kind, series[1].Kind)
		assert.True(t, strings.HasPrefix(series[1].Instead, c.instead), series[1].Instead)
	}
	_, err := ElseForecast(down, Builtin()).Forecast(ctx, Query{Zone: "JP", Time: at(0)}, at(2))
	assert.ErrorIs(t, err, ErrNoForecast)
	assert.ErrorIs(t, err, down.err)
	assert.NotContains(t, err.Error(), "\n")
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
		{map[string]string{"sys_vendor": "Microsoft Corporation\n", "product_name": "Surface Pro 9\n"}, ""},
		{map[string]string{"sys_vendor": "Google\n", "bios_vendor": "coreboot\n", "product_name": "Eve\n"}, ""}, // a Chromebook
		{map[string]string{"sys_vendor": "OpenStack Foundation\n", "product_name": "OpenStack Nova\n"}, ""},
		{map[string]string{"sys_vendor": "QEMU\n", "product_serial": "GoogleCloud-1234\n"}, "gcp"},
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
	machine := func(vendor, instance string) fstest.MapFS {
		root := fstest.MapFS{"sys/class/dmi/id/sys_vendor": {Data: []byte(vendor + "\n")}}
		if instance != "" {
			root["run/cloud-init/instance-data.json"] = &fstest.MapFile{Data: []byte(`{"v1": {` + instance + `}}`)}
		}
		return root
	}
	google := machine("Google", `"cloud_name": "gce", "region": "", "availability_zone": "europe-west6-a"`)
	google["sys/class/dmi/id/product_name"] = &fstest.MapFile{Data: []byte("Google Compute Engine")}
	oracle := func(zone string) fstest.MapFS {
		root := machine("QEMU", `"cloud_name": "oracle", "availability_zone": "`+zone+`"`)
		root["sys/class/dmi/id/chassis_asset_tag"] = &fstest.MapFile{Data: []byte("OracleCloud.com")}
		return root
	}
	ec2 := machine("Amazon EC2", "")
	lambda := map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "f", "LAMBDA_TASK_ROOT": "/var/task", "AWS_REGION": "eu-north-1"}
	sam := map[string]string{"AWS_SAM_LOCAL": "true"}
	maps.Copy(sam, lambda)
	for _, c := range []struct {
		root             fstest.MapFS
		env              map[string]string
		region, provider string
	}{
		{nil, nil, "", ""},
		{ec2, nil, "", "aws"},
		// What a client reads is where it sends its commands.
		{ec2, map[string]string{"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "", "aws"},
		{nil, map[string]string{"AWS_EXECUTION_ENV": "AWS_ECS_FARGATE", "AWS_REGION": "eu-west-1"}, "", ""},
		{google, map[string]string{"CLOUDSDK_COMPUTE_REGION": "us-west1"}, "gcp:europe-west6", "gcp"},
		{machine("Google", ""), map[string]string{"CLOUDSDK_COMPUTE_REGION": "europe-west1"}, "", ""}, // a Chromebook
		{nil, map[string]string{"K_SERVICE": "s", "CLOUDSDK_COMPUTE_ZONE": "europe-west6-a"}, "", ""}, // Knative

		// Serverless, with all that comes with it.
		{nil, lambda, "aws:eu-north-1", "aws"},
		{ec2, lambda, "aws:eu-north-1", "aws"},
		{nil, sam, "", ""},
		{machine("LENOVO", ""), lambda, "", ""},
		{nil, map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_REGION": "eu-north-1"}, "", ""},
		{nil, map[string]string{"WEBSITE_SITE_NAME": "w", "REGION_NAME": "West Europe"}, "", ""},
		{nil, map[string]string{"WEBSITE_SITE_NAME": "w", "WEBSITE_INSTANCE_ID": "1", "REGION_NAME": "West Europe"}, "azure:westeurope", "azure"},
		{nil, map[string]string{"WEBSITE_SITE_NAME": "w", "WEBSITE_INSTANCE_ID": "1", "REGION_NAME": "the moon"}, "", "azure"},

		// cloud-init, where it agrees with the firmware.
		{machine("Amazon EC2", `"cloud_name": "aws", "region": "eu-west-1", "availability_zone": "eu-west-1b"`), nil, "aws:eu-west-1", "aws"},
		{machine("Amazon EC2", `"cloud_name": "aws", "region": "us-east-1", "availability_zone": "us-east-1-lim-1a"`), nil, "aws:us-east-1-lim-1a", "aws"}, // in Peru
		{machine("Amazon EC2", `"cloud_name": "aws", "region": "us-east-1", "availability_zone": "us-east-1-xyz-1a"`), nil, "", "aws"},                     // not known, and not Virginia
		{machine("Vultr", `"cloud_name": "vultr", "region": "us"`), nil, "US", "vultr"},
		{machine("Vultr", `"cloud_name": "vultr", "region": "nowhere"`), nil, "", "vultr"},
		{oracle("phx-ad-3"), nil, "oracle:us-phoenix-1", "oracle"},
		{oracle("UocM:PHX-AD-1"), nil, "oracle:us-phoenix-1", "oracle"},
		{oracle("nova"), nil, "", "oracle"},
		{nil, map[string]string{"CONTAINER_APP_NAME": "a", "CONTAINER_APP_ENV_DNS_SUFFIX": "brave-x1.westeurope.azurecontainerapps.io"}, "azure:westeurope", "azure"},
		{nil, map[string]string{"CONTAINER_APP_NAME": "a", "CONTAINER_APP_ENV_DNS_SUFFIX": "apps.example.com"}, "", "azure"},
		{nil, map[string]string{"CONTAINER_APP_ENV_DNS_SUFFIX": "brave-x1.westeurope.azurecontainerapps.io"}, "", ""},
		{machine("Supermicro", ""), map[string]string{"RUNPOD_POD_ID": "p", "RUNPOD_DC_ID": "CA-MTL-1"}, "runpod:CA-MTL-1", "runpod"},
		{machine("Supermicro", ""), map[string]string{"RUNPOD_DC_ID": "CA-MTL-1"}, "", ""},
		{machine("Amazon EC2", `"cloud_name": "nocloud", "region": "eu-west-1"`), nil, "", "aws"},
		{machine("LENOVO", `"cloud_name": "aws", "region": "eu-west-1"`), nil, "", ""},
		{machine("Hetzner", `"cloud_name": "hetzner", "region": "eu-central", "availability_zone": "hel1-dc2"`), nil, "hetzner:hel1", "hetzner"},
		{machine("Hetzner", `"cloud_name": "hetzner", "region": "eu-central"`), nil, "", "hetzner"},
		{machine("Hetzner", `"cloud_name": 3`), nil, "", "hetzner"},
		{machine("OpenStack Foundation", `"cloud_name": "openstack", "availability_zone": "nova"`), nil, "", ""},
	} {
		region, provider := Builtin().DetectRegion(c.root, func(name string) string { return c.env[name] })
		assert.Equal(t, c.region, region, "%v %v", c.root, c.env)
		assert.Equal(t, c.provider, provider, "%v %v", c.root, c.env)
	}
}

func TestHoldings(t *testing.T) {
	n, places := 0, 0
	var names []string
	for _, h := range Builtin().Holdings() {
		assert.NotEmpty(t, h.Source.ID)
		if h.Figures == 0 {
			assert.Zero(t, h.Places)
			names = append(names, h.Source.ID)
			continue
		}
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
	// As docs/regions-data.md says: figures of zones, of clouds and their fleets, hours.
	assert.Equal(t, 5069+903+33*288, n)
	assert.Len(t, names, 17, "lists of regions, names and water by fuel, without figures: %v", names)
	assert.Empty(t, new(Table).Holdings())
}

// The year of a run is the year of its figure: Poland was not in 2015 what it is now.
func TestTheYearOfTheTime(t *testing.T) {
	in := func(year int) Intensity {
		got, err := Builtin().Intensity(context.Background(), Query{Zone: "PL", Time: time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)})
		require.NoError(t, err)
		return got
	}
	newest, err := Builtin().Intensity(context.Background(), Query{Zone: "PL"})
	require.NoError(t, err)
	assert.Equal(t, 2015, in(2015).Year)
	assert.InDelta(t, 826.1, float64(in(2015).PerKWh), 0.1)
	assert.Empty(t, in(2015).Instead)
	assert.Equal(t, newest, in(newest.Year+1), "one that goes on is not published yet")
	late := in(newest.Year + 5)
	assert.Equal(t, newest.PerKWh, late.PerKWh)
	assert.Contains(t, late.Instead, "no figure is published for PL in 2030")
	early := in(2008)
	assert.Equal(t, 2010, early.Year)
	assert.Contains(t, early.Instead, "that of 2010")
	assert.Equal(t, newest, in(1970), "a clock that nobody has set")

	year, err := Builtin().Intensity(context.Background(), Query{Zone: "PL", Year: 2012, Time: time.Date(2015, 6, 1, 0, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	assert.Equal(t, 2012, year.Year, "a year that is asked for goes first")
}
